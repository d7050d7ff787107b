"""An upgrade or a rollback while it is carried out: a page that grows by what became of each part.

It needs no script, and any server behind a load balancer can give it. Whoever leaves the page ends what has not begun;
a deployment is as it was or as it is to be, so the same again goes on with what is left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from penstock.errors import PenstockError
from penstock.server.site import Stream
from penstock.ui.reader import Reader
from penstock.ui.templating import rendered
from penstock.upgrade.outcomes import Did, Outcome, Part
from penstock.wire import flow_runs
from penstock.wire.model import Criteria

HERE = b"<!-- what comes -->"
"""Where the page is cut: what becomes of things is put there as it is known."""
SILENCE = 2.0
"""Seconds without news after which it is said what is waited for."""
ASKED = 200
"""Deployments whose claimed runs are counted at once."""
STOPPED = "It stopped before its end; the server's log says why. Do the same again: it goes on with what is left."
STOPPING = "The server is being stopped. Do the same again once it is back: it goes on with what is left."
_log = logging.getLogger("penstock.ui")


@dataclass(frozen=True, slots=True)
class Work:
    """What is carried out: the deployments by name, what becomes of them, and what the page says at its end."""

    title: str
    names: dict[str, UUID]
    outcomes: AsyncIterator[Outcome]
    ending: Callable[[Sequence[Outcome]], Awaitable[dict[str, Any]]]
    """Gives what the page's end is made from."""


def stream(at: Reader, work: Work) -> Stream:
    """The page, beginning at once and ending when all is done."""
    page = at.render("upgrade_work.html", title=work.title, count=len(work.names))
    head, _, tail = page.body.partition(HERE)
    headers = [*page.headers, (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    return Stream(_grown(at, work, head, tail), headers, b"text/html; charset=utf-8")


async def paced(source: AsyncIterator[Outcome], seconds: float) -> AsyncGenerator[Outcome | None, None]:
    """What comes, and None whenever nothing has come for so long. The source is ended with it."""
    coming: asyncio.Future[Outcome] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(source))
            done, _ = await asyncio.wait({coming}, timeout=seconds)
            if not done:
                yield None
                continue
            try:
                one = coming.result()
            except StopAsyncIteration:
                return
            finally:
                coming = None
            yield one
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        if isinstance(source, AsyncGenerator):
            await source.aclose()


async def _grown(at: Reader, work: Work, head: bytes, tail: bytes) -> AsyncIterator[bytes]:
    yield head
    seen: list[Outcome] = []
    try:
        async with aclosing(_parts(at, work, seen)) as parts:
            async for part in parts:
                yield part
        ending = await work.ending(seen)
    except PenstockError as error:
        ending = {"fault": error.message, "outcomes": seen}
    except Exception:
        _log.exception("an upgrade ended before its time", extra={"work": work.title})
        ending = {"fault": STOPPED, "outcomes": seen}
    yield rendered("upgrade_end.html", at=at, **{"fault": "", **ending}).encode() + tail


async def _parts(at: Reader, work: Work, seen: list[Outcome]) -> AsyncGenerator[bytes, None]:
    """A line for each outcome, and for what is waited for."""
    told = ""
    async with aclosing(paced(work.outcomes, SILENCE)) as outcomes:
        async for one in outcomes:
            if one is not None:
                seen.append(one)
                yield rendered("upgrade_outcome.html", at=at, one=one, waits="").encode()
                continue
            if at.site.hub.stopping:
                yield rendered("upgrade_outcome.html", at=at, one=None, waits=STOPPING).encode()
                return
            waits = await _waited_for(at, work, seen)
            changed, told = waits != told, waits
            line = rendered("upgrade_outcome.html", at=at, one=None, waits=waits) if waits and changed else ""
            yield line.encode() or b"\n"  # what stands between may take a silent connection for a dead one


async def _waited_for(at: Reader, work: Work, seen: Sequence[Outcome]) -> str:
    """The runs that keep deployments: claimed, and not begun."""
    ended = {one.name for one in seen if one.part is Part.DEPLOYMENT and one.did is not Did.WAITING}
    left = [str(id) for name, id in work.names.items() if name not in ended][:ASKED]
    if not left:
        return ""
    wanted = Criteria(deployments={"id": {"any_": left}}, flow_runs={"state": {"type": {"any_": ["PENDING"]}}})
    try:
        claimed = await at.api.call(flow_runs.count_flow_runs, wanted)
    except PenstockError:
        return ""
    if not claimed:
        return ""
    is_one = claimed == 1
    return (
        f"{'A run is' if is_one else f'{claimed} runs are'} claimed and {'has' if is_one else 'have'} not begun:"
        " it is asked again until they begin, for half a minute."
    )


async def _next(source: AsyncIterator[Outcome]) -> Outcome:
    return await anext(source)
