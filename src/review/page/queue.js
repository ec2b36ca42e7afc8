"use strict";
// The queue as far as it was looked at: pages of items, fetched when somebody comes near.
(() => {
  const PAGE = 200;
  /** Pages asked for at once while looking for the next open image far away. */
  const AHEAD = 4;

  Trapline.Queue = class {
    constructor(source, reviewer) {
      this.source = source;
      this.reviewer = reviewer;
      this.total = 0;
      this.revision = 0;
      this.pages = new Map();
      this.places = new Map();
    }

    /** Reads the first page, and with it how many items there are. */
    async open() {
      await this.page(0);
    }

    page(index) {
      let page = this.pages.get(index);
      if (!page) {
        page = { items: null, promise: null };
        page.promise = this.source
          .queue(this.reviewer, index * PAGE, PAGE)
          .then((reply) => {
            page.items = reply.items;
            this.total = reply.total;
            // Changes are asked for since the first page: what is heard twice does no harm.
            this.revision ||= reply.revision;
            for (const item of reply.items) this.places.set(item.image, item.at);
            return page.items;
          })
          .catch((error) => {
            this.pages.delete(index);
            throw error;
          });
        this.pages.set(index, page);
      }
      return page.promise;
    }

    /** An item if it is here already. */
    peek(at) {
      return this.pages.get(Math.floor(at / PAGE))?.items?.[at % PAGE] ?? null;
    }

    /** An item, fetched if need be; null outside the queue. */
    async item(at) {
      if (at < 0 || at >= this.total) return null;
      const here = this.peek(at);
      if (here) return here;
      const items = await this.page(Math.floor(at / PAGE));
      return items[at % PAGE] ?? null;
    }

    /** The item of an image if it is here already. */
    of(image) {
      const at = this.places.get(image);
      return at === undefined ? null : this.peek(at);
    }

    /** Takes changed items over, where their pages are here. */
    merge(items) {
      return items.filter((item) => {
        const here = this.peek(item.at);
        if (!here || here.image !== item.image) return false;
        Object.assign(here, item);
        return true;
      });
    }

    /** Reads again what is here, from a server that was started anew; false where it asks about other images now. */
    async refresh() {
      for (const index of [...this.pages.keys()]) {
        const reply = await this.source.queue(this.reviewer, index * PAGE, PAGE);
        if (reply.total !== this.total || this.merge(reply.items).length !== reply.items.length) return false;
      }
      return true;
    }

    /** Whether an item still waits for this reviewer. What others answered is just what an arbiter decides about. */
    static isOpen(item) {
      return !item.answer && (!item.done_by_others || Trapline.desk.session.role === "adjudicate");
    }

    /** The first item from `at` on that `wanted` holds for, walking by `step`; null at the end. */
    async find(at, step, wanted) {
      for (let here = at; here >= 0 && here < this.total; here += step) {
        let item = this.peek(here);
        if (!item) {
          const index = Math.floor(here / PAGE);
          for (let next = 1; next < AHEAD; next += 1) {
            const other = index + next * step;
            if (other >= 0 && other * PAGE < this.total) this.page(other).catch(() => {});
          }
          item = await this.item(here);
        }
        if (item && wanted(item)) return item;
      }
      return null;
    }

    /** The first open item from `at` on; after the last one from the beginning again. */
    async nextOpen(at) {
      if (Trapline.select.places) return this.nextSelected(at);
      const { isOpen } = Trapline.Queue;
      const ahead = await this.find(at, 1, isOpen);
      if (ahead) return ahead;
      const first = await this.find(0, 1, (item) => item.at >= at || isOpen(item));
      return first && isOpen(first) ? first : null;
    }

    /** The next image of a selection, answered or not. */
    async nextSelected(at) {
      const next = Trapline.select.next(at, 1);
      return next === null ? null : this.item(next);
    }

    /**
     * Open items after `at` that are here already, `count` at most. Fetches the page behind them, so that nobody waits for it.
     */
    openAhead(at, count) {
      const found = [];
      let here = at + 1;
      for (; here < this.total && found.length < count && here - at <= 2 * PAGE; here += 1) {
        const item = this.peek(here);
        if (!item) break;
        if (Trapline.select.places ? Trapline.select.has(here) : Trapline.Queue.isOpen(item)) found.push(item);
      }
      const soon = Math.floor((here + PAGE / 2) / PAGE);
      if (soon * PAGE < this.total) this.page(soon).catch(() => {});
      if (here < this.total && !this.peek(here)) this.page(Math.floor(here / PAGE)).catch(() => {});
      return found;
    }

    /** All asked frames of an item's trigger event: they stand side by side. */
    async event(item) {
      const isOther = (other) => other.event !== item.event;
      const before = await this.find(item.at, -1, isOther);
      const after = await this.find(item.at, 1, isOther);
      const frames = [];
      for (let at = before ? before.at + 1 : 0; at < (after ? after.at : this.total); at += 1) frames.push(await this.item(at));
      return frames;
    }
  };
})();
