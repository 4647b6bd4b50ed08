// A search tree as it grows, from left to right: a picture at every node, the plan's own path in colour.

import { percent } from "./dom.js";
import { inWords } from "./facts.js";
import { addressOf } from "./media.js";
import { key } from "./key.js";

const LARGEST = 58;
const SMALLEST = 34;
const ROOM = 380; // height that the pictures of all rows shall fit into, if they are not too many
const MARGIN = 10;

export class Tree {
  #svg;
  #edges = svg("g", { class: "tree-edges" });
  #nodes = svg("g", { class: "tree-nodes" });
  #shown = new Map(); // id -> {node, element, edge}
  #children = new Map(); // id -> ids
  #addresses = []; // of copies of pictures
  #focus = null;
  #drawing = 0;
  #look;
  #watch;

  /** `look(node)` hears which node is pointed at or focused; null when none is any more. */
  constructor(element, look) {
    this.#svg = element;
    this.#look = look;
    element.append(this.#edges, this.#nodes);
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("pointerover", (event) => this.#point(event.target.closest("[data-node]")));
    element.addEventListener("pointerleave", () => this.#point(this.#svg.querySelector(":focus")));
    element.addEventListener("focusin", (event) => this.#point(event.target.closest("[data-node]")));
    element.addEventListener("focusout", () => this.#point(null));
    this.#watch = new IntersectionObserver((seen) => this.#see(seen), { rootMargin: "200px" });
    new ResizeObserver(() => this.#later()).observe(element.parentElement);
  }

  get size() {
    return this.#shown.size;
  }

  clear() {
    this.#watch.disconnect();
    for (const address of this.#addresses.splice(0)) URL.revokeObjectURL(address);
    this.#shown.clear();
    this.#children.clear();
    this.#focus = null;
    this.#edges.replaceChildren();
    this.#nodes.replaceChildren();
  }

  /** Take in a node, or what is new of one. */
  put(node) {
    const known = this.#shown.get(node.id);
    if (known) {
      known.node = node;
    } else {
      this.#shown.set(node.id, this.#make(node));
      if (node.parent !== null) this.#children.set(node.parent, [...(this.#children.get(node.parent) ?? []), node.id]);
    }
    this.#describe(this.#shown.get(node.id));
    this.#later();
  }

  /** Bring the end of the plan, or else the newest node, into view. */
  reveal() {
    cancelAnimationFrame(this.#drawing);
    this.#draw();
    const last = [...this.#shown.values()].findLast(({ node }) => node.on_plan);
    if (!last) return;
    const [x, y] = last.place;
    const box = this.#svg.parentElement;
    box.scrollTo({ left: x - box.clientWidth / 2, top: y - box.clientHeight / 2, behavior: "smooth" });
  }

  // --- nodes ---

  #make(node) {
    const element = svg("g", { class: "tree-node", role: "treeitem", "data-node": node.id, tabindex: -1 });
    const image = svg("image", { preserveAspectRatio: "xMidYMid slice" });
    const parts = [
      ["rect", "tree-ground"],
      ["rect", "tree-frame"],
      ["path", "tree-value"],
      ["path", "tree-reached"],
    ];
    const [ground, frame, value, reached] = parts.map(([tag, name]) => svg(tag, { class: name }));
    element.append(ground, image, frame, value, reached);
    const edge = node.parent === null ? null : svg("path", { class: "tree-edge" });
    if (edge) this.#edges.append(edge);
    this.#nodes.append(element);
    if (this.#focus === null) this.#setFocus(node.id, element);
    this.#watch.observe(element);
    return { node, element, edge, image, ground, frame, value, reached, place: [0, 0] };
  }

  #describe({ node, element, edge }) {
    element.setAttribute("aria-level", node.depth + 1);
    element.setAttribute("aria-label", inOneLine(node));
    element.classList.toggle("is-on-plan", Boolean(node.on_plan));
    element.classList.toggle("is-reached", Boolean(node.reached));
    edge?.classList.toggle("is-on-plan", Boolean(node.on_plan));
    if (edge && node.on_plan) this.#edges.append(edge); // above the others
  }

  /** Pictures are asked for when they come into view. */
  #see(seen) {
    for (const { isIntersecting, target } of seen) {
      const shown = this.#shown.get(Number(target.dataset.node));
      if (!isIntersecting || !shown) continue;
      this.#watch.unobserve(target);
      this.#picture(shown);
    }
  }

  /** Fetch the pictures that have not come into view yet: the service is about to forget them. */
  async keep() {
    const missing = [...this.#shown.values()].filter(({ image }) => !image.hasAttribute("href"));
    for (const { element } of missing) this.#watch.unobserve(element);
    await Promise.all(missing.map((shown) => this.#picture(shown, true)));
  }

  async #picture({ node, image }, isKept = false) {
    let address = node.frame_url;
    if ((isKept || key()) && address) this.#addresses.push((address = await addressOf(address).catch(() => "")));
    if (address) image.setAttribute("href", address);
  }

  // --- keys and pointers ---

  #point(element) {
    const shown = element && this.#shown.get(Number(element.dataset.node));
    for (const other of this.#nodes.querySelectorAll(".is-looked-at")) other.classList.remove("is-looked-at");
    shown?.element.classList.add("is-looked-at");
    this.#look(shown?.node ?? null);
  }

  #setFocus(id, element) {
    this.#shown.get(this.#focus)?.element.setAttribute("tabindex", -1);
    this.#focus = id;
    element.setAttribute("tabindex", 0);
  }

  #key(event) {
    const shown = this.#shown.get(this.#focus);
    const way = shown && this.#way(event.key, shown.node);
    if (way === undefined || way === null) return;
    event.preventDefault();
    const next = this.#shown.get(way);
    if (!next) return;
    this.#setFocus(way, next.element);
    next.element.focus();
  }

  /** The id of the node that a key leads to; null where it leads nowhere, undefined for other keys. */
  #way(name, node) {
    const beside = (step) => {
      const column = [...this.#shown.values()].filter((other) => other.node.depth === node.depth);
      column.sort((a, b) => a.place[1] - b.place[1]);
      return column[column.findIndex((other) => other.node.id === node.id) + step]?.node.id ?? node.id;
    };
    const ids = this.#children.get(node.id) ?? [];
    const ways = {
      ArrowLeft: () => node.parent ?? node.id,
      ArrowRight: () => ids.find((id) => this.#shown.get(id).node.on_plan) ?? ids[0] ?? node.id,
      ArrowUp: () => beside(-1),
      ArrowDown: () => beside(1),
      Home: () => this.#shown.keys().next().value,
      End: () => [...this.#shown.values()].findLast((other) => other.node.on_plan)?.node.id ?? node.id,
    };
    return ways[name]?.();
  }

  // --- where everything is ---

  #later() {
    cancelAnimationFrame(this.#drawing);
    this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const root = this.#shown.values().next().value;
    const width = this.#svg.parentElement.clientWidth;
    if (!root || !width) return;
    const rows = this.#rows(root.node.id);
    const all = [...this.#shown.values()];
    const deepest = Math.max(1, ...all.map(({ node }) => node.depth));
    const size = Math.max(SMALLEST, Math.min(LARGEST, ROOM / rows.count - 12));
    const column = Math.max(size + 28, Math.min(size + 96, (width - size - 2 * MARGIN) / deepest));
    const line = size + Math.max(12, size * 0.28);
    for (const shown of all) {
      shown.place = [MARGIN + shown.node.depth * column, MARGIN + (rows.at.get(shown.node.id) ?? 0) * line];
      place(shown, size);
    }
    for (const { node, edge, place: to } of all) {
      const from = this.#shown.get(node.parent)?.place;
      if (edge && from) edge.setAttribute("d", curve([from[0] + size, from[1] + size / 2], [to[0], to[1] + size / 2]));
    }
    this.#svg.setAttribute("width", 2 * MARGIN + deepest * column + size);
    this.#svg.setAttribute("height", 2 * MARGIN + (rows.count - 1) * line + size + 8);
  }

  /** A row for every leaf; what has children stands in their middle. */
  #rows(root) {
    const at = new Map();
    let count = 0;
    const walk = (id) => {
      const ids = this.#children.get(id) ?? [];
      if (!ids.length) at.set(id, count++);
      for (const child of ids) walk(child);
      if (ids.length) at.set(id, (at.get(ids[0]) + at.get(ids.at(-1))) / 2);
    };
    walk(root);
    return { at, count };
  }
}

/** What a screen reader says of a node. */
function inOneLine({ action, facts, value, reached, on_plan: isOnPlan }) {
  const parts = [
    action ?? "The start",
    isOnPlan && "on the plan",
    reached ? "the goal is reached" : typeof value === "number" && `goal ${percent(value)}`,
    inWords(facts).join(", "),
  ];
  return parts.filter(Boolean).join(". ");
}

function place({ node, element, image, ground, frame, value, reached, place: [x, y] }, size) {
  const corner = size * 0.22;
  const square = { width: size, height: size, rx: corner };
  element.setAttribute("transform", `translate(${x} ${y})`);
  set(ground, square);
  set(frame, square);
  set(image, { width: size, height: size });
  image.style.clipPath = `inset(0 round ${corner}px)`;
  const share = Math.max(0, Math.min(1, node.value ?? 0)) * (size - 2 * corner);
  value.setAttribute("d", share > 0 ? `M${corner} ${size + 5}h${share}` : "");
  const tick = `M${size - 9} ${3.5}l3 3 5.5-6`;
  reached.setAttribute("d", node.reached ? tick : "");
}

const curve = ([x, y], [u, v]) => `M${x} ${y}C${(x + u) / 2} ${y} ${(x + u) / 2} ${v} ${u} ${v}`;

function svg(tag, attributes = {}) {
  return set(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes);
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
