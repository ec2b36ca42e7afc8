"use strict";
// Which images of the queue are gone through: all, or those that fit. A selection is a list made at one moment: an image that is
// answered stays in it.
(() => {
  const { by, make, t, desk } = Trapline;
  const select = { places: null, wanted: {} };
  const FIELDS = ["state", "class", "predicted", "low", "high", "site"];
  const MARKS = ["difficult", "commented"];

  /** The place in the list of the first one at or after `at`. */
  const lower = (at) => {
    let [low, high] = [0, select.places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (select.places[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  /** The next selected place after `at`, or before it; null at the end. */
  select.next = (at, direction) => {
    const here = lower(at);
    const place = direction < 0 ? here - 1 : select.places[here] === at ? here + 1 : here;
    return select.places[place] ?? null;
  };

  /** Whether a place is selected. */
  select.has = (at) => select.places[lower(at)] === at;

  select.first = () => select.places[0] ?? null;
  select.last = () => select.places.at(-1) ?? null;

  const badge = () => {
    by("selected").hidden = !select.places;
    if (!select.places) return;
    const here = lower(desk.at);
    const isIn = select.places[here] === desk.at;
    const n = select.places.length;
    by("selected").textContent = isIn ? t("select.at", { at: here + 1, n }) : t("select.n", { n });
    by("selected").setAttribute("aria-label", `${by("selected").textContent}. ${t("select.clear")}`);
    by("selected").title = t("select.clear");
  };

  select.clear = () => {
    if (!select.places) return;
    Object.assign(select, { places: null, wanted: {} });
    badge();
    desk.say(t("select.cleared"));
  };

  const options = (id, list, any) =>
    by(id).replaceChildren(
      make("option", { value: "", text: any }),
      ...list.map(([value, text]) => make("option", { value, text })),
    );

  const fill = () => {
    const names = desk.session.classes.map((one) => [one.name, one.display]);
    const said = names.some(([name]) => name === "unknown") ? names : [...names, ["unknown", t("class.unknown")]];
    options("select-class", said, t("select.any"));
    options("select-predicted", names, t("select.any"));
    const sites = desk.session.sites ?? [];
    options(
      "select-site",
      sites.map((site) => [site, site]),
      t("select.any"),
    );
    const states = ["open", "mine"].map((state) => [state, t(`select.state.${state}`)]);
    options("select-state", states, t("select.state.all"));
    by("select-model").hidden = desk.session.blind;
    by("select-site").closest("label").hidden = sites.length < 2;
    for (const field of FIELDS) by(`select-${field}`).value = select.wanted[field] ?? "";
    for (const mark of MARKS) by(`select-${mark}`).checked = Boolean(select.wanted[mark]);
    by("select-note").textContent = "";
  };

  const read = () => {
    const wanted = {};
    for (const field of FIELDS) if (by(`select-${field}`).value !== "") wanted[field] = by(`select-${field}`).value;
    for (const mark of MARKS) if (by(`select-${mark}`).checked) wanted[mark] = "true";
    return wanted;
  };

  select.open = () => {
    fill();
    by("select").showModal();
  };

  const apply = async () => {
    const wanted = read();
    if (Object.keys(wanted).length === 0) {
      by("select").close();
      select.clear();
      return;
    }
    try {
      const { places } = await desk.source.select(desk.reviewer, wanted);
      if (places.length === 0) {
        by("select-note").textContent = t("select.none");
        return;
      }
      Object.assign(select, { places, wanted });
      by("select").close();
      const here = lower(desk.at);
      await desk.goTo(() => select.places[here] ?? select.places[0]);
      badge();
      desk.say(t("select.made", { n: places.length }));
    } catch (error) {
      by("select-note").textContent = error.message;
    }
  };

  select.start = () => {
    by("open-select").addEventListener("click", select.open);
    by("selected").addEventListener("click", select.clear);
    by("select-form").addEventListener("submit", (event) => {
      event.preventDefault();
      apply();
    });
    by("select-all").addEventListener("click", () => {
      by("select").close();
      select.clear();
    });
    Trapline.on("item", badge);
    Trapline.on("words", badge);
  };

  Trapline.select = select;
})();
