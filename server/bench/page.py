"""What a person waits for: from a clip's first frame, made, to its pixels on the page in a real browser."""

import os
import shutil

import numpy as np

from pandora.errors import PandoraError
from server.bench.process import Server

_SAID, _SCENE = "#sentence", "[data-scene]"
_FLAGS = ["--no-sandbox", "--disable-gpu"]
_TIMEOUT_MS = 120_000
_PLAYED_MS = 1200  # a clip that waits for another to be played would measure the film's length
_MEASURES = "performance.getEntriesByName('pandora.pixels').map((entry) => entry.duration)"


def pixels(server: Server, clips: int) -> list[float]:
    """Milliseconds for each of so many clips, by the page's own `pandora.pixels` measures.

    Raises PandoraError where there is no browser to drive.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise PandoraError("The page is measured with playwright: install the extra `dev`.") from error
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        except Error as error:
            raise PandoraError("The page is measured in Chromium: install it, or name it in CHROMIUM.") from error
        page = browser.new_page()
        page.set_default_timeout(_TIMEOUT_MS)
        page.goto(server.address)
        page.locator(_SCENE).first.click()
        page.wait_for_selector(".stage.is-lit")
        spans: list[float] = []
        for number in range(clips):
            page.fill(_SAID, "wait" if number % 2 else "turn off the light")
            page.press(_SAID, "Enter")
            while len(spans := page.evaluate(_MEASURES)) <= number:
                page.wait_for_timeout(20)
            page.wait_for_timeout(_PLAYED_MS)
        browser.close()
    return [float(span) for span in np.asarray(spans)[1:]]  # the first clip warms the page
