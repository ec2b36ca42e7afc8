"use strict";
// Saves answers, takes them back, and goes on with those that an earlier page had not saved.
(() => {
  const { t, tell, trouble, desk, readComment, sameAnswer } = Trapline;
  /** Saving that takes longer is said, and further keys wait until it is known what becomes of it. */
  const SLOW_MS = 2500;

  /** Which answers these are, for the banner. */
  const inWords = (changes) => {
    const [{ item, class: name }] = changes;
    const values = { class: name === null ? t("pending.withdrawal") : desk.nameOf(name), at: item.at + 1, file: item.file };
    return changes.length > 1 ? t("pending.many", { ...values, n: changes.length }) : t("pending.one", values);
  };

  /**
   * Sends answers until they are saved or given up. They are kept in the browser meanwhile; `doubt` is a reason to ask before they
   * are sent at all, `id` the one under which they are kept already.
   */
  const post = async (changes, isLabel, doubt, id) => {
    let list = changes;
    let kept = id;
    for (let error = doubt; ;) {
      const what = { words: inWords(list), class: isLabel && list.length === 1 ? list[0].class : null };
      if (!error) {
        kept = desk.pending.keep(
          list.map(({ item, class: name, comment }) => ({
            image: item.image,
            at: item.at,
            class: name,
            comment,
            before: item.answer && { class: item.answer.class, comment: item.answer.comment },
          })),
          kept,
        );
        // After a failure no key may slip in between.
        const slow = trouble.attempts ? trouble.wait(what) : setTimeout(() => trouble.wait(what), SLOW_MS);
        try {
          const answers = list.map(({ item, class: name, comment }) => ({ image: item.image, class: name, comment }));
          const reply = await desk.source.answer(desk.reviewer, answers);
          trouble.clear();
          desk.pending.clear(kept);
          return reply;
        } catch (failure) {
          error = failure;
        } finally {
          clearTimeout(slow);
        }
      }
      const choice = await trouble.ask(error, desk.waiting(), what);
      error = null;
      if (choice === "drop") {
        trouble.clear();
        desk.pending.clear(kept);
        // What was typed after it was meant for pictures that never came.
        desk.giveUp();
        desk.say(t("dropped", { what: what.words }));
        return null;
      }
      if (choice.class) list = [{ ...list[0], class: choice.class }];
    }
  };

  /**
   * Saves answers and takes over what the other side says stands now: `[{ item, class, comment }]`. False where they were
   * given up. What stands already is not sent again.
   */
  desk.commit = async (wishes, { note = true, isLabel = false, doubt = null, id = undefined } = {}) => {
    const changes = wishes.filter((wish) => !sameAnswer(wish.item.answer, wish.class === null ? null : wish));
    if (changes.length === 0) {
      if (id) desk.pending.clear(id);
      return true;
    }
    const before = changes.map(
      ({ item }) => item.answer && { class: item.answer.class, comment: item.answer.comment, time: item.answer.time },
    );
    const reply = await post(changes, isLabel, doubt, id);
    if (!reply) return false;
    const said = new Map(reply.answers.map((one) => [one.image, one.answer]));
    changes.forEach(({ item }) => {
      item.answer = said.get(item.image) ?? null;
      desk.drafts.delete(item.image);
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

  /**
   * Answers that an earlier page had not saved: goes to their image and sends them. Where something else was answered meanwhile, it
   * asks first.
   */
  desk.resume = ({ id, list }) =>
    desk.turn(async () => {
      const wishes = [];
      const isSame = (one, other) => sameAnswer(one, other ?? null);
      let changed = null;
      for (const { image, at, class: name, comment, before } of list) {
        let item = await desk.queue.item(at);
        if (item?.image !== image) item = await desk.queue.find(0, 1, (one) => one.image === image);
        if (!item) continue;
        const isSaved = isSame(item.answer, name === null ? null : { class: name, comment });
        if (!isSaved && !isSame(item.answer, before)) changed = item;
        wishes.push({ item, class: name, comment });
      }
      if (wishes.length === 0) {
        desk.pending.clear(id);
        desk.say(t("pending.gone", { n: list.length }));
        return;
      }
      await desk.show(wishes[0].item);
      const standing = changed?.answer ? desk.nameOf(changed.answer.class) : t("open");
      const doubt = changed ? new Trapline.Trouble("changed", t("pending.changed", { at: changed.at + 1, class: standing })) : null;
      if (!(await desk.commit(wishes, { isLabel: true, doubt, id }))) return;
      const said = t("pending.saved", { what: inWords(wishes) });
      const next = await desk.queue.nextOpen(wishes[0].item.at);
      if (next) await desk.show(next);
      else desk.end();
      desk.say(said);
    });

  /** Takes the last answers back. */
  desk.undo = () =>
    trouble.isFirst() ? null : desk.turn(async () => {
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
        desk.history.push(list, false);
        return;
      }
      desk.history.undone.push(list);
      for (const { image, before, after } of list) {
        if (before?.time) desk.history.ages.set(image, before.time);
        // Marks and words were not what was wrong: they wait for the next answer.
        if (!before && after?.comment) desk.drafts.set(image, readComment(after.comment));
      }
      tell("undone", list);
      await desk.show(wishes[0].item);
      const words = list[0].before ? t("undo.back", { class: desk.nameOf(list[0].before.class) }) : t("undo.open");
      desk.say(list.length > 1 ? t("undo.many", { n: list.length }) : words);
    });

  /** Gives the answers again that were taken back last. */
  desk.redo = () =>
    trouble.isFirst() ? null : desk.turn(async () => {
      const { list, skipped } = await desk.history.again();
      if (list.length === 0) {
        desk.say(t(skipped ? "undo.changed" : "redo.nothing"));
        return;
      }
      const wishes = [];
      for (const { at, after } of list)
        wishes.push({ item: await desk.queue.item(at), class: after?.class ?? null, comment: after?.comment ?? "" });
      if (!(await desk.commit(wishes, { note: false }))) {
        desk.history.undone.push(list);
        return;
      }
      desk.history.push(list, false);
      tell("undone", list);
      const [{ item, class: name }] = wishes;
      await desk.show(item);
      desk.say(t("redo.done", { what: name === null ? t("open") : desk.nameOf(name), n: list.length }));
    });
})();
