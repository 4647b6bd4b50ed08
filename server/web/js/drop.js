// Pictures that come by drag and drop or from the clipboard.

import { byId } from "./dom.js";

/** A picture dropped or pasted anywhere begins a world. */
export function installDrop(take) {
  const veil = byId("drop");
  const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  window.addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    veil.classList.add("is-open");
  });
  window.addEventListener("dragleave", (event) => event.relatedTarget ?? veil.classList.remove("is-open"));
  window.addEventListener("drop", (event) => {
    veil.classList.remove("is-open");
    const file = fileOf(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    take(file);
  });
  window.addEventListener("paste", (event) => {
    const file = fileOf(event.clipboardData);
    if (file) take(file);
  });
}

const fileOf = (transfer) => transfer?.files[0] ?? null;
