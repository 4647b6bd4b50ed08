"""Pictures and films: the only owner of pixel ranges and codecs.

Everywhere else a picture is (H, W, 3) uint8 RGB, 0..255, and a film (T, H, W, 3) of those; models see -1..1.
"""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps, ImageSequence

from pandora.errors import InvalidImage, UnknownName

if TYPE_CHECKING:  # these take a second to import, and serving pictures needs neither
    import torch
    from matplotlib.figure import Figure

Frame = NDArray[np.uint8]  # (H, W, 3) RGB, 0..255
Frames = NDArray[np.uint8]  # (T, H, W, 3) RGB, 0..255
ImageSource = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
FILM_SUFFIXES = (".mp4", ".gif", ".webp", ".png")
_CONTAINER_SECOND = 1_000_000  # ffmpeg's units of a container's duration
_BACKGROUND = (128, 128, 128)  # behind transparent pixels
_PLOT_COLOURS = 64  # of a drawn plot: plenty, and a third of the bytes
_BT709, _LIMITED_RANGE = 1, 1  # players guess the matrix of untagged streams, and guess differently


@dataclass(frozen=True, kw_only=True)
class ImageLimits:
    """What a picture may be; checked before its pixels are decoded."""

    max_bytes: int = 10_000_000
    max_pixels: int = 40_000_000
    min_side: int = 8


DEFAULT_LIMITS = ImageLimits()


def load_image(source: ImageSource, limits: ImageLimits = DEFAULT_LIMITS) -> Frame:
    """A picture as (H, W, 3) uint8 RGB: upright, transparency on grey, the first frame of an animation.

    The format is told from the content, never from the name. Raises InvalidImage with advice.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, limits)
    if isinstance(source, Image.Image):
        return _decode(source, limits)
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    elif isinstance(source, str | os.PathLike):
        data = _read(Path(source), limits)
    else:
        raise InvalidImage(f"A picture is a path, bytes, a PIL image or a uint8 array; got {type(source).__name__}.")
    if len(data) > limits.max_bytes:
        raise InvalidImage(f"The picture has {len(data):,} bytes; at most {limits.max_bytes:,} are allowed. Shrink it.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _decode(image, limits)
    except InvalidImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage(f"The picture has more than {limits.max_pixels:,} pixels. Shrink it.") from error
    except Exception as error:  # decoders of foreign bytes raise anything
        kinds = ", ".join(FORMATS)
        raise InvalidImage(f"These {len(data):,} bytes are not a readable picture. Use one of {kinds}.") from error


def fit(image: Frame, size: int | tuple[int, int]) -> Frame:
    """Centre-crop to the aspect of `size` (a side, or height and width) and resize: (H, W, 3) uint8 in and out."""
    height, width = (size, size) if isinstance(size, int) else size
    if image.shape[:2] == (height, width):
        return image
    return np.array(ImageOps.fit(Image.fromarray(image), (width, height), method=Image.Resampling.LANCZOS))


def to_tensor(frames: "NDArray[np.uint8] | torch.Tensor", device: "torch.device | str | None" = None) -> "torch.Tensor":
    """(..., H, W, 3) uint8, 0..255, to (..., 3, H, W) float32 in -1..1."""
    import torch

    pixels = torch.as_tensor(frames).to(device)
    return pixels.movedim(-1, -3).contiguous().float().div_(127.5).sub_(1.0)


def to_uint8(pixels: "torch.Tensor") -> "torch.Tensor":
    """(..., 3, H, W) float in -1..1, clamped and rounded, to (..., H, W, 3) uint8, 0..255, on the same device."""
    import torch

    scaled = pixels.float().add(1.0).mul_(127.5).round_().clamp_(0.0, 255.0)
    return scaled.to(torch.uint8).movedim(-3, -1).contiguous()


def encode_jpeg(frame: Frame, quality: int = 85) -> bytes:
    """(H, W, 3) uint8 as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality, subsampling=0)  # half-size colour fringes at 128 px
    return buffer.getvalue()


def encode_png(frame: Frame) -> bytes:
    """(H, W, 3) uint8 as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG")
    return buffer.getvalue()


def save_plot(figure: "Figure", path: str | os.PathLike[str], dpi: int = 120) -> Path:
    """Write a plot as PNG with a palette, which is small enough to be kept beside what was measured."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi)
    with Image.open(drawn) as picture:
        picture.convert("RGB").quantize(_PLOT_COLOURS).save(path, format="PNG", optimize=True)
    return Path(path)


