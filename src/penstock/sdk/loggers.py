"""Loggers that know the run they speak for, and the handler that ships their lines to the server."""

from __future__ import annotations

import builtins
import logging
import sys
import traceback
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from penstock.sdk.context import FlowContext, MissingContext, TaskContext, flow_context, log_prints, task_context

if TYPE_CHECKING:
    from penstock.sdk.session import Session
    from penstock.sdk.states import State

FLOW_RUNS = "prefect.flow_runs"
TASK_RUNS = "prefect.task_runs"
"""The names the API knows these lines by; dashboards filter on them."""

LINE = "%(asctime)s.%(msecs)03d | %(levelname)-7s | %(said_by)s - %(message)s"

Origin = tuple[type[BaseException], BaseException, TracebackType | None]
LoggingAdapter = logging.LoggerAdapter[logging.Logger]

_silenced: ContextVar[bool] = ContextVar("penstock_silenced", default=False)
_silent = logging.Logger("silent", level=logging.CRITICAL + 1)


def origin_of(state: State) -> Origin | None:
    """Where a failure came from, as logging takes it."""
    error = state.data
    return (type(error), error, error.__traceback__) if isinstance(error, BaseException) else None


class RunLogger(LoggingAdapter):
    """A logger whose lines carry the ids of a run."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Adds the run to a line, beside what the caller gave as `extra`."""
        given = kwargs.get("extra")
        kwargs["extra"] = {**(self.extra or {}), **given} if given else self.extra
        return msg, kwargs


def get_run_logger() -> LoggingAdapter:
    """The logger of the task or flow run that runs here. Raises `MissingContext` outside of one."""
    task, flow = task_context.get(), flow_context.get()
    if _silenced.get():
        return RunLogger(_silent)
    if task is not None:
        return task_logger(task)
    if flow is not None:
        return flow_logger(flow)
    raise MissingContext("There is no flow or task run here to log for. Use logging.getLogger() outside of runs.")


def flow_logger(flow: FlowContext) -> LoggingAdapter:
    """The logger of a flow run."""
    prepare()
    extra = {
        "flow_run_id": str(flow.run.id),
        "task_run_id": None,
        "flow_run_name": flow.run.name,
        "flow_name": flow.flow.name,
        "session": flow.session,
        "said_by": f"Flow run {flow.run.name!r}",
    }
    return RunLogger(logging.getLogger(FLOW_RUNS), extra)


def task_logger(task: TaskContext) -> LoggingAdapter:
    """The logger of a task run."""
    from penstock.sdk.session import session

    prepare()
    extra = {
        "flow_run_id": str(task.flow.run.id) if task.flow else None,
        "task_run_id": str(task.id),
        "task_run_name": task.name,
        "task_name": task.task.name,
        "session": task.flow.session if task.flow else session(),
        "said_by": f"Task run {task.name!r}",
    }
    return RunLogger(logging.getLogger(TASK_RUNS), extra)


@contextmanager
def disable_run_logger() -> Iterator[None]:
    """Within the block `get_run_logger` works without a run and says nothing: for tests of `task.fn(...)`."""
    token = _silenced.set(True)
    try:
        yield
    finally:
        _silenced.reset(token)


class ApiHandler(logging.Handler):
    """Queues the lines of runs for the server; other lines pass by."""

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(record, "send_to_api", True):
            return
        session: Session | None = getattr(record, "session", None)
        if session is None:
            _without_run(record)
            return
        to_api = session.settings.logging.to_api
        if not to_api.enabled:
            return
        session.logs.put(
            {
                "name": record.name,
                "level": record.levelno,
                "message": _message(record)[: to_api.max_log_size],
                "timestamp": datetime.fromtimestamp(record.created, UTC),
                "flow_run_id": getattr(record, "flow_run_id", None),
                "task_run_id": getattr(record, "task_run_id", None),
            }
        )


def _without_run(record: logging.LogRecord) -> None:
    """What the settings want done about a line that belongs to no run."""
    from penstock import settings as configuration

    wanted = configuration.current().logging.to_api.when_missing_flow
    said = f"A line of logger {record.name!r} belongs to no run, so it is not sent to the API."
    if wanted == "error":
        raise MissingContext(said)
    if wanted == "warn":
        warnings.warn(f"{said} Set PENSTOCK_LOGGING_TO_API_WHEN_MISSING_FLOW=ignore to silence this.", stacklevel=8)


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return text


class _Line(logging.Formatter):
    """Words lines; the clock is worded once a second."""

    def __init__(self) -> None:
        super().__init__(LINE, datefmt="%H:%M:%S", defaults={"said_by": "penstock"})
        self._clock = 0, ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        second = int(record.created)
        if self._clock[0] != second:
            self._clock = second, super().formatTime(record, datefmt)
        return self._clock[1]


class _Console(logging.StreamHandler[Any]):
    """Writes to whatever stderr is now, so that a redirected one is kept to."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(_Line())

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _SessionOfThisRun(logging.Filter):
    """Gives lines of the user's own loggers (`logging.extra_loggers`) the run they were written in."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "session") and (flow_context.get() or task_context.get()):
            for name, value in (get_run_logger().extra or {}).items():
                setattr(record, name, value)
        return True


_prepared = False


def prepare() -> None:
    """Gives the run loggers their handlers, once."""
    global _prepared
    if _prepared:
        return
    _prepared = True
    from penstock import settings as configuration

    chosen = configuration.current().logging
    console, api = _Console(), ApiHandler()
    api.addFilter(_SessionOfThisRun())
    for name in (FLOW_RUNS, TASK_RUNS):
        logger = logging.getLogger(name)
        logger.setLevel(chosen.level)
        logger.handlers += [console, api]
        logger.propagate = False
    for name in chosen.extra_loggers:
        logging.getLogger(name).addHandler(api)


@contextmanager
def prints_logged(wanted: bool) -> Iterator[None]:
    """Within the block `print` writes to the run's log when wanted."""
    if not wanted:
        yield
        return
    if builtins.print is not _print:
        builtins.print = _print
    token = log_prints.set(True)
    try:
        yield
    finally:
        log_prints.reset(token)


_plain_print = builtins.print


def _print(*values: Any, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False) -> None:
    if not log_prints.get() or file not in (None, sys.stdout, sys.stderr):
        _plain_print(*values, sep=sep, end=end, file=file, flush=flush)
        return
    get_run_logger().info("%s", (" " if sep is None else sep).join(str(value) for value in values))
