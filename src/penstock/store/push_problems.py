"""Why the server can't start the runs of a push pool; said anew by each look that finds it so, and forgotten after.

Kept with the values of the whole server, for there are few and none for long.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from penstock.store.database import Steps, intent
from penstock.store.statements import load

SQL = load("push_problems")

KEPT = timedelta(seconds=60)
"""How long after the last server that said so: it may serve the pool now, or have been stopped."""


class PushProblem(msgspec.Struct, frozen=True):
    """What a server said, and when."""

    reason: str
    at: datetime


_decode = msgspec.json.Decoder(PushProblem).decode


@intent
def tell(pool_id: UUID, reason: str, now: datetime) -> Steps[None]:
    """Keeps the reason."""
    yield SQL.tell(id=str(pool_id), doc=msgspec.json.encode(PushProblem(reason, now)).decode())


@intent
def forget(now: datetime, served: frozenset[UUID]) -> Steps[None]:
    """Forgets what nobody says any more, and what is said of pools that are served again."""
    for key, doc in (yield SQL.all()):
        id = key.rpartition("/")[2]
        if UUID(id) in served or _decode(doc).at < now - KEPT:
            yield SQL.clear(id=id)


def reason_in(doc: str | None) -> str | None:
    """The reason in what is stored."""
    return None if doc is None else _decode(doc).reason
