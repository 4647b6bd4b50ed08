"""The page of a service that requires keys."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from server.settings import Settings
from server.store.database import Database
from server.store.migrations import upgrade
from server.users.keys import Keys
from tests.web.conftest import IDLE, serve

pytestmark = pytest.mark.browser


def expect_picture(image: Locator) -> None:
    expect(image).to_have_js_property("complete", True)
    expect(image).not_to_have_js_property("naturalWidth", 0)


def test_the_page_asks_for_a_key_and_works_with_it(
    settings: Settings, tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    settings = settings.but(data=tmp_path, require_keys=True)
    database = Database(settings.database_url)
    upgrade(database.engine)
    keys = Keys(database)
    key = keys.create("ann")
    with serve(settings) as service:
        page = open_page()
        page.goto(service.address)
        dialog, field = page.locator("#key"), page.locator("#key-field")
        expect(dialog).to_be_visible()
        expect(page.locator("[data-scene]")).to_have_count(0)
        field.fill(f"pk_{'0' * 12}_{'0' * 64}")
        field.press("Enter")
        expect(page.locator("#key-text")).to_contain_text("not valid")
        field.fill(key)
        field.press("Enter")
        expect(dialog).to_be_hidden()
        expect_picture(page.locator("[data-scene] img").first)

        page.locator("[data-scene]").first.click()
        page.wait_for_selector(IDLE)
        page.fill("#sentence", "wait")
        page.press("#sentence", "Enter")
        moments = page.locator(".card.is-active .moment[data-step]")
        expect(moments).to_have_count(2)
        expect_picture(moments.nth(1).locator("img"))
        with page.expect_download() as film:
            page.locator("a[download]").click()
        assert film.value.suggested_filename == "pandora-A.mp4"
        assert b"ftyp" in film.value.path().read_bytes()[:16]
        assert key not in page.content()

        page.reload()
        page.wait_for_selector(IDLE)
        expect(moments).to_have_count(2)
        expect(dialog).to_be_hidden()
    database.close()
