"use strict";
// Many images at once: all of one predicted class, or of one event or site. What does not belong is left out by a click or a
// key; the rest is answered with one key and sent as one batch. Only what was shown is answered: a tile counts when its picture is
// there and has been in view for a moment. The others stay open.
(() => {
  const { by, make, icon, t, desk, trouble, Queue } = Trapline;
  const MANY = { small: 60, medium: 40, large: 18 };
  /** A tile that only flew past was not looked at. */
  const LOOK_MS = 250;
  const grid = { isOpen: false, items: [], out: new Set(), seen: new Set(), damaged: new Set(), focus: 0, from: 0, group: "site", run: 0 };
  /** Images that were left out, or are damaged: they wait in the review of single images. */
  const left = new Set();

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

  /** What stands on a tile: how sure the model is, and of which class where the group does not say it; else the time. */
  const caption = (item) => {
    if (!item.predicted) return (item.time ?? item.file).split("T").at(-1);
    const { class: name, confidence } = item.predicted;
    const share = typeof confidence === "number" ? Trapline.words.share(confidence) : "";
    return name === usual() ? share : `${desk.nameOf(name)} ${share}`.trim();
  };

  /** Watches which tiles are in view; what is covered by a scroll box or lies outside of the window is not. */
  const watch = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio, intersectionRect, rootBounds } of entries) {
        const isLarge = rootBounds && intersectionRect.height >= rootBounds.height / 3;
        target.isInView = intersectionRatio >= 0.5 || Boolean(isLarge);
        look(target);
      }
    },
    { threshold: [0, 0.25, 0.5, 0.75, 1] },
  );

  /** Counts a tile as shown when its picture is there and in view for a moment. */
  const look = (button) => {
    clearTimeout(button.clock);
    const place = Number(button.dataset.place);
    const isShown = button.isInView && button.classList.contains("loaded");
    if (!isShown || grid.seen.has(place)) return;
    button.clock = setTimeout(() => {
      if (!button.isConnected || !button.isInView || document.hidden) return;
      grid.seen.add(place);
      button.classList.add("seen");
      mark();
    }, LOOK_MS);
  };

  /** Whether a tile is among those that a key answers. */
  const counts = (place) => grid.seen.has(place) && !grid.out.has(place) && !grid.damaged.has(place);

  const damage = (button, place) => {
    grid.damaged.add(place);
    button.classList.add("damaged");
    mark();
  };

  const tile = (item, place) => {
    const button = make("button", {
      type: "button",
      class: "tile",
      "data-tile": item.image,
      "data-place": place,
      tabindex: place === grid.focus ? "0" : "-1",
    });
    const { run } = grid;
    desk.pictures.keepAsking(item.image, desk.SMALL, {
      isWanted: () => run === grid.run,
      ready: (picture) => {
        const image = make("img", { alt: "", draggable: "false" });
        image.addEventListener("load", () => {
          button.classList.remove("absent");
          button.classList.add("loaded");
          button.title = "";
          button.querySelector(".fault").textContent = "";
          look(button);
        });
        image.src = picture.src;
        button.prepend(image);
      },
      failed: (error) => {
        if (run !== grid.run) return;
        if (error.code === "damaged") damage(button, place);
        else button.classList.add("absent");
        button.title = error.message;
        mark();
      },
    });
    watch.observe(button);
    button.append(
      make("span", { class: "fault", "aria-hidden": "true" }),
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
      const fault = grid.damaged.has(place) ? t("damaged") : button.classList.contains("absent") ? t("grid.absent") : "";
      button.setAttribute("aria-pressed", String(isOut));
      button.setAttribute("aria-label", [label(grid.items[place]), fault, isOut && t("grid.out")].filter(Boolean).join(", "));
      button.querySelector(".fault").textContent = fault;
      button.tabIndex = place === grid.focus ? 0 : -1;
    });
    const n = grid.items.filter((_, place) => counts(place)).length;
    const name = usual();
    const open = grid.items.filter((_, place) => !grid.seen.has(place) && !grid.out.has(place) && !grid.damaged.has(place)).length;
    const broken = grid.damaged.size;
    by("grid-accept").hidden = !name;
    by("grid-accept").disabled = n === 0;
    by("grid-accept").textContent = name ? t("grid.accept", { n, class: desk.nameOf(name) }) : "";
    by("grid-hint").textContent = grid.items.length
      ? [
          t(name ? "grid.hint" : "grid.hint_blind", { n }),
          open ? t("grid.unseen", { n: open }) : "",
          broken ? t("grid.damaged", { n: broken }) : "",
        ]
          .filter(Boolean)
          .join(" ")
      : "";
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
      if (Queue.isOpen(item) && isOne(item) && !left.has(item.image) && isChosen(item)) items.push(item);
      return items.length >= many || run !== grid.run;
    });
    if (run !== grid.run) return;
    watch.disconnect();
    Object.assign(grid, { items, out: new Set(), seen: new Set(), damaged: new Set(), focus: 0, from });
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
    trouble.isFirst() ? null : desk.turn(async () => {
      const items = grid.items.filter((_, place) => counts(place));
      if (!name) return desk.say(t("grid.hint_blind", { n: items.length }));
      if (items.length === 0) return desk.say(t(grid.out.size === grid.items.length ? "grid.nothing" : "grid.nothing_seen"));
      const wishes = items.map((item) => ({ item, class: name, comment: Trapline.writeComment(desk.draft(item)) }));
      if (!(await desk.commit(wishes))) return undefined;
      desk.last = name;
      const said = t("said.many", { n: items.length, class: desk.nameOf(name) });
      grid.items.forEach((item, place) => (grid.out.has(place) || grid.damaged.has(place)) && left.add(item.image));
      const unseen = grid.items.filter((item, place) => !grid.seen.has(place) && !left.has(item.image));
      desk.say(unseen.length ? `${said} ${t("grid.stay", { n: unseen.length })}` : said);
      return unseen.length ? fill(unseen[0].at) : next();
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
    } else if (desk.counts.to_do === 0 && left.size === 0) {
      grid.close();
    }
  };

  const first = async () => {
    left.clear();
    await fill(usual() ? 0 : ((await desk.queue.find(0, 1, belongs()))?.at ?? 0));
  };

  /** Whether an image is among those selected, where some are. */
  const isChosen = (item) => !Trapline.select.places || Trapline.select.has(item.at);

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
    watch.disconnect();
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
    // A window that comes to the front again shows what it hid.
    document.addEventListener("visibilitychange", () => {
      if (grid.isOpen && !document.hidden) for (const button of by("tiles").querySelectorAll(".tile")) look(button);
    });
    Trapline.on("undone", (list) => {
      if (grid.isOpen) desk.turn(() => fill(Math.min(...list.map((one) => one.at))));
    });
  };

  Trapline.grid = grid;
})();
