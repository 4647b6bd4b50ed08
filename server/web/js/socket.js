// The WebSocket of one world: says hello, comes back after a break, and never sends an action twice.

import { api } from "./api.js";
import { preferredFormats } from "./film.js";
import { parseFrame } from "./frames.js";
import { key } from "./key.js";

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8000;
const PING_EVERY_MS = 15000;
const NOT_AUTHENTICATED = 4401;
const NOT_FOUND = 4404;

export class WorldSocket {
  /** Committed step to resume from when the connection breaks. */
  resumeFrom = null;
  #world;
  #url;
  #hear;
  #socket = null;
  #isConnecting = false;
  #needsTicket = false;
  #state = "closed";
  #attempt = 0;
  #timer = 0;
  #pinging = 0;
  #pinged = false;

  /** `hear` has `state(name)`, `message(message)` and `frame(frame)`. States: connecting, open, reconnecting, gone, closed. */
  constructor(worldId, hear) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.#url = `${scheme}//${location.host}/v1/worlds/${encodeURIComponent(worldId)}/stream`;
    this.#world = worldId;
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

  async #connect() {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    const protocols = await this.#protocols().catch((problem) => problem);
    this.#isConnecting = false;
    if (["closed", "gone"].includes(this.#state)) return;
    if (!Array.isArray(protocols)) {
      this.#lost(protocols.status === 404 ? NOT_FOUND : 0);
      return;
    }
    const socket = new WebSocket(this.#url, protocols);
    socket.binaryType = "arraybuffer";
    socket.onopen = async () => {
      const hello = { type: "hello", formats: await preferredFormats() };
      if (this.resumeFrom !== null) hello.resume_from = this.resumeFrom;
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = (event) => this.#take(event.data);
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    };
    this.#socket = socket;
  }

  /** A socket carries no key; where one is required it offers a ticket, which is good once. */
  async #protocols() {
    if (!key() && !this.#needsTicket) return [];
    return ["pandora.v1", `pandora.ticket.${await api.ticket(this.#world)}`];
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
    this.#needsTicket ||= code === NOT_AUTHENTICATED;
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
    if (document.hidden || this.#state !== "reconnecting" || this.#socket || this.#isConnecting) return;
    clearTimeout(this.#timer);
    this.#connect();
  };

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#hear.state(state);
  }
}
