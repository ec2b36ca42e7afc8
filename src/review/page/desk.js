"use strict";
// The desk: the item shown, what keys do to it, and their order. Everything that changes something goes through `turn`, one
// after the other, so that keys typed faster than the disk are neither lost nor mixed up. The page moves on only after the
// answer is saved.
(() => {
  const { by, t, tell, trouble, readComment, writeComment, sameAnswer } = Trapline;
  const MOST_WAITING = 400;
  const desk = { item: null, at: 0, counts: null, revision: 0, acknowledged: 0, last: null, frames: null, peeked: null, SMALL: 320 };
  /** Marks and words that wait for an answer, by image. */
  desk.drafts = new Map();
  const delays = [];
  let tail = Promise.resolve();
  let waiting = 0;
  let generation = 0;

  /** Says in the live region and on the picture what happened. */
  desk.say = (text) => {
    // Only one of the two is in sight, and read aloud.
    for (const id of ["status", "grid-status"]) {
      by(id).textContent = text;
      by(id).classList.remove("fresh");
      requestAnimationFrame(() => by(id).classList.add("fresh"));
    }
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

  /** How many keys wait behind the one that is dealt with. */
  desk.waiting = () => Math.max(waiting - 1, 0);

  /** Gives up what waits: it was meant for pictures that never came. */
  desk.giveUp = () => (generation += 1);

  /** Milliseconds from a key to the next picture, of the last two thousand. */
  Trapline.latency = () => {
    const sorted = [...delays].sort((one, other) => one - other);
    const part = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
    return { n: sorted.length, median: part(0.5), p99: part(0.99), max: sorted.at(-1) ?? null };
  };

  /** The key with which an arbiter decides for a reviewer: digits that no class has, by the reviewers' names. */
  desk.keyOf = (reviewer) => {
    const { classes, reviewers } = desk.session;
    if (!reviewers.includes(reviewer)) reviewers.push(reviewer);
    const free = [..."123456789"].filter((digit) => classes.every((one) => one.key !== digit));
    return free[reviewers.filter((name) => name !== desk.reviewer).indexOf(reviewer)] ?? null;
  };

  /** How a class is called; its written name where nobody declared it. */
  desk.nameOf = (name) =>
    desk.session.classes.find((one) => one.name === name)?.display ?? (name === "unknown" ? t("class.unknown") : name);

  /** What is said about an item besides its class: as answered, or as begun and not yet answered. */
  desk.draft = (item) => desk.drafts.get(item.image) ?? readComment(item.answer?.comment);

  /** Nothing is left to answer. */
  desk.end = () => {
    desk.isEnded = true;
    tell("end");
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
    trouble.isFirst() ? null : desk.turn(async () => {
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
      } else if (Trapline.select.places) tell("item", item);
      else desk.end();
      const then = next ? t("now_at", { at: next.at + 1 }) : Trapline.select.places ? t("select.end") : "";
      desk.say(`${said} ${then}`.trim());
      tell("answered", item);
    });

  /** Answers with a class by its name. While another answer is not saved, that one is asked about first. */
  desk.answer = (name, since) =>
    trouble.open ? trouble.propose(name, desk.nameOf(name)) : desk.label(() => name, since);

  /** Answers as one reviewer did, for an arbiter. */
  desk.side = (reviewer, since) =>
    desk.label((item) => {
      const said = item.answers?.find((one) => one.reviewer === reviewer);
      if (!said) desk.say(t("side.nothing", { reviewer }));
      return said?.class;
    }, since);

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
   * one; `about` is the image that words were written to, whatever is shown when they are saved.
   */
  desk.remark = (change, about = null) =>
    !about && trouble.isFirst() ? null : desk.turn(async () => {
      const item = about ?? desk.item;
      if (!item || (desk.isEnded && !about)) return;
      const before = desk.draft(item);
      const draft = { ...before, ...change(before) };
      if (item.answer) {
        if (!(await desk.commit([{ item, class: item.answer.class, comment: writeComment(draft) }]))) return;
      } else desk.drafts.set(item.image, draft);
      if (item === desk.item && !desk.isEnded) tell("item", item);
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

  /** Goes to the next image or the one before, of those that are selected. */
  desk.step = (by_) => desk.goTo(() => {
      const { select } = Trapline;
      return select.places ? (select.next(desk.at, by_) ?? desk.at) : desk.at + by_;
    });

  /** Goes to the first image, or the last. */
  desk.toEnd = (isLast) =>
    desk.goTo(() => {
      const { select } = Trapline;
      if (select.places) return isLast ? select.last() : select.first();
      return isLast ? desk.queue.total - 1 : 0;
    });

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

  Trapline.desk = desk;
})();
