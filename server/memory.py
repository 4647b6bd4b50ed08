"""How the C library keeps memory for a process that runs for weeks."""

import ctypes
import sys

_M_ARENA_MAX = -8  # of malloc.h
_ARENAS = 2


def share_arenas() -> bool:
    """Have all threads allocate from two arenas; whether the C library knows how. Call it before threads begin.

    By default glibc gives each thread one of up to eight arenas a core, none of which returns what lies below a block
    that is still in use: with a pool of threads that encode pictures, memory creeps up for hours.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, _ARENAS))
