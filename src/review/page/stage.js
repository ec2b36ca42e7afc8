"use strict";
// The picture's place: fits it, zooms to the pointer and pans. Zoom and centre stay from picture to picture, in parts of the
// picture.
(() => {
  const { by } = Trapline;
  const MAX_ZOOM = 24;
  const stage = { zoom: 1, x: 0.5, y: 0.5, element: null };
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  const size = () => {
    const { element } = stage;
    return [element.naturalWidth || element.width || 1, element.naturalHeight || element.height || 1];
  };

  /** Screen pixels per pixel of the picture when it just fits. */
  const fit = () => {
    const [width, height] = size();
    return Math.min(stage.box.clientWidth / width, stage.box.clientHeight / height);
  };

  /** Puts the picture where zoom and centre say. */
  stage.place = () => {
    if (!stage.element) return;
    const [width, height] = size();
    const scale = fit() * stage.zoom;
    const along = (centre, length, box) => {
      const half = box / 2 / (length * scale);
      return half >= 0.5 ? 0.5 : clamp(centre, half, 1 - half);
    };
    const [boxWidth, boxHeight] = [stage.box.clientWidth, stage.box.clientHeight];
    const x = along(stage.x, width, boxWidth);
    const y = along(stage.y, height, boxHeight);
    if (stage.zoom > 1) Object.assign(stage, { x, y });
    const style = stage.element.style;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform = `translate(${boxWidth / 2 - x * width * scale}px, ${boxHeight / 2 - y * height * scale}px) scale(${scale})`;
    stage.box.dataset.zoom = stage.zoom.toFixed(2);
    stage.box.classList.toggle("zoomed", stage.zoom > 1.001);
  };

  /** Shows an image or a canvas instead of what is there. */
  stage.show = (element) => {
    if (stage.element && stage.element !== element) {
      stage.element.removeAttribute("id");
    }
    stage.element = element;
    element.id = "image";
    by("view").replaceChildren(element);
    stage.place();
  };

  stage.clear = () => {
    stage.element?.removeAttribute("id");
    stage.element = null;
    by("view").replaceChildren();
  };

  /** Zooms by a factor; what is under the point (pixels of the stage) stays there. */
  stage.zoomBy = (factor, point = null) => {
    if (!stage.element) return;
    const [width, height] = size();
    const [px, py] = point ?? [stage.box.clientWidth / 2, stage.box.clientHeight / 2];
    const before = fit() * stage.zoom;
    const [dx, dy] = [px - stage.box.clientWidth / 2, py - stage.box.clientHeight / 2];
    const [atX, atY] = [stage.x + dx / (width * before), stage.y + dy / (height * before)];
    stage.zoom = clamp(stage.zoom * factor, 1, MAX_ZOOM);
    if (stage.zoom < 1.02) stage.zoom = 1;
    const after = fit() * stage.zoom;
    stage.x = stage.zoom === 1 ? 0.5 : atX - dx / (width * after);
    stage.y = stage.zoom === 1 ? 0.5 : atY - dy / (height * after);
    stage.place();
  };

  stage.reset = () => {
    Object.assign(stage, { zoom: 1, x: 0.5, y: 0.5 });
    stage.place();
  };

  /** Moves what is seen by pixels of the stage. */
  stage.panBy = (dx, dy) => {
    if (!stage.element) return;
    const [width, height] = size();
    const scale = fit() * stage.zoom;
    stage.x -= dx / (width * scale);
    stage.y -= dy / (height * scale);
    stage.place();
  };

  const fingers = new Map();
  let swipe = null;
  const pointOf = (event) => {
    const box = stage.box.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const spread = () => {
    const [[ax, ay], [bx, by_]] = [...fingers.values()];
    return { distance: Math.hypot(ax - bx, ay - by_), middle: [(ax + bx) / 2, (ay + by_) / 2] };
  };

  const down = (event) => {
    if (event.target.closest("button") || event.button > 0) return;
    stage.box.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, pointOf(event));
    swipe = fingers.size === 1 && event.pointerType === "touch" && stage.zoom === 1 ? pointOf(event) : null;
  };

  const move = (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = pointOf(event);
    if (fingers.size === 2) {
      const old = spread();
      fingers.set(event.pointerId, now);
      const fresh = spread();
      stage.panBy(fresh.middle[0] - old.middle[0], fresh.middle[1] - old.middle[1]);
      if (old.distance > 0) stage.zoomBy(fresh.distance / old.distance, fresh.middle);
      return;
    }
    fingers.set(event.pointerId, now);
    if (stage.zoom > 1) stage.panBy(now[0] - before[0], now[1] - before[1]);
  };

  const up = (event) => {
    const at = fingers.get(event.pointerId);
    fingers.delete(event.pointerId);
    if (!swipe || !at || event.type !== "pointerup") return;
    const [dx, dy] = [at[0] - swipe[0], at[1] - swipe[1]];
    swipe = null;
    if (Math.abs(dx) > 60 && Math.abs(dy) < Math.abs(dx) / 2) Trapline.tell("swipe", dx < 0 ? 1 : -1);
  };

  stage.start = () => {
    stage.box = by("stage");
    stage.box.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const lines = event.deltaMode === 1 ? 20 : 1;
        // A pinch on a touchpad arrives as a wheel with Ctrl and small steps.
        stage.zoomBy(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), pointOf(event));
      },
      { passive: false },
    );
    stage.box.addEventListener("pointerdown", down);
    stage.box.addEventListener("pointermove", move);
    stage.box.addEventListener("pointerup", up);
    stage.box.addEventListener("pointercancel", up);
    stage.box.addEventListener("dblclick", (event) => {
      if (event.target.closest("button")) return;
      if (stage.zoom > 1) stage.reset();
      else stage.zoomBy(Math.max(2, 1 / fit()), pointOf(event));
    });
    new ResizeObserver(stage.place).observe(stage.box);
    by("zoom-in").addEventListener("click", () => stage.zoomBy(1.5));
    by("zoom-out").addEventListener("click", () => stage.zoomBy(1 / 1.5));
    by("zoom-fit").addEventListener("click", stage.reset);
  };

  Trapline.stage = stage;
})();
