"""The floors of the building: who may import whom, and how large a room may get."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*ROOT.glob("pandora/**/*.py"), *ROOT.glob("server/**/*.py")])
FLOORS = (
    {"__init__"},
    {"errors"},
    {"config"},
    {"types", "runtime", "quantization", "offloading"},
    {
        "media",
        "checkpoint",
        "scenes",
        "step",
        "experts",
    },  # checkpoint knows tensors and files, so it lies below the models
    {"backbone", "adapter", "video", "worlds"},
    {"pretrained", "novelty"},
    {"budget", "roofline"},
    {"world_model"},
    {"scoring", "presets", "large", "gallery"},
    {"futures"},
    {"rollout", "envs"},
    {"training", "evaluation", "planning"},
    {"study"},
    {"cli", "examples"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
PUBLIC = {
    "__init__", "types", "errors", "config", "presets", "runtime", "media", "scenes", "world_model", "rollout",
    "futures", "scoring", "checkpoint", "planning", "envs", "large",
}  # fmt: skip
WEB = {"fastapi", "pydantic", "starlette", "uvicorn"}
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def imports(tree: ast.AST, *, at_import: bool = False) -> Iterator[str]:
    """Dotted names of what is imported; `at_import` leaves out function bodies and TYPE_CHECKING blocks."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (at_import and runs_later(node)):
            yield from imports(node, at_import=at_import)


def runs_later(node: ast.AST) -> bool:
    typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    return typing or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def room(dotted: str) -> str:
    """pandora.video.transformer.Block -> video; a name from the package itself, such as __version__, is __init__'s."""
    name = [*dotted.split("."), "__init__"][1]
    return name if name in FLOOR or (ROOT / "pandora" / name).exists() else "__init__"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_rules(path: Path) -> None:
    package, *inner = path.relative_to(ROOT).with_suffix("").parts
    source = path.read_text()
    tree = ast.parse(source)
    names = list(imports(tree))
    tops = {name.split(".")[0] for name in names}
    rooms = {room(name) for name in names if name.split(".")[0] == "pandora"}

    if package == "pandora":
        assert inner[0] in FLOOR, f"{inner[0]} has no floor yet: give it one above"
        assert "server" not in tops, "the world model knows no server"
        assert not tops & WEB, "only the server speaks HTTP"
        above = {name for name in rooms if name != inner[0] and FLOOR[name] >= FLOOR[inner[0]]}
        assert not above, f"{inner[0]} may not import {above}"
    else:
        assert rooms <= PUBLIC, f"the server may not import {rooms - PUBLIC}"
    if inner[0] == "cli" or (package == "server" and inner[0] != "engine"):
        assert "torch" not in {name.split(".")[0] for name in imports(tree, at_import=True)}, (
            "torch is imported late here"
        )

    assert not tops & UNSAFE
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {"torch.load", "torch.save"}, "tensors on disk are safetensors"
    assert len(source.splitlines()) < 400
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} is longer than a page"


def test_the_command_line_starts_without_torch() -> None:
    code = "import sys; from pandora.cli.main import create_app; create_app(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
