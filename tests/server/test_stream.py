"""The WebSocket, message by message."""

import io
import json
import threading
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies
from PIL import Image
from starlette.testclient import TestClient, WebSocketDenialResponse

from pandora.media import load_image
from pandora.world_model import WorldModel
from server.protocol import FrameFlags


def kinds(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


def test_an_action_from_receipt_to_clip(client: TestClient, world: str, watch) -> None:
    with watch(world) as viewing:
        viewing.act("a1", "pick up  the red block ")
        messages, frames = viewing.until("clip.end")
        assert kinds(messages) == ["action.received", "action.applied", "clip.start", "clip.end"]
        assert messages[0]["text"] == messages[1]["text"] == "pick up the red block"
        start, end = messages[2:]
        assert (start["step"], start["parent"], start["event_id"], start["frames"]) == (1, 0, "a1", 8)
        assert (end["step"], end["committed"], end["head"], end["dropped"]) == (1, True, 1, 0)
        assert end["generate_ms"] > 0
        assert end["encode_ms"] > 0
        headers = [header for header, _ in frames]
        assert [header.frame for header in headers] == list(range(8))
        assert {(header.step, header.frames) for header in headers} == {(1, 8)}
        assert [header.media_ms for header in headers] == [index * 125 for index in range(8)]
        assert [header.flags for header in headers] == [FrameFlags.NONE] * 7 + [FrameFlags.LAST]
        assert headers == sorted(headers, key=lambda header: header.timestamp_ms)
        assert all(Image.open(io.BytesIO(jpeg)).size == (128, 128) for _, jpeg in frames)
        assert frames[-1][1] == client.get(f"/v1/worlds/{world}/frames/1").content


def test_the_newest_action_replaces_one_that_has_not_begun(client: TestClient, world: str, watch, busy) -> None:
    with watch(world) as viewing:
        with busy():
            viewing.act("a1")
            viewing.act("a2")
            viewing.act("a3", "wait")
            messages = [viewing.read() for _ in range(5)]
            assert sorted(kinds(messages)) == [*["action.received"] * 3, *["action.superseded"] * 2]
            superseded = [(m["event_id"], m["by"]) for m in messages if m["type"] == "action.superseded"]
            assert superseded == [("a1", "a2"), ("a2", "a3")]
            assert client.get(f"/v1/worlds/{world}").json()["status"] == "queued"
        messages, _ = viewing.until("clip.end")
        assert messages[0] == {"type": "action.applied", "event_id": "a3", "step": 1, "text": "wait"}
    log = client.get(f"/v1/worlds/{world}/events").json()["events"]
    assert [event["type"] for event in log] == ["created", "superseded", "superseded", "committed"]


def test_one_action_waits_while_another_runs(world: str, watch) -> None:
    with watch(world) as viewing:
        viewing.act("a1")
        viewing.until("action.applied")
        viewing.act("a2")
        viewing.act("a3")
        messages = []
        while kinds(messages).count("clip.end") < 2:
            messages += viewing.until("clip.end")[0]
        ends = [message["step"] for message in messages if message["type"] == "clip.end"]
        assert ends == [1, 2]
        applied = [message["event_id"] for message in messages if message["type"] == "action.applied"]
        assert applied in (["a3"], ["a2", "a3"], ["a2"])  # a2 may have begun before a3 came


def test_a_second_receipt_for_the_same_event_and_none_for_another(world: str, watch) -> None:
    with watch(world) as viewing:
        viewing.act("a1")
        viewing.until("clip.end")
        viewing.act("a1")
        viewing.act("a1", "something else")
        rejected = viewing.until("action.rejected")[0][-1]
        assert (rejected["event_id"], rejected["code"]) == ("a1", "event_id_conflict")
        for text in ("", "x" * 501):
            viewing.act("a2", text)
            assert viewing.until("action.rejected")[0][-1]["code"] == "invalid_action"


def test_several_viewers_see_the_same(client: TestClient, world: str, watch) -> None:
    with watch(world) as one, watch(world) as two:
        one.act("a1")
        seen = [viewing.until("clip.end") for viewing in (one, two)]
        assert seen[0] == seen[1]
        client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]})
        seen = [viewing.until("clip.end") for viewing in (one, two)]
        assert seen[0] == seen[1]
        assert "pandora_viewers 2.0\n" in client.get("/metrics").text
    assert "pandora_viewers 0.0\n" in client.get("/metrics").text


def test_too_many_viewers(open_client) -> None:
    with open_client(max_viewers=1) as client:
        world = client.post("/v1/worlds", json={"scene": "tower"}).json()["id"]
        with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as first:
            first.send_json({"type": "hello"})
            assert first.receive_json()["type"] == "ready"
            first.receive_bytes()
            with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as second:
                second.send_json({"type": "hello"})
                assert second.receive_json()["code"] == "too_many_viewers"
                assert second.receive()["code"] == 1013


