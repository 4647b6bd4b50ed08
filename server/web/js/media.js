// Pictures and films of the service. Where a key is required, an address alone doesn't show them.

import { problemOf, send } from "./api.js";
import { el } from "./dom.js";
import { key } from "./key.js";

const KEPT_MS = 60000; // a film that is being saved
const AT_ONCE = 6; // requests of this page, as a browser has it for addresses of its own

let underWay = 0;
const waiting = [];

/** An `img` of what is at `url`. */
export function image(url, properties) {
  if (!key()) return el("img", { src: url, ...properties });
  const element = el("img", properties);
  addressOf(url).then(
    (address) => {
      element.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
      element.src = address;
    },
    () => element.dispatchEvent(new Event("error")),
  );
  return element;
}

/** Save what is at `url` as the file `name`. Throws a Problem. */
export async function save(url, name) {
  const address = await addressOf(url);
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

/** The address of a copy of what is at `url`, to be revoked once it is of no use. Throws a Problem. */
export async function addressOf(url) {
  if (underWay < AT_ONCE) underWay += 1;
  else await new Promise((begin) => waiting.push(begin));
  try {
    const response = await send(url);
    if (!response.ok) throw await problemOf(response);
    return URL.createObjectURL(await response.blob());
  } finally {
    const next = waiting.shift();
    if (next) next();
    else underWay -= 1;
  }
}
