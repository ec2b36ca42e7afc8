"use strict";
// What is known of the image: place, time, temperature; what the model says where it may be seen; what others said to an arbiter.
// Also the warning that an event has two species.
(() => {
  const { by, make, t, desk } = Trapline;
  const facts = { warned: null };

  const draw = () => {
    const { item } = desk;
    if (!item) return;
    const rows = [
      ["facts.site", [item.site, item.season].filter(Boolean).join(" · ")],
      ["facts.file", item.file],
      ["facts.time", item.time ? Trapline.civil(item.time) : t("facts.no_time")],
      ["facts.corrected", item.corrected_time && item.corrected_time !== item.time ? Trapline.civil(item.corrected_time) : null],
      ["facts.temperature", typeof item.temperature_c === "number" ? `${Trapline.words.number(item.temperature_c)} °C` : null],
    ];
    by("facts").replaceChildren(
      ...rows
        .filter(([, value]) => value)
        .map(([key, value]) =>
          make("div", { class: key.split(".")[1] }, make("dt", { text: t(key) }), make("dd", { text: value, title: value })),
        ),
    );
    said(item);
    by("position").textContent = t("position", { at: item.at + 1, total: desk.queue.total });
  };

  /** What one reviewer said, as a button that decides for it. */
  const side = (one) => {
    const key = desk.keyOf(one.reviewer);
    const { difficult, clock, text } = Trapline.readComment(one.comment);
    const comment = [difficult && t("difficult"), clock && t("clock_wrong"), text && `“${text}”`].filter(Boolean).join(" · ");
    const button = make(
      "button",
      {
        type: "button",
        class: "class side",
        "data-side": one.reviewer,
        "aria-keyshortcuts": key,
        title: t("side.take", { reviewer: one.reviewer, class: desk.nameOf(one.class) }),
      },
      make("span", { class: "swatch", "aria-hidden": "true" }),
      make(
        "span",
        { class: "name" },
        make("span", { text: desk.nameOf(one.class) }),
        make("span", { class: "soft", text: one.reviewer }),
        comment ? make("span", { class: "said-comment", text: comment }) : null,
      ),
      key ? make("kbd", { text: key, "aria-hidden": "true" }) : null,
    );
    button.style.setProperty("--colour", desk.session.classes.find((known) => known.name === one.class)?.color ?? "");
    button.addEventListener("click", () => desk.side(one.reviewer));
    return button;
  };

  const said = (item) => {
    const box = by("said");
    box.hidden = !item.predicted && !item.answers?.length;
    box.replaceChildren();
    if (item.answers?.length) {
      const list = make("ul");
      for (const one of item.answers) list.append(make("li", {}, side(one)));
      box.append(make("h2", { text: t("said.others") }), list);
    }
    if (item.predicted) {
      const { class: name, confidence } = item.predicted;
      const share = typeof confidence === "number" ? Trapline.words.share(confidence) : "";
      const button = make(
        "button",
        {
          type: "button",
          id: "accept",
          class: "class accept",
          "aria-keyshortcuts": "Enter",
          title: t("accept", { class: desk.nameOf(name), share }),
        },
        make("span", { class: "swatch", "aria-hidden": "true" }),
        make("span", { class: "name", text: desk.nameOf(name) }),
        make("span", { class: "share", text: share }),
        make("kbd", { text: t("enter"), "aria-hidden": "true" }),
      );
      const colour = desk.session.classes.find((one) => one.name === name)?.color;
      if (colour) button.style.setProperty("--colour", colour);
      button.addEventListener("click", () => desk.accept());
      box.append(make("h2", { text: t("said.model") }), button);
    }
  };

  /** Warns where an event has two species now. */
  const warn = async (item) => {
    const isAnimal = (name) => {
      const known = desk.session.classes.find((one) => one.name === name);
      return known ? known.role === "animal" : name !== "unknown";
    };
    const event = await desk.queue.event(item);
    const names = [...new Set(event.map((one) => one.answer?.class).filter((name) => name && isAnimal(name)))];
    if (names.length < 2) {
      if (facts.warned?.event === item.event) by("warning").hidden = true;
      return;
    }
    facts.warned = item;
    by("warning-text").textContent = t("warning.species", { names: names.map(desk.nameOf).join(", "), at: item.at + 1 });
    by("warning").hidden = false;
  };

  facts.start = () => {
    Trapline.on("item", draw);
    Trapline.on("changed", draw);
    Trapline.on("classes", draw);
    Trapline.on("words", draw);
    Trapline.on("answered", (item) => {
      // The warning of an event stays until the next one is answered.
      if (facts.warned && facts.warned.event !== item.event) by("warning").hidden = true;
      warn(item).catch(() => {});
    });
    Trapline.on("undone", () => (by("warning").hidden = true));
    by("warning-close").addEventListener("click", () => (by("warning").hidden = true));
    by("warning-show").addEventListener("click", () => desk.goTo(() => facts.warned.at));
    Trapline.on("note", (text) => {
      by("stage-note").textContent = text;
      by("stage-note").hidden = !text;
    });
  };

  Trapline.facts = facts;
})();
