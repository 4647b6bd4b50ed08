"""Films as uploads: the last picture counts, and nothing in them harms the service."""

from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from pandora.errors import InvalidImage
from pandora.media import save_film
from server import footage


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    frames = np.zeros((12, 96, 128, 3), np.uint8)
    frames[-1] = (200, 30, 30)
    return save_film(tmp_path_factory.mktemp("film") / "film.mp4", frames, 8.0).read_bytes()


def test_a_world_begins_from_the_last_picture_of_a_film(client: TestClient, film: bytes) -> None:
    upload = client.post("/v1/uploads", content=film, headers={"Content-Type": "video/mp4"})
    assert upload.status_code == 201, upload.text
    assert (upload.json()["width"], upload.json()["height"]) == (128, 96)
    assert client.post("/v1/worlds", json={"upload": upload.json()["id"]}).status_code == 201
    np.testing.assert_allclose(footage.last_frame(film).mean((0, 1)), (200, 30, 30), atol=6)


@pytest.mark.parametrize("cut", [12, 300, 0.5, 0.9])
def test_half_a_film_is_refused(client: TestClient, film: bytes, cut: float) -> None:
    part = film[: int(cut if cut > 1 else cut * len(film))]
    answer = client.post("/v1/uploads", content=part, headers={"Content-Type": "video/mp4"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_image")
    assert client.get("/healthz").status_code == 200


def test_bytes_that_only_begin_like_a_film(client: TestClient) -> None:
    rng = np.random.default_rng(0)
    for magic in (b"\0\0\0\x18ftypisom", b"\x1a\x45\xdf\xa3"):
        data = magic + rng.bytes(5000)
        answer = client.post("/v1/uploads", content=data)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_image")
        assert "film" in answer.json()["detail"]


@pytest.mark.parametrize(("limit", "value", "said"), [("MAX_FRAMES", 5, "frames"), ("MAX_PIXELS", 100, "pixels")])
def test_a_film_that_asks_for_too_much(
    film: bytes, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, said: str
) -> None:
    monkeypatch.setattr(footage, limit, value)
    with pytest.raises(SystemExit, match=said):
        footage._decode(film)


def test_a_film_that_takes_too_long(film: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "MAX_SECONDS", 0.005)
    with pytest.raises(InvalidImage, match="shorter"):
        footage.last_frame(film)


def test_a_film_that_points_elsewhere(tmp_path: Path) -> None:
    """A playlist is no film, whatever it names."""
    assert not footage.is_footage(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    assert not footage.is_footage(b"ffconcat version 1.0\nfile /etc/passwd\n")
