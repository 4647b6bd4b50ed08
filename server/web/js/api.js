// The REST calls of the service, and its errors.

import { askForKey, key } from "./key.js";

const PATIENCE = 5; // times that what changes nothing is tried again when it came too soon

/** What went wrong, in words for the person in front of the page; `code` is stable. */
export class Problem extends Error {
  constructor(status, code, detail, retryAfter = null) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** As `fetch`, with the person's key where the service requires one. */
export async function send(url, { headers = {}, isPatient = false, ...rest } = {}) {
  const mayWait = isPatient || (rest.method ?? "GET") === "GET";
  for (let attempt = 1; ; ) {
    const used = key();
    const sent = used ? { ...headers, Authorization: `Bearer ${used}` } : headers;
    const response = await fetch(url, { ...rest, headers: sent });
    if (response.status === 401) {
      await askForKey(used);
    } else if (response.status === 429 && mayWait && attempt++ < PATIENCE) {
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    } else {
      return response;
    }
  }
}

async function call(method, path, { json, body, type, isPatient } = {}) {
  const headers = {};
  if (json !== undefined) headers["Content-Type"] = "application/json";
  else if (type) headers["Content-Type"] = type;
  let response;
  try {
    const content = json === undefined ? body : JSON.stringify(json);
    const keepalive = method === "DELETE"; // also when the page goes
    response = await send(`/v1${path}`, { method, headers, body: content, keepalive, isPatient });
  } catch {
    throw new Problem(0, "offline", "The server doesn't answer. Is it running?");
  }
  if (!response.ok) throw await problemOf(response);
  return response.status === 204 ? null : response.json();
}

export async function problemOf(response) {
  try {
    const { code, detail, retry_after: retryAfter } = await response.json();
    return new Problem(response.status, code, detail, retryAfter);
  } catch {
    return new Problem(response.status, "unknown", `The server answered ${response.status} ${response.statusText}.`);
  }
}

const at = (id) => `/worlds/${encodeURIComponent(id)}`;

export const api = {
  model: async () => (await call("GET", "/models")).models[0],
  scenes: async () => (await call("GET", "/scenes")).scenes,
  worlds: async () => (await call("GET", "/worlds")).worlds,
  world: (id) => call("GET", at(id)),
  family: async (id) => (await call("GET", `${at(id)}/tree`)).worlds,
  upload: (blob) => call("POST", "/uploads", { body: blob, type: blob.type || "application/octet-stream" }),
  begin: (body) => call("POST", "/worlds", { json: body }),
  fork: (id, step) => call("POST", `${at(id)}/forks`, { json: { step } }),
  rewind: (id, step) => call("POST", `${at(id)}/rewind`, { json: { step } }),
  remove: (id) => call("DELETE", at(id)),
  imagine: (body) => call("POST", "/rollouts", { json: body }),
  forgetRollout: (id) => call("DELETE", `/rollouts/${id}`),
  plan: (body) => call("POST", "/plans", { json: body }),
  readPlan: (id) => call("GET", `/plans/${id}`),
  stopPlan: (id) => call("DELETE", `/plans/${id}`),
  ticket: async (id) => (await call("POST", `${at(id)}/tickets`, { isPatient: true })).ticket,
  frame: async (id, step, frame) => {
    const response = await send(frameUrl(id, step, frame));
    if (!response.ok) throw await problemOf(response);
    return response.blob();
  },
};

/** The events of a rollout or a plan until they have ended; after a break they go on behind the lines of that `kind`. */
export async function* follow(path, kind, signal) {
  let seen = 0;
  for (let attempt = 1; attempt <= PATIENCE; attempt += 1) {
    try {
      for await (const event of lines(`/v1${path}/events?after=${seen}`, signal)) {
        if (event.type === kind) seen += 1;
        attempt = 1;
        yield event;
        if (event.type === "ended") return;
      }
    } catch (error) {
      if (error instanceof Problem || signal.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Problem(0, "offline", "The server stopped answering. Is it running?");
}

/** JSON objects, one a line, as they come. */
async function* lines(url, signal) {
  const response = await send(url, { signal });
  if (!response.ok) throw await problemOf(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

/** The picture of a step: its last frame, or frame number `frame` of its clip. */
export const frameUrl = (id, step, frame) =>
  `/v1${at(id)}/frames/${step}${frame === undefined ? "" : `?frame=${frame}`}`;

/** The film from the start picture to the head. */
export const filmUrl = (id) => `/v1${at(id)}/recording.mp4`;
