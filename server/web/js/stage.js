// Where a world is seen: a canvas that enlarges the small film smoothly, in the light that the picture gives off.

import { el } from "./dom.js";

const NOTICEABLE = 8; // of 255: smaller changes of the light are not worth a repaint

export class Stage {
  #picture = el("canvas", { class: "stage-picture", role: "img", "aria-label": "The world", width: 1, height: 1 });
  #meter = el("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  #light = [-255, 0, 0];
  #bitmap = null;
  #width = 0;

  constructor() {
    this.element = el("div", { class: "stage" }, this.#picture);
    new ResizeObserver(([entry]) => this.#resize(entry.contentRect.width)).observe(this.element);
  }

  /** What a screen reader says of the picture. */
  set label(text) {
    this.#picture.setAttribute("aria-label", text);
  }

  /** Show an ImageBitmap; the stage keeps it for redrawing. */
  draw(bitmap) {
    this.#bitmap = bitmap;
    this.#paint();
    this.#shine();
    this.element.classList.add("is-lit");
  }

  /** The picture's average colour becomes the light around it. */
  #shine() {
    this.#meter.imageSmoothingQuality = "high";
    this.#meter.drawImage(this.#bitmap, 0, 0, 1, 1);
    const light = [...this.#meter.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    if (light.every((value, channel) => Math.abs(value - this.#light[channel]) < NOTICEABLE)) return;
    this.#light = light;
    this.element.style.setProperty("--light", light.join(" "));
  }

  #resize(width) {
    this.#width = Math.round(width * Math.min(2, devicePixelRatio));
    if (this.#width && this.#bitmap) this.#paint();
  }

  #paint() {
    const canvas = this.#picture;
    const aspect = this.#bitmap.width / this.#bitmap.height;
    const width = this.#width || this.#bitmap.width;
    const height = Math.round(width / aspect);
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      (this.element.closest(".card-body") ?? this.element).style.setProperty("--aspect", aspect);
    }
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high"; // bicubic, where CSS alone would be bilinear
    context.drawImage(this.#bitmap, 0, 0, width, height);
  }
}
