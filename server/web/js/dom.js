// Elements, icons and small helpers of the document.

/** An element: `el("button", {class: "x", onclick: f, "aria-label": "y"}, child, …)`. Strings become text, never markup. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "style") element.style.cssText = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The element with that id; the page can't work without it. */
export const byId = (id) => document.getElementById(id);

const PATHS = {
  fork: "M7 4v16M7 16c0-6 10-3 10-10M13 9.5 17 5.5l4 4",
  rewind: "M4 12a8 8 0 1 0 2.6-5.9M4 4v4h4",
  download: "M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
  compare: "M4 5h7v14H4zM13 5h7v14h-7z",
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  close: "M6 6l12 12M18 6 6 18",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
  play: "M8 5.5v13l10-6.5z",
  pause: "M8 5v14M16 5v14",
  futures: "M4 12h5c6 0 4-6 11-6M9 12h11M9 12c6 0 4 6 11 6",
  flag: "M6 21V4h12l-3.2 4L18 12H6",
  check: "M5 12.5 10 17.5 19.5 7",
};

/** One of the page's line icons, hidden from readers: its button carries the label. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24",
    class: `icon icon-${name}`,
    "aria-hidden": "true",
  }))
    svg.setAttribute(key, value);
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button that is an icon alone. */
export function iconButton(name, label, onclick, properties = {}) {
  return el(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...properties },
    icon(name),
  );
}

/** 0.5 as "50 %". */
export const percent = (share) => `${Math.round(share * 100)} %`;

/** "1 step", "2 steps". */
export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
