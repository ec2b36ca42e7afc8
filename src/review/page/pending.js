"use strict";
// Answers on their way: kept in this browser before they are sent, until the other side has them. A page that is loaded again, also
// from a server that was started again or at another address in the same tab, finds them and goes on.
(() => {
  const { memory } = Trapline;
  /** A tab keeps its name from address to address, which the browser's memory of one address does not reach. */
  const MARK = "trapline-pending:";

  const parsed = (text) => {
    try {
      return JSON.parse(text ?? "{}") ?? {};
    } catch {
      return {};
    }
  };

  Trapline.Pending = class {
    constructor(desk) {
      const { pipeline, step, role } = desk.session;
      this.scope = `${pipeline}/${step}/${role}/${desk.reviewer}`;
      this.key = `pending:${this.scope}`;
      this.isSafe = true;
      /** A page sent as a file saves into the same memory. */
      this.isOff = desk.source.isFile;
    }

    /** What this tab carried here for `scope`, by id. */
    static carried(scope) {
      if (!name.startsWith(MARK)) return {};
      const found = parsed(name.slice(MARK.length));
      return found.scope === scope ? (found.entries ?? {}) : {};
    }

    /** The reviewer of this review whose answers the tab carried here, if any. */
    static reviewer({ pipeline, step, role }) {
      const start = `${pipeline}/${step}/${role}/`;
      const { scope, entries } = name.startsWith(MARK) ? parsed(name.slice(MARK.length)) : {};
      return scope?.startsWith(start) && Object.keys(entries ?? {}).length ? scope.slice(start.length) : null;
    }

    write(entries, carried) {
      const isEmpty = Object.keys(entries).length === 0;
      this.isSafe = isEmpty ? (memory.remove(this.key), true) : memory.write(this.key, JSON.stringify(entries));
      name = Object.keys(carried).length ? MARK + JSON.stringify({ scope: this.scope, entries: carried }) : "";
    }

    /** Keeps `list` of `{ image, at, class, comment, before }` under an id; yields it. */
    keep(list, id = crypto.randomUUID()) {
      if (this.isOff) return id;
      const entry = { list, time: Date.now() };
      this.write(
        { ...parsed(memory.read(this.key)), [id]: entry },
        { ...Trapline.Pending.carried(this.scope), [id]: entry },
      );
      return id;
    }

    /** The answers of an id are saved, or were given up. */
    clear(id) {
      if (this.isOff) return;
      const [entries, carried] = [parsed(memory.read(this.key)), Trapline.Pending.carried(this.scope)];
      delete entries[id];
      delete carried[id];
      this.write(entries, carried);
    }

    /** What an earlier page left behind, the oldest first: `[{ id, list }]`. */
    left() {
      if (this.isOff) return [];
      const entries = { ...parsed(memory.read(this.key)), ...Trapline.Pending.carried(this.scope) };
      return Object.entries(entries)
        .map(([id, entry]) => ({ id, ...entry }))
        .filter((entry) => Array.isArray(entry.list))
        .sort((one, other) => one.time - other.time);
    }
  };
})();
