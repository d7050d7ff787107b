"""Log lines."""

from __future__ import annotations

import msgspec

from penstock.server.bind import Encoded, Request, handles
from penstock.store.logs import create_logs, list_logs
from penstock.wire import logs as wire
from penstock.wire.logs import Log, LogCreate
from penstock.wire.model import Criteria

_decode = msgspec.json.Decoder(Log).decode


@handles(wire.create_logs)
async def create(at: Request, body: list[LogCreate]) -> None:
    """Keeps a batch of lines, and shows them to who reads along."""
    if not body:
        return
    docs = await at.store.write(create_logs(body, at.now, at.store.dialect))
    if at.hub.has_log_subscribers:
        at.hub.publish_logs([_decode(doc) for doc in docs])


@handles(wire.filter_logs)
async def list_lines(at: Request, body: Criteria) -> Encoded:
    """Lines that a filter finds."""
    return Encoded(await at.store.scan(list_logs(body, at.store.dialect, most=at.most)))
