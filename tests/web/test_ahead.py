"""The page thinks ahead: futures beside each other, and plans, which a person may have played."""

import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from server.engine.engine import Engine
from server.settings import Settings
from tests.server.ruled import Ruled, write_scenes
from tests.web.conftest import IDLE, PHONE, Service, begin, moments, serve

pytestmark = pytest.mark.browser

AT_WORK = 90_000  # milliseconds for what the model imagines, on a machine with other work


@pytest.fixture(scope="module")
def ruled_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With a model that draws what the rules say."""
    scenes, data = write_scenes(tmp_path_factory.mktemp("scenes")), tmp_path_factory.mktemp("data")
    engine = Engine(Ruled)  # type: ignore[arg-type]
    with serve(Settings(weights=scenes, device="cpu", data=data), engine=engine) as service:
        yield service


def test_futures_play_beside_each_other_and_one_of_them_is_done(page: Page) -> None:
    begin(page)
    page.fill("#sentence", "wait a moment")
    page.click("#what-if-open")
    expect(page.locator("#sentence")).to_have_value("")
    ideas = page.locator(".idea")
    expect(ideas.last).to_have_text("wait a moment")
    for idea in ideas.all()[:-1]:
        if idea.get_attribute("aria-pressed") == "true":
            idea.click()
    page.fill("#what-if-own", "turn off the light then wait")
    page.press("#what-if-own", "Enter")
    page.select_option("#what-if-tries", "2")
    page.get_by_role("button", name="Imagine 2 futures").click()

    done = page.locator(".future[data-state=done]")
    expect(done).to_have_count(2, timeout=AT_WORK)
    for future in done.all():
        expect(future.locator(".sureness")).to_contain_text("pixels ±")
        expect(future.locator(".try")).to_have_count(2)
        expect(future.locator("video, img")).to_be_visible()
    if page.locator(".future video").count():  # where the browser decodes no H.264 there are pictures
        expect(page.locator(".future video").first).not_to_have_js_property("currentTime", 0)
    done.first.locator(".try").nth(1).click()
    expect(done.first.locator(".try").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(moments(page)).to_have_count(1)

    done.last.get_by_role("button", name="Do this: turn off the light, then wait").click()
    expect(page.locator("#what-if")).to_be_hidden()
    expect(moments(page)).to_have_count(3, timeout=AT_WORK)
    assert [m.locator(".moment-text").inner_text() for m in moments(page).all()[1:]] == ["turn off the light", "wait"]
    page.wait_for_selector(IDLE)
    expect(page.locator("#playing")).to_be_hidden()


def test_a_plan_is_found_and_played_until_a_person_acts(ruled_service: Service, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(ruled_service.address)
    begin(page)
    page.click("#plan-open")
    expect(page.locator("#plan-goal")).to_be_focused()
    page.keyboard.type("make it nice")
    page.keyboard.press("Enter")
    expect(page.locator("#plan .sheet-error")).to_contain_text("can't be read", timeout=AT_WORK)
    page.fill("#plan-goal", "the hand holds the blue block")
    page.keyboard.press("Enter")
    verdict = page.locator("#plan-verdict")
    expect(verdict.locator("h3")).to_have_text("A plan of 1 action", timeout=AT_WORK)
    expect(page.locator("#plan .sheet-error")).to_be_hidden()
    expect(verdict).to_contain_text("100 %, sure")
    expect(verdict.locator(".plan-steps li")).to_have_text("“pick up the blue block”")
    expect(page.locator(".tree-node.is-reached.is-on-plan")).to_have_count(1)
    assert page.locator(".tree-edge.is-on-plan").get_attribute("d")

    page.locator(".tree-node[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#plan-inspector")).to_contain_text("the hand holds blue")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert page.locator("#plan .sheet-body").evaluate("body => body.scrollWidth <= innerWidth")
    expect(moments(page)).to_have_count(1)

    page.get_by_role("button", name="Play the plan").click()
    expect(page.locator("#plan")).to_be_hidden()
    expect(moments(page)).to_have_count(2, timeout=AT_WORK)
    expect(moments(page).last.locator(".moment-text")).to_have_text("pick up the blue block")

    page.click("#plan-open")
    page.fill("#plan-goal", "the red block is on the yellow block")
    page.keyboard.press("Enter")
    expect(verdict.locator("h3")).to_have_text("A plan of 3 actions", timeout=AT_WORK)
    gate = threading.Event()
    blocked = ruled_service.engine.call(lambda model: gate.wait(60))
    try:
        page.get_by_role("button", name="Play the plan").click()
        expect(page.locator("#playing-words")).to_contain_text("1 of 3")
        page.fill("#sentence", "turn off the light")
        page.press("#sentence", "Enter")
        expect(page.locator("#playing")).to_be_hidden()
        expect(page.locator("#announcer")).to_have_text("Stopped after 0 of 3 actions.")
    finally:
        gate.set()
        blocked.result(60)
    expect(moments(page).last.locator(".moment-text")).to_have_text("turn off the light", timeout=AT_WORK)
