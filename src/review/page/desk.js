"use strict";
// The desk: the item shown, what keys do to it, and their order. Everything that changes something goes through `turn`, one
// after the other, so that keys typed faster than the disk are neither lost nor mixed up. The page moves on only after the
// answer is saved.
(() => {
  const { by, t, tell, stage, seeing, trouble, readComment, writeComment, sameAnswer } = Trapline;
  const PREFETCH = 10;
  const MOST_WAITING = 400;
  const SMALL = 320;
  const desk = { item: null, at: 0, counts: null, revision: 0, acknowledged: 0, last: null, frames: null, peeked: null, SMALL };
  const drafts = new Map();
  const frames = new Map();
  const delays = [];
  let tail = Promise.resolve();
  let waiting = 0;
  let generation = 0;

  /** Says in the live region and on the picture what happened. */
  desk.say = (text) => {
    by("status").textContent = text;
    by("status").classList.remove("fresh");
    requestAnimationFrame(() => by("status").classList.add("fresh"));
  };

  /** Does `job` after all jobs before it. Jobs behind an answer that was given up are given up too. */
  desk.turn = (job) => {
    if (waiting >= MOST_WAITING) return tail;
    waiting += 1;
    const mine = generation;
    tail = tail
      .then(() => (mine === generation ? job() : undefined))
      .catch((error) => desk.say(error.message))
      .finally(() => (waiting -= 1));
    return tail;
  };

  desk.isBusy = () => waiting > 0;

  /** Milliseconds from a key to the next picture, of the last two thousand. */
  Trapline.latency = () => {
    const sorted = [...delays].sort((one, other) => one - other);
    const part = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
    return { n: sorted.length, median: part(0.5), p99: part(0.99), max: sorted.at(-1) ?? null };
  };

  /** How a class is called; its written name where nobody declared it. */
  desk.nameOf = (name) =>
    desk.session.classes.find((one) => one.name === name)?.display ?? (name === "unknown" ? t("class.unknown") : name);

  /** What is said about an item besides its class: as answered, or as begun and not yet answered. */
  desk.draft = (item) => drafts.get(item.image) ?? readComment(item.answer?.comment);

  desk.framesOf = (image) => {
    let found = frames.get(image);
    if (!found) {
      found = { value: null, promise: null };
      found.promise = desk.source.frames(desk.reviewer, image).then((value) => (found.value = value));
      found.promise.catch(() => frames.delete(image));
      frames.set(image, found);
      if (frames.size > 300) frames.delete(frames.keys().next().value);
    }
    return found;
  };

  /** A picture to be shown small: the full one where it comes anyway. */
  desk.thumbnail = (image) => desk.pictures.soon(image, desk.pictures.has(image) ? null : SMALL);

  /** The frames of the event that are played next, round and round: an event of hundreds is not held at once. */
  const film = () => {
    const { event } = desk.frames;
    const place = event.findIndex((frame) => frame.image === (desk.peeked ?? desk.item.image));
    return [...event.slice(place), ...event.slice(0, place)].slice(0, PREFETCH);
  };

  /** Orders pictures ahead of time: this one, the next, the small ones of the event, nine more, the two neighbours. */
  desk.prefetch = () => {
    const { item, queue } = desk;
    if (!item) return;
    const list = [];
    const full = (image) => list.push({ image, width: null });
    const small = ({ image }) => list.push({ image, width: desk.pictures.has(image) ? null : SMALL });
    const withBefore = (image, near) => {
      full(image);
      const known = near || seeing.difference ? desk.framesOf(image) : frames.get(image);
      if (seeing.difference && known?.value?.previous) full(known.value.previous);
      else if (seeing.difference)
        known?.promise.then(
          () => clearTimeout(later) ?? (later = setTimeout(desk.prefetch, 30)),
          () => {},
        );
    };
    const ahead = queue.openAhead(item.at, PREFETCH);
    withBefore(item.image, true);
    if (desk.playing) for (const frame of film()) full(frame.image);
    if (ahead[0]) withBefore(ahead[0].image, true);
    for (const frame of desk.frames?.event ?? []) small(frame);
    for (const at of [item.at + 1, item.at - 1]) if (queue.peek(at)) full(queue.peek(at).image);
    ahead.slice(1).forEach((next, place) => withBefore(next.image, place < 2));
    if (ahead[0] && ahead[0].event !== item.event) {
      for (const frame of frames.get(ahead[0].image)?.value?.event ?? []) small(frame);
    }
    desk.pictures.want(list);
  };
  let later = 0;

  /** Puts a picture on the stage, or what differs from the one before it. */
  desk.paint = async () => {
    const { item } = desk;
    const image = desk.peeked ?? item.image;
    let note = desk.peeked && !desk.playing ? t("stage.peek") : "";
    let element = desk.pictures.peek(image);
    if (!element) {
      stage.clear();
      const slow = setTimeout(() => tell("note", t("stage.loading")), 150);
      try {
        element = await desk.pictures.get(image);
      } finally {
        clearTimeout(slow);
      }
      if (desk.item !== item || (desk.peeked ?? item.image) !== image) return;
    }
    if (seeing.difference && !desk.playing) {
      const { previous } = await desk.framesOf(image).promise.catch(() => ({}));
      if (previous) {
        const before = await desk.pictures.get(previous);
        if (desk.item !== item || (desk.peeked ?? item.image) !== image) return;
        element = seeing.between(element, before);
        note = t("stage.difference");
      } else note = t("stage.no_previous");
    }
    const place = t("position", { at: item.at + 1, total: desk.queue.total });
    const alt = [place, item.site, item.file, item.time && Trapline.civil(item.time)].filter(Boolean).join(", ");
    if (element instanceof HTMLImageElement) element.alt = alt;
    else element.setAttribute("aria-label", `${t("difference")}. ${alt}`);
    element.dataset.image = image;
    element.dataset.at = item.at;
    stage.show(element);
    tell("note", note);
  };

  const paintOrSay = async () => {
    try {
      await desk.paint();
      return true;
    } catch (error) {
      if (error.code === "aborted") return true;
      stage.clear();
      tell("note", error.message);
      // A damaged picture was seen to be damaged, and may be answered; one that never came may not.
      return error.code === "damaged";
    }
  };

  Trapline.on("look", () => {
    if (!desk.item) return;
    desk.prefetch();
    desk.turn(paintOrSay);
  });

  /** Shows an item and waits until its picture is there. */
  desk.show = async (item) => {
    Object.assign(desk, {
      item,
      at: item.at,
      peeked: null,
      playing: false,
      isEnded: false,
      frames: desk.framesOf(item.image).value,
    });
    tell("item", item);
    const painted = paintOrSay();
    desk.prefetch();
    if (!desk.frames) {
      desk.framesOf(item.image).promise.then(
        (value) => {
          if (desk.item !== item) return;
          desk.frames = value;
          tell("frames");
          desk.prefetch();
        },
        () => {},
      );
    }
    desk.isSeen = await painted;
    Trapline.memory.write(desk.placeKey, String(item.at));
  };

  /** Shows another frame of the event for a moment; null goes back. */
  desk.peek = async (image) => {
    desk.peeked = image === desk.item.image ? null : image;
    tell("peek");
    if (desk.playing) desk.prefetch();
    await paintOrSay();
  };

  /** Nothing is left to answer. */
  desk.end = () => {
    desk.isEnded = true;
    tell("end");
  };

  const post = async (answers, isLabel) => {
    for (let list = answers; ;) {
      try {
        const reply = await desk.source.answer(desk.reviewer, list);
        trouble.clear();
        return reply;
      } catch (error) {
        const choice = await trouble.ask(error, waiting - 1, isLabel && list.length === 1);
        if (choice === "drop") {
          trouble.clear();
          // What was typed after it was meant for pictures that never came.
          generation += 1;
          desk.say(t("dropped"));
          return null;
        }
        if (choice.class) list = [{ ...list[0], class: choice.class }];
      }
    }
  };

  /**
   * Saves answers and takes over what the other side says stands now: `[{ item, class, comment }]`. False where they were
   * given up. What stands already is not sent again.
   */
  desk.commit = async (wishes, { note = true, isLabel = false } = {}) => {
    const changes = wishes.filter((wish) => !sameAnswer(wish.item.answer, wish.class === null ? null : wish));
    if (changes.length === 0) return true;
    const before = changes.map(
      ({ item }) => item.answer && { class: item.answer.class, comment: item.answer.comment, time: item.answer.time },
    );
    const reply = await post(
      changes.map(({ item, class: name, comment }) => ({ image: item.image, class: name, comment })),
      isLabel,
    );
    if (!reply) return false;
    const said = new Map(reply.answers.map((one) => [one.image, one.answer]));
    changes.forEach(({ item }) => {
      item.answer = said.get(item.image) ?? null;
      drafts.delete(item.image);
    });
    desk.counts = reply.counts;
    desk.acknowledged = Math.max(desk.acknowledged, reply.revision);
    if (note) {
      const after = (item) => item.answer && { class: item.answer.class, comment: item.answer.comment };
      desk.history.push(
        changes.map(({ item }, at) => ({ image: item.image, at: item.at, before: before[at], after: after(item) })),
      );
    }
    tell("saved", changes.length);
    return true;
  };

  /** The frames that a key answers: this one; or those of its event that are open or were answered as this one. */
  const targets = async (item) => {
    if (desk.scope !== "event") return [item];
    const event = await desk.queue.event(item);
    const alike = (other) => Trapline.Queue.isOpen(other) || (item.answer && other.answer?.class === item.answer.class);
    return event.filter((other) => other === item || alike(other));
  };

  /**
   * Answers the item shown, and goes on to the next open one. `choose` yields the class when its turn has come: a key typed ahead
   * means the picture that is there by then.
   */
  desk.label = (choose, since = performance.now()) =>
    desk.turn(async () => {
      const { item } = desk;
      // Keys typed beyond the last image mean no image.
      const name = item && !desk.isEnded && choose(item);
      if (!name) return;
      if (!desk.isSeen) {
        desk.say(t("stage.unseen"));
        return;
      }
      const list = (await targets(item)).map((other) => ({ item: other, class: name, comment: writeComment(desk.draft(other)) }));
      if (!(await desk.commit(list, { isLabel: true }))) return;
      desk.last = item.answer?.class ?? name;
      const next = await desk.queue.nextOpen(item.at);
      const values = { class: desk.nameOf(desk.last), n: list.length };
      const said = t(list.length > 1 ? "said.event" : "said", values);
      if (next) {
        await desk.show(next);
        delays.push(performance.now() - since);
        if (delays.length > 2000) delays.shift();
      } else desk.end();
      desk.say(next ? `${said} ${t("now_at", { at: next.at + 1 })}` : said);
      tell("answered", item);
    });

  /** Answers with a class by its name; after a failure in place of the answer that could not be saved. */
  desk.answer = (name, since) => {
    if (!trouble.open) return desk.label(() => name, since);
    return trouble.open.isLabel ? trouble.replace(name) : desk.say(t("trouble.first"));
  };

  /** Accepts the model's label, where it is shown. */
  desk.accept = (since) =>
    desk.label((item) => {
      if (!item.predicted) desk.say(t("no_prediction"));
      return item.predicted?.class;
    }, since);

  /** Answers as before. */
  desk.repeat = (since) =>
    desk.label(() => {
      if (!desk.last) desk.say(t("nothing_to_repeat"));
      return desk.last;
    }, since);

  /**
   * Changes a mark or the words, of the answer that stands or of the one to come; `change` makes the new draft of the old
   * one.
   */
  desk.remark = (change) =>
    desk.turn(async () => {
      const { item } = desk;
      if (!item || desk.isEnded) return;
      const before = desk.draft(item);
      const draft = { ...before, ...change(before) };
      if (item.answer) {
        if (!(await desk.commit([{ item, class: item.answer.class, comment: writeComment(draft) }]))) return;
      } else drafts.set(item.image, draft);
      tell("item", item);
      const mark = ["difficult", "clock"].find((one) => draft[one] !== before[one]);
      if (mark) desk.say(t(`mark.${mark}.${draft[mark] ? "on" : "off"}`));
      else desk.say(t(item.answer ? "comment.saved" : "comment.kept"));
    });

  /** Goes to a place in the queue. */
  desk.goTo = (at) =>
    desk.turn(async () => {
      const item = await desk.queue.item(Math.min(Math.max(at(), 0), desk.queue.total - 1));
      if (!item) return;
      if (item === desk.item && !desk.peeked && !desk.isEnded) {
        desk.say(t("edge"));
        return;
      }
      await desk.show(item);
      const answer = item.answer ? desk.nameOf(item.answer.class) : t("open");
      desk.say(`${t("position", { at: item.at + 1, total: desk.queue.total })}. ${answer}.`);
    });

  desk.step = (by_) => desk.goTo(() => desk.at + by_);

  const isOtherThan = (item) => (one) => one.event !== item.event;
  const startOf = async (item) => ((await desk.queue.find(item.at, -1, isOtherThan(item)))?.at ?? -1) + 1;

  /** Goes to the first frame of the next event, of this one, or of the one before. */
  desk.stepEvent = (direction) =>
    desk.turn(async () => {
      const { item, queue } = desk;
      let found = null;
      if (direction > 0) found = await queue.find(item.at, 1, isOtherThan(item));
      else {
        const start = await startOf(item);
        const before = start === item.at ? await queue.item(start - 1) : item;
        found = before && (await queue.item(await startOf(before)));
      }
      if (!found || found === item) {
        desk.say(t("edge"));
        return;
      }
      await desk.show(found);
      desk.say(t("now_event", { at: found.at + 1 }));
    });

  /** Takes the last answers back. */
  desk.undo = () =>
    desk.turn(async () => {
      const { list, skipped } = await desk.history.next();
      if (list.length === 0) {
        desk.say(t(skipped ? "undo.changed" : "undo.nothing"));
        return;
      }
      const wishes = [];
      for (const change of list) {
        const item = await desk.queue.item(change.at);
        wishes.push({ item, class: change.before?.class ?? null, comment: change.before?.comment ?? "" });
      }
      if (!(await desk.commit(wishes, { note: false }))) {
        desk.history.push(list);
        return;
      }
      for (const { image, before, after } of list) {
        if (before?.time) desk.history.ages.set(image, before.time);
        // Marks and words were not what was wrong: they wait for the next answer.
        if (!before && after?.comment) drafts.set(image, readComment(after.comment));
      }
      tell("undone", list);
      await desk.show(wishes[0].item);
      const words = list[0].before ? t("undo.back", { class: desk.nameOf(list[0].before.class) }) : t("undo.open");
      desk.say(list.length > 1 ? t("undo.many", { n: list.length }) : words);
    });

  Trapline.desk = desk;
})();
