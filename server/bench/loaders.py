"""Damaged checkpoints, loaded in a process of its own: `python -m server.bench.loaders SEED COUNT`.

It says each case before it loads it, so that one which ends the process is known. A loader may read a checkpoint or
refuse it as InvalidCheckpoint, and nothing else.
"""

import json
import random
import resource
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pandora.errors import InvalidCheckpoint
from server.bench.mutation import Mutator
from server.bench.process import python
from server.bench.tiny import write_tiny

_CASE, _FAULT, _DONE = "case ", "fault ", "done"
_MAX_MEMORY = 16 * 2**30  # of addresses, most of which libraries only reserve
_DTYPES = ("F16", "F32", "F64", "I64", "BOOL", "U8", "F8_E4M3", "F4", "X9", "", None, 7)


def load_damaged(seed: int, count: int) -> tuple[list[str], int]:
    """What went wrong, and how many were loaded."""
    faults, loaded, last, is_done = [], 0, "the first", False
    alone = {"OMP_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1, "TOKENIZERS_PARALLELISM": "false"}
    with python("server.bench.loaders", str(seed), str(count), **alone) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(_CASE):
                loaded, last = loaded + 1, line.removeprefix(_CASE).strip()
            elif line.startswith(_FAULT):
                faults.append(f"{last}: {line.removeprefix(_FAULT).strip()}")
            is_done = line.startswith(_DONE)
        if not is_done:
            faults.append(f"{last}: the process ended with {process.wait()}")
    return faults, loaded


class Damage:
    """Changes a file of a folder of weights; everything follows from `dice`."""

    def __init__(self, dice: random.Random):
        self._dice = dice
        self._mutator = Mutator(dice)

    def safetensors(self, data: bytes) -> tuple[str, bytes]:
        """What was done to it, and the file."""
        size = struct.unpack_from("<Q", data)[0]
        header, rest = json.loads(data[8 : 8 + size]), data[8 + size :]
        ways: list[Callable[[], tuple[str, bytes]]] = [
            lambda: ("a header that lies", _pack(self._lie(header), rest)),
            lambda: ("a header that lies", _pack(self._lie(header), rest)),
            lambda: ("offsets that overlap", _pack(self._overlap(header), rest)),
            lambda: ("a header that was changed", _pack(self._mutator.as_json(header), rest)),
            lambda: ("odd metadata", _pack(self._tell(header), rest)),
            lambda: ("a header of another length", self._length() + data[8:]),
            lambda: ("a file that is cut", data[: self._dice.choice((0, 1, 7, 8, 9, size, 8 + size, len(data) - 1))]),
            lambda: ("more than its tensors", data + bytes(self._dice.choice((1, 4096)))),
            lambda: ("a spoilt header", _pack(self._mutator.spoil(data[8 : 8 + size]), rest)),
            lambda: ("spoilt bytes", self._mutator.spoil(data)),
            lambda: ("a pickle", b"\x80\x04cposix\nsystem\n(S'exit 1'\ntR."),
        ]
        return self._dice.choice(ways)()

    def text(self, data: bytes) -> tuple[str, bytes]:
        if self._dice.random() < 0.2:
            return "spoilt bytes", self._mutator.spoil(data)
        return "a value that was changed", self._mutator.as_json(json.loads(data))

    def _lie(self, header: dict) -> dict:
        """Of one tensor: its type, its shape or its place."""
        name = self._dice.choice([name for name in header if name != "__metadata__"])
        entry = dict(header[name])
        sizes = ([2**63], [2**32, 2**32], [-1], [0], [], ["8"], [2**64], [1.5], None, [1] * 5000)
        places = ([0, 2**63], [2**64 - 1, 0], [-8, 8], [8, 0], [0], [0, 0], ["0", "8"], None, [10**12, 10**12 + 8])
        match self._dice.randrange(3):
            case 0:
                entry["dtype"] = self._dice.choice(_DTYPES)
            case 1:
                entry["shape"] = self._dice.choice(sizes)
            case _:
                entry["data_offsets"] = self._dice.choice(places)
        return header | {name: entry}

    def _overlap(self, header: dict) -> dict:
        names = [name for name in header if name != "__metadata__"]
        one, other = self._dice.choice(names), self._dice.choice(names)
        return header | {one: header[one] | {"data_offsets": header[other]["data_offsets"]}}

    def _tell(self, header: dict) -> dict:
        """Which keys share a tensor, told wrongly."""
        shared = self._dice.choice(
            ("", "[]", "7", "null", "{", '"a"', '{"a": []}', '{"a": {}}', '{"a": 1}', "[" * 100_000)
        )
        return header | {"__metadata__": {"shared": shared}}

    def _length(self) -> bytes:
        return struct.pack("<Q", self._dice.choice((0, 1, 2**31, 2**40, 2**63, 2**64 - 1, 100_000_001)))


def _pack(header: dict | bytes, rest: bytes) -> bytes:
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + rest


def main() -> None:
    from pandora import checkpoint
    from pandora.scenes import read_scenes

    dice, count = random.Random(int(sys.argv[1])), int(sys.argv[2])
    damage = Damage(dice)
    with TemporaryDirectory(prefix="pandora-bench-") as parent:
        folder = write_tiny(Path(parent))
        files = [*folder.glob("*.safetensors")] * 2 + [folder / "manifest.json", folder / "config.json"]
        files = sorted([*files, folder / "scenes" / "scenes.json"])
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        for _ in range(count):
            path = dice.choice(files)
            whole = path.read_bytes()
            is_tensors = path.suffix == ".safetensors"
            how, changed = damage.safetensors(whole) if is_tensors else damage.text(whole)
            print(f"{_CASE}{path.name} with {how}: {changed[:200]!r}", flush=True)
            path.write_bytes(changed)
            try:
                checkpoint.load(folder, check=path.name == "manifest.json")
                checkpoint.read_sizes(folder)
                checkpoint.fingerprint(folder)
                read_scenes(folder)
            except InvalidCheckpoint:
                pass
            except Exception as error:
                print(f"{_FAULT}{error!r:.300}", flush=True)
            path.write_bytes(whole)
    print(_DONE, flush=True)


if __name__ == "__main__":
    main()
