"use strict";
// Words in the reader's language. A language file is flat: key -> text with {places}; "one || many" is chosen by the value `n`.
(() => {
  const words = { language: "en", locale: "en", strings: {} };

  /** Names of the languages, each in itself. */
  words.names = { en: "English", nb: "Norsk bokmål" };

  /** Chooses a language; `own` are the texts of a file given to the command, used before those of the page. */
  words.use = (language, own = null) => {
    words.language = language ?? "en";
    words.strings = { ...Trapline.languages.en, ...Trapline.languages[words.language], ...own };
    try {
      [words.locale] = Intl.getCanonicalLocales(words.language);
    } catch {
      // A language file may be called anything; numbers are then written as in English.
      words.locale = "en";
    }
    document.documentElement.lang = words.locale;
    words.apply(document);
  };

  /** The language to begin with: the session's, else the one chosen here before, else the browser's. */
  words.first = (session) => {
    const known = (language) => (language && Trapline.languages[language] ? language : null);
    const browser = navigator.languages
      .map((tag) => tag.toLowerCase().split("-")[0])
      .map((tag) => (["no", "nn"].includes(tag) ? "nb" : tag));
    return session?.language ?? known(Trapline.memory.read("language")) ?? browser.find((tag) => known(tag)) ?? "en";
  };

  /** The text of a key with its places filled in. */
  words.t = (key, values = {}) => {
    let text = words.strings[key] ?? Trapline.languages.en[key] ?? key;
    if (text.includes(" || ")) text = text.split(" || ")[values.n === 1 ? 0 : 1];
    return text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? words.number(values[name]) : place));
  };

  /** Large numbers in groups, texts as they are. */
  words.number = (value) => (typeof value === "number" ? value.toLocaleString(words.locale) : String(value));

  /** A share with two decimals, as in the tables of the programme. */
  words.share = (value) => value.toLocaleString(words.locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  /** Fills in all texts that the page itself holds. */
  words.apply = (root) => {
    for (const element of root.querySelectorAll("[data-t]")) element.textContent = words.t(element.dataset.t);
    for (const element of root.querySelectorAll("[data-t-label]")) {
      const label = words.t(element.dataset.tLabel);
      element.setAttribute("aria-label", label);
      if (element.matches("button")) element.title = element.dataset.hint ? `${label} (${element.dataset.hint})` : label;
    }
  };

  Trapline.words = words;
  Trapline.t = words.t;
})();
