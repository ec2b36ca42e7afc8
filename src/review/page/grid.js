"use strict";
// Many images at once: all of one predicted class, or of one event or site. What does not belong is left out by a click or a
// key; the rest is answered with one key and sent as one batch.
(() => {
  const { by, make, icon, t, desk, Queue } = Trapline;
  const MANY = { small: 60, medium: 40, large: 18 };
  const grid = { isOpen: false, items: [], out: new Set(), focus: 0, from: 0, group: "site", run: 0 };

  /** Whether an item belongs to the chosen group; events and sites are those of the item `like`. */
  const belongs = () => {
    const [kind, name] = [grid.group.split(":")[0], grid.group.slice(grid.group.indexOf(":") + 1)];
    const like = grid.like;
    if (kind === "class") return (item) => item.predicted?.class === name;
    if (kind === "event") return (item) => item.event === like.event;
    return (item) => item.site === like.site && item.season === like.season;
  };

  /** The class that the group's images have without anybody saying so. */
  const usual = () => (grid.group.startsWith("class:") ? grid.group.slice(6) : null);

  const groups = () => {
    const select = by("grid-group");
    const options = [
      ["event", t("grid.event")],
      ["site", t("grid.site")],
    ];
    const names = new Set(desk.session.classes.map((one) => one.name));
    if (!desk.session.blind)
      options.unshift(...[...names].map((name) => [`class:${name}`, t("grid.class", { class: desk.nameOf(name) })]));
    select.replaceChildren(...options.map(([value, text]) => make("option", { value, text })));
    select.value = grid.group;
  };

  /** What stands on a tile: how sure the model is, else the time. */
  const caption = (item) =>
    item.predicted ? Trapline.words.share(item.predicted.confidence ?? 0) : (item.time ?? item.file).split("T").at(-1);

  const tile = (item, place) => {
    const button = make("button", {
      type: "button",
      class: "tile",
      "data-tile": item.image,
      tabindex: place === grid.focus ? "0" : "-1",
    });
    desk.pictures.soon(item.image, desk.SMALL).then(
      (picture) => button.prepend(make("img", { src: picture.src, alt: "", draggable: "false" })),
      (error) => error.code !== "aborted" && button.classList.add("absent"),
    );
    button.append(
      make("span", { class: "caption", text: caption(item) }),
      make("span", { class: "out", "aria-hidden": "true" }, icon("close"), t("grid.out")),
    );
    button.addEventListener("click", () => toggle(place));
    button.addEventListener("focus", () => (grid.focus = place));
    return button;
  };

  const label = (item) =>
    [
      caption(item),
      item.site,
      item.file,
      item.time && Trapline.civil(item.time),
      item.predicted && desk.nameOf(item.predicted.class),
    ]
      .filter(Boolean)
      .join(", ");

  const mark = () => {
    [...by("tiles").querySelectorAll(".tile")].forEach((button, place) => {
      const isOut = grid.out.has(place);
      button.setAttribute("aria-pressed", String(isOut));
      button.setAttribute("aria-label", isOut ? `${label(grid.items[place])}, ${t("grid.out")}` : label(grid.items[place]));
      button.tabIndex = place === grid.focus ? 0 : -1;
    });
    const n = grid.items.length - grid.out.size;
    const name = usual();
    by("grid-accept").hidden = !name;
    by("grid-accept").disabled = n === 0;
    by("grid-accept").textContent = name ? t("grid.accept", { n, class: desk.nameOf(name) }) : "";
    by("grid-hint").textContent = grid.items.length ? t(name ? "grid.hint" : "grid.hint_blind", { n }) : "";
  };

  const toggle = (place) => {
    if (grid.out.has(place)) grid.out.delete(place);
    else grid.out.add(place);
    grid.focus = place;
    mark();
    desk.say(t(grid.out.has(place) ? "grid.said_out" : "grid.said_in", { file: grid.items[place].file }));
  };

  /** Fills the grid with open images of the group, from `from` on. */
  const fill = async (from) => {
    const run = (grid.run += 1);
    const many = MANY[by("grid-size").value];
    const isOne = belongs();
    const items = [];
    if (from === 0) by("tiles").replaceChildren(make("p", { class: "soft", text: t("grid.looking") }));
    await desk.queue.find(from, 1, (item) => {
      if (Queue.isOpen(item) && isOne(item)) items.push(item);
      return items.length >= many || run !== grid.run;
    });
    if (run !== grid.run) return;
    Object.assign(grid, { items, out: new Set(), focus: 0, from });
    desk.pictures.want(items.map((item) => ({ image: item.image, width: desk.SMALL })));
    by("tiles").replaceChildren(...items.map(tile));
    if (items.length === 0) by("tiles").append(make("p", { class: "soft", text: t(from ? "grid.no_more" : "grid.none") }));
    by("grid-title").textContent = t("grid.title", { n: items.length });
    by("tiles").scrollTop = 0;
    mark();
    by("tiles").querySelector(".tile")?.focus({ preventScroll: true });
  };

  /** Answers all that were not left out; without a name as the group says. */
  grid.accept = (name = usual()) =>
    desk.turn(async () => {
      const items = grid.items.filter((item, place) => !grid.out.has(place));
      if (!name) return desk.say(t("grid.hint_blind", { n: items.length }));
      if (items.length === 0) return desk.say(t("grid.nothing"));
      const wishes = items.map((item) => ({ item, class: name, comment: Trapline.writeComment(desk.draft(item)) }));
      if (!(await desk.commit(wishes))) return undefined;
      desk.last = name;
      desk.say(t("said.many", { n: items.length, class: desk.nameOf(name) }));
      return next();
    });

  /** The next images of the group; of events and sites the next one that has open images. */
  const next = async () => {
    const last = grid.items.at(-1)?.at ?? grid.from;
    await fill(last + 1);
    if (grid.items.length > 0) return;
    const open = usual() ? null : await desk.queue.find(last + 1, 1, Queue.isOpen);
    if (open) {
      grid.like = open;
      await fill(open.at);
    } else if (desk.counts.to_do === 0) {
      grid.close();
    }
  };

  const first = async () => fill(usual() ? 0 : ((await desk.queue.find(0, 1, belongs()))?.at ?? 0));

  grid.open = () => {
    if (grid.isOpen || !desk.item) return undefined;
    Trapline.strip.stop();
    by("warning").hidden = true;
    grid.isOpen = true;
    grid.like = desk.item;
    grid.group = desk.item.predicted ? `class:${desk.item.predicted.class}` : "site";
    groups();
    by("review").hidden = true;
    by("grid").hidden = false;
    by("desk").classList.add("gridded");
    by("open-grid").setAttribute("aria-pressed", "true");
    const buttons = desk.session.classes.map((one) => Trapline.classes.button(one, grid.accept));
    by("grid-classes").replaceChildren(...buttons);
    desk.say(t("grid.opened"));
    return desk.turn(first);
  };

  grid.close = () => {
    if (!grid.isOpen) return;
    grid.isOpen = false;
    grid.run += 1;
    by("grid").hidden = true;
    by("review").hidden = false;
    by("desk").classList.remove("gridded");
    by("open-grid").setAttribute("aria-pressed", "false");
    desk.turn(async () => {
      const open = await desk.queue.nextOpen(desk.item.at);
      if (open) await desk.show(open);
      else desk.end();
    });
  };

  grid.toggle = () => (grid.isOpen ? grid.close() : grid.open());

  /** Moves among the tiles, or leaves one out; true where the key was one of the grid's. */
  grid.key = (event) => {
    const tiles = [...by("tiles").querySelectorAll(".tile")];
    const across = tiles.filter((one) => one.offsetTop === tiles[0].offsetTop).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (step && tiles.length) {
      grid.focus = Math.min(Math.max(grid.focus + step, 0), tiles.length - 1);
      mark();
      tiles[grid.focus].focus();
      return true;
    }
    if ((event.key === " " || event.key.toLowerCase() === "x") && tiles.length) {
      toggle(grid.focus);
      return true;
    }
    if (event.key === "Enter") {
      if (document.activeElement.closest("#grid button:not(.tile), select")) return false;
      grid.accept();
      return true;
    }
    return false;
  };

  grid.start = () => {
    by("open-grid").addEventListener("click", grid.toggle);
    by("grid-close").addEventListener("click", grid.close);
    by("grid-skip").addEventListener("click", () => desk.turn(next));
    by("grid-accept").addEventListener("click", () => grid.accept());
    by("grid-group").addEventListener("change", () => {
      grid.group = by("grid-group").value;
      desk.turn(first);
    });
    by("grid-size").value = Trapline.memory.read("tiles") ?? "medium";
    by("tiles").dataset.size = by("grid-size").value;
    by("grid-size").addEventListener("change", () => {
      Trapline.memory.write("tiles", by("grid-size").value);
      by("tiles").dataset.size = by("grid-size").value;
      desk.turn(() => fill(grid.from));
    });
    Trapline.on("undone", (list) => {
      if (grid.isOpen) desk.turn(() => fill(Math.min(...list.map((one) => one.at))));
    });
  };

  Trapline.grid = grid;
})();
