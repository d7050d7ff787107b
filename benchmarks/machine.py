"""What the machine says: CPU and memory of process trees, and short summaries of many figures. Linux only."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]


def tree(root: int) -> list[int]:
    """The process ids of `root` and all its descendants."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError, ValueError):
                parents[int(folder.name)] = int(fields(int(folder.name))[1])
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting += [child for child, parent in parents.items() if parent == process]
    return found


def fields(process: int) -> list[str]:
    """What follows the name in /proc/PID/stat."""
    text = Path(f"/proc/{process}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def cpu_seconds(root: int) -> float:
    """CPU used so far by a process tree, with children that have ended."""
    ticks = 0
    for process in tree(root):
        with suppress(OSError):
            ticks += sum(int(value) for value in fields(process)[11:15])
    return ticks / TICKS


def memory_mib(root: int) -> float:
    """Memory of a process tree, shared pages counted once (PSS)."""
    total = 0
    for process in tree(root):
        with suppress(OSError):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def idle(root: int, seconds: float) -> dict[str, float]:
    """Memory, and CPU as a share of one core, of a tree that is left alone."""
    before = cpu_seconds(root)
    time.sleep(seconds)
    return {"mib": round(memory_mib(root), 1), "cpu_percent": round(100 * (cpu_seconds(root) - before) / seconds, 2)}


def wall(command: Sequence[str], environment: Mapping[str, str], repeats: int) -> float:
    """Median wall seconds of a command; the first run, which fills caches, does not count."""
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
        times.append(time.perf_counter() - began)
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
    return statistics.median(times[1:])