def test_pause_holds_actions_back(world: str, watch) -> None:
    with watch(world) as viewing:
        viewing.send("control", command="pause")
        assert viewing.read() == {"type": "control", "paused": True, "rate": 0.0}
        viewing.act("a1")
        viewing.act("a2")
        viewing.send("ping", id="p")
        messages, frames = viewing.until("pong")
        assert kinds(messages) == ["action.received", "action.received", "action.superseded", "pong"]
        assert not frames
        viewing.send("control", command="play")
        messages, frames = viewing.until("clip.end")
        assert [m["event_id"] for m in messages if m["type"] == "action.applied"] == ["a2"]
        assert len(frames) == 8


def test_a_rate_paces_the_frames(world: str, watch) -> None:
    with watch(world) as viewing:
        viewing.send("control", command="rate")
        assert viewing.read()["code"] == "malformed_message"
        viewing.send("control", command="rate", value=16.0)
        assert viewing.read()["rate"] == 16.0
        viewing.act("a1")
        _, frames = viewing.until("clip.end")
        assert len(frames) == 8


def test_rewind_cancels_what_runs(client: TestClient, world: str, watch, busy) -> None:
    client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]})
    with watch(world) as viewing:
        with busy():
            viewing.act("a1")
            viewing.until("action.received")
            assert client.post(f"/v1/worlds/{world}/rewind", json={"step": 0}).json()["status"] == "idle"
            messages, frames = viewing.until("world.rewound")
            assert kinds(messages) == ["clip.end", "world.rewound"]
            assert (messages[0]["committed"], messages[0]["code"]) == (False, "cancelled")
            assert messages[1]["head"] == 0
            assert not frames
            assert (still := viewing.still()).step == 0
            assert still.flags == FrameFlags.STILL | FrameFlags.LAST
        viewing.act("a2")
        assert viewing.until("clip.end")[0][-1]["step"] == 2
    assert client.get(f"/v1/worlds/{world}").json()["head"] == 2


def test_resume_replays_what_was_missed(client: TestClient, world: str, watch) -> None:
    client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait", "pick up", "wait"]})
    with watch(world, resume_from=1) as viewing:
        for step in (2, 3):
            messages, frames = viewing.until("clip.end")
            assert kinds(messages) == ["clip.start", "clip.end"]
            assert all(message["replay"] and message["step"] == step for message in messages)
            assert all(header.flags & FrameFlags.REPLAY for header, _ in frames)
            assert len(frames) == 8
        viewing.act("a1")
        assert viewing.until("clip.end")[0][-1]["step"] == 4
    with watch(world, resume_from=4) as viewing:
        assert viewing.still().step == 4
    with watch(world, resume_from=77) as viewing:
        assert viewing.read()["code"] == "unknown_step"
        assert viewing.still().step == 4


def test_a_viewer_that_comes_late_sees_the_clip_from_its_start(world: str, watch) -> None:
    with watch(world) as one:
        one.act("a1")
        one.until("clip.start")
        with watch(world) as two:
            two.act("a2")
            _, frames = two.until("clip.end")
            assert [header.frame for header, _ in frames][:1] == [0]


def test_the_end_of_a_world(client: TestClient, world: str, watch) -> None:
    with watch(world) as viewing:
        client.delete(f"/v1/worlds/{world}")
        assert viewing.until("ended")[0][-1]["reason"] == "deleted"
        assert viewing.read() == {"type": "closed", "code": 1000}
    with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
        assert socket.receive_json()["code"] == "unknown_world"
        assert socket.receive()["code"] == 4404


def test_a_socket_that_breaks_leaves_its_world_alone(client: TestClient, world: str, watch) -> None:
    with watch(world) as viewing:
        viewing.act("a1")
        viewing.until("clip.start")
    taken = client.post(f"/v1/worlds/{world}/steps", json={"actions": ["wait"]}).json()
    assert taken["world"]["head"] == 2


def test_hello_comes_first(client: TestClient, world: str) -> None:
    with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
        socket.send_json({"type": "ping"})
        assert socket.receive_json()["code"] == "malformed_message"
        socket.send_json({"type": "hello", "formats": ["vp9"]})
        assert "jpeg" in socket.receive_json()["detail"]
        socket.send_json({"type": "hello", "formats": ["vp9", "jpeg"]})
        ready = socket.receive_json()
        assert (ready["type"], ready["format"], ready["protocol"], ready["fps"]) == ("ready", "jpeg", 1, 8.0)
        assert ready["world"]["id"] == world


