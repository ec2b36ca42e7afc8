"use strict";
// How far the review is: counts, pace, strata; where it is not blind, what the sample says already; agreement.
(() => {
  const { by, make, t, desk } = Trapline;
  /** A longer break is no work. */
  const BREAK_MS = 90000;
  const WINDOW_MS = 30 * 60000;
  const progress = { saved: [], notes: [] };
  const share = (value) => Trapline.words.share(value);

  /** Answers in a minute of work, of the last half hour; null before there are enough. */
  progress.pace = () => {
    const now = Date.now();
    progress.saved = progress.saved.filter((one) => now - one.time < WINDOW_MS);
    let [count, spent] = [0, 0];
    progress.saved.forEach((one, place) => {
      if (place === 0) return;
      const gap = one.time - progress.saved[place - 1].time;
      if (gap > BREAK_MS) return;
      spent += gap;
      count += one.n;
    });
    return count >= 20 && spent > 0 ? (count / spent) * 60000 : null;
  };

  /** A time in words, of its largest unit. */
  const lasting = (minutes) => {
    if (minutes < 1) return t("time.under_minute");
    if (minutes < 90) return t("time.minutes", { n: Math.round(minutes) });
    return t("time.hours", { n: Math.round(minutes / 60) });
  };

  progress.left = () => {
    const pace = progress.pace();
    return pace && desk.counts.to_do > 0 ? lasting(desk.counts.to_do / pace) : null;
  };

  const figure = (value, words) => make("div", { class: "figure" }, make("b", { text: value }), make("span", { text: words }));

  const figures = (counts) => {
    const pace = progress.pace();
    const list = [
      [counts.mine, "progress.mine"],
      [counts.to_do, "progress.to_do"],
      [counts.answered, "progress.answered"],
      [counts.asked, "progress.asked"],
    ];
    if (counts.disagreements) list.push([counts.disagreements, "progress.disagreements"]);
    const box = make(
      "div",
      { class: "figures" },
      ...list.map(([value, key]) => figure(Trapline.words.number(value), t(key, { n: value }))),
    );
    if (pace) box.append(figure(Trapline.words.number(Math.round(pace)), t("progress.pace")));
    if (progress.left()) box.append(figure(progress.left(), t("progress.time_left")));
    return box;
  };

  const bar = (part) => {
    const fill = make("span", { class: "fill" });
    fill.style.width = `${Math.min(100, part * 100)}%`;
    return make("span", { class: "meter", "aria-hidden": "true" }, fill);
  };

  const strata = (list) => {
    const body = make("tbody");
    for (const one of list) {
      const words = t("progress.of", { done: one.answered, asked: one.asked });
      const name = one.name ? desk.nameOf(one.name) : t("progress.unclassified");
      body.append(
        make(
          "tr",
          {},
          make("th", { scope: "row", text: name }),
          make("td", { class: "wide" }, bar(one.asked ? one.answered / one.asked : 1)),
          make("td", { class: "number", text: words }),
        ),
      );
    }
    return make("table", {}, make("caption", { text: t("progress.strata") }), body);
  };

  /** An interval on the line from 0 to 1 with its estimate. */
  const interval = (low, high, value) => {
    const range = make("span", { class: "range" });
    range.style.left = `${low * 100}%`;
    range.style.width = `${Math.max(high - low, 0.005) * 100}%`;
    const point = make("span", { class: "point" });
    point.style.left = `${value * 100}%`;
    return make("span", { class: "interval", "aria-hidden": "true" }, range, point);
  };

  const precision = (list) => {
    const body = make("tbody");
    for (const one of list) {
      const half = (one.high - one.low) / 2;
      const words = one.n
        ? t("progress.precision_is", { p: share(one.p), half: share(half), n: one.n })
        : t("progress.precision_none");
      const more = one.more ? t("progress.more", { n: one.more, half: share(one.half_width_then) }) : "";
      body.append(
        make(
          "tr",
          {},
          make("th", { scope: "row", text: desk.nameOf(one.class) }),
          make("td", { class: "wide" }, one.n ? interval(one.low, one.high, one.p) : null),
          make("td", {}, make("span", { text: words }), more ? make("small", { text: more }) : null),
        ),
      );
    }
    return make("table", {}, make("caption", { text: t("progress.precision") }), body);
  };

  const agreement = (one) => {
    const body = make("tbody");
    const row = (name, value) => {
      if (!value || typeof value.value !== "number") return;
      const words = t("progress.interval", { value: share(value.value), low: share(value.low), high: share(value.high) });
      body.append(
        make(
          "tr",
          {},
          make("th", { scope: "row", text: name }),
          make("td", { class: "wide" }, interval(Math.max(value.low, 0), value.high, Math.max(value.value, 0))),
          make("td", { text: words }),
        ),
      );
    };
    row(t("progress.percent"), one.percent);
    row(t(one.kappa?.kind === "fleiss" ? "progress.fleiss" : "progress.cohen"), one.kappa);
    return make(
      "table",
      {},
      make("caption", { text: t("progress.agreement", { n: one.images, names: one.reviewers.join(", ") }) }),
      body,
    );
  };

  const draw = (reply) => {
    const notes = progress.notes.map((note) => make("li", { text: note }));
    by("progress-body").replaceChildren(
      ...[
        notes.length ? make("ul", { class: "notes" }, ...notes) : null,
        figures(reply.counts),
        reply.strata?.length ? strata(reply.strata) : null,
        reply.precision?.length ? precision(reply.precision) : null,
        reply.agreement ? agreement(reply.agreement) : null,
      ].filter(Boolean),
    );
  };

  progress.open = async () => {
    by("progress-body").replaceChildren(make("p", { class: "soft", text: t("progress.counting") }));
    by("progress").showModal();
    try {
      const reply = await desk.source.progress(desk.reviewer);
      desk.counts = reply.counts;
      draw(reply);
      Trapline.tell("counts");
    } catch (error) {
      by("progress-body").replaceChildren(make("p", { class: "error", text: error.message }));
    }
  };

  progress.start = () => {
    Trapline.on("saved", (n) => progress.saved.push({ time: Date.now(), n }));
    Trapline.on("notes", (notes) => {
      for (const note of notes) if (!progress.notes.includes(note)) progress.notes.push(note);
    });
    by("open-progress").addEventListener("click", progress.open);
    by("end-progress").addEventListener("click", progress.open);
    by("notes").addEventListener("click", progress.open);
  };

  Trapline.progress = progress;
})();
