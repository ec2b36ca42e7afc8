"use strict";
// Finds a class by typing a part of its name, and adds one that is not there.
(() => {
  const { by, make, t, desk } = Trapline;
  const finder = { choose: null, at: 0, options: [] };

  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[_-]/g, " ");

  /** How well a class fits what was typed: its beginning first, then the beginning of a word, then any part. */
  const rank = (one, typed) => {
    const names = [plain(one.display), plain(one.name)];
    if (names.some((name) => name.startsWith(typed))) return 0;
    if (names.some((name) => name.includes(` ${typed}`))) return 1;
    return names.some((name) => name.includes(typed)) ? 2 : 3;
  };

  const draw = () => {
    const typed = plain(by("finder-text").value.trim());
    const all = [...desk.session.classes];
    if (!all.some((one) => one.name === "unknown")) all.push({ name: "unknown", display: t("class.unknown"), key: "u" });
    const found = all
      .map((one, place) => ({ one, place, rank: rank(one, typed) }))
      .filter((entry) => entry.rank < 3)
      .sort((a, b) => a.rank - b.rank || a.place - b.place)
      .map(({ one }) => one);
    finder.options = [...found];
    if (typed && !all.some((one) => [plain(one.display), plain(one.name)].includes(typed)))
      finder.options.push({ add: by("finder-text").value.trim() });
    finder.at = Math.min(finder.at, Math.max(finder.options.length - 1, 0));
    by("finder-list").replaceChildren(...finder.options.map(row));
    show();
  };

  const row = (one, place) => {
    const item = make(
      "li",
      { role: "option", id: `finder-${place}`, "data-class": one.name ?? null, "data-add": one.add ?? null },
      make("span", { class: "swatch", "aria-hidden": "true" }),
      make("span", { class: "name", text: one.add ? t("finder.add", { name: one.add }) : one.display }),
      one.key ? make("kbd", { text: one.key.toUpperCase() }) : null,
    );
    if (one.color) item.style.setProperty("--colour", one.color);
    item.addEventListener("click", () => take(place));
    return item;
  };

  const show = () => {
    [...by("finder-list").children].forEach((item, place) => {
      item.setAttribute("aria-selected", String(place === finder.at));
      if (place === finder.at) item.scrollIntoView({ block: "nearest" });
    });
    by("finder-text").setAttribute("aria-activedescendant", finder.options.length ? `finder-${finder.at}` : "");
  };

  const take = async (place) => {
    const option = finder.options[place];
    if (!option) return;
    let name = option.name;
    let note = "";
    if (option.add) {
      try {
        const reply = await desk.source.addClass(desk.reviewer, option.add);
        name = reply.class.name;
        note = reply.note ?? "";
        if (!desk.session.classes.some((one) => one.name === name)) desk.session.classes.push(reply.class);
        Trapline.tell("classes");
        if (note) Trapline.tell("notes", [note]);
      } catch (error) {
        by("finder-note").textContent = error.message;
        return;
      }
    }
    by("finder").close();
    finder.choose(name);
    if (note) desk.turn(() => desk.say(note));
  };

  /** Opens the dialog; `choose` gets the class. */
  finder.open = (choose = (name) => desk.answer(name)) => {
    Object.assign(finder, { choose, at: 0 });
    by("finder-text").value = "";
    by("finder-note").textContent = t("finder.hint");
    by("finder").showModal();
    draw();
    by("finder-text").focus();
  };

  finder.start = () => {
    by("find").addEventListener("click", () => finder.open());
    by("finder-text").addEventListener("input", () => {
      finder.at = 0;
      draw();
    });
    by("finder-text").addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && finder.options.length) finder.at = (finder.at + step + finder.options.length) % finder.options.length;
      if (step) show();
      if (event.key === "Enter") take(finder.at);
      if (step || event.key === "Enter") event.preventDefault();
    });
  };

  Trapline.finder = finder;
})();
