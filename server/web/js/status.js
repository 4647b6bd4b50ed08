// How things stand, as a dot and a few words.

import { byId } from "./dom.js";

const STATUS = {
  offline: "The server doesn't answer",
  loading: "The model is being loaded…",
  connecting: "Connecting…",
  reconnecting: "Connection lost, trying again…",
  draining: "The server is restarting…",
  ended: "This world has ended",
  generating: "Imagining…",
  paused: "Paused by somebody",
  queued: "Waiting for the model…",
  playing: "Playing",
  idle: "Ready",
};

/** Show a state of `stateOf`, or of the server before there is a world: offline, loading, connecting, idle. */
export function showStatus(state) {
  if (byId("status").dataset.state === state) return; // or a screen reader would say it again
  byId("status").dataset.state = state;
  byId("status-text").textContent = STATUS[state];
}
