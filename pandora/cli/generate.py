"""`pandora generate`: a picture and some actions in, a film out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pandora.cli.options import Device, Seed, Steps, Weights
from pandora.config import DEFAULT_STEPS
from pandora.errors import InvalidInput

if TYPE_CHECKING:
    from pandora.media import Frames
    from pandora.types import Sampler, WorldState
    from pandora.world_model import WorldModel


def generate(
    action: Annotated[list[str], typer.Option("--action", "-a", help="What happens next; repeat it for more.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Film: .mp4, .gif, .webp, or .png (contact sheet).")],
    weights: Weights,
    scene: Annotated[str | None, typer.Option(help="Scene to begin from; `pandora scenes` lists them.")] = None,
    image: Annotated[Path | None, typer.Option(help="Picture to begin from: PNG, JPEG, WebP, GIF or BMP.")] = None,
    steps: Steps = DEFAULT_STEPS,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
) -> None:
    """Begin from a scene or a picture, apply the actions one after another, and write the film."""
    from pandora.media import check_film_suffix, load_image
    from pandora.scenes import find_scene

    if (scene is None) == (image is None):
        raise InvalidInput("Give either --scene ID (pandora scenes lists them) or --image FILE.")
    check_film_suffix(output)
    picture = load_image(image or find_scene(weights, str(scene)).image)

    from pandora.runtime import Runtime
    from pandora.types import Sampler
    from pandora.world_model import WorldModel

    began = time.perf_counter()
    Runtime.resolve(device, dtype).apply()
    model = WorldModel.from_pretrained(weights, device=device, dtype=dtype)
    for text in action:
        model.check_action(text)
    novelty = None if image is None else model.novelty(picture)
    if novelty is not None and not novelty.known:
        words = f"unlike anything that these weights were trained on (nearest: {novelty.world}): expect nonsense"
        typer.secho(f"{image}: {words}", fg=typer.colors.YELLOW, err=True)
    state = model.begin(picture, seed=seed, look=novelty.look if novelty else None)
    loaded = time.perf_counter() - began
    start = state.frame.cpu().numpy()[None]
    clips, seconds, first = imagine(model, state, action, Sampler(steps=steps))
    _write(output, start, clips, action, float(model.config.fps))
    count = sum(map(len, clips))
    typer.echo(
        f"{output}: {count} frames in {seconds:.2f} s ({count / seconds:.1f} frames/s), first frame after "
        f"{first * 1000:.0f} ms, model loaded in {loaded:.1f} s"
    )


def imagine(
    model: "WorldModel", state: "WorldState", actions: list[str], sampler: "Sampler"
) -> tuple[list["Frames"], float, float]:
    """One clip an action, with a progress bar; also the seconds for all frames and for the first one."""
    import numpy as np
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    clips: list[Frames] = []
    began, first = time.perf_counter(), None
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task("", total=len(actions) * model.config.frames_per_action)
        for text in actions:
            progress.update(bar, description=text[:60])
            pieces = []
            for part in model.stream([state], [text], sampler=sampler):
                first = first or time.perf_counter() - began
                pieces.append(part.frames[0])
                progress.advance(bar, len(part.frames[0]))
                if part.states:
                    state = part.states[0]
            clips.append(np.concatenate(pieces))
    return clips, time.perf_counter() - began, first or 0.0


def _write(output: Path, start: "Frames", clips: list["Frames"], actions: list[str], fps: float) -> None:
    import numpy as np

    from pandora import media

    if output.suffix.lower() == ".png":
        rows = [np.concatenate([before[-1:], clip]) for before, clip in zip([start, *clips], clips, strict=False)]
        sheet = media.contact_sheet(rows, actions, columns=9)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(media.encode_png(sheet))
    else:
        media.save_film(output, np.concatenate([start, *clips]), fps)
