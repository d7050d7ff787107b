"""The deliberate differences from Prefect 3.8.8's server: the one list behind the replay and docs/compatibility.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.replay.player import Answer
from tests.replay.shapes import Difference
from tests.replay.steadiness import UNSTEADY


@dataclass(frozen=True)
class Deliberate:
    """One difference that is meant: where it shows, and why it is so."""

    where: str
    """A pattern of `METHOD path`, ids and all."""

    reason: str
    at: str = ".*"
    """A pattern of the place in the answer."""

    kinds: tuple[str, ...] = ("status", "missing", "extra", "type", "empty", "enum")

    def covers(self, answer: Answer, difference: Difference) -> bool:
        """Whether this entry of the list is the reason for a difference."""
        place = f"{answer.method} {answer.path}"
        fits = re.search(self.where, place) and re.fullmatch(self.at, difference.path)
        return bool(fits) and difference.kind in self.kinds


DELIBERATE: tuple[Deliberate, ...] = ()


def unexplained(answer: Answer) -> list[Difference]:
    """The differences of an answer that a client could notice and that nobody meant."""
    if answer.index in UNSTEADY.get(answer.recording.partition("-")[0], ()):
        return []
    return [
        difference
        for difference in answer.differences
        if difference.counts and not any(known.covers(answer, difference) for known in DELIBERATE)
    ]
