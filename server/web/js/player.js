// A jitter buffer: frames arrive in bursts and leave at the film's own pace.

const LONGEST_LEAD_MS = 300;

export class Player {
  #draw;
  #rest;
  #fps;
  #queue = []; // {bitmap: Promise<ImageBitmap>, frame, frames, onshown}, or with `still` instead of numbers
  #timer = 0;
  #due = 0;
  #lead = 0; // extra time given to a clip's first frame, learned from clips that ran dry
  #starved = false;
  #generation = 0;
  #drawing = false;

  /** `draw` takes an ImageBitmap; `rest` is called when the last frame that waited is on show. */
  constructor(draw, rest, fps) {
    this.#draw = draw;
    this.#rest = rest;
    this.#fps = fps;
  }

  set fps(value) {
    this.#fps = value;
  }

  get isPlaying() {
    return this.#drawing || this.#queue.length > 0;
  }

  /** Show one picture, a promise of an ImageBitmap, at once; what waited is let go. */
  show(bitmap) {
    this.clear();
    this.#queue.push({ bitmap, still: true, onshown() {} });
    this.#schedule();
  }

  /** Add frame number `frame` of a clip of `frames`, likewise; `onshown` is called once it is seen. */
  add(bitmap, frame, frames, onshown = () => {}) {
    this.#queue.push({ bitmap, frame, frames, onshown });
    if (this.#starved) this.#learn(performance.now() - this.#due);
    this.#schedule();
  }

  /** Forget what waits. */
  clear() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#queue = [];
    this.#starved = false;
    this.#due = 0;
    this.#generation += 1;
  }

  #schedule() {
    if (this.#timer || this.#drawing || !this.#queue.length) return;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#due - performance.now()));
  }

  async #tick() {
    this.#timer = 0;
    const generation = this.#generation;
    const item = document.hidden ? this.#skipToLast() : this.#queue.shift();
    if (!item) return;
    this.#drawing = true;
    const bitmap = await item.bitmap.catch(() => null); // a damaged frame is skipped
    this.#drawing = false;
    if (generation !== this.#generation) {
      this.#schedule();
      return;
    }
    if (bitmap) this.#draw(bitmap);
    if (!item.still) this.#pace(item);
    item.onshown();
    if (this.#queue.length) this.#schedule();
    else this.#rest();
  }

  #pace({ frame, frames }) {
    const period = 1000 / this.#fps / this.#haste();
    this.#due = Math.max(this.#due, performance.now() - period) + period + (frame === 0 ? this.#lead : 0);
    this.#starved = !this.#queue.length && frame < frames - 1;
  }

  /** Nobody looks: frames are not played, but each is accounted for. */
  #skipToLast() {
    while (this.#queue.length > 1) this.#queue.shift().onshown();
    return this.#queue.shift();
  }

  /** Faster than life when clips pile up, so that the newest action is never far. */
  #haste() {
    const waiting = this.#queue.length;
    return waiting > 16 ? 2.5 : waiting > 8 ? 1.5 : 1;
  }

  #learn(late) {
    this.#starved = false;
    this.#lead = late > 0 ? Math.min(LONGEST_LEAD_MS, Math.max(this.#lead, late)) : this.#lead * 0.9;
  }
}
