// A dialog in which the service thinks ahead from a moment of a world: what goes wrong is said in it, films play in it.

import { byId } from "./dom.js";
import { Reel } from "./reel.js";

export class Sheet {
  reel = new Reel();
  #dialog;
  #from;
  #error;
  #heard;
  #pause;

  constructor(id, closed = () => {}) {
    this.#dialog = byId(id);
    this.#from = this.find(".sheet-from");
    this.#error = this.find(".sheet-error");
    this.#heard = this.find(".sheet-heard");
    this.#pause = this.find(".sheet-pause");
    this.find(".sheet-close").addEventListener("click", () => this.close());
    this.#pause.addEventListener("click", () => (this.reel.toggle(), this.#showPause()));
    this.#dialog.addEventListener("close", () => (this.reel.close(), closed()));
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.close());
    this.#showPause();
  }

  get isOpen() {
    return this.#dialog.open;
  }

  find(selector) {
    return this.#dialog.querySelector(selector);
  }

  /** Show it for that moment. */
  open(moment) {
    this.#dialog.style.setProperty("--branch", `var(--branch-${moment.branch.letter.charCodeAt(0) % 6})`);
    const words = moment.action ? `after “${moment.action}”` : "from the start";
    this.#from.textContent = moment.isNow ? `${words}` : `${words}, step ${moment.place} of the past`;
    this.forgive();
    if (!this.isOpen) this.#dialog.showModal();
    this.reel.open();
  }

  close() {
    if (this.isOpen) this.#dialog.close();
  }

  /** An error in its own words, read out at once; toasts would lie under the dialog. */
  complain(error) {
    if (!error.code) console.error(error);
    this.refuse(error.code ? error.message : "Something went wrong on this page. Reload it if it goes on.");
  }

  refuse(reason) {
    this.#error.textContent = reason;
    this.#error.hidden = false;
    this.#error.scrollIntoView({ block: "nearest" });
  }

  forgive() {
    this.#error.hidden = true;
    this.#error.textContent = "";
  }

  /** For those who don't see what has come. */
  announce(text) {
    this.#heard.textContent = text;
  }

  #showPause() {
    const label = this.reel.isPaused ? "Play the films" : "Pause the films";
    this.#pause.setAttribute("aria-label", label);
    this.#pause.title = label;
    this.#pause.classList.toggle("is-playing", !this.reel.isPaused);
  }
}

/** The moment of a branch that is looked at: `{branch, step, place, action, isNow}`. */
export function momentOf(branch) {
  const step = branch.looking ?? branch.head.step;
  const place = branch.path.findIndex((entry) => entry.step === step);
  return { branch, step, place, action: branch.path[place].action, isNow: branch.looking === null };
}

export const isSameMoment = (a, b) => a?.branch === b?.branch && a?.step === b?.step;

/** The kind of world whose rules read a branch's pictures; undefined where nobody can tell. */
export function readoutOf(branch, scenes) {
  const own = scenes.find(({ id }) => id === branch.world.scene)?.world;
  const kinds = new Set(scenes.map(({ world }) => world));
  return own ?? branch.world.novelty?.world ?? (kinds.size === 1 ? [...kinds][0] : undefined);
}
