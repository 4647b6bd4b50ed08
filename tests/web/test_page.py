"""The page as a person uses it: clicks, words, and pictures that change."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from pandora.media import encode_png
from server.settings import Settings
from tests.web.conftest import IDLE, PHONE, SHIPPED, Service, begin, make_picture, moments, serve

pytestmark = pytest.mark.browser

FIELD = "#sentence"
IS_TRAINED = (SHIPPED / "config.json").is_file()  # to a random model words hardly matter


def act(page: Page, text: str, *, watch: bool = False) -> None:
    """Say it, and wait until it is committed; with `watch`, until its clip was played."""
    steps = moments(page).count()
    page.fill(FIELD, text)
    page.press(FIELD, "Enter")
    expect(moments(page)).to_have_count(steps + 1)
    if watch:
        page.wait_for_selector(IDLE)


def see(card: Locator) -> np.ndarray:
    """What the stage of a card shows: (16, 16, 3), 0..255."""
    script = """card => {
        const small = document.createElement("canvas").getContext("2d");
        small.imageSmoothingQuality = "high";
        small.drawImage(card.querySelector(".stage-picture"), 0, 0, 16, 16);
        return [...small.getImageData(0, 0, 16, 16).data];
    }"""
    return np.array(card.evaluate(script), float).reshape(16, 16, 4)[..., :3]


def toast(page: Page, words: str) -> Locator:
    return page.locator(".toast").filter(has_text=words)


def test_a_sentence_makes_the_next_clip_and_a_fork_makes_another_future(page: Page) -> None:
    begin(page)
    expect(page.locator("#status")).to_have_text("Ready")
    first = page.locator(".card").first
    suggestion = page.locator(".chip").first.inner_text()
    start = see(first)

    act(page, suggestion, watch=True)
    assert np.abs(see(first) - start).mean() > 0.2
    assert moments(page).nth(1).locator(".moment-text").inner_text() == suggestion
    assert page.locator(FIELD).input_value() == ""
    expect(first.locator(".latency")).to_contain_text("ms")
    expect(first.locator(".speed")).to_contain_text("fps")
    act(page, "turn off the light", watch=True)
    after_two = see(first)

    first.locator(".moment[data-step='1'] .moment-look").click()
    first.locator(".past .primary").click()
    expect(page.locator(".card")).to_have_count(2)
    second = page.locator(".card").nth(1)
    expect(second).to_have_class("card is-active")
    expect(second.locator(".card-origin")).to_have_text("from A · step 1")
    page.wait_for_selector(IDLE)
    act(page, "wait")
    act(page, "wait", watch=True)

    assert first.is_visible()
    assert second.is_visible()
    assert np.abs(see(first) - after_two).mean() < 1.0, "acting in a branch disturbed the other"
    assert np.abs(see(second) - see(first)).mean() > (1.0 if IS_TRAINED else 0.0)
    expect(first.locator(".moment[data-step]")).to_have_count(3)
    expect(second.locator(".moment[data-step]")).to_have_count(4)
    if IS_TRAINED:
        assert see(first).mean() < see(second).mean() - 20, "the light is on where nobody turned it off"

    page.click("#compare-open")
    expect(page.locator("#compare-left-words")).to_have_text("“turn off the light”")
    expect(page.locator("#compare-right-words")).to_have_text("“wait”")
    assert page.locator("#compare-time").get_attribute("max") == "16", "they part after step 1"
    page.check("#compare-mark")
    page.keyboard.press("Escape")
    expect(page.locator("#compare")).not_to_be_visible()


@pytest.mark.parametrize(("text", "reason"), [("   ", "Type what happens next"), ("x" * 501, "at most 500 characters")])
def test_a_sentence_that_can_not_be_is_refused_and_kept(page: Page, text: str, reason: str) -> None:
    begin(page)
    page.fill(FIELD, text)
    page.press(FIELD, "Enter")
    expect(toast(page, reason)).to_be_visible()
    assert page.locator(FIELD).input_value() == text
    expect(moments(page)).to_have_count(1)


def test_a_picture_of_ones_own_becomes_a_world_and_a_text_file_does_not(page: Page, tmp_path: Path) -> None:
    page.wait_for_selector("#own-picture")
    letter = tmp_path / "letter.txt"
    letter.write_text("Not a picture.")
    page.set_input_files("#file", letter)
    expect(page.locator(".toast.is-error")).to_be_visible()
    expect(page.locator("#home")).to_be_visible()

    desk = tmp_path / "my desk.png"
    desk.write_bytes(encode_png(make_picture(3, 1400)))
    page.set_input_files("#file", desk)
    page.wait_for_selector(IDLE)
    expect(page.locator(".card-name")).to_have_text("my desk")
    shown = see(page.locator(".card"))
    assert np.abs(shown - make_picture(3, 16)).mean() < 40
    expect(page.locator(".chip").first).to_be_visible()
    act(page, "wait")


def test_the_newest_sentence_replaces_one_that_waits(page: Page, service: Service) -> None:
    begin(page)
    gate = threading.Event()
    blocked = service.engine.call(lambda model: gate.wait(20))
    try:
        for text, replaced in (("first", None), ("second", "first"), ("third", "second")):
            page.fill(FIELD, text)
            page.press(FIELD, "Enter")
            if replaced:
                expect(page.locator(".moment[data-phase='replaced']").filter(has_text=replaced)).to_be_visible()
        expect(page.locator(".moment[data-phase='queued'] .moment-text")).to_have_text("third")
        expect(page.locator("#status")).to_have_text("Waiting for the model…")
    finally:
        gate.set()
        blocked.result(20)
    expect(moments(page)).to_have_count(2)
    expect(moments(page).nth(1).locator(".moment-text")).to_have_text("third")


def test_a_world_that_somebody_paused_says_so_and_can_go_on(page: Page) -> None:
    begin(page)
    page.evaluate(
        """() => new Promise((done) => {
          const world = location.hash.split("=").pop();
          const other = new WebSocket(`ws://${location.host}/v1/worlds/${world}/stream`);
          other.onopen = () => other.send(JSON.stringify({ type: "hello" }));
          other.onmessage = ({ data }) => {
            if (typeof data !== "string") return;
            const { type } = JSON.parse(data);
            if (type === "ready") other.send(JSON.stringify({ type: "control", command: "pause" }));
            if (type === "control") done();
          };
        })"""
    )
    expect(page.locator("#status-text")).to_have_text("Paused by somebody")
    page.reload()
    expect(page.locator("#status-text")).to_have_text("Paused by somebody")
    page.fill("#sentence", "wait")
    page.press("#sentence", "Enter")
    expect(page.locator(".card.is-active[data-state=paused]")).to_be_visible()
    toast(page, "paused this world").get_by_role("button", name="Go on").click()
    expect(moments(page)).to_have_count(2)
    page.wait_for_selector(IDLE)


def test_the_past_is_looked_at_rewound_to_and_brought_back(page: Page) -> None:
    begin(page)
    card = page.locator(".card")
    start = see(card)
    act(page, "wait")
    page.keyboard.press("Alt+ArrowLeft")
    expect(card.locator(".caption")).to_have_text("The start")
    expect(card.locator(".past")).to_be_visible()
    page.wait_for_timeout(150)
    assert np.abs(see(card) - start).mean() < 1.0
    page.get_by_role("button", name="Rewind to here").click()
    expect(moments(page)).to_have_count(1)
    toast(page, "Rewound").get_by_role("button", name="Undo").click()
    expect(moments(page)).to_have_count(2)


def test_a_broken_connection_comes_back_and_what_was_said_meanwhile_happens(
    service: Service, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    routes: list[WebSocketRoute] = []

    def through(route: WebSocketRoute) -> None:
        routes.append(route)
        route.connect_to_server()

    page.route_web_socket("**/stream", through)
    page.goto(service.address)
    begin(page)
    act(page, "wait")
    routes[-1].close(code=1011)
    expect(page.locator("#status")).to_contain_text("trying again")
    page.fill(FIELD, "go on")
    page.press(FIELD, "Enter")
    expect(moments(page)).to_have_count(3)
    assert len(routes) == 2


def test_a_server_that_ends_takes_nothing_with_it(settings: Settings, open_page: Callable[..., Page]) -> None:
    page = open_page()
    with serve(settings) as service:
        page.goto(service.address)
        begin(page)
        act(page, "wait")
        service.stop()
        expect(page.locator("#status")).to_contain_text("trying again")
        page.fill(FIELD, "a long thought")
        page.press(FIELD, "Enter")
    with serve(settings, service.port):
        expect(moments(page)).to_have_count(3, timeout=30_000)
        assert moments(page).nth(2).locator(".moment-text").inner_text() == "a long thought"
        expect(page.locator("#status")).to_have_text("Ready")


def test_two_browsers_and_one_that_is_killed_and_comes_back(
    service: Service, page: Page, open_page: Callable[..., Page]
) -> None:
    begin(page)
    act(page, "wait")
    other = open_page()
    other.goto(page.url)
    expect(moments(other)).to_have_count(2)
    address = other.url
    other.context.close()
    act(page, "go on")
    back = open_page()
    back.goto(address)
    expect(moments(back)).to_have_count(3)
    act(back, "wait")
    expect(moments(page)).to_have_count(4)
    page.wait_for_selector(IDLE)
    assert np.abs(see(page.locator(".card").first) - see(back.locator(".card").first)).mean() < 1.0


def test_h264_plays_what_jpegs_show(service: Service, page: Page, open_page: Callable[..., Page]) -> None:
    film = open_page()
    film.goto(f"{service.address}?format=h264")
    supported = "async () => (await VideoDecoder.isConfigSupported({codec: 'avc1.42C01E'})).supported"
    if not film.evaluate(supported):
        pytest.skip("this browser decodes no H.264")
    received: list[bytes | str] = []
    film.on("websocket", lambda socket: socket.on("framereceived", lambda data: received.append(data)))
    begin(film)
    page.goto(film.url.replace("?format=h264", ""))
    for text in ("turn off the light", "wait"):
        act(film, text, watch=True)
    expect(moments(page)).to_have_count(3)
    page.wait_for_selector(IDLE)
    frames = [data for data in received if isinstance(data, bytes)]
    assert sum(bool(data[3] & 8) for data in frames) == 16, "clips came as H.264"
    assert np.abs(see(film.locator(".card").first) - see(page.locator(".card").first)).mean() < 4.0


def test_an_address_opens_the_whole_family_and_delete_takes_one(
    service: Service, page: Page, open_page: Callable[..., Page]
) -> None:
    begin(page)
    act(page, "wait")
    page.fill(FIELD, "go on")
    page.press(FIELD, "Shift+Enter")
    expect(page.locator(".card")).to_have_count(2)
    expect(moments(page)).to_have_count(3)

    other = open_page()
    other.goto(page.url)
    expect(other.locator(".card")).to_have_count(2)
    expect(moments(other)).to_have_count(3)
    other.locator(".card.is-active").get_by_role("button", name="Delete this world").click()
    other.locator("#ask button[value=yes]").click()
    expect(other.locator(".card")).to_have_count(1)
    expect(page.locator(".card .veil:visible")).to_have_count(1)

    film = other.locator(".card a[download]")
    response = other.request.get(
        other.evaluate("document.baseURI").split("#")[0].rstrip("/") + str(film.get_attribute("href"))
    )
    assert response.body()[4:8] == b"ftyp"
    other.click(".brand")
    expect(other.locator(".recent-world").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(service: Service, open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True, color_scheme=scheme)
    page.goto(service.address)
    begin(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    field, stage = page.locator(".field").bounding_box(), page.locator(".stage").bounding_box()
    assert field
    assert stage
    assert field["y"] + field["height"] <= PHONE["height"]
    assert stage["width"] > 0.8 * PHONE["width"]
    assert stage["y"] + stage["height"] < field["y"]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(paper) < 60) == (scheme == "dark")


def test_everything_has_a_name_and_works_from_the_keyboard(page: Page) -> None:
    page.wait_for_selector("[data-scene]")
    page.locator("[data-scene]").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(IDLE)
    expect(page.locator(FIELD)).to_be_focused()
    page.keyboard.type("wait")
    page.keyboard.press("Enter")
    expect(moments(page)).to_have_count(2)
    page.keyboard.type("go")
    page.keyboard.press("ArrowUp")
    assert page.locator(FIELD).input_value() == "wait"
    page.keyboard.press("ArrowDown")
    assert page.locator(FIELD).input_value() == "go"
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, a, input, select, canvas[role=img]")]
            .filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length))
            .filter(e => !e.hasAttribute("aria-labelledby"))
            .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    expect(page.locator("#announcer")).to_have_text("Done: wait")
