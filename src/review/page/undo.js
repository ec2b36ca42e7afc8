"use strict";
// What was done in this tab, one entry per key, so that Ctrl+Z goes back without limit and over a reload. Where nothing is
// noted (another browser, a new port), the reviewer's own answers by time take its place.
(() => {
  const same = (one, other) => (one?.class ?? null) === (other?.class ?? null) && (one?.comment ?? "") === (other?.comment ?? "");

  Trapline.sameAnswer = same;

  Trapline.History = class {
    constructor(desk) {
      this.desk = desk;
      this.key = `trapline:undo:${desk.session.pipeline}/${desk.session.step}/${desk.reviewer}`;
      this.entries = [];
      /** What was undone in this tab since the last answer, to be done again. */
      this.undone = [];
      /** Answers that an undo wrote again are as old as they were before. */
      this.ages = new Map();
      try {
        const count = Number(sessionStorage.getItem(`${this.key}:count`) ?? 0);
        for (let at = 0; at < count; at += 1) {
          const written = sessionStorage.getItem(`${this.key}:${at}`);
          if (written) this.entries.push(JSON.parse(written));
        }
      } catch {
        this.entries = [];
      }
    }

    /**
     * Notes what one key did: `[{ image, at, before, after }]`. Each entry is kept by itself, so that a key costs the same
     * always.
     */
    push(list, isNew = true) {
      this.entries.push(list);
      if (isNew) this.undone = [];
      try {
        sessionStorage.setItem(`${this.key}:${this.entries.length - 1}`, JSON.stringify(list));
        sessionStorage.setItem(`${this.key}:count`, String(this.entries.length));
      } catch {
        // A full store: undo goes by time after a reload.
      }
    }

    pop() {
      const list = this.entries.pop() ?? null;
      try {
        sessionStorage.removeItem(`${this.key}:${this.entries.length}`);
        sessionStorage.setItem(`${this.key}:count`, String(this.entries.length));
      } catch {
        // As above.
      }
      return list;
    }

    /** What the next undo changes: `{ list, skipped }`; `skipped` were changed elsewhere since. */
    async next() {
      const list = this.pop();
      if (!list) return { list: await this.latest(), skipped: 0 };
      const found = [];
      for (const change of list) {
        const item = await this.desk.queue.item(change.at);
        if (item?.image === change.image && same(item.answer, change.after)) found.push(change);
      }
      return { list: found, skipped: list.length - found.length };
    }

    /** What a redo brings back: what was undone last, where it stands as the undo left it. */
    async again() {
      const list = this.undone.pop() ?? [];
      const found = [];
      for (const change of list) {
        const item = await this.desk.queue.item(change.at);
        if (item?.image === change.image && same(item.answer, change.before)) found.push(change);
      }
      return { list: found, skipped: list.length - found.length };
    }

    /** The reviewer's latest answer by time. */
    async latest() {
      let best = null;
      const age = (item) => this.ages.get(item.image) ?? item.answer.time ?? "";
      await this.desk.queue.find(0, 1, (item) => {
        if (item.answer && (!best || age(item) >= age(best))) best = item;
        return false;
      });
      if (!best) return [];
      return [
        { image: best.image, at: best.at, before: null, after: { class: best.answer.class, comment: best.answer.comment } },
      ];
    }
  };
})();
