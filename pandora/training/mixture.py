"""Several folders of data, each with its weight: "data/blocks=2,data/road=1", or "data/blocks" alone."""

from pathlib import Path

import numpy as np

from pandora.errors import InvalidConfig

Mixture = dict[Path, float]


def parse_mixture(text: str) -> Mixture:
    """The folders with their weights, which sum to 1; a folder without a weight has 1 of them. Raises InvalidConfig."""
    mixture: Mixture = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = entry.partition("=")
        try:
            weight = float(number) if number.strip() else 1.0
        except ValueError:
            weight = -1.0
        folder = Path(name.strip())
        if not 0 < weight < float("inf") or not name.strip() or folder in mixture:
            raise InvalidConfig(
                f"Data is a folder, or several with positive weights, such as data/blocks=2,data/road=1; got {entry!r}"
                f"{' twice' if folder in mixture else ''}."
            )
        mixture[folder] = weight
    if not mixture:
        raise InvalidConfig("Name at least one folder of data, such as data/blocks.")
    total = sum(mixture.values())
    return {folder: weight / total for folder, weight in mixture.items()}


def pick(weights: list[float], rng: np.random.Generator) -> int:
    """An index, as often as its weight says."""
    return int(min(np.searchsorted(np.cumsum(weights), rng.random() * sum(weights), side="right"), len(weights) - 1))
