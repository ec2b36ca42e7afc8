"use strict";
// What could not be saved. The picture stays until somebody decides; what passes by itself is tried again by itself. To send an
// answer again is safe: the same answer twice is one answer.
(() => {
  const { by, t } = Trapline;
  const DELAYS_MS = [1000, 2000, 4000, 8000];
  const trouble = { open: null, attempts: 0 };

  const settle = (choice) => {
    const { open } = trouble;
    if (!open) return;
    clearTimeout(open.clock);
    trouble.open = null;
    by("trouble-text").textContent = t("trouble.again");
    open.resolve(choice);
  };

  /**
   * Asks what to do about a failed answer: `retry`, `drop`, or another class for it. `waiting` answers were typed after it;
   * `isLabel` says that a class key may take its place.
   */
  trouble.ask = (error, waiting, isLabel) =>
    new Promise((resolve) => {
      trouble.open = { resolve, isLabel, clock: 0 };
      by("trouble").hidden = false;
      const words = [t("trouble.unsaved"), error.message];
      if (error.passing) {
        const delay = DELAYS_MS[Math.min(trouble.attempts, DELAYS_MS.length - 1)];
        trouble.open.clock = setTimeout(() => settle("retry"), delay);
        words.push(t("trouble.retrying"));
      }
      if (waiting > 0) words.push(t("trouble.waiting", { n: waiting }));
      // The same sentence every few seconds would be read aloud every few seconds.
      if (by("trouble-text").dataset.said !== error.message || !error.passing) by("trouble-text").textContent = "";
      by("trouble-text").dataset.said = error.message;
      by("trouble-text").textContent = words.map((word) => (/[.?!…]$/.test(word) ? word : `${word}.`)).join(" ");
      trouble.attempts += 1;
    });

  /** All is saved again. */
  trouble.clear = () => {
    trouble.attempts = 0;
    by("trouble").hidden = true;
    by("trouble-text").dataset.said = "";
  };

  trouble.retry = () => settle("retry");
  trouble.drop = () => settle("drop");
  trouble.replace = (name) => settle({ class: name });

  trouble.start = () => {
    // Leaving the page now would leave an answer behind.
    addEventListener("beforeunload", (event) => trouble.open && event.preventDefault());
    by("retry").addEventListener("click", trouble.retry);
    by("drop").addEventListener("click", trouble.drop);
  };

  Trapline.trouble = trouble;
})();
