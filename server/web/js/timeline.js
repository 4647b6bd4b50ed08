// The film of a branch as a strip: one moment a step, then what is being made and what waits.

import { frameUrl } from "./api.js";
import { el, iconButton } from "./dom.js";
import { image } from "./media.js";

const PHASES = { sending: "sending", queued: "next", running: "imagining", replaced: "replaced" };

export class Timeline {
  #items = new Map(); // key -> li, so that pictures stay where they are
  #hear;
  #branch;
  #length = 0;

  /** `hear` has `look(step)`, `fork(step)` and `rewind(step)`. */
  constructor(branch, hear) {
    this.#branch = branch;
    this.#hear = hear;
    this.element = el("ol", { class: "timeline", "aria-label": `Timeline of world ${branch.letter}` });
  }

  render() {
    const { path, turns, head, shown } = this.#branch;
    const keys = new Map();
    path.forEach((step, place) => keys.set(`s${step.step}`, () => this.#moment(step, place)));
    turns.forEach((turn) => keys.set(`t${turn.id}`, () => this.#waiting()));
    for (const [key, item] of [...this.#items]) {
      if (keys.has(key)) continue;
      item.remove();
      this.#items.delete(key);
    }
    let place = 0;
    for (const [key, make] of keys) {
      if (!this.#items.has(key)) this.#items.set(key, make());
      const item = this.#items.get(key);
      if (this.element.children[place] !== item) this.element.insertBefore(item, this.element.children[place] ?? null);
      place += 1;
    }
    for (const { step } of path) {
      const item = this.#items.get(`s${step}`);
      item.classList.toggle("is-shown", step === shown.step);
      item.classList.toggle("is-head", step === head.step);
      item.firstChild.setAttribute("aria-current", step === shown.step ? "step" : "false");
    }
    for (const turn of turns) this.#say(this.#items.get(`t${turn.id}`), turn);
    if (path.length + turns.length > this.#length) this.#reveal(this.element.lastChild);
    this.#length = path.length + turns.length;
  }

  #moment({ step, action, timings, description }, place) {
    const words = action ?? "The start";
    const made = timings?.generate ? el("span", { class: "moment-time" }, `${Math.round(timings.generate)} ms`) : null;
    const look = el(
      "button",
      {
        type: "button",
        class: "moment-look",
        "aria-label": `Step ${place}: ${words}. Replay`,
        onclick: () => this.#hear.look(step),
      },
      el(
        "span",
        { class: "moment-picture" },
        image(frameUrl(this.#branch.id, step), { alt: "", width: 128, height: 128 }),
      ),
      el(
        "span",
        { class: "moment-words" },
        el("span", { class: "moment-number" }, String(place)),
        el("span", { class: "moment-text" }, words),
        description ? el("span", { class: "moment-note" }, description) : null,
        made,
      ),
    );
    const tools = el(
      "span",
      { class: "moment-tools" },
      iconButton("fork", `Fork from step ${place}`, () => this.#hear.fork(step), { "data-fork": step }),
      iconButton("rewind", `Rewind to step ${place}`, () => this.#hear.rewind(step), {
        "data-rewind": step,
        class: "icon-button rewind",
      }),
    );
    return el("li", { class: "moment", "data-step": step }, look, tools);
  }

  #waiting() {
    const text = el("span", { class: "moment-text" });
    const phase = el("span", { class: "moment-time" });
    const picture = el("span", { class: "moment-picture" }, el("span", { class: "moment-phase" }));
    return el(
      "li",
      { class: "moment is-waiting" },
      el("span", { class: "moment-look" }, picture, el("span", { class: "moment-words" }, text, phase)),
    );
  }

  #say(item, { text, phase }) {
    item.dataset.phase = phase;
    item.querySelector(".moment-text").textContent = text;
    for (const name of [".moment-phase", ".moment-time"]) item.querySelector(name).textContent = PHASES[phase];
  }

  /** Scroll the strip, never the page. */
  #reveal(item) {
    const list = this.element;
    requestAnimationFrame(() =>
      list.scrollTo({ left: item.offsetLeft, top: item.offsetTop - list.clientHeight / 2, behavior: "smooth" }),
    );
  }
}
