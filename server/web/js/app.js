// The page put together: a start picture becomes a world, a sentence becomes what happens next.

import { api } from "./api.js";
import { Branches } from "./branches.js";
import { stateOf } from "./card.js";
import { Compare } from "./compare.js";
import { Composer } from "./composer.js";
import { byId } from "./dom.js";
import { installDrop } from "./drop.js";
import { Gallery } from "./gallery.js";
import { installKeys } from "./keys.js";
import { noveltyWords } from "./novelty.js";
import { upload } from "./picture.js";
import { Plan } from "./plan.js";
import { Playing } from "./playing.js";
import { showStatus } from "./status.js";
import { goalsFor, suggestionsFor } from "./suggestions.js";
import { complain, toast } from "./toasts.js";
import { WhatIf } from "./whatif.js";

const RETRY_MS = 1500;
const FAMILY_SHOWN = 8;

class App {
  model = null;
  scenes = [];
  serverState = "connecting";
  branches = new Branches(
    {
      look: (branch, step) => branch.look(step),
      now: (branch) => branch.backToNow(),
      fork: (branch, step) => this.fork(branch, step),
      rewind: (branch, step) => this.rewind(branch, step),
      compare: (branch) => this.openCompare(branch),
      share: (branch) => this.share(branch),
      remove: (branch) => this.remove(branch),
      leave: () => this.goHome(),
      remark: (branch) => noveltyWords(branch.world.novelty, this.scenes),
    },
    {
      activated: (branch) => this.activated(branch),
      change: () => this.showState(),
      fail: (branch, text, sentence) => this.failed(branch, text, sentence),
      pause: (branch) => this.heldBack(branch),
      status: (text) => this.say(text),
    },
  );
  gallery = new Gallery({
    scene: (scene) => this.begin({ scene: scene.id }),
    picture: (file) => this.beginFrom(file),
    world: (id) => this.openWorld(id),
  });
  composer = new Composer({
    act: (text, { inNewBranch }) => this.act(text, inNewBranch),
    fail: (reason) => this.refuse(reason),
  });
  compare = new Compare();
  playing = new Playing((text) => this.say(text));
  whatIf = new WhatIf({ play: (moment, actions) => this.play(moment, actions) });
  plan = new Plan({ play: (moment, actions) => this.play(moment, actions) });

  async start() {
    byId("new-world").addEventListener("click", () => this.goHome());
    byId("compare-open").addEventListener("click", () => this.openCompare(this.branches.active));
    byId("what-if-open").addEventListener("click", () => this.openWhatIf(this.branches.active));
    byId("plan-open").addEventListener("click", () => this.openPlan(this.branches.active));
    window.addEventListener("hashchange", () => this.route());
    window.addEventListener("pagehide", () => this.stopThinking());
    installDrop((file) => this.beginFrom(file));
    installKeys(this.branches, this.composer);
    this.ready = this.waitForModel();
    await Promise.all([this.route(), this.ready, this.showScenes()]);
  }

  // --- where we are ---

