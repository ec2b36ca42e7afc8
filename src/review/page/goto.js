"use strict";
// Goes to an image by its number or by a part of its name; and gives the address that leads to the image shown.
(() => {
  const { by, t, desk } = Trapline;
  const goto = {};

  /** The address of this page with the image; the token is in it as it is in the address that the command printed. */
  const link = () => {
    const token = desk.source.token;
    return `${location.href.split("#")[0]}#${token ? `${token}&` : ""}image=${desk.item.image}`;
  };

  goto.open = () => {
    if (!desk.item) return;
    by("goto-text").value = "";
    by("goto-note").textContent = t("goto.hint", { total: desk.queue.total });
    by("goto-link").value = link();
    by("goto").showModal();
    by("goto-text").focus();
  };

  const go = async () => {
    const text = by("goto-text").value.trim();
    if (!text) return;
    const number = /^\d+$/.test(text) ? Number(text) : 0;
    if (number >= 1 && number <= desk.queue.total && String(number) === text) {
      by("goto").close();
      desk.goTo(() => number - 1);
      return;
    }
    try {
      const { places } = await desk.source.select(desk.reviewer, { name: text });
      if (places.length === 0) {
        by("goto-note").textContent = t("goto.none", { text, total: desk.queue.total });
        return;
      }
      const next = places.find((at) => at > desk.at) ?? places[0];
      by("goto").close();
      await desk.goTo(() => next);
      if (places.length > 1) desk.say(t("goto.several", { at: places.indexOf(next) + 1, n: places.length }));
    } catch (error) {
      by("goto-note").textContent = error.message;
    }
  };

  const copy = async () => {
    by("goto-link").select();
    try {
      await navigator.clipboard.writeText(by("goto-link").value);
      by("goto-note").textContent = t("goto.copied");
    } catch {
      by("goto-note").textContent = t("goto.copy_yourself");
    }
  };

  /** The place of an image that an address names; null where the queue does not have it. */
  goto.place = async (image) => {
    const { event } = await desk.source.frames(desk.reviewer, image).catch(() => ({ event: [] }));
    const frame = event.find((one) => one.image === image) ?? event.find((one) => image.startsWith(`${one.image}-`));
    return frame?.asked_at ?? null;
  };

  goto.start = () => {
    by("goto-form").addEventListener("submit", (event) => {
      event.preventDefault();
      go();
    });
    by("goto-copy").addEventListener("click", copy);
    by("position").addEventListener("click", goto.open);
  };

  Trapline.goto = goto;
})();
