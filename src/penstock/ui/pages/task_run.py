"""A task run: its state and how it came to it, what it was called with, its tries, its cache and its log."""

from __future__ import annotations

import asyncio

from penstock.server.bind import Reply
from penstock.server.site import Stream
from penstock.ui.log_views import log_filter, log_values, of_task, read_log, text_of_log
from penstock.ui.pages.run import is_over, stays
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.task_views import name_of_run, read_chosen
from penstock.wire import artifacts, task_runs
from penstock.wire.model import Criteria


@page("GET", "/task-runs/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a task run."""
    chosen = await read_chosen(at, id_in(id))
    task = chosen.task
    wanted = {"task_run_id": {"any_": [str(task.id)]}, "type": {"not_any_": ["result"]}}
    states, log, made, run_name = await asyncio.gather(
        at.api.call(task_runs.read_task_run_states, query={"task_run_id": task.id}),
        read_log(at, log_filter(at, of_task(task))),
        at.api.call(artifacts.filter_artifacts, Criteria(artifacts=wanted, sort="CREATED_DESC", limit=20)),
        name_of_run(at, task.flow_run_id),
    )
    return at.render(
        "task_run.html",
        chosen=chosen,
        task=task,
        run_name=run_name,
        stays=stays(states, at.now),
        artifacts=made,
        **log_values(at, f"/task-runs/{task.id}", log, is_over(task)),
    )


@page("GET", "/task-runs/{id}/log")
async def show_log(at: Reader, id: str) -> Reply:
    """Lines of the task's log, on a page of their own."""
    task = await at.api.call(task_runs.read_task_run, id=id_in(id))
    log = await read_log(at, log_filter(at, of_task(task)))
    return at.render("run_log.html", whose=task, **log_values(at, f"/task-runs/{task.id}", log, is_over(task)))


@page("GET", "/task-runs/{id}/logs")
async def download(at: Reader, id: str) -> Stream:
    """The task's log as a text file."""
    task = await at.api.call(task_runs.read_task_run, id=id_in(id))
    name = f'attachment; filename="{task.id}.log"'.encode()
    lines = text_of_log(at.api, log_filter(at, of_task(task)))
    return Stream(lines, [(b"content-disposition", name)], b"text/plain; charset=utf-8")
