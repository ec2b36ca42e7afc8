"use strict";
// The classes as buttons: key, colour, name. The one that stands is ticked: colour alone says nothing.
(() => {
  const { by, make, icon, t, desk } = Trapline;
  const classes = {};

  /** A button for a class; `press` is called with its name. */
  classes.button = (one, press) => {
    const button = make(
      "button",
      {
        type: "button",
        class: "class",
        "data-class": one.name,
        "data-key": one.key ?? null,
        "aria-keyshortcuts": one.key ?? null,
      },
      make("span", { class: "swatch", "aria-hidden": "true" }),
      make("span", { class: "name", text: one.display }),
      icon("check"),
      one.key ? make("kbd", { text: one.key.toUpperCase(), "aria-hidden": "true" }) : null,
    );
    if (one.color) button.style.setProperty("--colour", one.color);
    button.addEventListener("click", () => press(one.name));
    return button;
  };

  const draw = () => {
    const list = desk.session.classes;
    by("classes").replaceChildren(...list.map((one) => classes.button(one, (name) => desk.answer(name))));
    by("classes").classList.toggle("many", list.length > 9);
    mark();
  };

  const mark = () => {
    const { item } = desk;
    if (!item) return;
    const said = item.answer?.class ?? null;
    for (const button of by("classes").children) {
      button.setAttribute("aria-pressed", String(button.dataset.class === said));
      button.classList.toggle("predicted", button.dataset.class === item.predicted?.class);
    }
    by("unknown").setAttribute("aria-pressed", String(said === "unknown"));
    by("repeat").disabled = !desk.last;
    by("repeat").title = desk.last ? desk.nameOf(desk.last) : "";
    const draft = desk.draft(item);
    by("difficult").setAttribute("aria-pressed", String(draft.difficult));
    by("clock-wrong").setAttribute("aria-pressed", String(draft.clock));
    if (document.activeElement !== by("comment") || by("comment").dataset.image !== item.image) by("comment").value = draft.text;
    by("comment").dataset.image = item.image;
    stamp(item, said);
  };

  /** On the picture: what was said of it. */
  const stamp = (item, said) => {
    const box = by("stamp");
    box.hidden = !said && (!item.done_by_others || Trapline.Queue.isOpen(item));
    if (said) {
      const colour = desk.session.classes.find((one) => one.name === said)?.color;
      const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
      if (colour) swatch.style.setProperty("--colour", colour);
      box.replaceChildren(icon("check"), swatch, t("stamp.said", { class: desk.nameOf(said) }));
    } else box.textContent = t("stamp.others");
  };

  const scope = () => {
    const event = desk.frames?.event ?? [];
    const asked = event.filter((frame) => frame.asked_at !== null).length;
    by("scope-event").textContent = t("scope.event", { n: Math.max(asked, 1) });
  };

  classes.setScope = (value) => {
    desk.scope = value;
    Trapline.memory.write("scope", value);
    document.querySelector(`input[name=scope][value=${value}]`).checked = true;
    by("desk").classList.toggle("whole-event", value === "event");
    desk.say(t(value === "event" ? "scope.now_event" : "scope.now_frame"));
  };

  const keepComment = () => {
    const text = by("comment").value.trim();
    if (by("comment").dataset.image === desk.item?.image && text !== desk.draft(desk.item).text) desk.remark(() => ({ text }), desk.item);
  };

  classes.start = () => {
    by("unknown").addEventListener("click", () => desk.answer("unknown"));
    by("repeat").addEventListener("click", () => desk.repeat());
    by("difficult").addEventListener("click", () => desk.remark((draft) => ({ difficult: !draft.difficult })));
    by("clock-wrong").addEventListener("click", () => desk.remark((draft) => ({ clock: !draft.clock })));
    by("comment").addEventListener("change", keepComment);
    by("comment").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      by("comment").blur();
    });
    for (const input of document.querySelectorAll("input[name=scope]"))
      input.addEventListener("change", () => classes.setScope(input.value));
    classes.setScope(Trapline.memory.read("scope") === "event" ? "event" : "frame");
    Trapline.on("item", () => {
      mark();
      scope();
    });
    Trapline.on("frames", scope);
    Trapline.on("saved", mark);
    Trapline.on("changed", mark);
    Trapline.on("classes", draw);
    Trapline.on("words", () => {
      draw();
      scope();
    });
    draw();
  };

  Trapline.classes = classes;
})();
