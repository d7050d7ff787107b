"""The task runs of all flow runs: found by what the address says."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from penstock.server.bind import Reply
from penstock.ui.charts import Histogram, histogram
from penstock.ui.pages.runs import asked_by
from penstock.ui.reader import Reader
from penstock.ui.routes import page
from penstock.ui.run_lists import USUAL, WINDOWS, Asked
from penstock.ui.task_lists import STATES, rows_of_tasks, task_history, task_page

WORDS = ("state", "when", "begin", "end", "name", "tag")


@page("GET", "/task-runs")
async def show(at: Reader) -> Reply:
    """A page of task runs, the newest first."""
    asked = _asked(at)
    (tasks, older), chart = await asyncio.gather(task_page(at.api, asked, at.asked("after")), _chart(at, asked))
    return at.render(
        "task_runs.html",
        asked=asked,
        rows=await rows_of_tasks(at.api, tasks),
        older=older,
        chart=chart,
        states=STATES,
        windows={key: words for key, (words, _) in WINDOWS.items() if key != "next"},
        words={name: at.query[name] for name in WORDS if any(at.query.get(name, ()))},
    )


async def _chart(at: Reader, asked: Asked) -> Histogram | None:
    """How many there were over time; nothing of a search, for which each of them would be looked at."""
    return None if asked.searches else histogram(await task_history(at.api, asked))


def _asked(at: Reader) -> Asked:
    """What the address asks for, as far as task runs have it: none of them is known before it is called."""
    asked = asked_by(at)
    states = tuple(state for state in asked.states if state in STATES)
    return replace(asked, states=states, window=USUAL if asked.window == "next" else asked.window)
