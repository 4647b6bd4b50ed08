"""Clients of one life of the service: they act, fork, rewind, create and delete, and note down what they are told."""

import asyncio
import json
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from pandora.media import load_image
from server.bench.ledger import BEGUN, Act, Birth, Change, Entry, Ledger, Rewind, State
from server.bench.lives import SCENE
from server.bench.viewing import act, watch
from server.protocol import FrameFlags, FrameHeader

GONE = (httpx.TransportError, WebSocketException, OSError)  # what a client meets when the service dies
MOST_WORLDS, MOST_STEPS = 16, 40
_ACTIONS = ("wait", "pick up the red block", "put it down", "turn off the light", "push the blue block to the left")
_PATIENCE = 30.0  # seconds
_ROUNDING = 0.05  # levels of 255, on average over a picture; one step changes a hundred times as much


class Refused(Exception):
    """An answer that nobody expected."""


class Clients:
    """`spans` are the seconds that each doing took so far; whoever awaits `begun[doing]` learns of the next one."""

    def __init__(self, address: str, ledger: Ledger, dice: random.Random, spans: dict[str, float]):
        self.dying = False
        self.begun: dict[str, asyncio.Event] = {}
        self._address = address
        self._ledger = ledger
        self._dice = dice
        self._spans = spans
        self._http = httpx.AsyncClient(base_url=f"{address}/v1", timeout=_PATIENCE, verify=False, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    # --- looking ---

    async def look(self) -> None:
        """Compare all that is there with what was promised."""
        listed = (await self._call("GET", "/worlds"))["worlds"]
        found: dict[str, State] = {}
        for view in listed:
            if view["id"] not in found:
                found |= await self._family(view["id"])
        if set(found) != {view["id"] for view in listed}:
            self._ledger.complain("The list of worlds and their trees tell of different worlds")
        self._ledger.compare(found, {view["id"]: view["name"] for view in listed})
        for entry in list(self._ledger.entries.values()):
            if entry.touched:
                await self._look_closer(entry)
                entry.touched = False

    async def _look_closer(self, entry: Entry) -> None:
        """At the log, the path, and the picture of the head."""
        events = (await self._call("GET", f"/worlds/{entry.id}/events"))["events"]
        if [event["seq"] for event in events] != list(range(len(events))):
            self._ledger.complain(f"World {entry.id} has a log with gaps")
        logged = {e["step"]: (e["parent"], e["action"]) for e in events if e["type"] == "committed"}
        commits = sum(event["type"] == "committed" for event in events)
        if commits != len(logged) or not logged.items() <= entry.state.steps.items():
            self._ledger.complain(f"World {entry.id} has a log that tells of other steps than it has")
        detail = await self._call("GET", f"/worlds/{entry.id}")
        path = {view["step"]: (view["parent"], view["action"]) for view in detail["steps"]}
        if path != entry.state.path(entry.state.head).steps:
            self._ledger.complain(f"World {entry.id} has another path than its steps tell")
        head = entry.state.head
        answer = await self._http.get(f"/worlds/{entry.id}/frames/{head}")
        if answer.status_code != 200:
            self._ledger.complain(f"World {entry.id} can't show its head: {answer.text}")
        else:
            self._compare_frame(entry, head, answer.content)

    async def _family(self, world: str) -> dict[str, State]:
        tree = await self._call("GET", f"/worlds/{world}/tree")
        return {
            view["id"]: State(view["head"], {step["step"]: (step["parent"], step["action"]) for step in view["steps"]})
            for view in tree["worlds"]
        }

    # --- one world ---

    async def drive(self, entry: Entry) -> None:
        """Do one thing after another with a world, until the service dies."""
        entry.touched = True
        with self._until_death():
            async with watch(self._address, entry.id) as socket:
                while not self.dying and len(entry.state.steps) < MOST_STEPS:
                    doing = self._dice.choices(("act", "steps", "rewind", "interrupt"), (6, 2, 1, 1))[0]
                    if doing == "act":
                        await self._act(entry, socket)
                    elif doing == "steps":
                        await self._take_steps(entry)
                    elif doing == "rewind":
                        await self._rewind(entry, self._dice.choice(list(entry.state.steps)))
                    else:
                        await self._interrupt(entry, socket)

    async def _act(self, entry: Entry, socket: ClientConnection) -> None:
        """An action through the stream, up to the end of its clip."""
        event_id, text, number = secrets.token_hex(8), self._action(), entry.state.next_number
        with self._doing("act"):
            entry.asked.append(Act(text))
            await act(socket, event_id, text)
            mine = False
            while True:
                told = await self._hear(entry, socket)
                if told.get("event_id") == event_id and told["type"] == "clip.start":
                    mine = told["step"] == number and told["parent"] == entry.state.head
                    if not mine:
                        raise Refused(f"Step {number} after {entry.state.head} became {told}")
                    self._answered(entry, [entry.asked[0]])
                elif told.get("event_id") == event_id and told["type"] == "action.rejected":
                    await self._refused(entry, told)
                    return
                elif mine and told["type"] == "clip.end" and told["step"] == number:
                    if not told["committed"]:
                        raise Refused(f"A step that was committed ended as {told}")
                    return

    async def _take_steps(self, entry: Entry) -> None:
        asked = [Act(self._action()) for _ in range(self._dice.randint(1, 3))]
        body = {"actions": [change.text for change in asked], "expected_step": entry.state.head}
        with self._doing("steps"):
            entry.asked += asked
            answer = await self._http.post(f"/worlds/{entry.id}/steps", json=body)
            if answer.status_code == 409:
                await self._refused(entry, answer.json())
                return
            made = {view["step"]: (view["parent"], view["action"]) for view in _body(answer)["steps"]}
            self._answered(entry, asked)
            if not made.items() <= entry.state.steps.items() or len(made) != len(asked):
                raise Refused(f"Steps {asked} became {made}")

    async def _rewind(self, entry: Entry, number: int) -> None:
        change = Rewind(number)
        with self._doing("rewind"):
            entry.asked.append(change)
            told = await self._call("POST", f"/worlds/{entry.id}/rewind", step=number)
            self._answered(entry, [change])
            if told["head"] != number:
                raise Refused(f"A rewind to step {number} ended at {told['head']}")

    async def _interrupt(self, entry: Entry, socket: ClientConnection) -> None:
        """A rewind while an action is on its way: the action may or may not be committed before."""
        number, text = self._dice.choice(list(entry.state.steps)), self._action()
        with self._doing("interrupt"):
            entry.asked.append(Act(text))
            await act(socket, secrets.token_hex(8), text)
            await asyncio.sleep(self._dice.uniform(0.0, self._spans.get("act", 0.02)))
            entry.asked.append(Rewind(number))
            told = await self._call("POST", f"/worlds/{entry.id}/rewind", step=number)
            found = (await self._family(entry.id))[entry.id]
            if (told["head"], found.head) != (number, number):
                raise Refused(f"A rewind to step {number} ended at {found.head}")
            self._ledger.settle(entry, found)

    async def _refused(self, entry: Entry, told: dict[str, Any]) -> None:
        """Two deaths in a row while it was acting: the world waits for a rewind."""
        entry.asked.clear()
        if told["code"] != "quarantined":
            raise Refused(f"An action was refused: {told}")
        self._ledger.quarantined += 1
        await self._rewind(entry, entry.state.head)

    # --- all worlds ---

    async def roam(self, driven: list[Entry]) -> None:
        """Create, fork and delete, one after another; those that are `driven` stay."""
        with self._until_death():
            while not self.dying:
                others = [entry for entry in self._ledger.entries.values() if entry not in driven]
                full = len(self._ledger.entries) >= MOST_WORLDS
                doing = "delete" if full and others else self._dice.choice(("create", "fork", "fork"))
                if doing == "delete":
                    longest = max(others, key=lambda entry: len(entry.state.steps))
                    await self._delete(self._dice.choice([longest, *others]))
                elif doing == "fork" and self._ledger.entries:
                    await self._fork(self._dice.choice(list(self._ledger.entries.values())))
                elif not full:
                    await self.create()
                await asyncio.sleep(self._dice.uniform(0.0, 0.05))

    async def create(self) -> None:
        birth = self._birth(1, BEGUN, {})
        with self._doing("create"):
            told = await self._call("POST", "/worlds", scene=SCENE, seed=self._dice.randint(0, 2), name=birth.name)
            self._ledger.born(birth, [told["id"]])

    async def _fork(self, entry: Entry) -> None:
        number, count = self._dice.choice(list(entry.state.steps)), self._dice.randint(1, 3)
        state = entry.state.path(number)
        birth = self._birth(count, state, {step: entry.frames[step] for step in state.steps if step in entry.frames})
        with self._doing("fork"):
            body = {"count": count, "step": number, "name": birth.name}
            told = await self._call("POST", f"/worlds/{entry.id}/forks", **body)
            self._ledger.born(birth, [view["id"] for view in told["worlds"]])

    async def _delete(self, entry: Entry) -> None:
        with self._doing("delete"):
            entry.leaving = True
            answer = await self._http.delete(f"/worlds/{entry.id}")
            if answer.status_code != 204:
                raise Refused(f"A deletion was answered {answer.status_code}: {answer.text}")
            del self._ledger.entries[entry.id]

    # --- details ---

    def _birth(self, count: int, state: State, frames: dict[int, bytes]) -> Birth:
        birth = Birth(secrets.token_hex(8), count, state, frames)
        self._ledger.births[birth.name] = birth
        return birth

    def _answered(self, entry: Entry, changes: "list[Act] | list[Rewind] | list[Change]") -> None:
        entry.answered(len(changes))
        self._ledger.committed += sum(isinstance(change, Act) for change in changes)

    async def _hear(self, entry: Entry, socket: ClientConnection) -> dict[str, Any]:
        """The next message; frames on the way are noted down."""
        while True:
            async with asyncio.timeout(_PATIENCE):
                message = await socket.recv()
            if isinstance(message, str):
                return json.loads(message)
            header, jpeg = FrameHeader.unpack(message)
            if header.step not in entry.state.steps:
                entry.seen.add(header.step)
            if header.flags & FrameFlags.LAST:
                self._compare_frame(entry, header.step, jpeg)

    def _compare_frame(self, entry: Entry, step: int, jpeg: bytes) -> None:
        if not _look_alike(entry.frames.setdefault(step, jpeg), jpeg):
            self._ledger.complain(f"World {entry.id} looks different at step {step}")

    async def _call(self, method: str, path: str, **body: Any) -> Any:
        return _body(await self._http.request(method, path, json=body or None))

    def _action(self) -> str:
        return f"{self._dice.choice(_ACTIONS)} {self._dice.randint(0, 999)}"

    @contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        """Let the one who kills know, and how long such a thing takes."""
        began = asyncio.get_running_loop().time()
        self.begun.setdefault(what, asyncio.Event()).set()
        yield
        span = asyncio.get_running_loop().time() - began
        self._spans[what] = 0.8 * self._spans.get(what, span) + 0.2 * span

    @contextmanager
    def _until_death(self) -> Iterator[None]:
        try:
            yield
        except GONE as error:
            if not self.dying:
                self._ledger.complain(f"The connection broke while the service lived: {error!r}")
        except (Refused, TimeoutError) as error:
            self._ledger.complain(repr(error))


def _look_alike(one: bytes, other: bytes) -> bool:
    """A clip that was made among others and is made again alone may differ in the last bit of a few pixels."""
    if one == other:
        return True
    difference = load_image(one).astype(np.float32) - load_image(other)
    return float(np.abs(difference).mean()) < _ROUNDING


def _body(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise Refused(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer.json()
