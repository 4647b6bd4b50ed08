"""Short films with their sentences written under them, one for each kind of world, and the README's part with them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pandora.config import DEFAULT_STEPS
from pandora.errors import InvalidInput
from pandora.media import Frame, Frames, save_film
from pandora.scenes import Scene, by_world, read_scenes
from pandora.types import Sampler
from pandora.world_model import WorldModel
from pandora.worlds import make_world

BEGIN, END = "<!-- gallery:begin -->", "<!-- gallery:end -->"
_SIDE = 256  # of the shown picture, in pixels
_BAND, _TEXT = 40, 15  # height of the strip with the sentence, and of its letters
_PAPER, _INK, _FAINT = (19, 19, 22), (244, 241, 235), (150, 146, 140)
_STAYS, _ENDS = 5, 10  # frames that the start and the end stay
_COLUMNS = 3


def films(
    model: WorldModel, scenes: Sequence[Scene], sentences: int = 4, steps: int = DEFAULT_STEPS, seed: int = 0
) -> Iterator[tuple[Scene, tuple[str, ...], Frames]]:
    """Each scene with what is said in it, of its suggestions, and the film (T, H, W, 3) uint8 of that."""
    for scene in scenes:
        state = model.begin(scene.image, seed=seed)
        said = fitting(scene)[:sentences]
        shown = [_captioned(state.frame.numpy(), scene.title, quiet=True)] * _STAYS
        for text in said:
            state, clip = model.step(state, text, sampler=Sampler(steps=steps))
            shown += [_captioned(frame, f"“{text}”") for frame in clip.frames]
            shown += shown[-1:] * 2
        yield scene, said, np.stack(shown + shown[-1:] * _ENDS)


def choose(weights: Path, wanted: Sequence[str] = ()) -> list[Scene]:
    """The scenes of these ids or, without any, the one of each kind of world, and of an only kind a few, in which the
    most can be done.

    Raises InvalidInput where the weights have none, or none of that id.
    """
    known = read_scenes(weights)
    if missing := [name for name in wanted if name not in known]:
        raise InvalidInput(f"{weights} has no scene {', '.join(missing)}; it has {', '.join(known) or 'none'}.")
    if not known:
        raise InvalidInput(f"{weights} has no scenes to film. `pandora train export` puts them there.")
    if wanted:
        return [known[name] for name in wanted]
    groups = [sorted(group, key=lambda scene: -len(fitting(scene))) for group in by_world(known.values()).values()]
    return groups[0][:_COLUMNS] if len(groups) == 1 else [group[0] for group in groups]


def fitting(scene: Scene) -> tuple[str, ...]:
    """The suggestions that can be followed one after the other, by the world's rules where its simulator is here."""
    try:
        world = make_world(scene.world)
    except InvalidInput:  # no such world, or what it needs is not installed
        return scene.suggestions
    now = next((example.scene for example in world.examples() if example.id == scene.id), None)
    if now is None:
        return scene.suggestions
    said: list[str] = []
    for text in scene.suggestions:
        meaning = world.understand(now, text)
        if meaning is not None and meaning.verb != "wait" and world.is_legal(now, meaning):
            said.append(text)
            now = world.advance(now, meaning)
    return tuple(said)


def make(
    model: WorldModel, folder: Path, scenes: Sequence[Scene], sentences: int = 4, steps: int = DEFAULT_STEPS,
    seed: int = 0,
) -> Iterator[tuple[Path, Scene, tuple[str, ...]]]:  # fmt: skip
    """Write one .webp film a scene into `folder`; yields each as it is written."""
    folder.mkdir(parents=True, exist_ok=True)
    for scene, said, frames in films(model, scenes, sentences, steps, seed):
        yield save_film(folder / f"{scene.id}.webp", frames, model.config.fps), scene, said


def table(made: Sequence[tuple[Path, Scene, tuple[str, ...]]], readme: Path) -> str:
    """The films as a table of Markdown, three beside each other; their places as seen from `readme`."""
    only = len({scene.world for _, scene, _ in made}) == 1
    cells = [
        (
            f"**{_plain(scene.title if only else scene.world_title)}**",
            f"![{_plain('; '.join(said))}]({_relative(path, readme)})",
        )
        for path, scene, said in made
    ]
    lines: list[str] = []
    for first in range(0, len(cells), _COLUMNS):
        titles, pictures = zip(*cells[first : first + _COLUMNS], strict=True)
        more = [""] * (min(_COLUMNS, len(cells)) - len(titles))
        lines.append("| " + " | ".join((*titles, *more)) + " |")
        if not first:
            lines.append("|" + ":-:|" * len(titles))
        lines.append("| " + " | ".join((*pictures, *more)) + " |")
    return "\n".join(lines)


def write(readme: Path, text: str) -> None:
    """Put `text` between the README's marks. Raises InvalidInput where it has none."""
    old = readme.read_text()
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InvalidInput(f"{readme} has no place for a gallery. Put the lines {BEGIN} and {END} where it shall be.")
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def _plain(text: str) -> str:
    """Without what Markdown would take for the end of a cell or of a picture's words."""
    return re.sub(r"([|\\[\]])", r"\\\1", text)


def _relative(path: Path, readme: Path) -> str:
    try:
        return path.resolve().relative_to(readme.resolve().parent).as_posix()
    except ValueError as error:
        raise InvalidInput(f"{path} does not lie below {readme.parent or '.'}, so {readme} can't show it.") from error


def _captioned(frame: Frame, text: str, quiet: bool = False) -> Frame:
    """The picture twice as large, and a strip with words below it."""
    image = Image.new("RGB", (_SIDE, _SIDE + _BAND), _PAPER)
    image.paste(Image.fromarray(frame).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
    size, room = _TEXT, _SIDE - 16
    while (font := ImageFont.load_default(size)).getlength(text) > room and size > 9:
        size -= 1
    draw = ImageDraw.Draw(image)
    draw.text((_SIDE / 2, _SIDE + _BAND / 2), text, fill=_FAINT if quiet else _INK, font=font, anchor="mm")
    return np.array(image)
