"""The data card of a folder of shards, and the counts in it: read from what was written, not from what was asked."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pandora.errors import InvalidInput
from pandora.training.dataset import read_config
from pandora.training.shards import samples
from pandora.worlds import make_world, world_names

CARD = "README.md"
_EXAMPLES = 24  # sentences that are shown

_HEAD = """---
license: {license}
task_categories: [text-to-video, image-to-video]
language: en
---

# {name}

{what}

| | |
|---|---|
| episodes | {episodes:,} |
| clips (actions) | {clips:,} |
| of these what the rules forbid | {illegal:,} ({illegal_share:.1%}) |
| episodes that pursue a goal | {goals:,} ({goal_share:.1%}) |
| sentences, and different ones | {sentences:,}, {different:,} |
| films | {size} x {size} pixels, {fps:g} fps, {per_action} frames an action |
| size | {megabytes:,.1f} MB in {shards} shards |
"""

_LAYOUT = """
## Layout

`NNNNN.tar` are WebDataset shards; what belongs together shares its name:

- `KEY.mp4`: an episode, {codec}. Its first frame is the start picture; every action adds {per_action} frames.
- `KEY.json`: `world`, `seed` and, where it was asked for, `scene` (what the start had to be like), `fps`,
  `frames_per_action`, `behaviour` and `actions`, a list of `meaning` (verb and arguments), `verb`, `legal` (whether the
  rules allowed it; what they forbid is attempted and fails), `sentences` that say it, `text` (the first of them),
  `start` and `end` in seconds of the film.

`NNNNN.safetensors`, where there are some, are the same episodes as `pandora data encode` prepares them for the video
model. `dataset.json` has the settings. `pandora data look {folder}` draws some of it.
"""

_WORLD = """Made by the simulator of the world "{world}" of Pandora ({made_with}): exact, seeded, free of people and of
anything recorded.

```sh
pandora data make --world {world} --clips {asked} --length {length} --episodes {per_shard} --sentences {few} \\
                  --illegal {illegal} --goals {goals} --seed {seed}{scene} --out {folder}
```

The same command gives the same shards, on any number of processes. Episode n begins with the scene of seed
`(seed * 10000019 + n) mod 10^9`; seeds from 10^9 on are kept for evaluation. Kept out of it, for evaluation as well:

- the transitions of the world's hold-out (`World.is_held_out`, about a fifth of all situations and actions),
- its held-out phrasings (`World.say(…, split="held_out")`),
- scenes of other kinds than training has{splits}.
"""

_IMPORTED = """Brought over from {source} ({form}) by `pandora data import`, {made_with}. Films are resampled to
{fps:g} fps, cropped at the centre and resized to {size} pixels, and cut into actions of {per_action} frames. The rights
are those of the source: look there before you pass it on.
"""


@dataclass
class Counts:
    """What the labels of a folder say."""

    episodes: int = 0
    clips: int = 0
    illegal: int = 0
    goals: int = 0
    megabytes: float = 0.0
    shards: int = 0
    verbs: Counter[str] = field(default_factory=Counter)
    forbidden: Counter[str] = field(default_factory=Counter)
    sentences: Counter[str] = field(default_factory=Counter)
    said: dict[str, list[str]] = field(default_factory=dict)  # some sentences of each verb

    def add(self, label: Mapping[str, Any]) -> None:
        self.episodes += 1
        self.goals += label.get("behaviour") == "goal"
        for action in label["actions"]:
            verb = action.get("verb", "") or "(in words alone)"
            self.clips += 1
            self.verbs[verb] += 1
            self.illegal += not action.get("legal", True)
            self.forbidden[verb] += not action.get("legal", True)
            self.sentences.update(action["sentences"])
            self.said.setdefault(verb, []).extend(action["sentences"][:1])


def count(folder: Path) -> Counts:
    """Reads every label of a folder's shards. Raises InvalidInput where there are none."""
    counts = Counts()
    for shard in sorted(folder.glob("*.tar")):
        counts.shards += 1
        counts.megabytes += shard.stat().st_size / 1e6
        for sample in samples(shard):
            counts.add(sample.label())
    if not counts.episodes:
        raise InvalidInput(f"No episodes in {folder}. Make some: pandora data make --out {folder}")
    return counts


def write(folder: Path) -> Path:
    """Write `README.md` into a folder of shards; returns its path."""
    config, counts = read_config(folder), count(folder)
    shared = {
        "folder": folder, "size": config["size"], "fps": config["fps"], "per_action": config["frames_per_action"],
        "made_with": config["made_with"], "codec": config["codec"],
    }  # fmt: skip
    if config["kind"] == "world":
        splits = make_world(config["world"]).splits() if config["world"] in world_names() else {}
        named = ", ".join(f"{name} ({_options(options)})" for name, options in splits.items())
        what = _WORLD.format(
            **shared, world=config["world"], asked=config["clips"], length=config["length"], seed=config["seed"],
            per_shard=config["episodes"], few=config["sentences"], illegal=config["illegal"], goals=config["goals"],
            splits=f": {named}" if named else "",
            scene="".join(f" --scene {option}" for option in config.get("scene", ()))
            + (f" --nonsense {config['nonsense']}" if "nonsense" in config else ""),
        )  # fmt: skip
    else:
        what = _IMPORTED.format(**shared, source=config["source"], form=config["form"])
    head = _HEAD.format(
        **shared, name=folder.resolve().name, what=what.strip(), episodes=counts.episodes, clips=counts.clips,
        illegal=counts.illegal, illegal_share=counts.illegal / max(1, counts.clips), goals=counts.goals,
        goal_share=counts.goals / counts.episodes, sentences=counts.sentences.total(), different=len(counts.sentences),
        megabytes=counts.megabytes, shards=counts.shards,
        license="apache-2.0" if config["kind"] == "world" else "other",
    )  # fmt: skip
    (path := folder / CARD).write_text(head + table(counts) + _sentences(counts) + _LAYOUT.format(**shared))
    return path


def table(counts: Counts) -> str:
    """Clips by verb, in Markdown."""
    rows = [f"| {verb} | {n:,} | {counts.forbidden[verb]:,} |" for verb, n in sorted(counts.verbs.items())]
    return "\n## Clips by verb\n\n| verb | clips | forbidden by the rules |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _sentences(counts: Counts) -> str:
    """Some sentences, as many of each verb as of any other."""
    rng = np.random.default_rng(0)
    each = max(1, _EXAMPLES // len(counts.said))
    shown = []
    for verb, said in sorted(counts.said.items()):
        some = list(dict.fromkeys(said[i] for i in rng.permutation(len(said))))[:each]
        shown.append(f"- {verb}: " + "; ".join(f"“{text}”" for text in some))
    return "\n## Some sentences\n\n" + "\n".join(shown) + "\n"


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in options.items())
