"""A server with the tiny model, which has the same service around it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pandora.media import encode_png
from server.bench.process import Server, ask, get, post, start_server


@contextmanager
def start_tiny(data: Path | None = None, **settings: object) -> Iterator[Server]:
    """As `start_server`, with weights that are drawn at random and one scene."""
    with TemporaryDirectory(prefix="pandora-bench-") as folder:
        weights = write_tiny(Path(folder))
        with start_server({"weights": str(weights), "threads": "1"}, data, **settings) as server:
            yield server


def write_tiny(folder: Path) -> Path:
    """A folder of the tiny model's weights."""
    from pandora.presets import tiny_model

    (scenes := folder / "scenes").mkdir(parents=True)
    entry = {"id": "noise", "world": "noise", "title": "Noise", "image": "noise.png", "suggestions": ["wait"]}
    (scenes / "scenes.json").write_text(json.dumps([entry]))
    (scenes / "noise.png").write_bytes(picture())
    return tiny_model().save_pretrained(folder)


def furnish(address: str) -> dict[str, str]:
    """New things in a service without keys, by the names of the parameters that take their ids."""
    scene = get(f"{address}/v1/scenes")["scenes"][0]["id"]
    world = ask(f"{address}/v1/worlds", scene=scene)["id"]
    ask(f"{address}/v1/worlds/{world}/steps", actions=["wait"])
    upload = post(f"{address}/v1/uploads", picture(1, 16), "image/png")["id"]
    found = {"world_id": world, "world": world, "upload": upload, "scene": scene, "scene_id": scene}
    paths = get(f"{address}/openapi.json")["paths"]
    if "/v1/rollouts" in paths:
        found["rollout_id"] = ask(f"{address}/v1/rollouts", world=world, candidates=[["wait"]])["id"]
    if "/v1/plans" in paths:
        goal = {"text": "the hand is empty"}
        found["plan_id"] = ask(f"{address}/v1/plans", world=world, readout="blocks", goal=goal)["id"]
    return found


@cache
def picture(seed: int = 0, side: int = 128) -> bytes:
    """A PNG of noise."""
    return encode_png(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))
