import io

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from pandora import media
from pandora.errors import InvalidImage, UnknownName


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns * 255 // width, rows * 255 // height, np.full_like(rows, 48)], -1).astype(np.uint8)


def film(frames: int = 10) -> np.ndarray:
    clip = np.full((frames, 32, 48, 3), (200, 48, 40), np.uint8)
    for index in range(frames):
        clip[index, 8:24, index * 3 : index * 3 + 12] = (30, 90, 220)
    return clip


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP", "JPEG", "GIF"])
def test_every_format_from_bytes_and_path(kind, tmp_path):
    data = encoded(Image.fromarray(picture()), kind, **({"quality": 95} if kind in ("JPEG", "WEBP") else {}))
    path = tmp_path / "misnamed.txt"
    path.write_bytes(data)
    for source in (data, path, str(path)):
        frame = media.load_image(source)
        assert frame.shape == (40, 60, 3)
        assert frame.dtype == np.uint8
        assert np.abs(frame.astype(int) - picture()).mean() < 8


def test_array_and_pil_are_taken_as_they_are():
    assert (media.load_image(picture()) == picture()).all()
    assert (media.load_image(Image.fromarray(picture())) == picture()).all()


def test_orientation_of_phone_pictures():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    frame = media.load_image(encoded(Image.fromarray(picture()), "PNG", exif=exif))
    assert (frame == np.rot90(picture(), -1)).all()


def test_transparency_becomes_grey_and_16_bits_are_scaled():
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert (media.load_image(encoded(clear, "PNG")) == 128).all()
    deep = Image.fromarray(np.full((16, 16), 65535 // 2, np.uint16))
    assert (abs(media.load_image(encoded(deep, "PNG")).astype(int) - 127) <= 1).all()


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"just some text\n" * 40,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        "no/such/file.png",
        ".",
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((64, 64, 3), np.float32),
        np.zeros((64, 64), np.uint8),
        encoded(Image.new("RGB", (64, 64)), "TIFF"),
        encoded(Image.fromarray(picture(400, 400)), "PNG")[:500],
        7,
    ],
)
def test_rubbish_is_refused_with_advice(source):
    with pytest.raises(InvalidImage, match=r"\w+\."):
        media.load_image(source)


def test_limits_hold_before_decoding(tmp_path):
    data = encoded(Image.new("1", (20_000, 20_000)), "PNG")  # a small file, 400 million pixels
    with pytest.raises(InvalidImage, match="pixels"):
        media.load_image(data)
    with pytest.raises(InvalidImage, match="bytes"):
        media.load_image(b"x" * 11, media.ImageLimits(max_bytes=10))
    path = tmp_path / "big"
    path.write_bytes(b"x" * 11)
    with pytest.raises(InvalidImage, match="bytes"):
        media.load_image(path, media.ImageLimits(max_bytes=10))


def test_fit_crops_the_centre():
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 255
    assert (media.fit(wide, 20) == 255).all()
    assert media.fit(picture(), (30, 70)).shape == (30, 70, 3)
    assert (media.fit(picture(), (40, 60)) == picture()).all()


