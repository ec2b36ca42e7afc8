"use strict";
// The review page: classic scripts that share one object. `order.txt` lists them in the order in which they make `/app.js`; a
// line `lang/NAME.json` there becomes `Trapline.languages["NAME"] = CONTENT;`. Nothing runs before `main.js`, the last of them.
const Trapline = { languages: {}, listeners: {} };

(() => {
  /** The element with an id. */
  Trapline.by = (id) => document.getElementById(id);

  /** A new element; `attributes` may hold `text`, `on` (handlers by event) and data attributes by their full name. */
  Trapline.make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (key === "text") element.textContent = value;
      else if (key === "on") for (const [type, handler] of Object.entries(value)) element.addEventListener(type, handler);
      else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };

  /** An icon among the symbols of the page. */
  Trapline.icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#i-${name}`);
    svg.append(use);
    return svg;
  };

  /** Calls `handler` whenever `event` is told. */
  Trapline.on = (event, handler) => (Trapline.listeners[event] ??= []).push(handler);

  /** Tells an event to all who listen. */
  Trapline.tell = (event, value) => {
    for (const handler of Trapline.listeners[event] ?? []) handler(value);
  };

  /** What this browser remembers between visits; a browser that keeps nothing is no reason to fail. */
  Trapline.memory = {
    read(key) {
      try {
        return localStorage.getItem(`trapline:${key}`);
      } catch {
        return null;
      }
    },
    write(key, value) {
      try {
        localStorage.setItem(`trapline:${key}`, value);
        return true;
      } catch {
        return false;
      }
    },
    /** Whether anything is kept whose name begins so. */
    has(start) {
      try {
        return Object.keys(localStorage).some((key) => key.startsWith(`trapline:${start}`));
      } catch {
        return false;
      }
    },
    remove(key) {
      try {
        localStorage.removeItem(`trapline:${key}`);
      } catch {
        // Nothing was kept, then.
      }
    },
  };

  /**
   * What went wrong. `passing` says that trying again may help without anybody doing anything; `code` is the server's word, or
   * `unreachable`.
   */
  Trapline.Trouble = class extends Error {
    constructor(code, message, passing = false) {
      super(message);
      this.code = code;
      this.passing = passing;
    }
  };

  /** A civil time as people read it: `2024-07-01 12:00:00`. */
  Trapline.civil = (time) => time.replace("T", " ").replace(/(Z|\.\d+)$/, "");

  // Marks stand in brackets before a comment, so that a spreadsheet shows and keeps them.
  const MARKS = { difficult: "[difficult]", clock: "[clock wrong]" };

  /** Takes a comment apart: its marks and the words after them. */
  Trapline.readComment = (comment) => {
    const draft = { difficult: false, clock: false, text: (comment ?? "").trim() };
    for (let found = true; found;) {
      found = false;
      for (const [mark, written] of Object.entries(MARKS)) {
        if (draft.text.startsWith(written)) {
          draft[mark] = true;
          draft.text = draft.text.slice(written.length).trim();
          found = true;
        }
      }
    }
    return draft;
  };

  /** The comment that a draft makes. */
  Trapline.writeComment = (draft) =>
    [draft.difficult && MARKS.difficult, draft.clock && MARKS.clock, draft.text.replace(/\s+/g, " ").trim()]
      .filter(Boolean)
      .join(" ");
})();
