// One live world: its path, what was said and waits, and its stream. It draws nothing; `card.js` shows it.

import { api } from "./api.js";
import { Film } from "./film.js";
import { FrameStore, REPLAY, STILL } from "./frames.js";
import { Player } from "./player.js";
import { WorldSocket } from "./socket.js";
import { Stage } from "./stage.js";

const REPLACED_STAYS_MS = 2600;
const RECEIPT_WAIT_MS = 15000;

export class Branch {
  connection = "closed";
  draining = false;
  paused = false; // by somebody, and what is said here waits until somebody lets it go on
  ended = null; // why, once it is over
  looking = null; // the step that is looked at, null for now
  turns = []; // {id, text, phase: sending | queued | running | replaced, sentAt}
  latency = { firstFrameMs: null, generateMs: null, framesPerSecond: null };
  playing = null; // the step whose frames are on the stage
  #tell;
  #wasReady = false;
  #clip = null; // the clip that arrives: {step, action, frames, turn}
  #commits = 0;

  /** `detail` is a WorldDetail; `tell` has `change(branch)`, `fail(branch, detail, text)`, `pause(branch)`
   * and `status(text)`. */
  constructor(detail, tell, { letter, parent = null, fps }) {
    this.world = detail;
    this.path = detail.steps;
    this.letter = letter;
    this.store = new FrameStore(detail.id, parent?.store, detail.parent?.step);
    this.film = new Film();
    this.stage = new Stage();
    const draw = (bitmap) => this.stage.draw(bitmap);
    this.player = new Player(draw, () => this.#changed(), fps);
    this.#tell = tell;
    this.socket = new WorldSocket(detail.id, {
      state: (name) => this.#connected(name),
      message: (message) => this.#hear(message),
      frame: (frame) => this.#see(frame),
    });
    this.socket.resumeFrom = detail.head;
    this.socket.open();
  }

  get id() {
    return this.world.id;
  }

  get head() {
    return this.path.at(-1);
  }

  /** The step on the stage: the one looked at, or the head. */
  get shown() {
    return this.path.find(({ step }) => step === (this.looking ?? this.playing)) ?? this.head;
  }

  /** What happens on the stage, in the words it was asked for. */
  get caption() {
    return this.#clip && this.playing === this.#clip.step ? this.#clip.action : this.shown.action;
  }

  get isBusy() {
    return this.turns.some(({ phase }) => phase !== "replaced");
  }

  // --- what a person does ---

  /** Say what happens next; the receipts decide what becomes of it. Returns its turn. */
  act(text) {
    if (this.looking !== null) this.backToNow();
    const turn = { id: newId(), text, phase: "sending", sentAt: performance.now() };
    this.turns.push(turn);
    this.#send(turn);
    if (this.paused) this.#tell.pause(this);
    this.#changed();
    return turn;
  }

  /** Let everybody's actions begin again. */
  goOn() {
    this.socket.send({ type: "control", command: "play" });
  }

  /** Replay a committed step. */
  async look(step) {
    const found = this.path.find((entry) => entry.step === step);
    if (!found) return;
    this.looking = step === this.head.step ? null : step;
    this.playing = step;
    this.#changed();
    if (this.#clip) this.#acknowledge(this.#clip.step);
    this.player.clear();
    const clip = await this.store.clip(step, found.frames).catch((error) => this.#tell.fail(this, error.message, null));
    if (!clip || this.playing !== step) return;
    this.player.clear();
    if (clip.length === 1) this.player.show(createImageBitmap(clip[0]));
    else clip.forEach((jpeg, index) => this.player.add(createImageBitmap(jpeg), index, clip.length));
  }

  /** Leave the past: show the head as it is. */
  async backToNow() {
    this.looking = null;
    this.playing = null;
    this.player.clear();
    this.#changed();
    const { step, frames } = this.head;
    const clip = await this.store.clip(step, frames).catch(() => null);
    const isStillNow = this.looking === null && this.playing === null && !this.#clip;
    if (clip && isStillNow) this.player.show(createImageBitmap(clip.at(-1)));
  }

  /** Move the head; returns the head it had. */
  async rewind(step) {
    const before = this.head.step;
    this.#adopt(await api.rewind(this.id, step));
    this.backToNow();
    return before;
  }

  close() {
    this.ended = "closed";
    this.player.clear();
    this.socket.close();
  }

  // --- what the stream says ---

  #connected(name) {
    this.connection = name;
    if (name === "gone" && !this.ended) {
      this.ended = "gone";
      for (const { text } of this.turns.splice(0)) this.#tell.fail(this, "This world ended before that.", text);
    }
    this.#changed();
  }

  #hear(message) {
    const turn = this.turns.find(({ id }) => id === message.event_id);
    switch (message.type) {
      case "ready":
        return this.#ready(message);
      case "action.received":
        return this.#received(message, turn);
      case "action.superseded":
        return this.#superseded(turn);
      case "action.rejected":
        return this.#rejected(message, turn);
      case "action.applied":
        return this.#begun(turn);
      case "clip.start":
        return this.#clipStarts(message);
      case "clip.end":
        return this.#clipEnds(message);
      case "world.rewound":
        return this.#sync();
      case "control":
        return this.#paused(message.paused);
      case "draining":
        this.draining = true;
        return this.#changed();
      case "ended":
        return this.#end(message.reason);
      case "error":
        return message.code === "unknown_world" ? null : this.#tell.fail(this, message.detail, null);
    }
  }

  #paused(isPaused) {
    if (isPaused && !this.paused) this.#tell.pause(this);
    this.paused = isPaused;
    this.#changed();
  }