def save_film(path: str | os.PathLike[str], frames: Frames, fps: float) -> Path:
    """Write (T, H, W, 3) uint8 by suffix: .mp4 (H.264), .gif, .webp, or a .png contact sheet. Raises UnknownName.

    The file appears whole or not at all.
    """
    path = Path(path)
    check_film_suffix(path)
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not len(frames):
        raise ValueError(f"A film is (T, H, W, 3) uint8 with T >= 1; got {frames.shape} {frames.dtype}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.draft{path.suffix.lower()}")
    try:
        match path.suffix.lower():
            case ".mp4":
                with mp4_writer(draft, fps) as add:
                    add(frames)
            case ".png":
                rows = [frames[start : start + 8] for start in range(0, len(frames), 8)]
                Image.fromarray(contact_sheet(rows)).save(draft)
            case suffix:
                _write_animation(draft, frames, fps, suffix)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def check_film_suffix(path: Path) -> None:
    """Raise UnknownName, which lists the valid ones, unless `save_film` can write this suffix."""
    if path.suffix.lower() not in FILM_SUFFIXES:
        raise UnknownName("film format", path.suffix or path.name, FILM_SUFFIXES)


def read_film(path: str | os.PathLike[str]) -> tuple[Frames, float]:
    """The frames (T, H, W, 3) uint8 and the rate of an .mp4, .gif or .webp film. Raises InvalidImage."""
    path = Path(path)
    if path.suffix.lower() not in (".gif", ".webp"):
        with _opened(path) as container:
            rate = container.streams.video[0].average_rate or Fraction(8)
            frames = [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in container.decode(video=0)]
            return np.stack(frames), float(rate)
    try:
        with Image.open(path) as film:
            frames = [np.array(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
            return np.stack(frames), 1000.0 / film.info.get("duration", 125)
    except (OSError, ValueError, IndexError) as error:
        raise InvalidImage(f"{path} is not a readable film. Use .mp4, .gif or .webp.") from error


def film_seconds(source: str | os.PathLike[str] | BinaryIO) -> float:
    """How long a film lasts, as its container says, in seconds. Raises InvalidImage."""
    with _opened(source) as container:
        stream = container.streams.video[0]
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        if container.duration is None:
            raise InvalidImage(f"{_called(source)} doesn't say how long it lasts. Write it anew as .mp4.")
        return container.duration / _CONTAINER_SECOND


def read_clip(
    source: str | os.PathLike[str] | BinaryIO,
    *,
    fps: float,
    count: int,
    size: int | tuple[int, int],
    start: float = 0.0,
) -> Frames:
    """`count` frames at `fps` from second `start` on, each as `fit` makes it: (count, H, W, 3) uint8.

    A moment's frame is the one that is shown then; the last one holds for as long as a frame lasts. `source` is a path
    or an open binary file. Raises InvalidImage where it is no film or ends too early.
    """
    picked: list[Frame] = []
    with _opened(source) as container:
        stream = container.streams.video[0]
        begin = float((stream.start_time or 0) * (stream.time_base or 0))
        lasts = 1.0 / float(stream.average_rate or 8)
        if start > 0 and stream.time_base:
            container.seek(int((begin + start) / stream.time_base), stream=stream)
        slack = 0.25 * lasts  # containers round moments
        shown, until = None, 0.0
        for frame in container.decode(video=0):
            moment = (frame.time or 0.0) - begin
            while shown is not None and len(picked) < count and start + len(picked) / fps < moment - slack:
                picked.append(fit(shown.to_ndarray(format="rgb24").astype(np.uint8), size))
            shown, until = frame, moment + lasts
            if len(picked) == count:
                break
        while shown is not None and len(picked) < count and start + len(picked) / fps < until - slack:
            picked.append(fit(shown.to_ndarray(format="rgb24").astype(np.uint8), size))
    if len(picked) < count:
        raise InvalidImage(
            f"{_called(source)} ends before {count} frames at {fps:g} fps from second {start:g}: it gave {len(picked)}."
        )
    return np.stack(picked)


@contextmanager
def _opened(source: str | os.PathLike[str] | BinaryIO) -> Iterator[Any]:
    """The open container of a film with a picture stream. Raises InvalidImage for whatever goes wrong inside."""
    import av  # codecs are large, and pictures need none

    try:
        with av.open(source if hasattr(source, "read") else str(source)) as container:  # type: ignore[arg-type]
            if not container.streams.video:
                raise InvalidImage(f"{_called(source)} has no pictures. Use a film.")
            yield container
    except (OSError, ValueError, IndexError, av.FFmpegError) as error:
        if isinstance(error, InvalidImage):
            raise
        raise InvalidImage(f"{_called(source)} is not a readable film. Use .mp4, .gif or .webp.") from error


def _called(source: object) -> str:
    return "The film" if hasattr(source, "read") else str(source)


def contact_sheet(
    clips: Sequence[Frames], captions: Sequence[str] | None = None, *, columns: int = 8, margin: int = 4
) -> Frame:
    """One row a clip, each (T, H, W, 3) uint8 of one size, captions above: (H', W', 3) uint8.

    A clip longer than `columns` shows that many frames, evenly spread, the last one included.
    """
    height, width = clips[0].shape[1:3]
    columns = min(columns, max(len(clip) for clip in clips))
    text_size = max(10, height // 9)
    font = ImageFont.load_default(text_size)
    band = int(text_size * 1.6) if captions else 0
    row_height = band + height + margin
    size = (margin + columns * (width + margin), margin + len(clips) * row_height)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for row, clip in enumerate(clips):
        top = margin + row * row_height
        if captions:
            draw.text((margin, top), captions[row], fill="black", font=font)
        picks = np.unique(np.linspace(len(clip) - 1, 0, min(columns, len(clip))).round().astype(int))
        for column, index in enumerate(picks):
            sheet.paste(Image.fromarray(clip[index]), (margin + column * (width + margin), top + band))
    return np.array(sheet)


def _read(path: Path, limits: ImageLimits) -> bytes:
    try:
        if path.stat().st_size > limits.max_bytes:
            raise InvalidImage(
                f"{path} has {path.stat().st_size:,} bytes; at most {limits.max_bytes:,} are allowed. Shrink it."
            )
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise InvalidImage(f"The picture {path} can't be read: {reason}. Give the path of an image file.") from error


def _from_array(array: NDArray[np.uint8], limits: ImageLimits) -> Frame:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[-1] not in (3, 4):
        raise InvalidImage(f"A picture as an array is (H, W, 3) uint8, 0..255; got {array.shape} {array.dtype}.")
    return _decode(Image.fromarray(np.ascontiguousarray(array)), limits)


def _decode(image: Image.Image, limits: ImageLimits) -> Frame:
    """Check the header's numbers first, then decode."""
    width, height = image.size
    if width * height > limits.max_pixels:
        raise InvalidImage(
            f"The picture is {width}x{height}; at most {limits.max_pixels:,} pixels are allowed. Shrink it."
        )
    if min(width, height) < limits.min_side:
        raise InvalidImage(
            f"The picture is {width}x{height}; a side needs {limits.min_side} at least. Use a larger one."
        )
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits: `convert` would clip instead of scale
        grey = (np.asarray(image).astype(np.float32) / 257.0).round().clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, (*_BACKGROUND, 255)), layer)
    return np.array(image.convert("RGB"))


@contextmanager
def mp4_writer(path: Path, fps: float) -> Iterator[Callable[[Frames], None]]:
    """Takes a film (H.264) piece by piece, each (T, H, W, 3) uint8 and of one size; `path` is whole at the end.

    Holds a few frames in memory, however long the film grows.
    """
    import av

    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "medium"})
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE

        def add(frames: Frames) -> None:
            _, height, width, _ = frames.shape
            if height % 2 or width % 2:  # yuv420p halves both sides
                frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            if not context.is_open:
                stream.height, stream.width = frames.shape[1:3]
            for pixels in frames:
                picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                container.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace="itu709")))

        yield add
        container.mux(stream.encode(None))


def _write_animation(path: Path, frames: Frames, fps: float, suffix: str) -> None:
    images = [Image.fromarray(frame) for frame in frames]
    if suffix == ".gif":  # one palette for all frames: separate ones flicker
        sample = np.concatenate(frames[:: max(1, len(frames) // 8)])
        palette = Image.fromarray(sample).quantize(256, method=Image.Quantize.MEDIANCUT)
        images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    options: dict[str, Any] = {"quality": 90, "method": 4} if suffix == ".webp" else {"optimize": False}
    duration = round(1000 / fps)
    images[0].save(path, save_all=True, append_images=images[1:], duration=duration, loop=0, **options)
