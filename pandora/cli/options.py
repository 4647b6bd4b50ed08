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
Steps = Annotated[int, typer.Option(min=1, max=50, help="Denoising steps a clip.")]
Redraws = Annotated[int, typer.Option(min=0, max=32, help="Times an unreadable frame is drawn again.")]
Processes = Annotated[int, typer.Option(min=1, help="That share the work.")]
Out = Annotated[Path, typer.Option(help="Folder for results, rows and plot; a stopped run goes on there.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write rows and settings to this file.")]
