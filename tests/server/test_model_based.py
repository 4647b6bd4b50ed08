"""The service against a reference of a page of Python: whatever is done in whatever order, restarts among it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from starlette.testclient import TestClient

from server.app import create_app
from server.engine.engine import Engine
from server.settings import Settings

ACTIONS = ("pick up the red block", "wait", "turn off the light")
RUN = settings(
    max_examples=12, stateful_step_count=18, deadline=None, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


class Reference:
    """A world as it should be: steps by number with parent and action, and the head."""

    def __init__(self, steps: dict[int, tuple[int | None, str | None]], head: int):
        self.steps, self.head = steps, head

    def act(self, action: str) -> None:
        number = max(self.steps) + 1
        self.steps[number] = (self.head, action)
        self.head = number

    def path(self, at: int) -> dict[int, tuple[int | None, str | None]]:
        parent = self.steps[at][0]
        return ({} if parent is None else self.path(parent)) | {at: self.steps[at]}

    def fork(self, at: int) -> "Reference":
        return Reference(self.path(at), at)


def machine(app_settings: Settings, engine: Engine) -> type[RuleBasedStateMachine]:
    class Worlds(RuleBasedStateMachine):
        worlds = Bundle("worlds")

        def __init__(self) -> None:
            super().__init__()
            self.known: dict[str, Reference] = {}
            self.pictures: dict[tuple[str, int], bytes] = {}
            self.open()

        def open(self) -> None:
            self.client = TestClient(create_app(app_settings, engine), base_url="http://localhost")
            self.client.__enter__()

        def teardown(self) -> None:
            for world in self.known:
                self.client.delete(f"/v1/worlds/{world}")
            self.client.__exit__(None, None, None)

        def post(self, world: str, call: str, body: dict[str, Any], status: int) -> dict[str, Any]:
            answer = self.client.post(f"/v1/worlds/{world}/{call}", json=body)
            assert answer.status_code == (status if world in self.known else 404), answer.text
            return answer.json()

        @rule(target=worlds, seed=strategies.integers(0, 2))
        def begin(self, seed: int) -> str:
            world = self.client.post("/v1/worlds", json={"scene": "tower", "seed": seed}).json()["id"]
            self.known[world] = Reference({0: (None, None)}, 0)
            return world

        @rule(world=worlds, actions=strategies.lists(strategies.sampled_from(ACTIONS), min_size=1, max_size=3))
        def act(self, world: str, actions: list[str]) -> None:
            self.post(world, "steps", {"actions": actions}, 200)
            if world in self.known:
                for action in actions:
                    self.known[world].act(action)

        @rule(world=worlds, off=strategies.integers(1, 3))
        def act_too_late(self, world: str, off: int) -> None:
            if world in self.known:
                head = self.known[world].head
                told = self.post(world, "steps", {"actions": ["wait"], "expected_step": head + off}, 409)
                assert (told["code"], told["head"]) == ("step_conflict", head)

        @rule(target=worlds, world=worlds, pick=strategies.integers(0, 99))
        def fork(self, world: str, pick: int) -> str:
            if world not in self.known:
                self.post(world, "forks", {}, 404)
                return world
            at = sorted(self.known[world].steps)[pick % len(self.known[world].steps)]
            child = self.post(world, "forks", {"step": at}, 201)["id"]
            self.known[child] = self.known[world].fork(at)
            return child

        @rule(world=worlds, pick=strategies.integers(0, 99))
        def rewind(self, world: str, pick: int) -> None:
            if world in self.known:
                at = sorted(self.known[world].steps)[pick % len(self.known[world].steps)]
                self.post(world, "rewind", {"step": at}, 200)
                self.known[world].head = at

        @rule(world=worlds)
        def rewind_nowhere(self, world: str) -> None:
            if world in self.known:
                self.post(world, "rewind", {"step": max(self.known[world].steps) + 1}, 404)

        @rule(world=worlds)
        def delete(self, world: str) -> None:
            known = self.known.pop(world, None)
            assert self.client.delete(f"/v1/worlds/{world}").status_code == (204 if known else 404)

        @rule()
        def restart(self) -> None:
            self.client.__exit__(None, None, None)
            self.open()

        @invariant()
        def all_is_as_it_should_be(self) -> None:
            listed = {world["id"]: world for world in self.client.get("/v1/worlds").json()["worlds"]}
            assert set(listed) == set(self.known)
            for world, expected in self.known.items():
                seen = self.client.get(f"/v1/worlds/{world}").json()
                assert seen["head"] == listed[world]["head"] == expected.head
                path = {step["step"]: (step["parent"], step["action"]) for step in seen["steps"]}
                assert path == expected.path(expected.head)
                assert seen["depth"] == listed[world]["depth"] == len(path) - 1
                picture = self.client.get(f"/v1/worlds/{world}/frames/{expected.head}").content
                assert self.pictures.setdefault((world, expected.head), picture) == picture

    return Worlds


@pytest.mark.slow
def test_the_service_is_what_the_reference_says(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    kept = settings.but(data=tmp_path, snapshot_every=3, max_state_bytes=1, max_clip_bytes=1)
    run_state_machine_as_test(machine(kept, engine), settings=RUN)
