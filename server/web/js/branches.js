// The branches of one family of worlds, side by side; one of them is active.

import { Branch } from "./branch.js";
import { Card } from "./card.js";
import { byId } from "./dom.js";

const MOST = 12; // streams that one page keeps open

export class Branches {
  active = null;
  #shown = new Map(); // id -> {branch, card}
  #tell;
  #hear;
  #grid = byId("branches");
  #letters = 0;
  #dirty = new Set();

  /** `hear`: what the cards' buttons do. `tell`: `activated()`, `change()`, `fail(branch, detail, text)`, `pause(branch)`, `status(text)`. */
  constructor(hear, tell) {
    this.#hear = hear;
    this.#tell = tell;
  }

  get all() {
    return [...this.#shown.values()].map(({ branch }) => branch);
  }

  find(id) {
    return this.#shown.get(id)?.branch ?? null;
  }

  /** Show a world, given its WorldDetail, and make it the active one. */
  open(detail, { fps, activate = true }) {
    const parent = detail.parent ? this.find(detail.parent.world) : null;
    const letter = String.fromCharCode(65 + (this.#letters++ % 26));
    const tell = {
      change: (branch) => this.#later(branch),
      fail: (branch, text, sentence) => this.#tell.fail(branch, text, sentence),
      pause: (branch) => this.#tell.pause(branch),
      status: (text) => this.#tell.status(this.#shown.size > 1 ? `World ${letter}. ${text}` : text),
    };
    const branch = new Branch(detail, tell, { letter, parent, fps });
    const card = new Card(branch, { ...this.#hear, activate: (other) => this.activate(other) }, parent);
    this.#shown.set(branch.id, { branch, card });
    this.#grid.append(card.element);
    card.render();
    if (activate || !this.active) this.activate(branch);
    this.#arrange();
    while (this.#shown.size > MOST) this.close(this.all.find((other) => other !== this.active));
    return branch;
  }

  activate(branch) {
    if (branch === this.active || !this.#shown.has(branch.id)) return;
    this.active = branch;
    for (const { branch: other, card } of this.#shown.values()) {
      card.element.classList.toggle("is-active", other === branch);
      if (other === branch) this.#bringIntoView(card.element);
    }
    this.#tell.activated(branch);
  }

  /** The branch at that place, from 0. */
  activateAt(place) {
    const branch = this.all[place];
    if (branch) this.activate(branch);
  }

  /** Take a branch off the page; the world itself goes on. */
  close(branch) {
    const { card } = this.#shown.get(branch.id);
    this.#shown.delete(branch.id);
    branch.close();
    card.element.remove();
    if (branch === this.active) {
      this.active = null;
      const next = this.all.at(-1);
      if (next) this.activate(next);
    }
    this.#arrange();
  }

  clear() {
    for (const branch of this.all) this.close(branch);
    this.#letters = 0;
  }

  #arrange() {
    this.#grid.dataset.count = this.#shown.size;
    this.#grid.classList.toggle("is-single", this.#shown.size === 1);
  }

  /** Sideways only, where branches are a row to swipe through. */
  #bringIntoView(element) {
    requestAnimationFrame(() => this.#grid.scrollTo({ left: element.offsetLeft - 16, behavior: "smooth" }));
  }

  /** Many changes in one turn of the loop are one rendering. */
  #later(branch) {
    if (!this.#dirty.size) queueMicrotask(() => this.#renderDirty());
    this.#dirty.add(branch);
  }

  #renderDirty() {
    const branches = [...this.#dirty];
    this.#dirty.clear();
    for (const branch of branches) this.#shown.get(branch.id)?.card.render();
    this.#tell.change();
  }
}
