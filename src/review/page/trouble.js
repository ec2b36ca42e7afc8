"use strict";
// What could not be saved. The picture stays until somebody decides; what passes by itself is tried again by itself. To send an
// answer again is safe: the same answer twice is one answer. Meanwhile keys answer nothing: another class takes its place only when
// it is asked for twice.
(() => {
  const { by, t } = Trapline;
  const DELAYS_MS = [1000, 2000, 4000, 8000];
  const trouble = { open: null, isSlow: false, attempts: 0 };

  const settle = (choice) => {
    const { open } = trouble;
    if (!open) return;
    clearTimeout(open.clock);
    trouble.open = null;
    by("replace").hidden = true;
    by("trouble-text").textContent = t("trouble.again", { what: open.what.words });
    open.resolve(choice);
  };

  const sentences = (words) => words.map((word) => (/[.?!…]$/.test(word) ? word : `${word}.`)).join(" ");

  const show = (hasButtons) => {
    by("trouble").hidden = false;
    for (const id of ["retry", "drop"]) by(id).hidden = !hasButtons;
  };

  /** Saving takes long: says what is on its way. Keys wait until it is known what becomes of it. */
  trouble.wait = (what) => {
    if (trouble.open) return;
    trouble.isSlow = true;
    trouble.what = what;
    if (!by("trouble").hidden) return;
    show(false);
    by("moved").hidden = true;
    by("trouble-text").dataset.said = "";
    by("trouble-text").textContent = t("trouble.slow", { what: what.words });
  };

  /**
   * Asks what to do about a failed answer: `retry`, `drop`, or another class for it. `waiting` answers were typed after it; `what`
   * says in words which answer it is, and its class where a class key may take its place.
   */
  trouble.ask = (error, waiting, what) =>
    new Promise((resolve) => {
      trouble.isSlow = false;
      trouble.open = { resolve, what, proposed: null, clock: 0 };
      show(true);
      by("moved").hidden = !["unreachable", "token"].includes(error.code);
      by("retry").textContent = t(error.code === "changed" ? "trouble.save" : "trouble.retry");
      const words = [t("trouble.unsaved", { what: what.words }), error.message];
      if (error.passing) {
        const delay = DELAYS_MS[Math.min(trouble.attempts, DELAYS_MS.length - 1)];
        trouble.open.clock = setTimeout(() => settle("retry"), delay);
        words.push(t("trouble.retrying"));
      }
      if (waiting > 0) words.push(t("trouble.waiting", { n: waiting }));
      // The same sentence every few seconds would be read aloud every few seconds.
      const text = by("trouble-text");
      if (text.dataset.said !== error.message || !error.passing) text.textContent = "";
      text.dataset.said = error.message;
      text.textContent = sentences(words);
      trouble.attempts += 1;
    });

  /** All is saved again. */
  trouble.clear = () => {
    trouble.attempts = 0;
    trouble.isSlow = false;
    by("trouble").hidden = true;
    by("trouble-text").dataset.said = "";
  };

  /** Whether something is not saved yet; says so to whoever wants to answer something else meanwhile. */
  trouble.isFirst = () => {
    const what = trouble.open?.what ?? (trouble.isSlow ? trouble.what : null);
    if (what) Trapline.desk.say(t(trouble.open ? "trouble.first" : "trouble.slow", { what: what.words }));
    return what !== null;
  };

  trouble.retry = () => settle("retry");
  trouble.drop = () => settle("drop");

  /** Another class was pressed: the first time it is asked about, the second time it takes the place of the one that is not saved. */
  trouble.propose = (name, words) => {
    const { open } = trouble;
    if (!open.what.class) return Trapline.desk.say(t("trouble.first", { what: open.what.words }));
    if (name === open.what.class) return settle("retry");
    if (open.proposed === name) return settle({ class: name });
    open.proposed = name;
    clearTimeout(open.clock);
    by("replace").hidden = false;
    by("replace").textContent = t("trouble.replace", { class: words });
    by("trouble-text").textContent = t("trouble.replace_ask", { what: open.what.words, class: words });
    return undefined;
  };

  /** Goes on at another address, and takes what is not saved along. */
  trouble.move = (text) => {
    let address = null;
    try {
      address = new URL(text);
    } catch {
      // Said below.
    }
    const isReview = address?.protocol === "http:" && /^#[0-9a-f]{32}$/.test(address.hash);
    if (!isReview) return Trapline.desk.say((by("trouble-text").textContent = t("trouble.move_wrong")));
    address.hash += `&pending=${encodeURIComponent(Trapline.desk.pending.carry())}`;
    clearTimeout(trouble.open?.clock);
    return location.assign(address.href);
  };

  trouble.start = () => {
    // Leaving the page loses nothing, unless this browser keeps nothing.
    addEventListener("beforeunload", (event) => {
      if ((trouble.open || trouble.isSlow) && !Trapline.desk.pending.isSafe) event.preventDefault();
    });
    by("retry").addEventListener("click", trouble.retry);
    by("drop").addEventListener("click", trouble.drop);
    by("moved").addEventListener("submit", (event) => {
      event.preventDefault();
      trouble.move(by("moved-to").value.trim());
    });
    by("replace").addEventListener("click", () => trouble.open?.proposed && settle({ class: trouble.open.proposed }));
  };

  Trapline.trouble = trouble;
})();
