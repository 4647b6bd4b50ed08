// H.264 by WebCodecs, for pages far from their server: a tenth of the bytes of JPEGs, at some loss of colour.

const CODEC = "avc1.42C01E"; // constrained baseline, level 3
const LOCAL = ["localhost", "127.0.0.1", "[::1]"];

let formats = null;

/** The formats to ask for, best first. `?format=h264` or `?format=jpeg` in the page's address decides otherwise. */
export function preferredFormats() {
  formats ??= choose();
  return formats;
}

async function choose() {
  const wish = new URLSearchParams(location.search).get("format");
  if (wish === "jpeg" || (wish !== "h264" && LOCAL.includes(location.hostname))) return ["jpeg"];
  if (!("VideoDecoder" in self)) return ["jpeg"]; // also where the page came over plain HTTP
  const { supported } = await VideoDecoder.isConfigSupported(config()).catch(() => ({ supported: false }));
  return supported ? ["h264", "jpeg"] : ["jpeg"];
}

const config = () => ({ codec: CODEC, optimizeForLatency: true });

/** Decodes the clips of one world, one after another. */
export class Film {
  #decoder = null;
  #step = null;
  #next = 0;
  #waiting = []; // {resolve, reject}

  /** The picture of an access unit; rejects where one before it is missing. */
  decode({ step, frame, frames, unit }) {
    if (frame === 0) this.#begin(step);
    if (step !== this.#step || frame !== this.#next) return Promise.reject(new Error("A frame before it is missing."));
    this.#next += 1;
    const picture = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    picture.catch(() => {}); // whoever draws it hears of the failure
    this.#decoder.decode(
      new EncodedVideoChunk({ type: frame === 0 ? "key" : "delta", timestamp: frame * 1000, data: unit }),
    );
    if (frame === frames - 1) this.#decoder.flush().catch(() => {});
    return picture;
  }

  #begin(step) {
    this.#fail(new Error("Another clip began."));
    if (this.#decoder?.state === "configured") this.#decoder.close();
    this.#step = step;
    this.#next = 0;
    this.#decoder = new VideoDecoder({
      output: (picture) => {
        const { resolve, reject } = this.#waiting.shift() ?? {};
        createImageBitmap(picture).then(resolve, reject).finally(() => picture.close());
      },
      error: (error) => this.#fail(error),
    });
    this.#decoder.configure(config());
  }

  #fail(error) {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#step = null;
  }
}
