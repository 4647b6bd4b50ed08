"""The memory plan: what a model takes of a device, before anything is loaded, and what leaves it if it must."""

from pandora.budget.peak import bytes_of, peak_bytes
from pandora.budget.plan import (
    CARDS,
    GIB,
    NO_FIT,
    Item,
    Parts,
    Plan,
    Workload,
    denoising_bytes,
    language_cache_bytes,
    plan,
    video_cache_bytes,
)
from pandora.budget.published import published_parts

__all__ = [
    "CARDS",
    "GIB",
    "NO_FIT",
    "Item",
    "Parts",
    "Plan",
    "Workload",
    "bytes_of",
    "denoising_bytes",
    "language_cache_bytes",
    "peak_bytes",
    "plan",
    "published_parts",
    "video_cache_bytes",
]
