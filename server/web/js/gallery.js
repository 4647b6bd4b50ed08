// The way in: start pictures, a picture of one's own, and worlds that were begun before.

import { frameUrl } from "./api.js";
import { byId, count, el, icon } from "./dom.js";
import { image } from "./media.js";

const RECENT = 6;

export class Gallery {
  #scenes = byId("scenes");
  #recent = byId("recent");
  #file = byId("file");
  #hear;

  /** `hear` has `scene(scene)`, `picture(file)` and `world(id)`. */
  constructor(hear) {
    this.#hear = hear;
    this.#file.addEventListener("change", () => {
      if (this.#file.files[0]) hear.picture(this.#file.files[0]);
      this.#file.value = "";
    });
    const loading = Array.from({ length: 6 }, () =>
      el("li", { class: "scene is-loading", "aria-hidden": "true" }, el("div", { class: "scene-picture" })),
    );
    this.#scenes.append(el("ul", { class: "scenes" }, ...loading));
  }

  /** One grid of pictures; with several kinds of world a row for each, under its name. */
  showScenes(scenes) {
    const kinds = new Map();
    for (const scene of scenes) kinds.set(scene.world, [...(kinds.get(scene.world) ?? []), scene]);
    const isOne = kinds.size < 2;
    this.#scenes.classList.toggle("is-many", !isOne);
    const own = this.#ownPicture();
    if (isOne) {
      this.#scenes.replaceChildren(el("ul", { class: "scenes" }, ...scenes.map((scene) => this.#sceneItem(scene)), own));
    } else {
      const rows = [...kinds].map(([kind, group]) =>
        el(
          "section",
          { class: "kind", "data-kind": kind, "aria-labelledby": `kind-${kind}` },
          el("h2", { class: "part-title", id: `kind-${kind}` }, group[0].world_title),
          el("ul", { class: "scenes" }, ...group.map((scene) => this.#sceneItem(scene))),
        ),
      );
      this.#scenes.replaceChildren(el("ul", { class: "scenes own-row" }, own), ...rows);
    }
    this.#scenes.removeAttribute("aria-busy");
  }

  #sceneItem(scene) {
    return el(
      "li",
      { class: "scene" },
      el(
        "button",
        { type: "button", "data-scene": scene.id, onclick: (event) => this.#begin(event.currentTarget, scene) },
        el(
          "span",
          { class: "scene-picture" },
          image(scene.image_url, { alt: "", width: 128, height: 128, loading: "lazy" }),
        ),
        el("span", { class: "scene-title" }, scene.title),
        scene.suggestions[0] ? el("span", { class: "scene-hint" }, `“${scene.suggestions[0]}”`) : null,
      ),
    );
  }

  #ownPicture() {
    return el(
      "li",
      { class: "scene is-own" },
      el(
        "button",
        { type: "button", id: "own-picture", onclick: () => this.#file.click() },
        el("span", { class: "scene-picture" }, icon("picture")),
        el("span", { class: "scene-title" }, "A picture of your own"),
        el("span", { class: "scene-hint" }, "choose, drop or paste"),
      ),
    );
  }

  /** The newest families of worlds, newest first, so that none is lost by leaving it. */
  showWorlds(worlds) {
    const families = new Map();
    const rootOf = (world) => worlds.find(({ id }) => id === world.parent?.world);
    for (const world of worlds) {
      let root = world;
      while (rootOf(root)) root = rootOf(root);
      families.set(root.id, [...(families.get(root.id) ?? []), world]);
    }
    const newest = [...families.values()]
      .reverse()
      .filter((family) => family.some(({ depth }) => depth > 0))
      .slice(0, RECENT);
    byId("recent-part").hidden = !newest.length;
    this.#recent.replaceChildren(...newest.map((family) => this.#worldItem(family)));
  }

  #worldItem(family) {
    const last = family.at(-1);
    const steps = count(Math.max(...family.map(({ depth }) => depth)), "step");
    const branches = family.length > 1 ? ` · ${family.length} branches` : "";
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "recent-world", onclick: () => this.#hear.world(last.id) },
        image(frameUrl(last.id, last.head), { alt: "", width: 128, height: 128, loading: "lazy" }),
        el("span", {}, el("strong", {}, last.name), el("small", {}, steps + branches)),
      ),
    );
  }

  async #begin(button, scene) {
    button.setAttribute("aria-busy", "true");
    await this.#hear.scene(scene);
    button.removeAttribute("aria-busy");
  }
}
