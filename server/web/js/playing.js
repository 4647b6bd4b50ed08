// A sequence of actions that plays in a world, one after another, until a person acts.

import { byId, count } from "./dom.js";

const PATIENCE_MS = 3000; // after a break the path tells late that an action was done

export class Playing {
  #bar = byId("playing");
  #words = byId("playing-words");
  #share = byId("playing-share");
  #branch = null;
  #actions = [];
  #base = 0; // length of the path at the beginning
  #said = 0;
  #turn = null;
  #lostAt = 0;
  #tell;

  /** `tell(text)` hears of the end, in words. */
  constructor(tell) {
    this.#tell = tell;
    byId("playing-stop").addEventListener("click", () => this.stop());
  }

  start(branch, actions) {
    this.stop();
    this.#branch = branch;
    this.#actions = actions;
    this.#base = branch.path.length;
    this.#said = 0;
    this.check();
  }

  /** Something has changed: go on, wait, or stop. */
  check() {
    const branch = this.#branch;
    if (!branch) return;
    const done = branch.path.length - this.#base;
    const isOurs = branch.path.slice(this.#base).every(({ action }, place) => action === this.#actions[place]);
    if (branch.ended || branch.looking !== null || done < 0 || done > this.#said || !isOurs) return this.stop();
    if (done < this.#said) return this.#await();
    this.#lostAt = 0;
    if (branch.isBusy || branch.player.isPlaying) return; // let it be seen first
    if (done === this.#actions.length) return this.#finish();
    this.#said += 1;
    this.#turn = branch.act(this.#actions[done]);
    this.#show();
  }

  /** Leave the rest undone. */
  stop() {
    if (!this.#branch) return;
    const done = Math.max(0, Math.min(this.#said, this.#branch.path.length - this.#base));
    this.#end(`Stopped after ${done} of ${count(this.#actions.length, "action")}.`);
  }

  /** What was said is not done yet: is it still on its way? */
  #await() {
    if (this.#turn.phase === "replaced") return this.stop();
    if (this.#branch.turns.includes(this.#turn) || this.#branch.connection !== "open") {
      this.#lostAt = 0;
      return;
    }
    this.#lostAt ||= performance.now();
    const left = this.#lostAt + PATIENCE_MS - performance.now();
    if (left <= 0) this.stop();
    else setTimeout(() => this.check(), left + 1);
  }

  #finish() {
    this.#end(`Done: ${count(this.#actions.length, "action")}.`);
  }

  #end(text) {
    this.#branch = null;
    this.#bar.hidden = true;
    if (this.#actions.length > 1) this.#tell(text);
  }

  #show() {
    this.#bar.hidden = this.#actions.length < 2;
    this.#words.textContent = `${this.#said} of ${this.#actions.length} · ${this.#actions[this.#said - 1]}`;
    this.#share.value = this.#said / this.#actions.length;
  }
}
