"""The recorded conversations: what a Prefect program sent, and what its server answered.

Both are of 3.8.8, but in the recordings whose number begins with `2x`: both are of 2.20.25 there, with agents and
infrastructure blocks (2x31 is an agent of 2.20.25 at a server of 3.8.8). Those do not tell when a request was sent;
it was taken from the moments in the bodies.
"""

from __future__ import annotations

import gzip
import json
import statistics
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recordings"

SECURED = ("37", "48", "49", "50")
"""Recordings made with a server that has `server.api.auth_string`, CSRF protection and streamed logs on."""

OLDER = "2x"
"""How the numbers of the recordings of Prefect 2.20 begin."""

PROLOGUES: dict[str, list[tuple[str, str]]] = {
    "60": [("11-cli-work-pool", '"pool-a"')],
    "63": [("63-scheduled-runs-and-late", '"sched-flow"')],
}
"""What had been done, unrecorded, before a scenario: the POST of a recording that holds a text."""


@dataclass(frozen=True)
class Recording:
    """One scenario: its entries in order of their start, and the moment of the first."""

    name: str
    entries: list[dict[str, Any]]
    began_at: datetime | None
    unrecorded: list[dict[str, Any]] = field(default_factory=list)
    """What had been done before it, made out of its answers; only the ids of these answers mean something."""

    @property
    def number(self) -> str:
        """The part before the first dash, which names the scenario in short."""
        return self.name.partition("-")[0]


def load(name: str) -> Recording:
    """One recording by its file's name without endings."""
    entries = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    unrecorded = [entry for entry in entries if entry.get("unrecorded")]
    entries = entries[len(unrecorded) :]
    return Recording(name, entries, beginning(entries), unrecorded)


def names(secured: bool = False, older: bool = False) -> list[str]:
    """All recordings of one server, in the order they were made: later ones use objects of earlier ones."""
    found = sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))
    found = [name for name in found if (name.partition("-")[0] in SECURED) == secured]
    found = [name for name in found if name.startswith(OLDER) == older]
    return sorted(found, key=lambda name: made_at(found, name))


def made_at(found: list[str], name: str) -> float:
    """When a recording was made; one that does not tell follows the one before it."""
    began = load(name).began_at
    return began.timestamp() if began else made_at(found, found[found.index(name) - 1])


def beginning(entries: list[dict[str, Any]]) -> datetime | None:
    """When the scenario began, told by the creation times in its answers."""
    moments = []
    for entry in entries:
        made = stamp_of(entry)
        if made:
            moments.append(datetime.fromisoformat(made).timestamp() - entry["at"])
    return datetime.fromtimestamp(statistics.median(moments)).astimezone() if moments else None


def stamp_of(entry: dict[str, Any]) -> str | None:
    """The server's own time in an answer that was made by its request."""
    body = entry.get("response_body")
    if entry.get("status") == 201 and isinstance(body, dict):
        state = body.get("state")
        found = (state.get("timestamp") if isinstance(state, dict) else None) or body.get("created")
        return found if isinstance(found, str) else None
    data = entry.get("data")
    found = data.get("occurred") if isinstance(data, dict) else None
    return found if isinstance(found, str) else None


def prologue(recording: Recording) -> list[dict[str, Any]]:
    """The entries to be sent before a recording."""
    return [
        next(e for e in load(name).entries if e.get("method") == "POST" and text in json.dumps(e.get("request_body")))
        for name, text in PROLOGUES.get(recording.number, [])
    ]
