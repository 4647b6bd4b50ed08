// The key of a service that requires one: asked for when it is needed, and kept as long as the tab is open.

import { byId } from "./dom.js";

const KEPT = "pandora.key";
let asking = null; // whoever needs a key meanwhile waits for the same answer

/** The key that the person gave, or null. */
export const key = () => sessionStorage.getItem(KEPT);

/** Ask for a key, unless another than `refused` was given meanwhile. */
export async function askForKey(refused) {
  if (key() !== refused) return;
  asking ??= ask(refused !== null).finally(() => (asking = null));
  await asking;
}

async function ask(again) {
  const dialog = byId("key");
  const field = byId("key-field");
  byId("key-text").textContent = again
    ? "That key is not valid here. It may have been revoked."
    : "Whoever runs this service can make one for you: pandora keys create";
  do {
    field.value = "";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  } while (!field.value.trim()); // there is nothing to see without one
  sessionStorage.setItem(KEPT, field.value.trim());
  field.value = "";
}
