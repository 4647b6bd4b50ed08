// "Plan": a goal in words, the search for the way there as it goes on, and the plan to be played in the world.

import { api, follow } from "./api.js";
import { byId, count, el, percent } from "./dom.js";
import { inWords } from "./facts.js";
import { meter } from "./future.js";
import { image } from "./media.js";
import { Sheet, isSameMoment, momentOf, readoutOf } from "./sheet.js";
import { toast } from "./toasts.js";
import { Tree } from "./tree.js";
import { Verdict } from "./verdict.js";

export class Plan {
  scenes = [];
  #sheet = new Sheet("plan");
  #form = byId("plan-form");
  #goal = byId("plan-goal");
  #examples = byId("plan-examples");
  #planner = byId("plan-planner");
  #think = byId("plan-think");
  #limit = byId("plan-limit");
  #seconds = byId("plan-seconds");
  #go = byId("plan-go");
  #progress = byId("plan-progress");
  #counted = byId("plan-counted");
  #search = byId("plan-search");
  #inspector = byId("plan-inspector");
  #tree = new Tree(byId("plan-tree"), (node) => this.#look(node));
  #verdict;
  #moment = null; // that a next search begins from
  #run = null; // {id, moment, controller, newest, best, calls, seconds}
  #tip = ""; // a goal that is worth a try
  #isLooking = false;
  #inspected = null;
  #hear;

