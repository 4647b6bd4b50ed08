"""Things as arrays: what a stage needs on the way to the GPU, made once for each tuple of things."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from pandora.worlds.stage.values import Thing

_KEPT = 24  # packed tuples of things; a stage of 1000 things takes 80 kB


@dataclass(frozen=True)
class Packed:
    """n things sorted by material and mesh: `data` (n, 16) float32 as the shaders read it; `middle` (n, 3) and
    `radius` (n,) of the spheres around them; `shadow` (n,); `groups` the runs [start, end) of each kind."""

    data: NDArray[np.float32]
    middle: NDArray[np.float32]
    radius: NDArray[np.float32]
    shadow: NDArray[np.float32]
    groups: tuple[tuple[str, str, int, int], ...]


_cache: OrderedDict[int, tuple[tuple[Thing, ...], Packed]] = OrderedDict()
_lock = Lock()


def packed(things: tuple[Thing, ...]) -> Packed:
    """The same tuple (by identity) is packed once while it is among the last ones used."""
    with _lock:
        found = _cache.get(id(things))
        if found is not None and found[0] is things:
            _cache.move_to_end(id(things))
            return found[1]
    made = pack(things)
    with _lock:
        _cache[id(things)] = (things, made)  # holding the tuple keeps its id from being given to another
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return made


def pack(things: Sequence[Thing]) -> Packed:
    ordered = sorted(things, key=lambda thing: (thing.material, thing.mesh))
    rows = [(*t.position, t.yaw, *t.size, t.scale, *t.colour, t.glow, *t.colour2, t.seed) for t in ordered]
    data = np.asarray(rows, np.float32).reshape(-1, 16)
    middle = data[:, :3].copy()
    middle[:, 2] += data[:, 6] / 2
    groups = []
    for index, thing in enumerate(ordered):
        if not groups or groups[-1][:2] != (thing.material, thing.mesh):
            groups.append((thing.material, thing.mesh, index, index + 1))
        else:
            groups[-1] = (*groups[-1][:3], index + 1)
    radius = np.linalg.norm(data[:, 4:7], axis=1) / 2
    return Packed(data, middle, radius, np.asarray([t.shadow for t in ordered], np.float32), tuple(groups))
