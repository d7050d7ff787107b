"""What Penstock adds for finding runs by a part of their name, or by a tag: a search with a bound."""

from __future__ import annotations

from datetime import datetime

from penstock.wire.endpoint import post
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import Criteria, Model
from penstock.wire.task_runs import TaskRun


class RunSearch(Criteria):
    """Runs of flows, or of tasks, that fulfil all criteria, whose name contains `name_like`, and that have the `tag`.

    The sort is by start: the newest first, or with `START_TIME_ASC` the oldest.
    """

    name_like: str = ""
    tag: str = ""


class RunsFound(Model):
    """Some of the runs, and how far the search came: None when it looked at all, else the moment to go on from."""

    runs: list[FlowRun]
    reached: datetime | None = None


class TaskRunsFound(Model):
    """Some of the task runs, and how far the search came."""

    runs: list[TaskRun]
    reached: datetime | None = None


search_flow_runs = post("/penstock/flow_runs/search", body=RunSearch, returns=RunsFound)
search_task_runs = post("/penstock/task_runs/search", body=RunSearch, returns=TaskRunsFound)
