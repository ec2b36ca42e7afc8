"use strict";
// What each key does. A class's own key goes before a command on the same letter; the command then keeps its button.
(() => {
  const { by, make, t, desk, stage, seeing, strip, finder, grid, classes, trouble, select, goto } = Trapline;
  const keys = { isOn: true };

  /** Groups of the list of keys: [keys as shown, name of the text, what it does]. */
  const COMMANDS = {
    answer: [
      ["Enter", "key.accept", (since) => desk.accept(since)],
      ["U", "key.unknown", (since) => desk.answer("unknown", since)],
      ["R", "key.repeat", (since) => desk.repeat(since)],
      ["/", "key.find", () => finder.open(grid.isOpen ? grid.accept : undefined)],
      ["D", "key.difficult", () => desk.remark((draft) => ({ difficult: !draft.difficult }))],
      ["Shift+C", "key.clock", () => desk.remark((draft) => ({ clock: !draft.clock }))],
      ["Shift+N", "key.comment", () => by("comment").focus()],
      ["Shift+E", "key.scope", () => classes.setScope(desk.scope === "event" ? "frame" : "event")],
      ["Ctrl+Z", "key.undo", () => desk.undo()],
      ["Ctrl+Y", "key.redo", () => desk.redo()],
    ],
    move: [
      ["→", "key.next", () => desk.step(1)],
      ["←", "key.previous", () => desk.step(-1)],
      ["Shift+→", "key.event_next", () => desk.stepEvent(1)],
      ["Shift+←", "key.event_previous", () => desk.stepEvent(-1)],
      ["Home", "key.home", () => desk.toEnd(false)],
      ["End", "key.end", () => desk.toEnd(true)],
      ["Ctrl+G", "key.goto", () => goto.open()],
      ["Shift+F", "key.select", () => select.open()],
      ["Space", "key.play", () => strip.play()],
      ["Shift+G", "key.grid", () => grid.toggle()],
      ["Shift+P", "key.progress", () => Trapline.progress.open()],
      ["?", "key.help", () => keys.help()],
      ["Esc", "key.escape", () => escape()],
    ],
    see: [
      ["+", "key.zoom_in", () => stage.zoomBy(1.5)],
      ["-", "key.zoom_out", () => stage.zoomBy(1 / 1.5)],
      ["0", "key.zoom_fit", () => stage.reset()],
      ["Ctrl, ←↑↓→", "key.pan", null],
      ["Shift+D", "key.difference", () => seeing.toggle()],
      ["Shift+L", "key.look", () => (by("look").open = !by("look").open)],
      ["Shift+R", "key.look_reset", () => seeing.reset()],
    ],
    grid: [
      ["Enter", "key.grid_accept", null],
      ["Space, X", "key.grid_out", null],
      ["Esc", "key.grid_close", null],
    ],
  };
  const byKey = new Map();
  const ARROWS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  // These mean the same in the grid; whatever else moves or shows an image does not.
  const IN_GRID = ["/", "?", "Ctrl+Z", "Ctrl+Y", "Shift+G", "Shift+P", "U"];

  /** A key as the list writes it. Signs are taken as typed, whatever keys a keyboard needs for them. */
  const written = (event) => {
    const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
    const arrow = ARROWS[event.key];
    if (arrow) return `${control}${event.shiftKey ? "Shift+" : ""}${arrow}`;
    if (event.key === " ") return "Space";
    if (event.key === "Escape") return "Esc";
    if (event.key === "=") return "+";
    if (event.key.length > 1) return control + event.key;
    const isLetter = event.key.toLowerCase() !== event.key.toUpperCase();
    if (!isLetter) return control + event.key;
    const letter = event.key.toUpperCase();
    // Both are common; no other command has Ctrl and Shift.
    if (control && event.shiftKey) return letter === "Z" ? "Ctrl+Y" : `Ctrl+Shift+${letter}`;
    return `${control}${event.shiftKey ? "Shift+" : ""}${letter}`;
  };

  const classOf = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return null;
    const isLetter = event.key.toLowerCase() !== event.key.toUpperCase();
    if (isLetter && event.shiftKey) return null;
    return desk.session.classes.find((one) => one.key && one.key.toLowerCase() === event.key.toLowerCase()) ?? null;
  };

  const escape = () => {
    if (desk.playing) strip.stop();
    else if (desk.peeked) desk.turn(() => desk.peek(desk.item.image));
    else if (!by("warning").hidden) by("warning").hidden = true;
    else stage.reset();
  };

  /** Keys while an answer could not be saved: again, another class, or none. A key held down decides nothing. */
  const inTrouble = (event, one) => {
    const key = written(event);
    const isKnown = one || byKey.has(key) || key === "U";
    if (!isKnown) return;
    event.preventDefault();
    if (event.repeat) return;
    if (key === "?") keys.help();
    else if (trouble.isSlow) trouble.isFirst();
    else if (one) desk.answer(one.name);
    else if (key === "U") desk.answer("unknown");
    else if (key === "Enter") trouble.retry();
    else if (key === "Esc") trouble.drop();
    else trouble.isFirst();
  };

  /** The reviewer for whom an arbiter decides with a key. */
  const sideOf = (key) =>
    desk.session.role === "adjudicate" && !grid.isOpen
      ? desk.session.reviewers.find((reviewer) => reviewer !== desk.reviewer && desk.keyOf(reviewer) === key)
      : undefined;

  /** A key that means nothing says so: whoever pressed it meant something. */
  const unknown = (event, key) => {
    if (event.ctrlKey || event.metaKey || event.key.length !== 1 || event.repeat) return;
    desk.say(t(grid.isOpen && byKey.has(key) ? "key.not_in_grid" : "key.none", { key: key === " " ? t("key.space") : key }));
  };

  const isTyping = (event) => {
    const field = event.target;
    if (field.closest?.("dialog")) return true;
    if (field.matches?.("input[type=text], select, textarea")) return true;
    if (field.matches?.("input[type=range], input[type=radio]") && event.key.startsWith("Arrow")) return true;
    // Whoever went to a button with the keyboard presses it with the keyboard.
    return Boolean(field.matches?.("button:not(.tile), summary, input") && [" ", "Enter"].includes(event.key));
  };

  const press = (event) => {
    if (!desk.item || by("desk").hidden || event.altKey || event.isComposing || isTyping(event)) return;
    const since = performance.now();
    const one = classOf(event);
    const key = written(event);
    if (!keys.isOn && !key.startsWith("Ctrl+") && event.key.length === 1 && key !== "Space") return;
    if (trouble.open || trouble.isSlow) return inTrouble(event, one);
    if (grid.isOpen) {
      if (one && !event.repeat) grid.accept(one.name);
      else if (key === "Esc") grid.close();
      else if (key === "U") grid.accept("unknown");
      else if (!grid.key(event)) {
        if (!IN_GRID.includes(key)) return unknown(event, key);
        byKey.get(key)(since);
      }
      event.preventDefault();
      return;
    }
    const reviewer = one ? undefined : sideOf(key);
    const side = reviewer === undefined ? null : () => desk.side(reviewer, since);
    const command = one ? () => desk.answer(one.name, since) : (side ?? byKey.get(key));
    if (!command) return unknown(event, key);
    event.preventDefault();
    // A key held down moves, and as fast as pictures come; it never answers.
    if (event.repeat && (!/^(Shift\+)?[←→]$|^Ctrl\+[←→↑↓]$|^[+-]$/.test(key) || desk.isBusy())) return;
    if (desk.playing && key !== "Space" && key !== "Esc") strip.stop();
    command(since);
  };

  keys.help = () => {
    const one = (shown, text) =>
      make(
        "div",
        {},
        make("dt", {}, ...shown.split(", ").map((part) => make("kbd", { text: part === "Space" ? t("key.space") : part }))),
        make("dd", { text }),
      );
    const list = (title, rows) => make("section", {}, make("h2", { text: title }), make("dl", {}, ...rows));
    const own = desk.session.classes.filter((each) => each.key);
    const taken = new Set(own.map((each) => each.key.toUpperCase()));
    const rows = (name) => COMMANDS[name].filter(([key]) => !taken.has(key)).map(([key, text]) => one(key, t(text)));
    by("help-keys").replaceChildren(
      list(
        t("help.classes"),
        own.map((each) => one(each.key.toUpperCase(), each.display)),
      ),
      list(t("help.answer"), rows("answer")),
      list(t("help.move"), rows("move")),
      list(t("help.see"), rows("see")),
      list(t("help.grid"), rows("grid")),
    );
    if (desk.session.role === "adjudicate") {
      const sides = desk.session.reviewers.filter((reviewer) => reviewer !== desk.reviewer && desk.keyOf(reviewer));
      by("help-keys").prepend(
        list(
          t("said.others"),
          sides.map((reviewer) => one(desk.keyOf(reviewer), t("key.side", { reviewer }))),
        ),
      );
    }
    by("help").showModal();
  };

  keys.start = () => {
    for (const group of ["answer", "move", "see"]) for (const [key, , action] of COMMANDS[group]) byKey.set(key, action);
    const steps = { "←": [80, 0], "→": [-80, 0], "↑": [0, 80], "↓": [0, -80] };
    for (const [arrow, step] of Object.entries(steps)) byKey.set(`Ctrl+${arrow}`, () => stage.panBy(...step));
    document.addEventListener("keydown", press);
    keys.isOn = Trapline.memory.read("keys") !== "off";
    by("keys-on").checked = keys.isOn;
    by("keys-on").addEventListener("change", () => {
      keys.isOn = by("keys-on").checked;
      Trapline.memory.write("keys", keys.isOn ? "on" : "off");
    });
    const on = (id, action) => by(id).addEventListener("click", action);
    on("undo", () => desk.undo());
    on("redo", () => desk.redo());
    on("open-help", keys.help);
    on("next", () => desk.step(1));
    on("previous", () => desk.step(-1));
    on("event-next", () => desk.stepEvent(1));
    on("event-previous", () => desk.stepEvent(-1));
    Trapline.on("swipe", (step) => desk.step(step));
  };

  Trapline.keys = keys;
})();