  /** The address says which world is open: it can be kept, shared and gone back to. */
  async route() {
    const id = decodeURIComponent(location.hash.match(/^#world=(.+)$/)?.[1] ?? "");
    if (!id) return this.showHome();
    const open = this.branches.find(id);
    if (open) this.branches.activate(open);
    else await this.openWorld(id);
  }

  goHome() {
    location.hash = "";
  }

  async showHome() {
    this.leave();
    this.view("home");
    this.showState();
    this.gallery.showWorlds(await api.worlds().catch(() => []));
  }

  /** Let go of what is open. */
  leave() {
    this.playing.stop();
    this.stopThinking();
    this.branches.clear();
  }

  /** Nobody waits any longer for what is imagined. */
  stopThinking() {
    this.whatIf.reset();
    this.plan.reset();
  }

  view(name) {
    document.body.dataset.view = name;
    byId("home").hidden = name !== "home";
    for (const id of ["world", "composer", "new-world"]) byId(id).hidden = name === "home";
    if (name === "home") document.title = "Pandora";
  }

  // --- the server ---

  async waitForModel() {
    while (!this.model) {
      try {
        this.model = await api.model();
      } catch (error) {
        this.serverState = error.status === 0 ? "offline" : "loading";
        this.showState();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    const { id, width, height, fps, sampling_steps: steps, max_action_characters: limit } = this.model;
    const denoising = steps === 1 ? "one denoising step" : `${steps} denoising steps`;
    byId("about").textContent = `${id} · ${width} × ${height} at ${fps} fps · ${denoising} a clip`;
    this.composer.limit = this.whatIf.limit = limit;
    this.serverState = "idle";
    this.showState();
  }

  async showScenes() {
    while (!this.scenes.length) {
      try {
        this.scenes = await api.scenes();
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.whatIf.scenes = this.plan.scenes = this.scenes;
    this.gallery.showScenes(this.scenes);
    this.showState();
  }

  // --- worlds ---

  async begin(body) {
    const wish = (this.wish = Symbol("the newest wish counts"));
    if (!this.model) toast("Your world begins as soon as the model is loaded.");
    await this.ready;
    if (wish !== this.wish) return;
    try {
      const detail = await api.begin(body);
      this.enter(detail);
      this.say(noveltyWords(detail.novelty, this.scenes));
    } catch (error) {
      complain(error, error.retryAfter ? { label: "Try again", run: () => this.begin(body) } : null);
    }
  }

  async beginFrom(file) {
    await this.ready; // before that the server doesn't know which size to cut the picture to
    try {
      const { id } = await upload(file);
      await this.begin({ upload: id, name: file.name.replace(/\.\w+$/, "").slice(0, 80) || "A picture" });
    } catch (error) {
      complain(error);
    }
  }

  enter(detail) {
    this.leave();
    this.view("world");
    this.branches.open(detail, { fps: this.fps });
    this.composer.focus();
  }

  /** A world that exists already, with the branches of its family. */
  async openWorld(id) {
    try {
      const family = await api.family(id);
      const shown = family.filter((world) => world.id === id || family.indexOf(world) >= family.length - FAMILY_SHOWN);
      const details = await Promise.all(shown.map((world) => api.world(world.id)));
      this.leave();
      this.view("world");
      for (const detail of details) this.branches.open(detail, { fps: this.fps, activate: detail.id === id });
      this.composer.focus();
    } catch (error) {
      complain(error);
      this.goHome();
    }
  }

  get fps() {
    return this.model?.fps ?? 8;
  }

  // --- what is done to a world ---

  act(text, inNewBranch) {
    const branch = this.branches.active;
    if (!branch || branch.ended) {
      toast("This world has ended. Your sentence is still in the field.", { kind: "error" });
      return false;
    }
    this.forgive?.();
    this.playing.stop();
    if (inNewBranch) this.fork(branch, branch.looking ?? branch.head.step, text);
    else branch.act(text);
    return true;
  }

  /** Say what is wrong with a sentence, until a better one comes. */
  refuse(reason) {
    this.forgive?.();
    this.forgive = toast(reason, { kind: "error" });
  }

  async fork(branch, step, text = null) {
    try {
      const child = this.branches.open(await api.fork(branch.id, step), { fps: this.fps });
      if (branch.looking !== null) branch.backToNow();
      if (text) child.act(text);
      this.composer.focus();
    } catch (error) {
      if (text) this.composer.restore(text);
      complain(error);
    }
  }

  async rewind(branch, step) {
    this.playing.stop();
    try {
      const before = await branch.rewind(step);
      const undo = { label: "Undo", run: () => branch.rewind(before).catch(complain) };
      toast("Rewound. What came after is kept until you go on from here.", { action: undo });
      this.composer.focus();
    } catch (error) {
      complain(error);
    }
  }

  async share(branch) {
    const url = `${location.origin}${location.pathname}#world=${encodeURIComponent(branch.id)}`;
    try {
      if (navigator.share && matchMedia("(pointer: coarse)").matches) {
        await navigator.share({ title: `Pandora: ${branch.world.name}`, url });
      } else {
        await navigator.clipboard.writeText(url);
        toast("Link copied. It opens this world, live, for whoever can reach this server.");
      }
    } catch (error) {
      if (error.name !== "AbortError") toast(url); // no clipboard on this origin: the link is there to be copied by hand
    }
  }

  async remove(branch) {
    const others = this.branches.all.length - 1;
    byId("ask-text").textContent = others
      ? `World ${branch.letter} and its film go; the other ${others === 1 ? "branch stays" : "branches stay"}.`
      : "Its film goes with it. Download it first if you want to keep it.";
    const dialog = byId("ask");
    dialog.returnValue = "no";
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    if (dialog.returnValue !== "yes") return;
    try {
      if (branch.ended !== "gone") await api.remove(branch.id);
    } catch (error) {
      if (error.status !== 404) return complain(error);
    }
    if (this.branches.find(branch.id)) this.branches.close(branch);
    if (!this.branches.all.length) this.goHome();
  }

  openCompare(branch) {
    const all = this.branches.all.filter(({ ended }) => ended !== "gone");
    const parent = all.find(({ id }) => id === branch.world.parent?.world);
    const other = parent ?? all.find((candidate) => candidate !== branch);
    if (!other) return;
    const [first, second] = [branch, other].sort((a, b) => all.indexOf(a) - all.indexOf(b));
    this.compare.open(all, first, second, this.fps).catch(complain);
  }

  // --- what is thought ahead ---

  openWhatIf(branch) {
    if (!branch || branch.ended) return;
    this.playing.stop();
    const used = new Set(branch.path.map(({ action }) => action));
    const suggestions = this.offered(branch);
    const goals = goalsFor(branch.world, this.scenes);
    this.whatIf.open(branch, { suggestions, goals, used, draft: this.composer.take() });
  }

  openPlan(branch) {
    if (!branch || branch.ended) return;
    this.playing.stop();
    this.plan.open(branch, { goals: goalsFor(branch.world, this.scenes) });
  }

  /** Make what was imagined from a moment happen: in that branch, or in a new one where that has gone on. */
  async play({ branch, step }, actions) {
    this.playing.stop();
    this.composer.focus();
    try {
      const isNow = branch.looking === null && branch.head.step === step && !branch.isBusy;
      const where = isNow ? branch : this.branches.open(await api.fork(branch.id, step), { fps: this.fps });
      if (!isNow && branch.looking !== null) branch.backToNow();
      this.playing.start(where, actions);
    } catch (error) {
      complain(error);
    }
  }

  say(text) {
    byId("announcer").textContent = text;
  }

  /** Sentences that fit a branch. */
  offered(branch) {
    return suggestionsFor(branch.world, this.scenes);
  }

  // --- what is shown of it ---

  activated(branch) {
    const address = `#world=${encodeURIComponent(branch.id)}`;
    if (location.hash) history.replaceState(null, "", address);
    else history.pushState(null, "", address); // so that "back" leads to the start
    document.title = `${branch.world.name} · Pandora`;
    this.showState();
  }

  failed(branch, text, sentence) {
    if (sentence && branch === this.branches.active) this.composer.restore(sentence);
    const again = () => {
      this.composer.forget(sentence);
      branch.act(sentence);
    };
    toast(text, { kind: "error", action: sentence && !branch.ended ? { label: "Try again", run: again } : null });
  }

  heldBack(branch) {
    const text = "Somebody has paused this world. What is said waits.";
    toast(text, { action: { label: "Go on", run: () => branch.goOn() } });
  }

  showState() {
    const branch = this.branches.active;
    this.playing.check();
    showStatus(branch ? stateOf(branch) : this.serverState);
    byId("compare-open").hidden = !branch || this.branches.all.length < 2;
    if (!branch) return;
    const isMany = this.branches.all.length > 1;
    byId("field-branch").textContent = isMany ? branch.letter : "";
    byId("composer").style.setProperty("--branch", `var(--branch-${branch.letter.charCodeAt(0) % 6})`);
    const isPast = branch.looking !== null && matchMedia("(hover: hover)").matches;
    this.composer.placeholder = isPast
      ? "What happens next? Shift Enter for a new branch from here"
      : "What happens next?";
    this.composer.suggest(this.offered(branch), new Set(branch.path.map(({ action }) => action)));
  }
}

new App().start();
