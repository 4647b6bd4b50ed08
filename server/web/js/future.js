// One candidate of a "what if": its film, how good and how sure it is, and the way to make it happen.

import { el, icon, percent } from "./dom.js";
import { inWords, sureness } from "./facts.js";

const UNTOLD = {
  deadline: "It was not imagined in time.",
  cancelled: "It was stopped before it was imagined.",
  stopping: "The service stopped before it was imagined.",
};

export class FutureTile {
  #actions;
  #reel;
  #film = null;
  #future = null;
  #sample = 0;
  #screen = el("div", { class: "future-screen" }, el("div", { class: "future-waits", "aria-hidden": "true" }));
  #tries = el("div", { class: "tries", role: "group", "aria-label": "Tries", hidden: true });
  #best = el("p", { class: "future-best", hidden: true }, icon("check"), "comes nearest");
  #told = el("div", { class: "future-told" });
  #play;

  /** `play(actions)` makes the candidate happen; `label` says how. */
  constructor(actions, reel, { label, play }) {
    this.#actions = actions;
    this.#reel = reel;
    this.#play = el(
      "button",
      {
        type: "button",
        class: "small primary",
        "aria-label": `${label}: ${this.words}`,
        hidden: true,
        onclick: () => play(this.#future.actions),
      },
      label,
    );
    this.#screen.append(this.#best);
    this.element = el(
      "li",
      { class: "future", "data-state": "waiting" },
      this.#screen,
      el("p", { class: "future-words" }, ...quoted(actions)),
      this.#told,
      el("div", { class: "future-foot" }, this.#play, this.#tries),
    );
  }

  get words() {
    return this.#actions.join(", then ");
  }

  /** What is said of it once it is there. */
  get summary() {
    const { score } = this.#future;
    const sure = sureness(this.#future);
    const parts = [score && `goal ${percent(score.value)}`, sure && `${sure.word}, ${sure.numbers}`];
    return [this.words, ...parts.filter(Boolean)].join(". ");
  }

  /** A FutureView has come. */
  show(future) {
    this.#future = future;
    const seen = future.samples.filter(({ film_url: film }) => film);
    if (!seen.length) return this.fail(future.code);
    this.element.dataset.state = future.complete ? "done" : "partial";
    this.#showSample(seen[0]);
    this.#tries.hidden = seen.length < 2;
    this.#tries.replaceChildren(...(seen.length < 2 ? [] : seen.map((sample) => this.#try(sample))));
    this.#told.replaceChildren(...told(future));
    this.#play.hidden = false;
  }

  /** Nothing of it was imagined, for a reason that is a `code`. */
  fail(code) {
    this.element.dataset.state = "failed";
    this.#told.replaceChildren(el("p", { class: "muted" }, UNTOLD[code] ?? "It could not be imagined."));
  }

  markBest(isBest) {
    this.element.classList.toggle("is-best", isBest);
    this.#best.hidden = !isBest;
  }

  /** The other tries can't be asked for any more. */
  freeze() {
    this.#tries.hidden = true;
    if (this.element.dataset.state === "waiting") this.fail("cancelled");
  }

  letGo() {
    this.#film?.letGo();
  }

  #try(sample) {
    const show = () => this.#showSample(sample);
    const number = sample.sample + 1;
    const properties = { type: "button", class: "try", "data-sample": sample.sample, onclick: show };
    const label = sample.sample ? `Try ${number}` : "Try 1, what would really happen";
    return el(
      "button",
      { ...properties, "aria-label": label, title: label, "aria-pressed": String(sample.sample === this.#sample) },
      String(number),
    );
  }

  #showSample(sample) {
    this.letGo();
    this.#sample = sample.sample;
    const shown = inWords(sample.facts).join(", ");
    const label = `Film of “${this.words}”.${shown ? ` It ends with: ${shown}.` : ""}`;
    this.#film = this.#reel.film(sample.film_url, sample.frame_url, label);
    this.#screen.firstChild.replaceWith(this.#film);
    for (const button of this.#tries.children)
      button.setAttribute("aria-pressed", Number(button.dataset.sample) === this.#sample);
  }
}

/** “do this” then “do that”. */
export const quoted = (actions) =>
  actions.flatMap((action, place) => [place ? el("span", { class: "then" }, " then ") : null, `“${action}”`]);

/** A bar with its share in numbers beside it. */
export const meter = (name, share, numbers) =>
  el(
    "p",
    { class: "meter" },
    el("span", { class: "meter-name" }, name),
    el("span", { class: "meter-bar", "aria-hidden": "true", style: `--share: ${Math.max(0, Math.min(1, share))}` }),
    el("span", { class: "meter-numbers" }, numbers),
  );

/** How sure it is, as a word with dots beside it. */
export const confidence = ({ level, word, numbers }) =>
  el(
    "p",
    { class: "sureness", "data-level": level },
    el(
      "span",
      { class: "sureness-dots", "aria-hidden": "true" },
      ...[3, 2, 1].map((most) => el("i", { class: level < most ? "is-on" : "" })),
    ),
    el("strong", {}, word),
    el("span", { class: "muted" }, numbers),
  );

function told(future) {
  const { score, spread, samples, complete, code } = future;
  const sure = sureness(future);
  const lines = [];
  if (score) {
    const around = spread.score ? ` ± ${Math.round(spread.score * 100)}` : "";
    const trusted = score.confidence < 0.995 ? `, ${percent(score.confidence)} of it to be trusted` : "";
    lines.push(meter("Goal", score.value, `${Math.round(score.value * 100)}${around} %${trusted}`));
  }
  if (sure) lines.push(confidence(sure));
  else if (complete && samples.length === 1) lines.push(el("p", { class: "muted" }, "One try: nobody knows how sure."));
  if (!complete)
    lines.push(el("p", { class: "muted" }, code === "deadline" ? "As far as time allowed." : "As far as it came."));
  return lines;
}
