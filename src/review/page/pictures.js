"use strict";
// Pictures ahead of time: whoever shows something says what is wanted, most urgent first; a few are fetched and decoded at
// once, and what nobody wants any more is forgotten, so that memory stays bounded however long the queue is.
(() => {
  /** The browser opens six connections to one host: two stay free for answers. */
  const AT_ONCE = 4;
  /** How many full pictures and small ones stay beyond those wanted. */
  const SPARE = { full: 4, small: 60 };
  /** A picture that failed is asked for again after these times, the last one over and over. */
  const AGAIN_MS = [1000, 2000, 4000, 8000, 15000];

  Trapline.Pictures = class {
    constructor(source) {
      this.source = source;
      this.entries = new Map();
      this.wanted = [];
      this.active = 0;
    }

    static key(image, width) {
      return width ? `${image}@${width}` : image;
    }

    entry(image, width) {
      const key = Trapline.Pictures.key(image, width);
      let entry = this.entries.get(key);
      if (!entry) {
        entry = { key, image, width, state: "idle", element: null, release: null, stop: null };
        entry.promise = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
        // Prefetching fails quietly; who needs the picture hears of it.
        entry.promise.catch(() => {});
        this.entries.set(key, entry);
      }
      return entry;
    }

    /** Says what is wanted now, most urgent first: `[{ image, width }]`. */
    want(list) {
      this.wanted = list.map(({ image, width }) => this.entry(image, width));
      const wanted = new Set(this.wanted);
      const spare = { full: SPARE.full, small: SPARE.small };
      for (const entry of [...this.entries.values()].reverse()) {
        if (wanted.has(entry) || entry.held) continue;
        const kind = entry.width ? "small" : "full";
        if (entry.state === "ready" && spare[kind] > 0) spare[kind] -= 1;
        else this.forget(entry);
      }
      this.pump();
    }

    forget(entry) {
      if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key);
      this.wanted = this.wanted.filter((other) => other !== entry);
      entry.state = "gone";
      entry.stop?.abort();
      entry.release?.();
      entry.reject(new Trapline.Trouble("aborted", ""));
    }

    /** A picture that is here, decoded; else null. */
    peek(image, width) {
      const entry = this.entries.get(Trapline.Pictures.key(image, width));
      return entry?.state === "ready" ? entry.element : null;
    }

    /** A picture, before all others. A failure is tried again by the next call. */
    async get(image, width) {
      const old = this.entries.get(Trapline.Pictures.key(image, width));
      if (old?.state === "failed") this.forget(old);
      const entry = this.entry(image, width);
      // Those used last are the last to go.
      this.entries.delete(entry.key);
      this.entries.set(entry.key, entry);
      entry.held = (entry.held ?? 0) + 1;
      try {
        if (entry.state === "idle") this.start(entry);
        return await entry.promise;
      } finally {
        entry.held -= 1;
      }
    }

    /** Whether a picture is here or on its way. */
    has(image, width) {
      const entry = this.entries.get(Trapline.Pictures.key(image, width));
      return Boolean(entry) && entry.state !== "failed";
    }

    /** How long to wait before a picture is asked for again that failed so many times. */
    static pause(failures) {
      return AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)];
    }

    /**
     * Asks for a picture until it is here, for as long as `isWanted`: calls `ready` with it, or `failed` each time with the reason. A
     * damaged one is not asked for again.
     */
    keepAsking(image, width, { isWanted, ready, failed }) {
      let failures = 0;
      const ask = () => {
        if (!isWanted()) return;
        this.soon(image, typeof width === "function" ? width() : width).then(ready, (error) => {
          if (!isWanted()) return;
          if (error.code !== "aborted") failed(error);
          if (error.code === "damaged") return;
          setTimeout(ask, error.code === "aborted" ? AGAIN_MS[0] / 4 : Trapline.Pictures.pause(failures));
          failures += 1;
        });
      };
      ask();
    }

    /** A picture in its turn among the wanted. A failure is tried again by the next call. */
    soon(image, width) {
      const old = this.entries.get(Trapline.Pictures.key(image, width));
      if (old?.state === "failed") this.forget(old);
      const entry = this.entry(image, width);
      if (!this.wanted.includes(entry)) this.wanted.push(entry);
      this.pump();
      return entry.promise;
    }

    pump() {
      for (const entry of this.wanted) {
        if (this.active >= AT_ONCE) return;
        if (entry.state === "idle") this.start(entry);
      }
    }

    async start(entry) {
      entry.state = "busy";
      entry.stop = new AbortController();
      this.active += 1;
      try {
        const { url, damage, release } = await this.source.image(entry.image, entry.width, entry.stop.signal);
        if (entry.state === "gone") return release();
        entry.release = release;
        const element = new Image();
        element.decoding = "sync";
        element.draggable = false;
        if (damage) element.dataset.damage = damage;
        element.src = url;
        await element.decode().catch(() => {
          throw new Trapline.Trouble("damaged", Trapline.t("stage.damaged"));
        });
        if (entry.state === "gone") return undefined;
        Object.assign(entry, { element, state: "ready" });
        entry.resolve(element);
      } catch (error) {
        if (entry.state !== "gone") {
          entry.state = "failed";
          entry.reject(error);
        }
      } finally {
        this.active -= 1;
        this.pump();
      }
      return undefined;
    }
  };
})();
