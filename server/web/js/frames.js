// Frames as they travel, and the frames of a world by step.

import { api } from "./api.js";

export const LAST = 1;
export const STILL = 2;
export const REPLAY = 4;
export const H264 = 8;

const HEADER_BYTES = 24;
const MAGIC = 0x4650; // "PF", little-endian

/** A binary message of the stream: its header's fields and the JPEG as a Blob, or the H.264 access unit as bytes; null
 * when it is no frame of ours. */
export function parseFrame(buffer) {
  if (buffer.byteLength <= HEADER_BYTES) return null;
  const view = new DataView(buffer);
  if (view.getUint16(0, true) !== MAGIC || view.getUint8(2) !== 1) return null;
  const flags = view.getUint8(3);
  const bytes = new Uint8Array(buffer, HEADER_BYTES);
  return {
    flags,
    step: view.getUint32(4, true),
    frame: view.getUint16(8, true),
    frames: view.getUint16(10, true),
    madeAt: Number(view.getBigUint64(16, true)), // by the server's clock, milliseconds since 1970
    jpeg: flags & H264 ? null : new Blob([bytes], { type: "image/jpeg" }),
    unit: flags & H264 ? bytes : null,
  };
}

/** The clips of one world as JPEGs. What came over the stream is kept; the rest is fetched when it is asked for. */
export class FrameStore {
  #clips = new Map(); // step -> array of Blobs, some may be missing
  #world;

  /** A fork has the clips of its `parent` up to the step `from`; it counts on from there, as its parent does. */
  constructor(world, parent = null, from = 0) {
    this.#world = world;
    if (parent) for (const [step, clip] of parent.#clips) if (step <= from) this.#clips.set(step, [...clip]);
  }

  put({ step, frame, frames, jpeg }) {
    if (!this.#clips.has(step)) this.#clips.set(step, Array(frames).fill(null));
    this.#clips.get(step)[frame] = jpeg;
  }

  /** Let go of a step that was never committed. */
  drop(step) {
    this.#clips.delete(step);
  }

  /** All frames of a step that the server says has `frames` of them. */
  async clip(step, frames) {
    const clip = this.#clips.get(step) ?? Array(frames).fill(null);
    const whole = await Promise.all(clip.map((jpeg, index) => jpeg ?? api.frame(this.#world, step, index)));
    this.#clips.set(step, whole);
    return whole;
  }
}
