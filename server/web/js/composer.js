// Where a sentence is typed: Enter acts, arrows bring earlier sentences back, chips suggest some that fit.

import { byId, el } from "./dom.js";

const REMEMBERED = 50;
const KEY = "pandora.said";
const DRAFT = "pandora.draft";

export class Composer {
  limit = 500;
  #form = byId("composer");
  #input = byId("sentence");
  #chips = byId("chips");
  #left = byId("characters-left");
  #said = recall(KEY, []);
  #place = null; // in #said, while the arrows walk through it
  #draft = "";
  #hear;
  #chipsKey = "";

  /** `hear` has `act(text, {inNewBranch})`, which says whether it took the sentence, and `fail(text)`. */
  constructor(hear) {
    this.#hear = hear;
    this.#input.value = recall(DRAFT, "");
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#act(false);
    });
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("input", () => this.#typed());
    this.#typed();
    const measure = ([entry]) => document.body.style.setProperty("--composer-height", `${entry.target.offsetHeight}px`);
    new ResizeObserver(measure).observe(this.#form); // messages appear right above the field
  }

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  set placeholder(text) {
    this.#input.placeholder = text;
  }

  /** Give back a sentence that came to nothing; what was typed meanwhile stays, and the arrow brings this one back. */
  restore(text) {
    if (this.#input.value.trim()) return;
    this.#input.value = text;
    this.#typed();
  }

  /** Empty the field if that sentence is all that is in it. */
  forget(text) {
    if (this.#input.value.trim() !== text) return;
    this.#input.value = "";
    this.#typed();
  }

  /** The sentence in the field, for another place. */
  take() {
    const text = this.#input.value.trim();
    this.forget(text);
    return text;
  }

  /** Sentences to offer; those that were said already come last. */
  suggest(sentences, used) {
    const fresh = sentences.filter((text) => !used.has(text));
    const order = [...fresh, ...sentences.filter((text) => used.has(text))];
    const key = JSON.stringify([order, fresh.length]);
    if (key === this.#chipsKey) return;
    this.#chipsKey = key;
    this.#chips.replaceChildren(
      ...order.map((text) =>
        el(
          "button",
          { type: "button", class: `chip${used.has(text) ? " is-used" : ""}`, onclick: () => this.#say(text, false) },
          text,
        ),
      ),
    );
  }

  #act(inNewBranch) {
    if (this.#say(this.#input.value.trim(), inNewBranch)) {
      this.#input.value = "";
      this.#typed();
    }
  }

  #say(text, inNewBranch) {
    if (!text) return this.#refuse("Type what happens next, such as the sentences above the field.");
    if (text.length > this.limit)
      return this.#refuse(
        `A sentence has at most ${this.limit} characters; this one has ${text.length.toLocaleString("en")}. Shorten it.`,
      );
    if (!this.#hear.act(text, { inNewBranch })) return false;
    this.#said = [...this.#said.filter((other) => other !== text), text].slice(-REMEMBERED);
    remember(KEY, this.#said);
    this.#place = null;
    return true;
  }

  #refuse(reason) {
    this.#hear.fail(reason);
    this.#form.classList.remove("is-refused");
    requestAnimationFrame(() => this.#form.classList.add("is-refused"));
    this.focus();
    return false;
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      this.#act(true);
    } else if (!event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      this.#recall(event.key === "ArrowUp" ? -1 : 1);
    }
  }

  #recall(way) {
    if (this.#place === null) {
      if (way > 0 || !this.#said.length) return;
      this.#draft = this.#input.value;
      this.#place = this.#said.length;
    }
    this.#place = Math.max(0, this.#place + way);
    const isDraft = this.#place >= this.#said.length;
    this.#input.value = isDraft ? this.#draft : this.#said[this.#place];
    if (isDraft) this.#place = null;
    this.#typed();
  }

  #typed() {
    const text = this.#input.value;
    const left = this.limit - text.trim().length;
    this.#left.textContent = left < 60 ? String(left) : "";
    this.#left.classList.toggle("is-over", left < 0);
    this.#form.classList.toggle("is-empty", !text.trim());
    remember(DRAFT, text);
  }
}

function recall(key, otherwise) {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function remember(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // a browser may forbid it; then nothing is remembered
  }
}
