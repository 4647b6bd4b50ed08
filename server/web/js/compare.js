// Two branches beside each other, frame by frame, from the moment they part.

import { byId } from "./dom.js";

const NOTICEABLE = 40; // sum of the differences of red, green and blue, 0..765
const FADE = 0.22;

export class Compare {
  #dialog = byId("compare");
  #sides = ["left", "right"].map((side) => ({
    choice: byId(`compare-${side}`),
    canvas: byId(`compare-${side}-picture`),
    words: byId(`compare-${side}-words`),
    film: [],
  }));
  #slider = byId("compare-time");
  #play = byId("compare-play");
  #mark = byId("compare-mark");
  #branches = [];
  #fps = 8;
  #timer = 0;

  constructor() {
    byId("compare-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#pause());
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    this.#slider.addEventListener("input", () => (this.#pause(), this.#draw()));
    this.#mark.addEventListener("change", () => this.#draw());
    this.#play.addEventListener("click", () => (this.#timer ? this.#pause() : this.#run()));
    for (const { choice } of this.#sides) choice.addEventListener("change", () => this.#load());
  }

  /** Open with `first` on the left and `second` on the right; the others can be chosen. */
  async open(branches, first, second, fps) {
    this.#branches = branches;
    this.#fps = fps;
    for (const [index, { choice }] of this.#sides.entries()) {
      choice.replaceChildren(...branches.map((branch) => new Option(`World ${branch.letter}`, branch.id)));
      choice.value = [first, second][index].id;
    }
    this.#dialog.showModal();
    await this.#load();
    this.#run();
  }

  async #load() {
    const [left, right] = this.#sides.map(({ choice }) => this.#branches.find(({ id }) => id === choice.value));
    const shared = sharedSteps(left, right, this.#branches);
    const films = await Promise.all([filmOf(left, shared), filmOf(right, shared)]);
    films.forEach((film, index) => (this.#sides[index].film = film));
    this.#slider.max = Math.max(...films.map((film) => film.length)) - 1;
    this.#slider.value = 0;
    this.#draw();
  }

  #run() {
    if (Number(this.#slider.value) >= Number(this.#slider.max)) this.#slider.value = 0;
    this.#timer = setInterval(() => {
      if (Number(this.#slider.value) >= Number(this.#slider.max)) return this.#pause();
      this.#slider.value = Number(this.#slider.value) + 1;
      this.#draw();
    }, 1000 / this.#fps);
    this.#label();
  }

  #pause() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#label();
  }

  #label() {
    this.#play.setAttribute("aria-label", this.#timer ? "Pause" : "Play");
    this.#play.classList.toggle("is-playing", this.#timer !== 0);
  }

  #draw() {
    const shown = this.#sides.map(({ film }) => film[Math.min(Number(this.#slider.value), film.length - 1)]);
    const pixels = this.#sides.map(({ canvas, words }, index) => {
      const { bitmap, action } = shown[index];
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      words.textContent = action ? `“${action}”` : "The start";
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, bitmap.width, bitmap.height);
    });
    if (this.#mark.checked) this.#fadeWhatIsEqual(pixels);
  }

  /** What both worlds share steps back, so that the consequences of the words stand out. */
  #fadeWhatIsEqual([left, right]) {
    if (left.data.length !== right.data.length) return;
    for (let at = 0; at < left.data.length; at += 4) {
      const difference =
        Math.abs(left.data[at] - right.data[at]) +
        Math.abs(left.data[at + 1] - right.data[at + 1]) +
        Math.abs(left.data[at + 2] - right.data[at + 2]);
      left.data[at + 3] = right.data[at + 3] = difference > NOTICEABLE ? 255 : 255 * FADE;
    }
    [left, right].forEach((image, index) => this.#sides[index].canvas.getContext("2d").putImageData(image, 0, 0));
  }
}

/** How many steps two branches have in common, the start picture included. */
function sharedSteps(left, right, branches) {
  const most = Math.min(left.path.length, right.path.length);
  let length = 1;
  const owner = (branch, place) => ownerOf(branch, branch.path[place].step, branches);
  while (
    length < most &&
    left.path[length].step === right.path[length].step &&
    owner(left, length) === owner(right, length)
  )
    length += 1;
  return left === right ? 1 : length;
}

/** The id of the world that made this step: a fork keeps the numbers of the steps it shares and counts on from there. */
function ownerOf(branch, step, branches) {
  const { parent } = branch.world;
  if (!parent || step > parent.step) return branch.id;
  const from = branches.find(({ id }) => id === parent.world);
  return from ? ownerOf(from, step, branches) : parent.world;
}

/** The last shared picture, then every frame since, decoded. */
async function filmOf(branch, shared) {
  const film = [];
  for (const [place, { step, frames, action }] of branch.path.entries()) {
    if (place < shared - 1) continue;
    const clip = await branch.store.clip(step, frames);
    const jpegs = place === shared - 1 ? clip.slice(-1) : clip;
    for (const jpeg of jpegs) film.push({ bitmap: await createImageBitmap(jpeg), action });
  }
  return film;
}