def test_tensor_round_trip_is_exact():
    levels = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, -1)[None]  # (1, 256, 1, 3)
    tensor = media.to_tensor(levels)
    assert tensor.shape == (1, 3, 256, 1)
    assert tensor.min() == -1
    assert tensor.max() == 1
    assert (media.to_uint8(tensor).numpy() == levels).all()
    beyond = torch.tensor([-9.0, 9.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert media.to_uint8(beyond).flatten().tolist() == [0] * 3 + [255] * 3


def test_jpeg_and_png_read_back():
    assert np.abs(media.load_image(media.encode_jpeg(picture(), 95)).astype(int) - picture()).mean() < 4
    assert (media.load_image(media.encode_png(picture())) == picture()).all()


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_film_round_trip(suffix, tmp_path):
    path = media.save_film(tmp_path / "new" / f"film{suffix}", film(), 8)
    frames, fps = media.read_film(path)
    assert frames.shape == film().shape
    assert fps == pytest.approx(8, rel=0.05)
    error = np.abs(frames.astype(int) - film())
    assert error.mean() < 5  # half the colour resolution blurs edges
    assert np.abs(frames[:, :4].astype(int) - (200, 48, 40)).max() < 8  # the colour matrix is the right one
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_odd_sizes_and_single_frames(tmp_path):
    frames, _ = media.read_film(media.save_film(tmp_path / "odd.mp4", film(1)[:, :31, :47], 8))
    assert frames.shape == (1, 32, 48, 3)


def test_contact_sheet(tmp_path):
    sheet = media.contact_sheet([film(8), film(20)], ["pick up the red block", "wait"], columns=4)
    assert sheet.shape[1] == 4 + 4 * (48 + 4)
    assert sheet.shape[0] > 2 * 32
    path = media.save_film(tmp_path / "sheet.PNG", film(12), 8)
    assert media.load_image(path).shape == (4 + 2 * 36, 4 + 8 * 52, 3)


def test_unknown_film_suffix_lists_the_valid_ones(tmp_path):
    with pytest.raises(UnknownName, match=r"\.gif, \.mp4, \.png, \.webp"):
        media.save_film(tmp_path / "film.avi", film(), 8)
    (tmp_path / "no.mp4").write_text("no film")
    with pytest.raises(InvalidImage, match="not a readable film"):
        media.read_film(tmp_path / "no.mp4")


def ramp(frames: int = 40) -> np.ndarray:
    """Frame i is grey of 6 * i."""
    return np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None, None] * 6, (frames, 32, 48, 3)).copy()


def test_a_clip_is_cut_and_resampled(tmp_path):
    path = media.save_film(tmp_path / "film.mp4", ramp(), 8)
    assert media.film_seconds(path) == pytest.approx(5, abs=0.01)
    for fps, start, count, expected in (
        (8.0, 0.0, 40, range(40)),
        (8.0, 2.5, 5, range(20, 25)),
        (4.0, 1.0, 6, range(8, 20, 2)),
        (16.0, 3.0, 4, (24, 24, 25, 25)),
        (3.0, 0.0, 3, (0, 2, 5)),
    ):
        clip = media.read_clip(path, fps=fps, count=count, size=(16, 24), start=start)
        assert clip.shape == (count, 16, 24, 3)
        assert [round(float(frame.mean()) / 6) for frame in clip] == list(expected)
    with path.open("rb") as file:
        assert np.array_equal(media.read_clip(file, fps=3.0, count=3, size=(16, 24)), clip)


def test_films_that_can_not_be_cut(tmp_path):
    path = media.save_film(tmp_path / "film.mp4", ramp(8), 8)
    with pytest.raises(InvalidImage, match="ends before 9 frames at 8 fps from second 0: it gave 8"):
        media.read_clip(path, fps=8, count=9, size=16)
    with pytest.raises(InvalidImage, match="it gave 0"):
        media.read_clip(path, fps=8, count=1, size=16, start=30)
    (tmp_path / "note.mp4").write_text("no film")
    for call in (media.film_seconds, lambda source: media.read_clip(source, fps=8, count=1, size=16)):
        with pytest.raises(InvalidImage, match="not a readable film"):
            call(tmp_path / "note.mp4")
        with pytest.raises(InvalidImage, match="The film is not a readable film"):
            call(io.BytesIO(b"no film"))


def test_plots_are_kept_small(tmp_path):
    figure = Figure(figsize=(8, 4))
    axis = figure.subplots()
    axis.plot(np.sin(np.linspace(0, 60, 2000)), label="a curve")
    axis.legend()
    figure.savefig(plain := tmp_path / "plain.png", dpi=120)
    path = media.save_plot(figure, tmp_path / "plot.png")
    assert path.stat().st_size < 0.5 * plain.stat().st_size
    assert np.abs(media.load_image(path).astype(int) - media.load_image(plain)).mean() < 1
