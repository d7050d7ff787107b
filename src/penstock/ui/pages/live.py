"""The streams that pages listen to."""

from __future__ import annotations

from datetime import datetime

from penstock.clock import EPOCH, from_micros
from penstock.server.site import Stream
from penstock.ui import live
from penstock.ui.log_views import log_filter, of_run, of_task
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.wire import task_runs


@page("GET", "/live")
async def hints(at: Reader) -> Stream:
    """Hints that something changed since a moment, about what has this beginning of its id."""
    return live.hints(at.site, at.asked("about", "prefect."), _moment(at.asked("since"), at.now))


@page("GET", "/runs/{id}/log/live")
async def lines(at: Reader, id: str) -> Stream:
    """The lines of a run's log from a moment (microseconds since 1970) on."""
    return live.log_lines(at.site, log_filter(at, of_run(id_in(id))), _moment(at.asked("after"), EPOCH))


@page("GET", "/task-runs/{id}/log/live")
async def lines_of_task(at: Reader, id: str) -> Stream:
    """The same of a task run."""
    task = await at.api.call(task_runs.read_task_run, id=id_in(id))
    return live.log_lines(at.site, log_filter(at, of_task(task)), _moment(at.asked("after"), EPOCH))


def _moment(micros: str, otherwise: datetime) -> datetime:
    """A moment in an address."""
    return from_micros(int(micros)) if micros.isdigit() and len(micros) < 18 else otherwise
