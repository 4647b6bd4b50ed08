"""A running service and a real Chromium in front of it."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Browser, Error, Locator, Page, Playwright, expect, sync_playwright

from pandora.media import Frame, encode_png
from pandora.presets import tiny_model
from server.app import create_app
from server.engine.engine import Engine
from server.engine.loading import load_model
from server.settings import Settings

SHIPPED = Path(__file__).resolve().parents[2] / "weights" / "pandora-small"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
IDLE = ".card.is-active[data-state=idle]"


@dataclass(frozen=True)
class Service:
    """A service that listens; `engine` is its own, `stop` ends it as a signal would."""

    address: str
    port: int
    engine: Engine
    stop: Callable[[], None]


@contextmanager
def serve(settings: Settings, port: int = 0, engine: Engine | None = None) -> Iterator[Service]:
    """Run the service in a thread until the block ends, with the model of its settings or another `engine`."""
    engine = engine or Engine(partial(load_model, settings))
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(create_app(settings, engine), log_level="error", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(20)
        engine.stop()
        listener.close()

    port = listener.getsockname()[1]
    try:
        assert engine.settled.wait(120), "the model did not load"
        assert engine.failure is None, engine.failure
        yield Service(f"http://127.0.0.1:{port}/", port, engine, stop)
    finally:
        stop()


def launch(playwright: Playwright) -> Browser:
    """Chromium: the machine's, or playwright's own. Raises playwright's Error where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return playwright.chromium.launch(executable_path=found, args=FLAGS)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights that ship, or else a tiny random model with two scenes."""
    if (SHIPPED / "config.json").is_file():
        return SHIPPED
    folder = tmp_path_factory.mktemp("weights")
    (folder / "scenes").mkdir()
    scenes = [
        {"id": name, "world": "any", "title": name.title(), "image": f"{name}.png", "suggestions": ["wait", "go on"]}
        for name in ("dots", "stripes")
    ]
    (folder / "scenes" / "scenes.json").write_text(json.dumps(scenes))
    for seed, scene in enumerate(scenes):
        (folder / "scenes" / scene["image"]).write_bytes(encode_png(make_picture(seed)))
    return tiny_model().save_pretrained(folder)


@pytest.fixture(scope="session")
def settings(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(weights=weights, device="cpu", threads="1", data=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def service(settings: Settings) -> Iterator[Service]:
    with serve(settings) as service:
        yield service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except Error as error:
            pytest.skip(f"no Chromium: install it (Debian: apt install chromium) or name it in CHROMIUM ({error.name})")
        expect.set_options(timeout=15_000)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A page of a fresh browser profile; whatever it throws fails the test."""
    contexts, thrown = [], []

    def open_page(**options: object) -> Page:
        context = browser.new_context(**({"viewport": DESKTOP} | options))  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: thrown.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        with suppress(Error):
            context.close()
    assert not thrown


@pytest.fixture
def page(service: Service, open_page: Callable[..., Page]) -> Page:
    page = open_page()
    page.goto(service.address)
    return page


def begin(page: Page) -> None:
    """Enter the first scene."""
    page.locator("[data-scene]").first.click()
    page.wait_for_selector(".stage.is-lit")
    page.wait_for_selector(IDLE)


def moments(page: Page) -> Locator:
    """The committed steps of the active branch, the start first."""
    return page.locator(".card.is-active .moment[data-step]")


def make_picture(seed: int, size: int = 128) -> Frame:
    """(size, size, 3) uint8: soft colours, different for each seed."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(30, 225, (2, 2, 3))
    ramp = np.linspace(0, 1, size)
    across = corners[:, :1] * (1 - ramp)[:, None] + corners[:, 1:] * ramp[:, None]
    picture = across[:1] * (1 - ramp)[:, None, None] + across[1:] * ramp[:, None, None]
    return picture.astype(np.uint8)
