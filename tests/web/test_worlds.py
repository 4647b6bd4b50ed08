"""The page with several kinds of world, and what it says of pictures that are strange."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pandora.checkpoint import write_manifest
from pandora.media import encode_png, to_tensor
from pandora.novelty import NoveltyModel, fit, view
from pandora.presets import tiny_model
from server.settings import Settings
from tests.test_novelty import ramps
from tests.web.conftest import IDLE, PHONE, Service, make_picture, moments, serve

pytestmark = pytest.mark.browser

KINDS = {"ramps": ("Soft ramps", ["climb the ramp", "wait"]), "dots": ("Dots", ["join the dots"])}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose model knows what `ramps` look like, with scenes of two kinds of world."""
    weights, model = tmp_path_factory.mktemp("many"), tiny_model()
    entries = [
        {
            "id": f"{kind}-{i}", "world": kind, "world_title": title, "title": f"{title} {i}", "image": f"{i}.png",
            "suggestions": suggestions,
        }
        for kind, (title, suggestions) in KINDS.items()
        for i in range(4)
    ]  # fmt: skip
    (weights / "scenes").mkdir()
    (weights / "scenes" / "scenes.json").write_text(json.dumps(entries))
    for i in range(4):
        (weights / "scenes" / f"{i}.png").write_bytes(encode_png(make_picture(i)))
    model.save_pretrained(weights)
    seen = [view(model.autoencoder, to_tensor(ramps(120, seed))) for seed in (0, 1)]
    NoveltyModel({"ramps": fit(*seen)}).save(weights)
    write_manifest(weights)
    data = tmp_path_factory.mktemp("data")
    with serve(Settings(weights=weights, device="cpu", threads="1", data=data)) as service:
        yield service


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE], ids=["desktop", "phone"])
def test_each_kind_of_world_has_a_row(many: Service, open_page: Callable[..., Page], size: dict[str, int]) -> None:
    page = open_page(viewport=size)
    page.goto(many.address)
    rows = page.locator(".kind")
    expect(rows).to_have_count(2)
    expect(rows.nth(0).locator("h2")).to_have_text("Soft ramps")
    expect(rows.nth(1).locator("[data-scene]")).to_have_count(4)
    expect(page.locator("#own-picture")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], "the page scrolls sideways"
    rows.nth(1).locator("[data-scene]").first.click()
    page.wait_for_selector(IDLE)
    expect(page.locator(".chip").first).to_have_text("join the dots")
    expect(page.locator(".card-origin")).to_have_text("")


def test_what_a_picture_is_like_is_said(many: Service, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page()
    remark = page.locator(".card-origin")

    def take(name: str, picture) -> None:
        page.goto(many.address)
        page.wait_for_selector("#own-picture")
        (tmp_path / name).write_bytes(encode_png(picture))
        page.set_input_files("#file", tmp_path / name)
        page.wait_for_selector(IDLE)

    take("noise.png", make_picture(5)[::-1].copy())
    expect(remark).to_contain_text("trained on")
    expect(remark).to_have_class("card-origin is-strange")
    expect(page.locator(".chip").first).to_have_text("climb the ramp")  # of the nearest kind of world
    page.reload()
    expect(remark).to_contain_text("trained on")  # it is kept with the world
    take("ramp.png", ramps(1, 5)[0])
    expect(remark).to_have_text("Close to: soft ramps")
    expect(remark).to_have_class("card-origin")
    page.fill("#sentence", "wait")
    page.press("#sentence", "Enter")
    expect(moments(page)).to_have_count(2)
