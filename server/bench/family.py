"""What one user has and others must not learn of: worlds with steps and forks, an upload, things imagined, keys."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pandora.errors import PandoraError
from server.bench.answers import Line
from server.bench.document import Operation, Values, calls
from server.bench.tiny import picture

REFERENCES = {  # parameters that name something of a user's, and what they name
    "world_id": "world_id", "world": "world_id", "upload": "upload", "goal": "upload", "pictures": "upload",
    "rollout_id": "rollout_id", "plan_id": "plan_id",
}  # fmt: skip
KEY = "Idempotency-Key"
_PATIENCE = 60.0  # seconds until worlds that nobody uses have left the memory


class Family:
    """`references` name what is there, and a world that was; `secrets` are texts that nobody else may come to see."""

    def __init__(self, line: Line, headers: Mapping[str, str], operations: Sequence[Operation]):
        self._line = line
        self._headers = dict(headers)
        self._name, self._said, self._event = (f"{kind}-{secrets.token_hex(8)}" for kind in ("name", "said", "event"))
        self.scene: str = self._ask("GET", "/v1/scenes")["scenes"][0]["id"]
        upload = line.request("POST", "/v1/uploads", self._headers, picture(1)).json()["id"]
        root = self._ask("POST", "/v1/worlds", {"scene": self.scene, "seed": 5, "name": self._name})["id"]
        self._ask("POST", f"/v1/worlds/{root}/steps", {"actions": ["wait", self._said]})
        self._ask("POST", f"/v1/worlds/{root}/actions", {"text": "wait", "event_id": self._event})
        self._await(lambda: self._ask("GET", f"/v1/worlds/{root}")["head"] == 3)
        self._ask("POST", f"/v1/worlds/{root}/rewind", {"step": 2})
        fork = self._ask("POST", f"/v1/worlds/{root}/forks", {"step": 1, "name": self._name})["id"]
        begun = self._ask("POST", "/v1/worlds", {"upload": upload})["id"]
        gone = self._ask("POST", f"/v1/worlds/{root}/forks", {})["id"]
        line.request("DELETE", f"/v1/worlds/{gone}", self._headers)
        ticket = self._ask("POST", f"/v1/worlds/{root}/tickets")["ticket"]
        self._living = (root, fork, begun)
        told = {"upload": upload}
        if any(operation.path == "/v1/rollouts" for operation in operations):
            told["rollout_id"] = self._imagine(root)
        if any(operation.path == "/v1/plans" for operation in operations):
            told["plan_id"] = self._plan(root)
        self.references = [{"world_id": world, **told} for world in (root, fork, gone)]
        self.keys = {str(operation): key for operation in operations if (key := self._use_key(operation))}
        self._await(lambda: self._ask("GET", f"/v1/worlds/{root}")["status"] == "idle")
        owned = {one["id"] for one in self._ask("GET", "/v1/worlds")["worlds"]}
        self.secrets = sorted({*owned, *told.values(), gone, ticket, self._name, self._said, self._event})

    def values(self, references: Mapping[str, str]) -> Values:
        """What to call operations with: these ids and keys, and all else as it fits the worlds."""
        told = {name: [references[kind]] for name, kind in REFERENCES.items() if kind in references}
        return told | {
            "step": [2, 0, 3, 9], "frame": [0, 99], "after": [0, 2], "limit": [1], "scene": [self.scene],
            "scene_id": [self.scene], "seed": [7], "name": ["another"], "actions": [["wait"]], "expected_step": [2, 9],
            "text": ["wait"], "event_id": [self._event], "count": [2], "image": [picture(2, 16)],
            "candidates": [[["wait"]]], "horizon": [1], "samples": [1, 2], "deadline_ms": [60_000],
            "sampling_steps": [1], "outputs": [{"film": True, "latents": True}], "readout": ["blocks"], "index": [0, 9],
            "sample": [0, 9], "goal": [{"upload": references["upload"]}, {"text": "wait"}], "node": [0, 9],
            "planner": ["beam"], "think": ["words"], "prior": [[1, 2]], "pictures": [[references["upload"]]],
            "budget": [{"calls": 1}], "verify": [0], "beta": [1.5],
            "goals": [[{"text": "the hand is empty"}, {"facts": [["on", "red", "blue"]]}]],
            KEY: [references.get(KEY, secrets.token_hex(8))],
        }  # fmt: skip

    def never(self, references: Mapping[str, str]) -> dict[str, str]:
        """Ids and a key that look like those and name nothing."""
        return {name: _alike(value) for name, value in references.items()} | {KEY: secrets.token_hex(8)}

    def snapshot(self) -> list[Any]:
        """Everything that the owner sees."""
        paths = [f"/v1/worlds/{world}{part}" for world in self._living for part in ("", "/events", "/tree")]
        return [self._ask("GET", path) for path in paths]

    def await_suspension(self) -> None:
        """Until no world is in memory."""
        self._await(lambda: "\npandora_worlds_active 0.0" in self._text("/metrics"))

    def _imagine(self, world: str) -> str:
        """A rollout with films, whole."""
        told = {"world": world, "candidates": [[self._said]], "outputs": {"film": True, "latents": True}}
        rollout = self._ask("POST", "/v1/rollouts", told)["id"]
        self._await(lambda: self._ask("GET", f"/v1/rollouts/{rollout}")["status"] != "running")
        return rollout

    def _plan(self, world: str) -> str:
        """A plan, as far as there is one in noise."""
        told = {"world": world, "readout": "blocks", "goal": {"facts": [["on", "red", "blue"]]}}
        plan = self._ask("POST", "/v1/plans", told)["id"]
        self._await(lambda: self._ask("GET", f"/v1/plans/{plan}")["status"] != "running")
        return plan

    def _use_key(self, operation: Operation) -> str | None:
        """Have a request of this operation answered by a key, which is then the owner's."""
        if KEY not in operation.names:
            return None
        key = secrets.token_hex(8)
        call = calls(operation, self.values(self.references[0]))[0]
        headers = {**call.headers, **self._headers, KEY: key}
        self._line.request(call.method, call.target, headers, call.body)
        return key

    def _ask(self, method: str, path: str, fields: Any = None) -> Any:
        answer = self._line.ask(method, path, self._headers, fields)
        if not answer.is_success:
            raise PandoraError(f"{method} {path} was answered {answer.status}: {answer.body.decode()}")
        return answer.json()

    def _text(self, path: str) -> str:
        return self._line.request("GET", path, self._headers).body.decode()

    def _await(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE
        while not done():
            if time.monotonic() > until:
                raise PandoraError(f"The worlds to probe were not ready within {_PATIENCE:g} seconds.")
            time.sleep(0.05)


def _alike(text: str) -> str:
    """Another id of the same length and kind of letters."""
    is_hex = set(text) <= set("0123456789abcdef")
    return (secrets.token_hex if is_hex else secrets.token_urlsafe)(len(text))[: len(text)]
