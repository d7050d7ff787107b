"""The streams that pages listen to."""

from __future__ import annotations

from penstock.clock import from_micros
from penstock.server.site import Stream
from penstock.ui import live
from penstock.ui.pages.run import log_filter
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page


@page("GET", "/live")
async def hints(at: Reader) -> Stream:
    """Hints that something changed, about what has this beginning of its id."""
    return live.hints(at.site, at.asked("about", "prefect."))


@page("GET", "/runs/{id}/logs/live")
async def lines(at: Reader, id: str) -> Stream:
    """The lines of a run's log from a moment (microseconds since 1970) on."""
    after = at.asked("after", "0")
    return live.log_lines(at.site, log_filter(at, id_in(id)), from_micros(int(after) if after.isdigit() else 0))