def test_no_hello_in_time(client: TestClient, world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.routes.stream.HELLO_SECONDS", 0.05)
    with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
        assert "hello" in socket.receive_json()["detail"]
        assert socket.receive()["code"] == 1008


@pytest.mark.parametrize("origin", ["https://example.com", "null"])
def test_pages_of_other_sites_cannot_watch(client: TestClient, world: str, origin: str) -> None:
    url = f"ws://localhost/v1/worlds/{world}/stream"
    with pytest.raises(WebSocketDenialResponse) as denial, client.websocket_connect(url, headers={"origin": origin}):
        pass
    assert denial.value.status_code == 403
    assert denial.value.json()["code"] == "forbidden_origin"


def test_a_flood_is_refused(world: str, watch) -> None:
    with watch(world) as viewing:
        for _ in range(150):
            viewing.send("ping")
        assert viewing.until("error")[0][-1]["code"] == "malformed_message"


json_values = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(strategies.text(), inner, max_size=3),
    max_leaves=6,
)
kinds_of_message = strategies.sampled_from(["hello", "action", "control", "ack", "ping", "ready", ""])
fields = strategies.sampled_from(["event_id", "text", "command", "value", "clip", "id", "formats", "resume_from"])
near_misses = strategies.builds(
    lambda kind, values: json.dumps({**values, "type": kind}),
    kinds_of_message,
    strategies.dictionaries(fields, json_values),
)
nonsense = strategies.text() | json_values.map(json.dumps) | near_misses | strategies.binary(max_size=100)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=nonsense)
def test_whatever_comes_the_stream_goes_on(world: str, watch, message: str | bytes) -> None:
    with watch(world) as viewing:
        if isinstance(message, bytes):
            viewing.socket.send_bytes(message)
        else:
            viewing.socket.send_text(message)
        viewing.send("ping", id="still-here")
        told = {}
        while told.get("id") != "still-here":
            told = viewing.until("pong")[0][-1]


def test_a_sentence_of_ten_megabytes(client: TestClient, world: str, watch) -> None:
    with watch(world) as viewing:
        viewing.act("a1", "x" * 10_000_000)
        error = viewing.read()
        assert error["code"] == "malformed_message"
        assert "65,536" in error["detail"]
        viewing.act("a2")
        assert viewing.until("clip.end")[0][-1]["committed"]


def test_h264_where_it_is_asked_for(world: str, watch) -> None:
    """Each clip decodes by itself to nearly the pictures of the JPEGs; who asks for JPEGs gets none of it."""
    with watch(world, formats=["h264", "jpeg"]) as film, watch(world) as pictures:
        decoded: list[np.ndarray] = []
        for event in ("a1", "a2"):
            film.act(event)
            _, frames = film.until("clip.end")
            assert all(header.flags & FrameFlags.H264 for header, _ in frames)
            decoder = av.CodecContext.create("h264", "r")
            packets = [av.Packet(data) for _, data in frames]
            shown = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
            decoded += [frame.to_ndarray(format="rgb24") for frame in shown]
        stills = []
        for _ in range(2):
            _, frames = pictures.until("clip.end")
            assert not any(header.flags & FrameFlags.H264 for header, _ in frames)
            stills += [load_image(data) for _, data in frames]
        assert len(decoded) == len(stills) == 16
        error = [np.abs(a.astype(int) - b).mean() for a, b in zip(decoded, stills, strict=True)]
        other = [np.abs(a.astype(int) - b).mean() for a, b in zip(decoded[:8], stills[8:], strict=True)]
        assert all(own < another for own, another in zip(error[:8], other, strict=True)), "each is nearest to its own"


def test_formats_in_order_of_preference(client: TestClient, world: str) -> None:
    for formats, chosen in ((["jpeg", "h264"], "jpeg"), (["vp9", "h264"], "h264"), ([], None), (["vp9"], None)):
        with client.websocket_connect(f"ws://localhost/v1/worlds/{world}/stream") as socket:
            socket.send_json({"type": "hello", "formats": formats})
            assert socket.receive_json().get("format") == chosen


def test_a_viewer_who_comes_in_the_middle_of_a_clip(
    watch, world: str, model: WorldModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sees what was before, and then the whole clip, which is not made a second time for that."""
    decode, gate, made = model.autoencoder.decode_step, threading.Event(), []

    def slow(*arguments: Any) -> Any:
        made.append(None)
        if len(made) == 2:
            gate.wait(20)
        return decode(*arguments)

    monkeypatch.setattr(model.autoencoder, "decode_step", slow)
    with watch(world) as first:
        first.act("a1")
        first.until("clip.start")
        with watch(world) as second:
            gate.set()
            _, frames = second.until("clip.end")
            assert [(header.step, header.frame) for header, _ in frames] == [(1, index) for index in range(8)]
        first.until("clip.end")
    assert len(made) == model.config.video.chunk
