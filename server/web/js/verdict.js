// What came of a search: a plan with its film, how sure it is and its actions; or that there is none, and what to try.

import { count, el, icon, percent } from "./dom.js";
import { meter, quoted } from "./future.js";
import { image } from "./media.js";

const MOST_ACTIONS = 16;
const MOST_SECONDS = 300; // that the service gives one plan
const SURE = [
  [0.95, "sure"],
  [0.7, "fairly sure"],
  [0.4, "in doubt"],
  [0, "anybody’s guess"],
];

export class Verdict {
  /** What was found, in one line. */
  words = "";
  #element;
  #reel;
  #film = null;
  #hear;

  /** `hear` has `play(moment, actions)`, `again(changes)` and `leave()`. */
  constructor(element, reel, hear) {
    this.#element = element;
    this.#reel = reel;
    this.#hear = hear;
  }

  get isShown() {
    return !this.#element.hidden;
  }

  clear() {
    this.#film?.letGo();
    this.#film = null;
    this.#element.replaceChildren();
    this.#element.hidden = true;
  }

  /** A PlanView that has ended; `asked` is what the search was allowed. */
  show(plan, moment, asked) {
    this.clear();
    this.#element.hidden = false;
    this.#element.dataset.found = String(Boolean(plan.found));
    if (plan.found && !plan.actions.length) this.#met();
    else if (plan.found) this.#found(plan, moment);
    else this.#missed(plan, asked);
  }

  #met() {
    this.words = "The goal is met already.";
    this.#element.append(el("h3", {}, this.words), el("p", { class: "muted" }, "There is nothing to do."));
  }

  #found(plan, moment) {
    const { actions, confidence, steps } = plan;
    this.words = `A plan of ${count(actions.length, "action")}, ${sure(plan)}: ${actions.join(", then ")}.`;
    const list = steps
      .slice(1)
      .map(({ action, frame_url: url }) =>
        el("li", {}, image(url, { alt: "", width: 128, height: 128 }), el("span", {}, `“${action}”`)),
      );
    const still = steps.at(-1).frame_url;
    this.#film = plan.film_url
      ? this.#reel.film(plan.film_url, still, `Predicted film of the plan: ${actions.join(", then ")}.`)
      : el("div", { class: "film" }, image(still, { alt: "How it would end" }));
    const isNow = moment.isNow && moment.branch.head.step === moment.step;
    const play = el(
      "button",
      { type: "button", class: "small primary", onclick: () => this.#hear.play(moment, actions) },
      icon("play"),
      isNow ? "Play the plan" : "Play the plan in a new branch",
    );
    const leave = el("button", { type: "button", class: "small", onclick: () => this.#hear.leave() }, "Not now");
    this.#element.append(
      this.#film,
      el(
        "div",
        { class: "verdict-words" },
        el("h3", {}, `A plan of ${count(actions.length, "action")}`),
        meter("Confidence", confidence, plan.trials ? `${percent(confidence)}, ${sure(plan)}` : sure(plan)),
        el("ol", { class: "plan-steps" }, ...list),
        el("div", { class: "verdict-buttons" }, play, leave),
        el("p", { class: "muted" }, cost(plan)),
      ),
    );
  }

  #missed(plan, asked) {
    this.words = plan.status === "cancelled" ? "The search was cancelled." : "No plan was found.";
    const { actions, value } = plan;
    const nearest =
      actions.length && value
        ? [`The nearest it came, ${percent(value)} of the goal: `, ...quoted(actions), "."]
        : null;
    const tries = this.#tries(plan, asked).map(([label, changes]) =>
      el("button", { type: "button", class: "small", onclick: () => this.#hear.again(changes) }, label),
    );
    this.#element.append(
      el(
        "div",
        { class: "verdict-words" },
        el("h3", {}, this.words),
        el("p", {}, whyNot(plan, asked)),
        nearest && el("p", {}, ...nearest),
        el("div", { class: "verdict-buttons" }, ...tries),
        el("p", { class: "muted" }, "Or ask for less: half of the goal first, then the rest. ", cost(plan)),
      ),
    );
  }

  /** What may help: [label, fields of the form to change]. */
  #tries({ status }, { limit, seconds, planner }) {
    const tries = [];
    if (status === "partial" && seconds < MOST_SECONDS) {
      const more = Math.min(MOST_SECONDS, seconds * 3);
      tries.push([`Search for ${more} seconds`, { seconds: more }]);
    }
    if (limit < MOST_ACTIONS) {
      const more = Math.min(MOST_ACTIONS, limit + 4);
      tries.push([`Allow ${more} actions`, { limit: more }]);
    }
    if (planner !== "beam") tries.push(["Try a beam search", { planner: "beam" }]);
    if (planner !== "astar") tries.push(["Try A*", { planner: "astar" }]);
    return tries;
  }
}

const sure = ({ confidence, trials }) =>
  trials ? SURE.find(([least]) => confidence >= least)[1] : "imagined once, not tried again";

const cost = ({ calls, seconds }) =>
  `${calls.toLocaleString("en")} steps imagined in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s.`;

function whyNot({ code, seconds }, { limit }) {
  const up = `up to ${count(limit, "action")}`;
  return (
    {
      deadline: `Time ran out after ${count(Math.round(seconds), "second")}.`,
      budget: "The search used all that it was allowed, and there is more that could be tried.",
      unreadable_start: "The picture that it would begin from can’t be read: something is half hidden or in motion.",
      unclear_goal: "To the model the goal picture looks like the start. Choose one that shows more of a change.",
      stopping: "The service is about to stop.",
      cancelled: "It was stopped before it was through.",
    }[code] ?? `Nothing that was tried with ${up} leads there, as far as the model can tell.`
  );
}
