"use strict";
// The trigger event of the image: a filmstrip of its frames, which also plays.
(() => {
  const { by, make, icon, t, desk } = Trapline;
  const FRAME_MS = 280;
  const SLOW_MS = 1200;
  const strip = { clock: 0 };

  const label = (frame, place, count) => {
    const parts = [t("strip.frame", { at: place + 1, n: count })];
    if (frame.time) parts.push(Trapline.civil(frame.time));
    if (frame.asked_at === null) parts.push(t("strip.not_asked"));
    else {
      const answer = desk.queue.peek(frame.asked_at)?.answer;
      parts.push(answer ? desk.nameOf(answer.class) : t("open"));
    }
    return parts.join(", ");
  };

  const tile = (frame, place, count) => {
    const button = make("button", { type: "button", class: "frame", "data-frame": frame.image });
    const damage = () => {
      button.classList.add("damaged");
      mark();
    };
    desk.pictures.keepAsking(frame.image, () => desk.widthOf(frame.image), {
      isWanted: () => button.isConnected || !isDrawn,
      ready: (picture) => {
        const copy = make("img", { src: picture.src, alt: "" });
        copy.draggable = false;
        button.classList.remove("absent");
        button.prepend(copy);
        if (picture.dataset.damage) damage();
      },
      failed: (error) => (error.code === "damaged" ? damage() : button.classList.add("absent")),
    });
    const caption = make("span", { class: "caption" });
    button.append(caption);
    button.addEventListener("click", () => {
      strip.stop();
      if (frame.asked_at !== null) desk.goTo(() => frame.asked_at);
      else desk.turn(() => desk.peek(frame.image));
    });
    button.dataset.place = place;
    button.dataset.count = count;
    return button;
  };

  /** Marks what is shown and what was said of each frame. */
  const mark = () => {
    const event = desk.frames?.event ?? [];
    const shown = desk.peeked ?? desk.item?.image;
    for (const button of by("strip").querySelectorAll(".frame")) {
      const frame = event.find((one) => one.image === button.dataset.frame);
      if (!frame) continue;
      const answer = frame.asked_at === null ? null : desk.queue.peek(frame.asked_at)?.answer;
      button.classList.toggle("asked", frame.asked_at !== null);
      button.classList.toggle("said", Boolean(answer));
      const isDamaged = button.classList.contains("damaged");
      const words = label(frame, Number(button.dataset.place), Number(button.dataset.count));
      button.setAttribute("aria-label", isDamaged ? `${words}, ${t("damaged")}` : words);
      if (frame.image === shown) {
        button.setAttribute("aria-current", "true");
        if (!desk.playing) button.scrollIntoView({ block: "nearest", inline: "nearest" });
      } else button.removeAttribute("aria-current");
      const colour = desk.session.classes.find((one) => one.name === answer?.class)?.color;
      button.style.setProperty("--colour", colour ?? "");
      const said = answer ? desk.nameOf(answer.class) : frame.asked_at === null ? "" : t("open");
      button.querySelector(".caption").textContent = isDamaged ? [t("damaged"), said].filter(Boolean).join(" · ") : said;
    }
  };

  let drawn = "";
  let isDrawn = true;
  const draw = () => {
    const event = desk.frames?.event ?? [];
    const key = event.map((frame) => frame.image).join();
    if (key !== drawn || key === "") {
      drawn = key;
      isDrawn = false;
      by("strip").replaceChildren(...event.map((frame, place) => tile(frame, place, event.length)));
      isDrawn = true;
      by("burst").classList.toggle("single", event.length < 2);
      if (event.length === 1) by("strip").append(make("p", { class: "soft", text: t("strip.single") }));
    }
    by("play").disabled = event.length < 2;
    mark();
  };

  /** Plays the event until told to stop; where motion is unwelcome, slowly. */
  strip.play = () => {
    if (desk.playing) return strip.stop();
    const event = desk.frames?.event ?? [];
    if (event.length < 2) return desk.say(t("strip.single"));
    desk.playing = true;
    desk.prefetch();
    by("play").setAttribute("aria-pressed", "true");
    by("play").replaceChildren(icon("pause"));
    desk.say(t("strip.playing", { n: event.length }));
    const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? SLOW_MS : FRAME_MS;
    const { item } = desk;
    let place = event.findIndex((frame) => frame.image === item.image);
    const turn = async () => {
      if (!desk.playing || desk.item !== item) return;
      place = (place + 1) % event.length;
      // A frame that is slow to come holds the film up instead of falling out of it.
      await desk.peek(event[place].image);
      if (desk.playing && desk.item === item) strip.clock = setTimeout(turn, pace);
    };
    turn();
    return undefined;
  };

  /** Back to the frame that is asked about. */
  strip.stop = () => {
    if (!desk.playing) return;
    desk.playing = false;
    clearTimeout(strip.clock);
    still();
    desk.peek(desk.item.image);
  };

  const still = () => {
    clearTimeout(strip.clock);
    by("play").setAttribute("aria-pressed", "false");
    by("play").replaceChildren(icon("play"));
  };

  strip.start = () => {
    by("play").addEventListener("click", strip.play);
    Trapline.on("item", () => {
      if (by("play").getAttribute("aria-pressed") === "true") still();
      draw();
    });
    Trapline.on("frames", draw);
    Trapline.on("peek", mark);
    Trapline.on("saved", mark);
    Trapline.on("changed", mark);
    Trapline.on("words", () => {
      drawn = "";
      draw();
    });
  };

  Trapline.strip = strip;
})();
