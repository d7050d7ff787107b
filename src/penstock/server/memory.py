"""Memory of answers: kept for the next one instead of given back to the system after each.

A list of runs is some 300 KB. By default glibc returns that much to the system at once, and getting it
again costs a page fault for every 4 KB, which is more than reading the runs and joining them.

Beside that, a page of many objects has Python look for garbage among all that there is, for some 30 ms in which
nobody is answered. What a server has when it begins to answer stays until its end, and need not be looked at.
"""

from __future__ import annotations

import ctypes
import gc
import sys

KEPT = 16 * 1024 * 1024
"""Most bytes that stay with the process when they are free."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def keep_freed_memory() -> None:
    """Lets this process keep what it frees, up to `KEPT`; elsewhere than on glibc it does nothing."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, KEPT)
        mallopt(_M_MMAP_THRESHOLD, KEPT)


def keep_what_is_there() -> None:
    """Has the search for garbage leave out all that there is now."""
    gc.collect()
    gc.freeze()