  /** `hear` has `play(moment, actions)`. */
  constructor(hear) {
    this.#hear = hear;
    this.#verdict = new Verdict(byId("plan-verdict"), this.#sheet.reel, {
      play: (moment, actions) => this.#play(moment, actions),
      again: (changes) => this.#again(changes),
      leave: () => this.#sheet.close(),
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    this.#goal.addEventListener("input", () => (this.#examples.hidden &&= this.#goal.value.trim() !== ""));
    byId("plan-cancel").addEventListener("click", () => this.#cancel());
  }

  /** Open for a branch: a search that goes on stays, and what was found as long as the world stands where it stood. */
  open(branch, { goals }) {
    const moment = momentOf(branch);
    if (this.#moment?.branch !== branch || (!this.#run && !isSameMoment(this.#moment, moment))) this.#clear();
    this.#moment = moment;
    this.#examples.replaceChildren(...goals.map((text) => this.#example(text)));
    this.#tip = goals[0] ?? "";
    this.#goal.placeholder = `What shall be? ${this.#tip}`.trim();
    this.#sheet.open(this.#moment);
    this.#goal.focus({ preventScroll: true });
  }

  /** Forget everything: its world is left. */
  reset() {
    this.#sheet.close();
    this.#clear();
    this.#moment = null;
  }

  #example(text) {
    const choose = () => {
      this.#goal.value = text;
      this.#goal.focus();
    };
    return el("button", { type: "button", class: "chip", onclick: choose }, text);
  }

  // --- a search ---

  async #begin() {
    const text = this.#goal.value.trim();
    this.#sheet.forgive();
    if (!text) return this.#refuse(this.#tip ? `Say what shall be, such as “${this.#tip}”.` : "Say what shall be.");
    if (!this.#form.reportValidity()) return;
    this.#clear();
    this.#examples.hidden = true; // room for the tree
    const run = { id: null, moment: this.#moment, controller: new AbortController(), calls: 0, seconds: 0, best: null };
    this.#run = run;
    this.#showRunning(true);
    try {
      const { id } = await api.plan(this.#body(run.moment, text));
      if (run !== this.#run) return api.stopPlan(id).catch(() => {});
      run.id = id;
      for await (const event of follow(`/plans/${id}`, "node", run.controller.signal)) this.#take(run, event);
      await this.#conclude(run);
    } catch (error) {
      if (run === this.#run) this.#fail(error);
    } finally {
      if (run === this.#run) this.#showRunning(false);
    }
  }

  #body({ branch, step }, text) {
    const kind = readoutOf(branch, this.scenes);
    return {
      world: branch.id,
      step,
      goal: { text },
      planner: this.#planner.value,
      think: this.#think.value,
      limit: Number(this.#limit.value),
      budget: { seconds: Number(this.#seconds.value) },
      ...(kind && { readout: kind }),
    };
  }

  #take(run, event) {
    if (run !== this.#run) return;
    if (event.type === "node") {
      this.#tree.put(event.node);
      this.#search.hidden = false;
      if (!this.#isLooking) this.#inspect(event.node);
    } else if (event.type === "progress") {
      Object.assign(run, { calls: event.calls, seconds: event.seconds, best: event.best ?? run.best });
      this.#count(run);
    }
  }

  /** The search has ended: what came of it. */
  async #conclude(run) {
    const plan = await api.readPlan(run.id);
    if (run !== this.#run) return;
    for (const node of plan.tree) this.#tree.put(node);
    this.#search.hidden = !plan.tree.length;
    this.#verdict.show(plan, run.moment, {
      limit: Number(this.#limit.value),
      seconds: Number(this.#seconds.value),
      planner: this.#planner.value,
    });
    this.#showRunning(false);
    if (this.#sheet.isOpen) this.#tree.reveal();
    else toast(this.#verdict.words, { action: { label: "Look", run: () => this.#reopen() } });
    const last = plan.tree.findLast((node) => node.on_plan);
    if (last && !this.#isLooking) this.#inspect(last);
    this.#sheet.announce(this.#verdict.words);
    this.#sheet.find(".sheet-pause").hidden = !plan.film_url;
  }

  #reopen() {
    this.#sheet.open(this.#moment);
    this.#tree.reveal();
  }

  #fail(error) {
    this.#sheet.complain(error);
    if (!this.#sheet.isOpen) toast(error.message, { kind: "error" });
  }

  #refuse(reason) {
    this.#sheet.refuse(reason);
    this.#goal.focus();
  }

  /** Stop a search; what was imagined so far stays to be seen. */
  #cancel() {
    const run = this.#run;
    if (!run) return;
    this.#run = null;
    run.controller.abort();
    this.#showRunning(false);
    const stop = () => api.stopPlan(run.id).catch(() => {}); // it is over, or will be forgotten anyway
    if (run.id) this.#tree.keep().finally(stop);
    this.#sheet.announce("The search was cancelled.");
    this.#go.focus();
  }

  #clear() {
    this.#cancelQuietly();
    this.#tree.clear();
    this.#verdict.clear();
    this.#search.hidden = true;
    this.#examples.hidden = false;
    this.#inspected = null;
    this.#sheet.find(".sheet-pause").hidden = true;
  }

  #cancelQuietly() {
    const run = this.#run;
    this.#run = null;
    run?.controller.abort();
    if (run?.id) api.stopPlan(run.id).catch(() => {});
    this.#showRunning(false);
  }

  #again(changes) {
    for (const [name, value] of Object.entries(changes)) byId(`plan-${name}`).value = value;
    this.#begin();
  }

  #play(moment, actions) {
    this.#sheet.close();
    this.#hear.play(moment, actions);
  }

  // --- what is shown ---

  #showRunning(isRunning) {
    this.#progress.hidden = !isRunning;
    this.#go.disabled = isRunning;
    byId("plan-open").setAttribute("aria-busy", isRunning);
    this.#search.setAttribute("aria-busy", isRunning);
    this.#sheet.find(".sheet-empty").hidden = isRunning || this.#tree.size > 0 || this.#verdict.isShown;
    if (isRunning) this.#count({ calls: 0, seconds: 0, best: null });
  }

  #count({ calls, seconds, best }) {
    const parts = [calls ? `${calls.toLocaleString("en")} steps imagined` : "Beginning to imagine…"];
    if (seconds) parts.push(`${Math.round(seconds)} s`);
    if (best !== null) parts.push(`${percent(best)} of the goal so far`);
    this.#counted.textContent = parts.join(" · ");
  }

  #look(node) {
    this.#isLooking = node !== null;
    if (node) this.#inspect(node);
  }

  #inspect(node) {
    const isSame = this.#inspected?.id === node.id;
    this.#inspected = node;
    const shown = inWords(node.facts);
    const value =
      node.value === null ? null : meter("Goal", node.value, node.reached ? "reached" : percent(node.value));
    const words = el(
      "figcaption",
      {},
      el("strong", {}, node.action ? `“${node.action}”` : "The start"),
      el("span", { class: "muted" }, node.depth ? `after ${count(node.depth, "action")}` : "what is there now"),
      value,
      shown.length
        ? el("ul", { class: "facts" }, ...shown.map((text) => el("li", {}, text)))
        : el("p", { class: "muted" }, "The picture can’t be read."),
    );
    const picture = isSame ? this.#inspector.firstChild : image(node.frame_url, { alt: "", width: 128, height: 128 });
    this.#inspector.replaceChildren(picture, words);
  }
}
