// A branch as it is seen: its name, its stage, what happens on it, its timeline.

import { filmUrl } from "./api.js";
import { el, icon, iconButton } from "./dom.js";
import { key } from "./key.js";
import { save } from "./media.js";
import { Timeline } from "./timeline.js";
import { complain } from "./toasts.js";

export class Card {
  #branch;
  #timeline;
  #name = el("h2", { class: "card-name" });
  #origin = el("p", { class: "card-origin" });
  #remark;
  #caption = el("p", { class: "caption" });
  #numbers = el("p", {
    class: "numbers",
    title: "From Enter to the first new frame · time to make the clip · frames made a second",
  });
  #past = el("div", { class: "past", hidden: true });
  #veil = el("div", { class: "veil", hidden: true });
  #film;

  /**
   * `hear` has activate, look, fork, rewind, now, compare, share, remove and leave, each given the branch first, and
   * remark, which says something about its start picture, or nothing.
   */
  constructor(branch, hear, parent) {
    this.#branch = branch;
    this.#remark = parent ? () => "" : () => hear.remark(branch);
    this.#timeline = new Timeline(branch, {
      look: (step) => hear.look(branch, step),
      fork: (step) => hear.fork(branch, step),
      rewind: (step) => hear.rewind(branch, step),
    });
    this.#film = el(
      "a",
      {
        class: "icon-button",
        href: filmUrl(branch.id),
        download: `pandora-${branch.letter}.mp4`,
        "aria-label": "Download the film",
        title: "Download the film",
        onclick: (event) => {
          if (!key()) return; // the link does it
          event.preventDefault();
          save(event.currentTarget.href, event.currentTarget.download).catch(complain);
        },
      },
      icon("download"),
    );
    this.element = el(
      "article",
      {
        class: "card",
        "data-world": branch.id,
        "aria-label": `World ${branch.letter}`,
        style: `--branch: var(--branch-${branch.letter.charCodeAt(0) % 6})`,
      },
      el(
        "div",
        { class: "card-body" },
        this.#head(hear),
        el(
          "div",
          { class: "screen" },
          branch.stage.element,
          el("div", { class: "progress", "aria-hidden": "true" }),
          this.#veil,
        ),
        el("div", { class: "below" }, this.#caption, this.#numbers, this.#past),
        this.#timeline.element,
      ),
    );
    this.element.addEventListener("pointerdown", () => hear.activate(branch));
    this.element.addEventListener("focusin", () => hear.activate(branch));
    if (parent)
      this.#origin.textContent = `from ${parent.letter} · step ${parent.path.findIndex(({ step }) => step === branch.world.parent.step)}`;
    this.#fillPast(hear);
    this.#fillVeil(hear);
  }

  render() {
    const branch = this.#branch;
    const { caption, path, looking, latency } = branch;
    const remark = this.#remark();
    if (remark) this.#origin.textContent = this.#origin.title = remark;
    this.#origin.classList.toggle("is-strange", Boolean(remark) && !branch.world.novelty.known);
    this.#timeline.render();
    this.#name.textContent = this.#name.title = nameOf(branch);
    this.#caption.textContent = this.#caption.title = caption ? `“${caption}”` : "The start";
    branch.stage.label = caption ? `The world after “${caption}”` : `The start: ${branch.world.name}`;
    this.#numbers.replaceChildren(...numbers(latency));
    this.#past.hidden = looking === null;
    this.#numbers.hidden = looking !== null;
    this.#film.classList.toggle("is-empty", path.length < 2);
    this.element.dataset.state = stateOf(branch);
    this.element.classList.toggle("is-past", looking !== null);
    this.#veil.hidden = !branch.ended;
  }

  #head(hear) {
    const branch = this.#branch;
    return el(
      "header",
      { class: "card-head" },
      el(
        "button",
        {
          type: "button",
          class: "badge",
          "aria-label": `Act in world ${branch.letter}`,
          onclick: () => hear.activate(branch),
        },
        branch.letter,
      ),
      el("div", { class: "card-title" }, this.#name, this.#origin),
      el(
        "div",
        { class: "card-tools" },
        iconButton("compare", "Compare with another branch", () => hear.compare(branch), {
          class: "icon-button compare",
        }),
        this.#film,
        iconButton("link", "Copy a link to this world", () => hear.share(branch)),
        iconButton("trash", "Delete this world", () => hear.remove(branch)),
      ),
    );
  }

  #fillPast(hear) {
    const branch = this.#branch;
    this.#past.append(
      el(
        "button",
        { type: "button", class: "small primary", onclick: () => hear.fork(branch, branch.looking) },
        icon("fork"),
        "Fork from here",
      ),
      el(
        "button",
        { type: "button", class: "small", onclick: () => hear.rewind(branch, branch.looking) },
        icon("rewind"),
        "Rewind to here",
      ),
      el("button", { type: "button", class: "small", onclick: () => hear.now(branch) }, "Back to now"),
    );
  }

  #fillVeil(hear) {
    this.#veil.append(
      el("p", {}, "This world has ended. The server no longer has it."),
      el(
        "button",
        { type: "button", class: "small primary", onclick: () => hear.leave(this.#branch) },
        "Begin another",
      ),
    );
  }
}

/** A branch is known by what was first said in it. */
function nameOf({ world, path }) {
  if (!world.parent) return world.name;
  return path.find(({ step }) => step > world.parent.step)?.action ?? "A new branch";
}

/** connecting, reconnecting, draining, ended, generating, paused, queued, playing or idle. */
export function stateOf(branch) {
  if (branch.ended) return "ended";
  if (branch.draining) return "draining";
  if (branch.connection !== "open") return branch.connection;
  if (branch.turns.some(({ phase }) => phase === "running")) return "generating";
  if (branch.paused) return "paused";
  if (branch.isBusy) return "queued";
  return branch.player.isPlaying ? "playing" : "idle";
}

/** [words, class] of each number that is known. */
function numbers({ firstFrameMs, generateMs, framesPerSecond }) {
  const known = [
    [firstFrameMs, `first frame ${Math.round(firstFrameMs)} ms`, "latency"],
    [generateMs, `clip ${Math.round(generateMs)} ms`, "clip-time"],
    [framesPerSecond, `${Math.round(framesPerSecond)} fps`, "speed"],
  ];
  return known.filter(([value]) => value).map(([, words, name]) => el("span", { class: name }, words));
}
