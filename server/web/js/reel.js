// Small films that play beside each other: all begin together, each holds its last picture until the longest has ended.

import { el } from "./dom.js";
import { addressOf, image } from "./media.js";

const REST_SECONDS = 0.9;

export class Reel {
  #films = new Set();
  #timer = 0;
  #began = 0;
  #isOpen = false;
  #isPaused = matchMedia("(prefers-reduced-motion: reduce)").matches;

  get isPaused() {
    return this.#isPaused;
  }

  /** A film of what is at `url` that takes part until it is let go; where it can't play, the picture at `still`. */
  film(url, still, label) {
    const video = el("video", { muted: true, playsinline: true, disablepictureinpicture: true, tabindex: -1 });
    video.muted = true; // the attribute alone doesn't count for a film that the page made
    const element = el("div", { class: "film", role: "img", "aria-label": label }, video);
    const fail = () => {
      this.#films.delete(video);
      video.replaceWith(image(still, { alt: "" }));
    };
    video.addEventListener("loadedmetadata", () => this.#join(video), { once: true });
    video.addEventListener("error", fail, { once: true });
    addressOf(url).then((address) => (video.src = address), fail);
    element.letGo = () => this.#drop(video);
    return element;
  }

  /** While it is closed nothing plays. */
  open() {
    this.#isOpen = true;
    this.#round();
  }

  close() {
    this.#isOpen = false;
    this.#halt();
  }

  toggle() {
    this.#isPaused = !this.#isPaused;
    if (this.#isPaused) this.#halt();
    else this.#round();
  }

  get #plays() {
    return this.#isOpen && !this.#isPaused;
  }

  #join(video) {
    this.#films.add(video);
    if (!this.#plays) {
      video.currentTime = video.duration;
    } else if (this.#timer) {
      const elapsed = (performance.now() - this.#began) / 1000;
      video.currentTime = Math.min(elapsed, video.duration);
      if (elapsed < video.duration) video.play().catch(() => {});
      this.#schedule();
    } else {
      this.#round();
    }
  }

  #drop(video) {
    this.#films.delete(video);
    video.pause();
    URL.revokeObjectURL(video.src);
  }

  #round() {
    this.#halt();
    if (!this.#plays || !this.#films.size) return;
    this.#began = performance.now();
    for (const video of this.#films) {
      video.currentTime = 0;
      video.play().catch(() => {}); // let go, or the page is hidden
    }
    this.#schedule();
  }

  #schedule() {
    clearTimeout(this.#timer);
    const seconds = Math.max(...[...this.#films].map(({ duration }) => duration)) + REST_SECONDS;
    const left = this.#began + seconds * 1000 - performance.now();
    this.#timer = setTimeout(() => this.#round(), Math.max(0, left));
  }

  #halt() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    for (const video of this.#films) video.pause();
  }
}