  #ready({ world, fps, paused }) {
    this.draining = false;
    this.player.fps = fps;
    if (this.#wasReady) this.#sync(world.status === "idle");
    this.#wasReady = true;
    for (const turn of this.turns) if (turn.phase === "sending") this.#send(turn);
    this.#paused(paused);
  }

  #received({ event_id: id, text }, turn) {
    if (turn) Object.assign(turn, { text, phase: "queued" });
    else this.turns.push({ id, text, phase: "queued", sentAt: null }); // said elsewhere
    this.#changed();
  }

  #begun(turn) {
    if (turn) turn.phase = "running";
    this.#changed();
  }

  #superseded(turn) {
    if (!turn) return;
    turn.phase = "replaced";
    setTimeout(() => this.#settle(turn), REPLACED_STAYS_MS);
    this.#changed();
  }

  #rejected({ code, detail }, turn) {
    this.#settle(turn);
    if (code !== "cancelled") this.#tell.fail(this, detail, turn?.sentAt ? turn.text : null);
  }

  #clipStarts({ step, action, frames, event_id: id }) {
    const turn = this.turns.find((other) => other.id === id);
    this.#clip = { step, action, frames, turn };
    this.#begun(turn);
  }

  #see(frame) {
    if (frame.flags & STILL) {
      if (this.looking === null) this.player.show(createImageBitmap(frame.jpeg));
      return;
    }
    if (frame.jpeg) this.store.put(frame); // of H.264 nothing is kept: who looks back fetches the pictures
    const bitmap = frame.jpeg ? createImageBitmap(frame.jpeg) : this.film.decode(frame);
    const turn = this.#clip?.turn;
    if (frame.frame === 0 && turn?.sentAt) this.latency.firstFrameMs = performance.now() - turn.sentAt;
    if (this.looking === null) this.player.add(bitmap, frame.frame, frame.frames, () => this.#shown(frame));
  }

  #shown({ step, frame, frames, flags, madeAt }) {
    if (frame === frames - 1) this.#acknowledge(step);
    if (frame > 0) return;
    if (!(flags & REPLAY)) measurePixels(madeAt);
    this.playing = step;
    this.#changed();
  }

  #clipEnds(message) {
    const { step, committed, head, generate_ms: generateMs, replay, code, detail, description } = message;
    const clip = this.#clip?.step === step ? this.#clip : null;
    const turn = clip?.turn ?? this.turns.find(({ phase }) => phase === "running");
    this.#clip = null;
    if (this.looking !== null) this.#acknowledge(step);
    if (!committed) {
      this.store.drop(step);
      this.playing = this.playing === step ? null : this.playing;
      this.#settle(turn);
      if (code !== "cancelled") this.#tell.fail(this, detail, turn?.sentAt ? turn.text : null);
      return;
    }
    this.#commits += 1;
    this.#settle(replay ? null : turn);
    this.socket.resumeFrom = head;
    if (!clip || this.path.some((entry) => entry.step === step)) return;
    if (!replay) Object.assign(this.latency, { generateMs, framesPerSecond: (clip.frames * 1000) / generateMs });
    const timings = { generate: generateMs };
    this.path.push({ step, action: clip.action, frames: clip.frames, timings, description });
    this.world.head = head;
    this.#changed();
    this.#tell.status(`Done: ${clip.action}`);
  }

  #end(reason) {
    if (reason !== "deleted") return; // after "draining" the socket closes and comes back
    this.ended = "deleted";
    this.socket.close();
    this.#changed();
  }

  // --- inner ---

  #send(turn) {
    if (!this.socket.send({ type: "action", event_id: turn.id, text: turn.text })) return;
    setTimeout(() => this.#missReceipt(turn), RECEIPT_WAIT_MS);
  }

  /** After a break the service stays silent about an action that it has already: then the path tells. */
  async #missReceipt(turn) {
    if (turn.phase !== "sending" || !this.turns.includes(turn) || !this.socket.isOpen) return;
    await this.#sync();
    const isDone = this.path.slice(-3).some(({ action }) => action === turn.text);
    this.#settle(turn);
    if (!isDone) this.#tell.fail(this, "The server did not answer. Try again.", turn.text);
  }

  /** Take the path from the server: after a break, or after a change made elsewhere. */
  async #sync(isIdle = false) {
    if (isIdle) this.turns = this.turns.filter(({ phase }) => phase === "sending");
    const commits = this.#commits;
    const detail = await api.world(this.id).catch(() => null);
    if (commits !== this.#commits)
      await this.#sync(); // what was read may be older than what was heard
    else if (detail) this.#adopt(detail);
  }

  #adopt(detail) {
    this.world = detail;
    this.path = detail.steps;
    this.socket.resumeFrom = detail.head;
    if (!this.path.some(({ step }) => step === this.looking)) this.looking = null;
    if (!this.path.some(({ step }) => step === this.playing)) this.playing = null;
    this.#changed();
  }

  #settle(turn) {
    this.turns = this.turns.filter((other) => other !== turn);
    this.#changed();
  }

  #acknowledge(step) {
    this.socket.send({ type: "ack", clip: step });
  }

  #changed() {
    this.#tell.change(this);
  }
}

/** From the moment a clip's first frame was made to its pixels, where server and page share a clock: see `bench page`. */
function measurePixels(madeAt) {
  const start = madeAt - performance.timeOrigin;
  if (start > 0) performance.measure("pandora.pixels", { start, end: performance.now() });
}

const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
