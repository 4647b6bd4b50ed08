"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

_SHIPPED = Path(__file__).resolve().parents[2] / "weights" / "pandora-small"


def default_weights() -> Path:
    """The shipped weights, found from the working folder first, then beside the package."""
    here = Path("weights/pandora-small")
    return here if here.is_dir() else _SHIPPED


Weights = Annotated[
    Path, typer.Option(help="Folder of weights.", default_factory=default_weights, show_default="weights/pandora-small")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:0.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
