"use strict";
// Where the page gets what it shows: the server. `file.js` is the other one; both offer the same methods.
(() => {
  const { Trouble, t } = Trapline;

  /** An answer that takes longer than this is taken as lost, and asked again: answers cannot be doubled. */
  const PATIENCE_MS = 15000;

  Trapline.Server = class {
    constructor() {
      this.isFile = false;
      // A reload without the fragment finds the token again; a new address goes first. Behind the token an address may name an image.
      const parts = location.hash.slice(1).split("&").map(decodeURIComponent);
      const given = parts.find((part) => part && !part.includes("=")) ?? "";
      const image = parts.find((part) => part.startsWith("image="));
      // From an address that has the token alone: whoever else makes a link may not answer in somebody's name.
      const carried = given ? parts.find((part) => part.startsWith("pending=")) : null;
      this.carried = carried ? carried.slice("pending=".length) : null;
      this.wanted = image ? image.slice("image=".length).replace(/^b3:/, "") : null;
      // Once: whoever loads the page again goes on where the work is.
      if (parts.length > 1) history.replaceState(null, "", `#${given}`);
      try {
        if (given) sessionStorage.setItem("trapline:token", given);
        this.token = given || sessionStorage.getItem("trapline:token");
      } catch {
        this.token = given;
      }
      if (!this.token) throw new Trouble("no_token", t("gate.no_token"));
    }

    async fetch(path, options = {}) {
      const { signal, ...rest } = options;
      const limit = new AbortController();
      const give_up = () => limit.abort();
      signal?.addEventListener("abort", give_up);
      const clock = setTimeout(give_up, PATIENCE_MS);
      let reply;
      try {
        reply = await fetch(path, {
          ...rest,
          signal: limit.signal,
          cache: "no-store",
          headers: { Authorization: `Bearer ${this.token}`, ...rest.headers },
        });
        if (reply.ok && !options.blob) return await reply.json();
        if (reply.ok) return { blob: await reply.blob(), damage: reply.headers.get("trapline-damage") };
      } catch {
        throw new Trouble(signal?.aborted ? "aborted" : "unreachable", t("trouble.unreachable"), true);
      } finally {
        clearTimeout(clock);
        signal?.removeEventListener("abort", give_up);
      }
      if (reply.status === 401) throw new Trouble("token", t("gate.token"));
      const said = await reply.json().catch(() => null);
      const message = said?.error?.message ?? t("trouble.status", { status: String(reply.status) });
      throw new Trouble(said?.error?.code ?? String(reply.status), message, reply.status === 503);
    }

    get(path, values = {}) {
      const query = new URLSearchParams(values).toString();
      return this.fetch(query ? `/api/${path}?${query}` : `/api/${path}`);
    }

    post(path, body) {
      return this.fetch(`/api/${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    }

    session() {
      return this.get("session");
    }

    queue(reviewer, from, count) {
      return this.get("queue", { reviewer, from, count });
    }

    /** The trigger event of an image; places in the queue are those of the reviewer. */
    frames(reviewer, image) {
      return this.get(`frames/${image}`, { reviewer });
    }

    /** The places of the images that fit `wanted`. */
    select(reviewer, wanted) {
      return this.get("select", { reviewer, ...wanted });
    }

    /** A picture's address, what is wrong with its file, and a way to forget it. */
    async image(image, width, signal) {
      const path = width ? `/api/image/${image}?width=${width}` : `/api/image/${image}`;
      const { blob, damage } = await this.fetch(path, { signal, blob: true });
      const url = URL.createObjectURL(blob);
      return { url, damage, release: () => URL.revokeObjectURL(url) };
    }

    answer(reviewer, answers) {
      return this.post("answers", { reviewer, answers });
    }

    changes(reviewer, since) {
      return this.get("changes", { reviewer, since });
    }

    progress(reviewer) {
      return this.get("progress", { reviewer });
    }

    addClass(reviewer, name) {
      return this.post("classes", { reviewer, name });
    }
  };
})();
