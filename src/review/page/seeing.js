"use strict";
// Brightness, contrast and gamma of what is shown, and the difference to the frame before. Pictures are drawn, never read: a page
// sent as a file may not read the pixels of pictures beside it.
(() => {
  const { by, memory, stage } = Trapline;
  const SLIDERS = ["brightness", "contrast", "gamma"];
  const seeing = { difference: false };

  const values = () => SLIDERS.map((name) => 2 ** Number(by(name).value));

  const apply = () => {
    const [brightness, contrast, gamma] = values();
    for (const part of by("gamma-filter").querySelectorAll("[type=gamma]")) part.setAttribute("exponent", String(1 / gamma));
    const parts = [];
    if (gamma !== 1) parts.push("url(#gamma-filter)");
    if (brightness !== 1) parts.push(`brightness(${brightness})`);
    if (contrast !== 1) parts.push(`contrast(${contrast})`);
    by("view").style.filter = parts.join(" ");
    const changed = parts.length > 0;
    by("look").classList.toggle("changed", changed || seeing.difference);
    for (const name of SLIDERS) {
      const slider = by(name);
      slider.setAttribute("aria-valuetext", Trapline.words.share(2 ** Number(slider.value)));
    }
  };

  /** What differs between two pictures, made four times as bright: what stands still becomes black. */
  seeing.between = (picture, before) => {
    const canvas = Trapline.make("canvas", { width: picture.naturalWidth, height: picture.naturalHeight, role: "img" });
    const paint = canvas.getContext("2d");
    paint.drawImage(before, 0, 0, canvas.width, canvas.height);
    paint.globalCompositeOperation = "difference";
    paint.drawImage(picture, 0, 0, canvas.width, canvas.height);
    paint.globalCompositeOperation = "lighter";
    paint.drawImage(canvas, 0, 0);
    paint.drawImage(canvas, 0, 0);
    return canvas;
  };

  seeing.toggle = () => {
    seeing.difference = !seeing.difference;
    by("difference").setAttribute("aria-pressed", String(seeing.difference));
    apply();
    Trapline.tell("look");
  };

  seeing.reset = () => {
    for (const name of SLIDERS) by(name).value = "0";
    if (seeing.difference) seeing.toggle();
    apply();
    keep();
    stage.reset();
  };

  const keep = () => memory.write("look", JSON.stringify(SLIDERS.map((name) => by(name).value)));

  seeing.start = () => {
    const kept = JSON.parse(memory.read("look") ?? "null");
    SLIDERS.forEach((name, at) => {
      if (kept?.[at]) by(name).value = kept[at];
      by(name).addEventListener("input", () => {
        apply();
        keep();
      });
    });
    by("difference").addEventListener("click", seeing.toggle);
    by("look-reset").addEventListener("click", seeing.reset);
    apply();
    if (by("look").classList.contains("changed")) by("look").open = true;
  };

  Trapline.seeing = seeing;
})();
