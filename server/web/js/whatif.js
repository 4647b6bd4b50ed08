// "What if?": several things to do, and what would come of each, beside each other. The world itself is not touched.

import { api, follow } from "./api.js";
import { byId, count, el, icon } from "./dom.js";
import { sequenceOf } from "./facts.js";
import { FutureTile } from "./future.js";
import { Sheet, isSameMoment, momentOf, readoutOf } from "./sheet.js";

const CHOSEN_AT_FIRST = 6;
const MOST_ACTIONS = 32;

export class WhatIf {
  limit = 500;
  scenes = [];
  #sheet = new Sheet("what-if", () => this.#stop());
  #form = byId("what-if-form");
  #ideas = byId("what-if-ideas");
  #own = byId("what-if-own");
  #goal = byId("what-if-goal");
  #tries = byId("what-if-tries");
  #go = byId("what-if-go");
  #bar = byId("what-if-progress");
  #grid = byId("futures");
  #known = new Map(); // words -> {actions, isChosen}
  #moment = null;
  #run = null; // {id, tiles, controller}
  #tiles = [];
  #hear;

  /** `hear` has `play(moment, actions)`. */
  constructor(hear) {
    this.#hear = hear;
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("keydown", (event) => this.#key(event));
    byId("what-if-add").addEventListener("click", () => this.#add());
    this.#go.addEventListener("click", () => (this.#run ? this.#stop() : this.#begin()));
  }

  /** Open on what a branch shows now, with sentences to choose from; `draft` is one that was typed already. */
  open(branch, { suggestions, goals, used, draft }) {
    const moment = momentOf(branch);
    if (this.#moment?.branch !== branch) this.#known.clear();
    if (!isSameMoment(this.#moment, moment)) this.#clear();
    this.#moment = moment;
    for (const text of suggestions) {
      const isFresh = !used.has(text) && this.#known.size < CHOSEN_AT_FIRST;
      if (!this.#known.has(text)) this.#known.set(text, { actions: [text], isChosen: isFresh });
    }
    this.#own.placeholder = suggestions.slice(0, 2).join(" then ");
    this.#goal.placeholder = goals[0] ?? "";
    this.#showIdeas();
    this.#sheet.open(moment);
    if (draft) {
      this.#own.value = draft;
      this.#add();
    }
    this.#own.focus({ preventScroll: true });
  }

  /** Forget everything: its world is left. */
  reset() {
    this.#sheet.close();
    this.#clear();
    this.#known.clear();
    this.#moment = null;
  }

  get #chosen() {
    return [...this.#known.values()].filter(({ isChosen }) => isChosen).map(({ actions }) => actions);
  }

  /** Enter takes in what is typed, and begins where nothing is. */
  #key(event) {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input")) return;
    event.preventDefault();
    if (event.target === this.#own && this.#own.value.trim()) this.#add();
    else this.#begin();
  }

  #showIdeas() {
    const toggle = (idea, button) => {
      idea.isChosen = !idea.isChosen;
      button.setAttribute("aria-pressed", idea.isChosen);
      this.#label();
    };
    const chip = ([words, idea]) =>
      el(
        "button",
        {
          type: "button",
          class: "idea",
          "aria-pressed": String(idea.isChosen),
          onclick: (event) => toggle(idea, event.currentTarget),
        },
        icon("check"),
        words,
      );
    this.#ideas.replaceChildren(...[...this.#known].map(chip));
    this.#label();
  }

  #label() {
    this.#go.textContent = this.#run ? "Stop" : `Imagine ${count(this.#chosen.length, "future")}`;
    this.#go.classList.toggle("primary", !this.#run);
  }

  #add() {
    const actions = sequenceOf(this.#own.value);
    this.#sheet.forgive();
    if (!actions.length) return this.#refuse("Type something that could happen, such as one of the sentences above.");
    if (actions.length > MOST_ACTIONS) return this.#refuse(`A sequence has at most ${MOST_ACTIONS} actions.`);
    if (actions.some((text) => text.length > this.limit))
      return this.#refuse(`A sentence has at most ${this.limit} characters. Shorten it.`);
    this.#known.set(actions.join(" then "), { actions, isChosen: true });
    this.#own.value = "";
    this.#own.focus();
    this.#showIdeas();
    return true;
  }

  #refuse(reason) {
    this.#sheet.refuse(reason);
    this.#own.focus();
    return false;
  }

  // --- a run ---

  async #begin() {
    this.#sheet.forgive();
    if (this.#own.value.trim() && !this.#add()) return;
    const candidates = this.#chosen;
    if (!candidates.length) return this.#refuse("Choose at least one thing to do, or type one.");
    this.#clear();
    const run = (this.#run = { id: null, controller: new AbortController() });
    const moment = this.#moment;
    this.#showTiles(candidates, moment);
    this.#showProgress(0, 0);
    this.#tiles[0].element.scrollIntoView({ block: "nearest", behavior: "smooth" });
    try {
      run.id = (await this.#ask(moment, candidates)).id;
      if (run !== this.#run) return api.forgetRollout(run.id).catch(() => {});
      for await (const event of follow(`/rollouts/${run.id}`, "future", run.controller.signal)) this.#take(event);
    } catch (error) {
      if (run === this.#run) this.#fail(error);
    } finally {
      if (run === this.#run) this.#finish();
    }
  }

  /** A kind of world that nobody can read is imagined all the same, without facts. */
  async #ask({ branch, step }, candidates) {
    const kind = readoutOf(branch, this.scenes);
    const goal = this.#goal.value.trim();
    const body = { world: branch.id, step, candidates, samples: Number(this.#tries.value) };
    if (goal) body.goal = { text: goal };
    const outputs = { frame: "url", film: true, facts: kind !== undefined };
    try {
      return await api.imagine({ ...body, outputs, ...(kind && { readout: kind }) });
    } catch (error) {
      if (error.code !== "unknown_name" || goal) throw error;
      return api.imagine({ ...body, outputs: { ...outputs, facts: false } });
    }
  }

  #take(event) {
    this.#showProgress(event.done, event.total);
    if (event.type === "future") {
      const tile = this.#tiles[event.future.index];
      tile.show(event.future);
      this.#sheet.announce(tile.summary);
    } else if (event.type === "ended") {
      this.#tiles.forEach((tile, index) => tile.markBest(index === event.best && this.#tiles.length > 1));
      const best = this.#tiles[event.best];
      this.#sheet.announce(best ? `All are here. ${best.words} comes nearest to the goal.` : "All are here.");
    }
  }

  #fail(error) {
    this.#sheet.complain(error);
    if (this.#tiles.every(({ element }) => element.dataset.state === "waiting")) this.#letTilesGo();
  }

  #finish() {
    this.#run = null;
    this.#bar.hidden = true;
    this.#grid.removeAttribute("aria-busy");
    this.#label();
  }

  #stop() {
    const run = this.#run;
    if (!run) return;
    this.#finish();
    run.controller.abort();
    for (const tile of this.#tiles) tile.freeze();
    if (run.id) api.forgetRollout(run.id).catch(() => {}); // it is over, or will be forgotten anyway
  }

  #clear() {
    this.#stop();
    this.#letTilesGo();
  }

  // --- what is shown ---

  #showTiles(candidates, moment) {
    const label = moment.isNow ? "Do this" : "Do this in a new branch";
    const play = (actions) => {
      this.#sheet.close();
      this.#hear.play(moment, actions);
    };
    this.#tiles = candidates.map((actions) => new FutureTile(actions, this.#sheet.reel, { label, play }));
    this.#grid.replaceChildren(...this.#tiles.map(({ element }) => element));
    this.#grid.setAttribute("aria-busy", "true");
    this.#grid.hidden = false;
    this.#sheet.find(".sheet-empty").hidden = true;
    this.#sheet.find(".sheet-pause").hidden = false;
    byId("what-if-hint").hidden = true; // room for the films
  }

  #letTilesGo() {
    for (const tile of this.#tiles) tile.letGo();
    this.#tiles = [];
    this.#grid.replaceChildren();
    this.#grid.hidden = true;
    this.#sheet.find(".sheet-empty").hidden = false;
    this.#sheet.find(".sheet-pause").hidden = true;
  }

  #showProgress(done, total) {
    this.#bar.hidden = false;
    this.#label();
    if (total) this.#bar.value = done / total;
    else this.#bar.removeAttribute("value");
  }
}
