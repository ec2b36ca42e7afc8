"use strict";
// Answers on their way: kept in this browser before they are sent, until the other side has them. A page that is loaded again, also
// from a server that was started again, finds them and goes on. The browser keeps them for one address; to another one they are
// carried behind the `#` of the address that a person gives to the page.
(() => {
  const { memory } = Trapline;

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
      const { scope, entries } = parsed(desk.source.carried);
      if (scope === this.scope) this.write({ ...this.read(), ...entries });
    }

    /** The reviewer of this review whose answers an address brought, if any. */
    static reviewer({ pipeline, step, role }, carried) {
      const start = `${pipeline}/${step}/${role}/`;
      const { scope } = parsed(carried);
      return scope?.startsWith(start) ? scope.slice(start.length) : null;
    }

    read() {
      return parsed(memory.read(this.key));
    }

    write(entries) {
      const isEmpty = Object.keys(entries).length === 0;
      this.isSafe = isEmpty ? (memory.remove(this.key), true) : memory.write(this.key, JSON.stringify(entries));
    }

    /** Keeps `list` of `{ image, at, class, comment, before }` under an id; yields it. */
    keep(list, id = crypto.randomUUID()) {
      if (!this.isOff) this.write({ ...this.read(), [id]: { list, time: Date.now() } });
      return id;
    }

    /** The answers of an id are saved, or were given up. */
    clear(id) {
      if (this.isOff) return;
      const entries = this.read();
      delete entries[id];
      this.write(entries);
    }

    /** What an earlier page left behind, the oldest first: `[{ id, list }]`. */
    left() {
      if (this.isOff) return [];
      return Object.entries(this.read())
        .map(([id, entry]) => ({ id, ...entry }))
        .filter((entry) => Array.isArray(entry.list))
        .sort((one, other) => one.time - other.time);
    }

    /** All of it, to be carried to another address. */
    carry() {
      return JSON.stringify({ scope: this.scope, entries: this.read() });
    }
  };
})();
