// Short messages that come and go; an error is read out at once.

import { byId, el, iconButton } from "./dom.js";

const STAY_MS = { error: 9000, info: 5000 };
const MOST = 3;

/** Show `text`; `action` is {label, run}. Returns what takes it away again. */
export function toast(text, { kind = "info", action = null } = {}) {
  const list = byId("toasts");
  const close = () => {
    clearTimeout(timer);
    item.remove();
  };
  const act =
    action &&
    el("button", { type: "button", class: "toast-action", onclick: () => (close(), action.run()) }, action.label);
  const item = el(
    "div",
    { class: `toast is-${kind}`, role: kind === "error" ? "alert" : "status" },
    el("p", {}, text),
    act,
    iconButton("close", "Dismiss", close),
  );
  let timer = setTimeout(close, STAY_MS[kind]);
  item.addEventListener("pointerenter", () => clearTimeout(timer));
  item.addEventListener("pointerleave", () => (timer = setTimeout(close, STAY_MS[kind])));
  for (const same of [...list.children].filter((other) => other.firstChild.textContent === text)) same.remove();
  list.append(item);
  while (list.children.length > MOST) list.firstChild.remove();
  return close;
}

/** An error as a toast; its own words where it has some for people. */
export const complain = (error, action = null) => {
  if (!error.code) console.error(error);
  toast(error.code ? error.message : "Something went wrong on this page. Reload it if it goes on.", {
    kind: "error",
    action,
  });
};
