"""Whether the kernel has ended processes of this group for want of memory: what it counts where memory is limited.

In a container the group is the container. Elsewhere it is the machine's or the session's, so that only a count which
rose while a job ran says something about it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

PLACES = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
"""Where a container sees its own counts: of the unified hierarchy, and of the one before."""

OWN = Path("/proc/self/cgroup")
KILLED = -9
REASON = "SIGKILL: it most likely ran out of memory; the system ended a process here for want of memory while it ran."


def kills() -> int | None:
    """How many processes were ended so far; None where the kernel does not say."""
    for place in (*_own_places(), *PLACES):
        with suppress(OSError, ValueError):
            return _count(Path(place).read_text())
    return None


def reason(code: int | None, before: int | None) -> str:
    """Why a job ended with this code, if it was for want of memory; `before` is the count when it began."""
    if code != KILLED or before is None:
        return ""
    now = kills()
    return REASON if now is not None and now > before else ""


def _own_places() -> list[str]:
    """The files of our own group, where the hierarchies are those of the machine."""
    found = []
    with suppress(OSError):
        for line in OWN.read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if not kinds:
                found.append(f"/sys/fs/cgroup{path.rstrip('/')}/memory.events")
            elif "memory" in kinds.split(","):
                found.append(f"/sys/fs/cgroup/memory{path.rstrip('/')}/memory.oom_control")
    return found


def _count(text: str) -> int:
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            return int(value)
    raise ValueError("no count of kills for want of memory")
