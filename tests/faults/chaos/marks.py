"""What really ran, and when: marks that the runs' own code leaves, and a look at its processes."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.05


@dataclass(slots=True)
class Execution:
    """One passage through the code of a run (`part` is "run"), or through a block that holds a slot ("slot").

    `ended` is None while it goes on; `finished` tells that it came to its end, and was not killed.
    """

    part: str
    run: str
    attempt: int
    pid: int
    began: float
    ended: float | None = None
    finished: bool = False


class Marks:
    """Follows the file of marks; sees, too, when a process has gone without one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self._going: dict[tuple[str, str, int, int], Execution] = {}
        self.executions: list[Execution] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def going(self) -> list[Execution]:
        """What has begun and not ended."""
        return list(self._going.values())

    def begun(self) -> Counter[tuple[str, int]]:
        """How often the code of each attempt at each run was entered."""
        return Counter((one.run, one.attempt) for one in self.executions if one.part == "run")

    def _follow(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self._look()
        self._look()

    def _look(self) -> None:
        alive_at = time.time()
        gone = [key for key, one in self._going.items() if not lives(one.pid)]
        self._take()
        for key in gone:
            if one := self._going.pop(key, None):
                one.ended = max(one.began, alive_at - LOOK_SECONDS)  # when it was last seen

    def _take(self) -> None:
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + (1 if whole else 0)
        for line in whole.decode().splitlines():
            what, part, run, attempt, pid, moment = line.split()
            key = part, run, int(attempt), int(pid)
            if what == "begin":
                one = self._going[key] = Execution(part, run, int(attempt), int(pid), float(moment))
                self.executions.append(one)
            elif ended := self._going.pop(key, None):
                ended.ended, ended.finished = float(moment), True


def lives(pid: int) -> bool:
    """Whether there is such a process; a zombie has ended."""
    try:
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return False


def most_at_once(executions: Iterable[Execution], now: float) -> tuple[int, float, list[str]]:
    """How many went on at the same time at most, when, and which."""
    edges: list[tuple[float, int, str]] = []
    for one in executions:
        edges += [(one.began, 1, one.run), (one.ended or now, -1, one.run)]
    most, at, which = 0, 0.0, []
    inside: defaultdict[str, int] = defaultdict(int)
    for moment, step, run in sorted(edges):
        inside[run] += step
        if (count := sum(inside.values())) > most:
            most, at, which = count, moment, [name for name, times in inside.items() if times]
    return most, at, which


def of(executions: Iterable[Execution], runs: Collection[str], part: str) -> list[Execution]:
    """The executions of some runs' part."""
    return [one for one in executions if one.part == part and one.run in runs]
