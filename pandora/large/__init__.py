"""The 7B tier: a `WorldModel` of published parts, on a GPU.

"it starts to rain"
        │
Prefix ─┴► language model ──► adapter ──► state road ┐
        └► (rewritten) ─────► UMT5 ────► text road ──┴► Wan transformer ──► decoder ──► Clip
                                                         RollingCache
"""

from pandora.large.config import LargeConfig, choose, preset, preset_names
from pandora.large.loading import Speed, load
from pandora.large.model import Kept, LargeParts, LargeWorldModel

__all__ = ["Kept", "LargeConfig", "LargeParts", "LargeWorldModel", "Speed", "choose", "load", "preset", "preset_names"]
