"use strict";
// Brings the pictures of the desk: this one, those of its event, and the next ones ahead of time.
(() => {
  const { t, tell, stage, seeing, desk } = Trapline;
  const PREFETCH = 10;
  const frames = new Map();

  desk.framesOf = (image) => {
    let found = frames.get(image);
    if (!found) {
      found = { value: null, promise: null };
      found.promise = desk.source.frames(desk.reviewer, image).then((value) => (found.value = value));
      found.promise.catch(() => frames.delete(image));
      frames.set(image, found);
      if (frames.size > 300) frames.delete(frames.keys().next().value);
    }
    return found;
  };

  /** The width of a picture to be shown small: the full one where it comes anyway. */
  desk.widthOf = (image) => (desk.pictures.has(image) ? null : desk.SMALL);

  /** The frames of the event that are played next, round and round: an event of hundreds is not held at once. */
  const film = () => {
    const { event } = desk.frames;
    const place = event.findIndex((frame) => frame.image === (desk.peeked ?? desk.item.image));
    return [...event.slice(place), ...event.slice(0, place)].slice(0, PREFETCH);
  };

  /** Orders pictures ahead of time: this one, the next, the small ones of the event, nine more, the two neighbours. */
  desk.prefetch = () => {
    const { item, queue } = desk;
    if (!item) return;
    const list = [];
    const full = (image) => list.push({ image, width: null });
    const small = ({ image }) => list.push({ image, width: desk.pictures.has(image) ? null : desk.SMALL });
    const withBefore = (image, near) => {
      full(image);
      const known = near || seeing.difference ? desk.framesOf(image) : frames.get(image);
      if (seeing.difference && known?.value?.previous) full(known.value.previous);
      else if (seeing.difference)
        known?.promise.then(
          () => clearTimeout(later) ?? (later = setTimeout(desk.prefetch, 30)),
          () => {},
        );
    };
    const ahead = queue.openAhead(item.at, PREFETCH);
    withBefore(item.image, true);
    if (desk.playing) for (const frame of film()) full(frame.image);
    if (ahead[0]) withBefore(ahead[0].image, true);
    for (const frame of desk.frames?.event ?? []) small(frame);
    for (const at of [item.at + 1, item.at - 1]) if (queue.peek(at)) full(queue.peek(at).image);
    ahead.slice(1).forEach((next, place) => withBefore(next.image, place < 2));
    if (ahead[0] && ahead[0].event !== item.event) {
      for (const frame of frames.get(ahead[0].image)?.value?.event ?? []) small(frame);
    }
    desk.pictures.want(list);
  };
  let later = 0;

  /** Puts a picture on the stage, or what differs from the one before it. */
  desk.paint = async () => {
    const { item } = desk;
    const image = desk.peeked ?? item.image;
    let note = desk.peeked && !desk.playing ? t("stage.peek") : "";
    let element = desk.pictures.peek(image);
    if (!element) {
      stage.clear();
      const slow = setTimeout(() => tell("note", t("stage.loading")), 150);
      try {
        element = await desk.pictures.get(image);
      } finally {
        clearTimeout(slow);
      }
      if (desk.item !== item || (desk.peeked ?? item.image) !== image) return;
    }
    if (seeing.difference && !desk.playing) {
      const { previous } = await desk.framesOf(image).promise.catch(() => ({}));
      if (previous) {
        const before = await desk.pictures.get(previous);
        if (desk.item !== item || (desk.peeked ?? item.image) !== image) return;
        element = seeing.between(element, before);
        note = t("stage.difference");
      } else note = t("stage.no_previous");
    }
    const place = t("position", { at: item.at + 1, total: desk.queue.total });
    const alt = [place, item.site, item.file, item.time && Trapline.civil(item.time)].filter(Boolean).join(", ");
    if (element instanceof HTMLImageElement) element.alt = alt;
    else element.setAttribute("aria-label", `${t("difference")}. ${alt}`);
    element.dataset.image = image;
    element.dataset.at = item.at;
    stage.show(element);
    // A browser shows what it can make out of a damaged file, and says nothing.
    const { damage } = desk.pictures.peek(image)?.dataset ?? {};
    tell("note", [damage ? t("stage.damage", { damage }) : "", note].filter(Boolean).join(" "));
  };

  const paintOrSay = async () => {
    const { item } = desk;
    try {
      await desk.paint();
      failures = 0;
      return true;
    } catch (error) {
      if (error.code === "aborted") return true;
      stage.clear();
      tell("note", error.code === "damaged" ? `${t("stage.damaged")} ${error.message}` : `${error.message} ${t("stage.again")}`);
      if (error.code !== "damaged") paintLater(item);
      // A damaged picture was seen to be damaged, and may be answered; one that never came may not.
      return error.code === "damaged";
    }
  };
  let failures = 0;
  let again = 0;

  /** A picture that did not come is asked for again, while somebody waits for it. */
  const paintLater = (item) => {
    clearTimeout(again);
    again = setTimeout(async () => {
      if (desk.item !== item || desk.isEnded || desk.playing) return;
      const isSeen = await paintOrSay();
      if (desk.item !== item || desk.peeked) return;
      desk.isSeen = isSeen && stage.element !== null;
      if (desk.isSeen) desk.prefetch();
    }, Trapline.Pictures.pause(failures));
    failures += 1;
  };

  Trapline.on("look", () => {
    if (!desk.item) return;
    desk.prefetch();
    desk.turn(async () => {
      const isSeen = await paintOrSay();
      if (!desk.peeked) desk.isSeen ||= isSeen;
    });
  });

  /** Shows an item and waits until its picture is there. */
  desk.show = async (item) => {
    Object.assign(desk, {
      item,
      at: item.at,
      peeked: null,
      playing: false,
      isEnded: false,
      frames: desk.framesOf(item.image).value,
    });
    tell("item", item);
    const painted = paintOrSay();
    desk.prefetch();
    if (!desk.frames) {
      desk.framesOf(item.image).promise.then(
        (value) => {
          if (desk.item !== item) return;
          desk.frames = value;
          tell("frames");
          desk.prefetch();
        },
        () => {},
      );
    }
    desk.isSeen = await painted;
    Trapline.memory.write(desk.placeKey, String(item.at));
  };

  /** Shows another frame of the event for a moment; null goes back. */
  desk.peek = async (image) => {
    desk.peeked = image === desk.item.image ? null : image;
    tell("peek");
    if (desk.playing) desk.prefetch();
    await paintOrSay();
  };
})();
