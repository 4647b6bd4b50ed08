// The WebSocket of one world: says hello, comes back after a break, and never sends an action twice.

import { parseFrame } from "./frames.js";

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8000;
const PING_EVERY_MS = 15000;
const NOT_FOUND = 4404;

export class WorldSocket {
  /** Committed step to resume from when the connection breaks. */
  resumeFrom = null;
  #url;
  #hear;
  #socket = null;
  #state = "closed";
  #attempt = 0;
  #timer = 0;
  #pinging = 0;
  #pinged = false;

  /** `hear` has `state(name)`, `message(message)` and `frame(frame)`. States: connecting, open, reconnecting, gone, closed. */
  constructor(worldId, hear) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.#url = `${scheme}//${location.host}/v1/worlds/${encodeURIComponent(worldId)}/stream`;
    this.#hear = hear;
  }

  get isOpen() {
    return this.#state === "open";
  }

  open() {
    this.#become("connecting");
    this.#connect();
    window.addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
  }

  /** For good. */
  close(state = "closed") {
    this.#become(state);
    clearTimeout(this.#timer);
    clearInterval(this.#pinging);
    window.removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** Send a message; false when there is no connection to send it on. */
  send(message) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      const hello = { type: "hello", formats: ["jpeg"] };
      if (this.resumeFrom !== null) hello.resume_from = this.resumeFrom;
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = (event) => this.#take(event.data);
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    };
    this.#socket = socket;
  }

  #take(data) {
    if (data instanceof ArrayBuffer) {
      const frame = parseFrame(data);
      if (frame) this.#hear.frame(frame);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "ready") this.#isReady();
    if (message.type === "pong") this.#pinged = false;
    else this.#hear.message(message);
  }

  #isReady() {
    this.#attempt = 0;
    this.#pinged = false;
    this.#become("open");
    clearInterval(this.#pinging);
    this.#pinging = setInterval(() => this.#ping(), PING_EVERY_MS);
  }

  /** A connection that answers no ping is as good as closed, though nobody said so. */
  #ping() {
    if (this.#pinged) this.#socket?.close();
    else this.#pinged = this.send({ type: "ping" });
  }

  #lost(code) {
    this.#socket = null;
    clearInterval(this.#pinging);
    if (code === NOT_FOUND) {
      this.close("gone");
      return;
    }
    this.#become("reconnecting");
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
  }

  #hurry = () => {
    if (document.hidden || this.#state !== "reconnecting" || this.#socket) return;
    clearTimeout(this.#timer);
    this.#connect();
  };

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#hear.state(state);
  }
}
