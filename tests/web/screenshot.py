"""A picture of the real page for the README: `python -m tests.web.screenshot page.png` from the repository's root."""

import argparse
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from server.settings import Settings
from tests.web.conftest import IDLE, SHIPPED, launch, serve

STEPS = 2  # suggestions of the scene that are followed before the fork


def main() -> None:
    """Play a few actions, fork, act differently, and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path, help="PNG to write")
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--scene", help="id of a scene; the first by default")
    parser.add_argument("--action", action="append", help="in the first world; the scene's suggestions by default")
    parser.add_argument("--fork", type=int, default=1, help="step to fork from")
    parser.add_argument("--other", action="append", help="in the branch; `turn off the light` by default")
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    parser.add_argument("--size", default="1280x800", help="of the window")
    parser.add_argument("--scale", type=float, default=1.5, help="pixels of the picture to one of the window")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))

    with serve(Settings(weights=options.weights)) as service, sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(
            viewport={"width": width, "height": height}, color_scheme=options.scheme, device_scale_factor=options.scale
        )
        page.goto(service.address)
        page.locator(f"[data-scene={options.scene}]" if options.scene else "[data-scene]").first.click()
        page.wait_for_selector(IDLE)
        for text in options.action or page.locator(".chip").all_inner_texts()[:STEPS]:
            act(page, text)
        page.locator(f".moment[data-step='{options.fork}'] [data-fork]").dispatch_event("click")
        page.wait_for_selector(".card >> nth=1")
        page.wait_for_selector(IDLE)
        for text in options.other or ["turn off the light"]:
            act(page, text)
        page.mouse.move(width / 2, 2)
        page.wait_for_timeout(700)  # until nothing fades or scrolls any more
        page.screenshot(path=options.picture)
        browser.close()
    print(options.picture)


def act(page: Page, text: str) -> None:
    """Say it, and wait until its clip was played."""
    steps = page.locator(".card.is-active .moment[data-step]").count()
    page.fill("#sentence", text)
    page.press("#sentence", "Enter")
    page.wait_for_selector(f".card.is-active .moment[data-step] >> nth={steps}")
    page.wait_for_selector(IDLE)


if __name__ == "__main__":
    main()
