"use strict";
// Where the page gets what it shows when it was sent as a file: data in the page, pictures beside it, answers in this browser
// until they are saved as a CSV in the form of a label file.
(() => {
  const { Trouble, t, by, memory } = Trapline;
  const COLUMNS = "label,observation,class,reviewer,time,question,shown,supersedes,pixels,site,season,file,comment".split(",");

  /** An identity for a row; it begins with letters, so that no spreadsheet takes it for a number. */
  const newLabel = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(10));
    return `lb:${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  };

  Trapline.FileSource = class {
    constructor() {
      this.isFile = true;
      this.data = JSON.parse(by("trapline-data").textContent);
      this.places = new Map(this.data.items.map((item, at) => [item.image, at]));
      this.revision = 0;
      this.rows = new Map();
      // Another tab answered.
      addEventListener("storage", () => this.rows.clear());
      this.given = this.data.items.map((item) => item.answer ?? null);
    }

    async session() {
      return this.data.session;
    }

    /** The image that the address of the page names. */
    get wanted() {
      const part = location.hash.slice(1).split("&").find((one) => one.startsWith("image="));
      return part ? decodeURIComponent(part.slice("image=".length)).replace(/^b3:/, "") : null;
    }

    /** The places of the images that fit `wanted`, as the server finds them. */
    async select(reviewer, wanted) {
      const name = wanted.name?.toLowerCase();
      const sure = (item) => item.predicted?.confidence ?? null;
      const fits = (item) => {
        const { answer } = item;
        if (wanted.site && item.site !== wanted.site) return false;
        if (name && !item.file.toLowerCase().includes(name)) return false;
        if (wanted.predicted && item.predicted?.class !== wanted.predicted) return false;
        if ((wanted.low || wanted.high) && sure(item) === null) return false;
        if (wanted.low && sure(item) < Number(wanted.low)) return false;
        if (wanted.high && sure(item) > Number(wanted.high)) return false;
        if (wanted.state === "open" && (answer || item.done_by_others)) return false;
        if (wanted.state === "mine" && !answer) return false;
        if (wanted.difficult && !Trapline.readComment(answer?.comment).difficult) return false;
        if (wanted.commented && !answer?.comment) return false;
        return !wanted.class || answer?.class === wanted.class;
      };
      const places = [];
      for (let at = 0; at < this.data.items.length; at += 1) if (fits(this.item(reviewer, at))) places.push(at);
      return { places };
    }

    key(reviewer, image) {
      const { pipeline, step } = this.data.session;
      return `file:${pipeline}/${step}/${reviewer}/${image}`;
    }

    /** What the reviewer said here about an image, if anything. */
    row(reviewer, image) {
      const key = this.key(reviewer, image);
      if (!this.rows.has(key)) this.rows.set(key, JSON.parse(memory.read(key) ?? "null"));
      return this.rows.get(key);
    }

    keep(reviewer, image, row) {
      const key = this.key(reviewer, image);
      if (!memory.write(key, JSON.stringify(row))) throw new Trouble("full", t("file.full"));
      this.rows.set(key, row);
    }

    /** An item with the answer that stands here. */
    item(reviewer, at) {
      const item = this.data.items[at];
      const row = this.row(reviewer, item.image);
      const answer = row ? (row.class ? row : null) : this.given[at];
      return { ...item, at, answer };
    }

    async queue(reviewer, from, count) {
      const total = this.data.items.length;
      const items = [];
      for (let at = from; at < Math.min(total, from + count); at += 1) items.push(this.item(reviewer, at));
      return { total, from, revision: this.revision, items };
    }

    async frames(_reviewer, image) {
      return (
        this.data.frames[image] ?? { event: [{ image, time: null, asked_at: this.places.get(image) ?? null }], previous: null }
      );
    }

    async image(image) {
      const url = this.data.images[image];
      if (!url) throw new Trouble("absent", t("file.no_image"));
      return { url, damage: this.data.damaged?.[image] ?? null, release: () => {} };
    }

    async answer(reviewer, answers) {
      const taken = answers.map(({ image, class: name, comment }) => {
        const at = this.places.get(image);
        const before = this.row(reviewer, image);
        const standing = this.item(reviewer, at).answer;
        const same = standing ? standing.class === name && (standing.comment ?? "") === (comment ?? "") : name === null;
        if (!same) {
          this.keep(reviewer, image, {
            label: newLabel(),
            class: name,
            comment: comment ?? "",
            time: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
            // What a file saved earlier says may have been read back already.
            saved: before?.saved ?? null,
            is_saved: false,
          });
        }
        return { image, answer: this.item(reviewer, at).answer };
      });
      this.revision += 1;
      return { revision: this.revision, answers: taken, counts: this.counts(reviewer) };
    }

    counts(reviewer) {
      const asked = this.data.items.length;
      let mine = 0;
      let done = 0;
      for (let at = 0; at < asked; at += 1) {
        if (this.item(reviewer, at).answer) mine += 1;
        else if (this.data.items[at].done_by_others) done += 1;
      }
      return { asked, answered: mine + done, mine, to_do: asked - mine - done, disagreements: 0 };
    }

    async changes(reviewer) {
      return { revision: this.revision, items: [], counts: this.counts(reviewer), notes: [] };
    }

    async progress(reviewer) {
      const strata = new Map();
      this.data.items.forEach((item, at) => {
        const name = item.predicted?.class ?? [item.season, item.site].filter(Boolean).join(" · ");
        const stratum = strata.get(name) ?? { name, asked: 0, answered: 0 };
        stratum.asked += 1;
        if (this.item(reviewer, at).answer || item.done_by_others) stratum.answered += 1;
        strata.set(name, stratum);
      });
      return { counts: this.counts(reviewer), strata: [...strata.values()], precision: null, agreement: null };
    }

    async addClass(_reviewer, name) {
      const word = name.trim().replace(/\s+/g, "_");
      if (!/^[\p{L}\p{N}_-]+$/u.test(word)) throw new Trouble("class", t("finder.letters"));
      const { step } = this.data.session;
      return {
        class: { name: word, display: name.trim(), key: null, color: null, role: "animal", extra: true },
        note: t("finder.declare", { name: word, step }),
      };
    }

    /** How many answers no saved file holds yet. */
    unsaved(reviewer) {
      return this.data.items.filter((item) => this.row(reviewer, item.image)?.is_saved === false).length;
    }

    /**
     * The answers in the form of a label file: for each image the row that stands; a withdrawal has no class and says of what.
     */
    csv(reviewer) {
      const { question, blind } = this.data.session;
      const cell = (text) => (/[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
      const lines = [COLUMNS.join(",")];
      this.data.items.forEach((item, at) => {
        const row = this.row(reviewer, item.image);
        const earlier = this.given[at]?.label ?? "";
        const supersedes = row?.class ? earlier : earlier || row?.saved || "";
        if (!row || (!row.class && !supersedes)) return;
        const values = { ...row, class: row.class ?? "", observation: `b3:${item.image}`, reviewer, question, supersedes };
        Object.assign(values, { shown: blind ? "blind" : "model", site: item.site, season: item.season, file: item.file });
        lines.push(COLUMNS.map((column) => cell(String(values[column] ?? ""))).join(","));
      });
      return `${lines.join("\r\n")}\r\n`;
    }

    /** Saves the file of answers and remembers which it holds. */
    save(reviewer) {
      const url = URL.createObjectURL(new Blob(["\ufeff", this.csv(reviewer)], { type: "text/csv;charset=utf-8" }));
      const { step } = this.data.session;
      const name = `${step}-${reviewer}.csv`.replace(/[^\p{L}\p{N}._-]+/gu, "_");
      const link = Trapline.make("a", { href: url, download: name });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
      for (const { image } of this.data.items) {
        const row = this.row(reviewer, image);
        if (row && !row.is_saved)
          this.keep(reviewer, image, { ...row, saved: row.class ? row.label : row.saved, is_saved: true });
      }
      return name;
    }
  };
})();
