"""The log of a run on a page of its own, as a part of the run's page, and as a file."""

from __future__ import annotations

from penstock.server.bind import Reply
from penstock.server.site import Stream
from penstock.ui.log_views import log_filter, log_values, of_run, read_run_log, text_of_log
from penstock.ui.pages.run import is_over
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.wire import flow_runs


@page("GET", "/runs/{id}/log")
async def show(at: Reader, id: str) -> Reply:
    """Lines of the log, with what is before and after them."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    log = await read_run_log(at, run.id)
    return at.render("run_log.html", whose=run, **log_values(at, f"/runs/{run.id}", log, is_over(run)))


@page("GET", "/runs/{id}/logs")
async def download(at: Reader, id: str) -> Stream:
    """The whole log as a text file; of a level, a task or some words, where the address names them."""
    run = await at.api.call(flow_runs.read_flow_run, id=id_in(id))
    name = f'attachment; filename="{run.id}.log"'.encode()
    lines = text_of_log(at.api, log_filter(at, of_run(run.id)))
    return Stream(lines, [(b"content-disposition", name)], b"text/plain; charset=utf-8")
