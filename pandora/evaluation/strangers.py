"""Pictures that no world drew: photographs, pictures with their statistics, nonsense, and spoilt known frames.

What a model says of pictures that it does not know is measured on these.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from pandora.errors import InvalidInput
from pandora.media import fit
from pandora.worlds.base import Frame

SIZE = 128
_PHOTOS = (  # that libraries bring along
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("sklearn", "datasets/images/china.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
)


def photograph(rng: np.random.Generator) -> Frame:
    """A piece, at least a third of the whole, of one of the photographs that installed libraries bring along."""
    photos = photographs()
    photo = list(photos.values())[rng.integers(len(photos))]
    side = int(min(photo.size) * rng.uniform(0.34, 1.0))
    left, top = (int(rng.integers(0, length - side + 1)) for length in photo.size)
    piece = photo.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.array(ImageOps.mirror(piece) if rng.random() < 0.5 else piece)


@cache
def photographs() -> dict[str, Image.Image]:
    """The whole photographs that are there, by file name. Raises InvalidInput for none."""
    found: dict[str, Image.Image] = {}
    for package, path in _PHOTOS:
        try:
            with files(package).joinpath(path).open("rb") as file:
                found[path.rpartition("/")[2]] = Image.open(file).convert("RGB")
        except (ModuleNotFoundError, OSError):
            continue
    if not found:
        raise InvalidInput("There is no photograph to try. pip install matplotlib scikit-learn, which bring some.")
    return found


def leaves(rng: np.random.Generator) -> Frame:
    """Discs and boxes of all sizes over each other, textured and lit: dead leaves (Lee, Mumford, Huang 2001), whose
    edges and spectrum are those of photographs."""
    side = SIZE * 2
    image = Image.fromarray((_cloud(rng, side) * 90 + rng.uniform(60, 190, 3)).clip(0, 255).astype(np.uint8))
    base = rng.uniform(40, 215) + rng.normal(0, 22, 3)
    for _ in range(260):
        radius = 4 / (1 - rng.random() * (1 - 4 / 90))  # the law of sizes that looks alike at all scales
        x, y = rng.uniform(-20, side + 20, 2)
        colour = np.clip(base + rng.normal(0, 52) + rng.normal(0, 24, 3), 0, 255)
        leaf = Image.new("L", (side, side))
        box = (x - radius, y - radius, x + radius, y + radius * rng.uniform(0.5, 1.0))
        draw = ImageDraw.Draw(leaf)
        (draw.ellipse if rng.random() < 0.7 else draw.rectangle)(box, fill=255)
        image.paste(tuple(int(c) for c in colour), (0, 0), leaf)
    light = 0.75 + 0.25 * _cloud(rng, side)[..., :1]
    grain = rng.normal(0, 5, (side, side, 1))
    lit = np.asarray(image, np.float32) * light + 16 * _cloud(rng, side) + grain
    return np.asarray(Image.fromarray(lit.clip(0, 255).astype(np.uint8)).reduce(2))


def _cloud(rng: np.random.Generator, side: int) -> np.ndarray:
    """Noise (side, side, 3) whose power falls with the square of the frequency, within about -1..1."""
    across, down = np.fft.fftfreq(side), np.fft.rfftfreq(side)
    frequency = np.hypot(across[:, None], down[None])
    frequency[0, 0] = 1.0
    noise = np.stack([np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) / frequency) for _ in range(3)], -1)
    mixed = noise @ (np.full((3, 3), 0.6) + np.eye(3) * 0.4)  # colours of things go together
    return (mixed - mixed.mean()) / (2.2 * mixed.std())


def nonsense(rng: np.random.Generator) -> Frame:
    """Noise, stripes, a plain colour, or a soft ramp."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    if kind == 1:
        return np.full((SIZE, SIZE, 3), rng.integers(0, 256, 3), np.uint8)
    v, u = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    along = u * rng.normal() + v * rng.normal()
    wave = np.sin(along * rng.uniform(10, 60)) * 0.5 + 0.5 if kind == 2 else (along - along.min()) / np.ptp(along)
    ends = rng.uniform(0, 255, (2, 3))
    return (ends[0] + (ends[1] - ends[0]) * wave[..., None]).astype(np.uint8)


def spoil(frame: Frame, kind: str, rng: np.random.Generator) -> Frame:
    """A frame in one of the ways that `SPOILT` names."""
    return SPOILT[kind](Image.fromarray(frame), rng)


def _noise(image: Image.Image, rng: np.random.Generator, sigma: float) -> Frame:
    return (np.asarray(image, np.float32) + rng.normal(0, sigma, (*image.size[::-1], 3))).clip(0, 255).astype(np.uint8)


def _hue(image: Image.Image, rng: np.random.Generator) -> Frame:
    shifted = np.array(image.convert("HSV"))
    shifted[..., 0] += np.uint8(rng.integers(64, 192))
    return np.asarray(Image.fromarray(shifted, "HSV").convert("RGB"))


def _zoom(image: Image.Image, rng: np.random.Generator, share: float) -> Frame:
    side = int(SIZE * share)
    left, top = rng.integers(0, SIZE - side + 1, 2)
    return np.asarray(image.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.BICUBIC))


SPOILT: dict[str, Callable[[Image.Image, np.random.Generator], Frame]] = {
    "resized": lambda image, rng: fit(np.asarray(image.resize((317, 317), Image.Resampling.BICUBIC)), SIZE),
    "noise_2": lambda image, rng: _noise(image, rng, 2.0),
    "noise_12": lambda image, rng: _noise(image, rng, 12.0),
    "noise_40": lambda image, rng: _noise(image, rng, 40.0),
    "blur_1": lambda image, rng: np.asarray(image.filter(ImageFilter.GaussianBlur(1.0))),
    "blur_4": lambda image, rng: np.asarray(image.filter(ImageFilter.GaussianBlur(4.0))),
    "crop_90": lambda image, rng: _zoom(image, rng, 0.9),
    "crop_50": lambda image, rng: _zoom(image, rng, 0.5),
    "darker": lambda image, rng: np.asarray(ImageEnhance.Brightness(image).enhance(0.75)),
    "grey": lambda image, rng: np.asarray(image.convert("L").convert("RGB")),
    "other_hues": _hue,
    "upside_down": lambda image, rng: np.asarray(ImageOps.flip(image)),
    "negative": lambda image, rng: np.asarray(ImageOps.invert(image)),
}
