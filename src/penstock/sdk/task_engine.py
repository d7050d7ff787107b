"""What happens in a task run, written once for those who block and those who await.

Pending; wait for what it depends on; take its tags' slots; Running (or a cached result); the function,
tried again as its retries allow; the end state, its hooks. Each state is reported as it is entered.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from contextvars import Token
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock.clock import utc_now
from penstock.errors import BadRequest
from penstock.ids import new_id
from penstock.sdk.context import TaskContext, current_tags, flow_context, log_prints, task_context
from penstock.sdk.effects import Blocking, Effect, Sleep, Steps, adrive, drive
from penstock.sdk.futures import PrefectFuture, PrefectFutureList
from penstock.sdk.generating import ahanded_out, handed_out, produce
from penstock.sdk.hooks import call_hooks
from penstock.sdk.loggers import origin_of, prints_logged, task_logger
from penstock.sdk.names_of_runs import rendered
from penstock.sdk.reporting import TaskReport
from penstock.sdk.retrying import delay
from penstock.sdk.run_effect import Run, TimedOut
from penstock.sdk.session import session
from penstock.sdk.states import State, is_state
from penstock.sdk.task_inputs import (
    UpstreamFailed,
    await_all,
    dependencies,
    is_plain,
    resolve,
    sources,
    unmapped,
)
from penstock.sdk.task_results import TaskResults
from penstock.sdk.tracebacks import trimmed
from penstock.sdk.transactions import settle

if TYPE_CHECKING:
    from penstock.sdk.context import FlowContext
    from penstock.sdk.task import Task

CRASHES = (KeyboardInterrupt, SystemExit, asyncio.CancelledError, CancelledError, GeneratorExit)


class TaskCall:
    """One call of a task: from its arguments to the state it ends in. Used once."""

    def __init__(self, task: Task[..., Any], parameters: dict[str, Any], wait_for: Iterable[Any] | None = None) -> None:
        self.task = task
        self.flow: FlowContext | None = flow_context.get()
        self.session = self.flow.session if self.flow else session()
        self.parameters = parameters
        self.wait_for = list(wait_for) if wait_for is not None else []
        self.id: UUID = new_id()
        self.elsewhere: Callable[[Run], Effect] | None = None
        self.hands_out = False
        self.name = f"{task.name}-{self.id.hex[-3:]}"
        tags = task.tags | current_tags.get()
        self.tags: list[str] = sorted(tags) if tags else []
        self.report = TaskReport(self.session, self.flow, task, self.id, self.name, self.tags, self._inputs())
        self.report.tell(State("PENDING"))

    def _inputs(self) -> dict[str, Any]:
        inputs: dict[str, Any] = {name: sources(value, self.flow) for name, value in self.parameters.items()}
        if self.wait_for:
            inputs["wait_for"] = sources(self.wait_for, None)
        if (around := task_context.get()) is not None:
            inputs["__parents__"] = [{"input_type": "task_run", "id": str(around.id)}]
        return inputs

    def run(self) -> State:
        """Runs to the end in this thread and gives the last state."""
        return drive(self._steps())

    def drop(self) -> State:
        """Says that it will not be begun: the flow has ended before its turn came."""
        return self._enter(State("CANCELLED", message="The flow run ended before this task run began."))

    def run_here(self, return_state: bool) -> Any:
        """As a plain call of the task: its value, or its exception raised."""
        state = drive(self._steps())
        if not return_state and (failure := state.error()) is not None:
            raise failure
        return state if return_state else self._value(state)

    async def arun_here(self, return_state: bool) -> Any:
        """As `run_here`, awaited."""
        state = await adrive(self._steps())
        if not return_state and (failure := state.error()) is not None:
            raise failure
        return state if return_state else self._value(state)

    def iteration(self) -> Steps[Any]:
        """The steps of a task that yields, which hand its values out and raise what it raises."""
        self.hands_out = True
        return (yield from self._steps()).result()

    def _value(self, state: State) -> Any:
        value = state.result()
        if self.flow is not None:
            self.flow.made(value, self.id)
        return value

    def _steps(self) -> Steps[State]:
        context = TaskContext(self.task, self.id, self.name, self.parameters, self.tags, self.flow)
        token = task_context.set(context)
        lease = None
        try:
            try:
                yield from self._depend(context)
            except UpstreamFailed as error:
                return self._enter(State("PENDING", "NotReady", str(error), data=error))
            if self.tags:
                lease = yield from self._take_slots()
            return (yield from self._attempts(context))
        except CRASHES as error:
            message = f"Execution was interrupted by {type(error).__name__}: {error}".removesuffix(": ")
            crashed = self._enter(State("CRASHED", message=message))
            task_logger(context).error("The run ends as %s.", repr(crashed))
            raise
        finally:
            _reset(token)
            if lease is not None:
                yield from self._return_slots(lease)

    def _depend(self, context: TaskContext) -> Steps[None]:
        """Waits for upstream runs and puts their results in the place of their futures."""
        if self.wait_for:
            yield Blocking(lambda: await_all(self.wait_for))
        if not all(is_plain(value) for value in self.parameters.values()):
            if any(isinstance(item, PrefectFuture) for item in dependencies(list(self.parameters.values()))):
                self.parameters = yield Blocking(self._resolved)
            else:
                self.parameters = self._resolved()
            context.parameters = self.parameters

    def _resolved(self) -> dict[str, Any]:
        return {name: resolve(value) for name, value in self.parameters.items()}

    def _attempts(self, context: TaskContext) -> Steps[State]:
        if (unnamed := self._name_run(context)) is not None:
            self._log_end(context, unnamed)
            return self._enter(unnamed)
        results = TaskResults(self.session, context)
        key = results.key()
        name = "Running"
        while True:
            context.run_count += 1
            running = self._enter(State("RUNNING", name))
            if key is not None and (cached := results.cached(key)):
                self._log_end(context, cached)
                return self._enter(cached)
            if self.task.hooks("on_running"):
                yield from call_hooks(self.task.hooks("on_running"), self.task, context, running)
            state = yield from self._attempt(context, results, key)
            if state.type != "FAILED" or not self._may_retry(context, state):
                break
            name = "Retrying"
            yield from self._wait_for_retry(context, state)
        self._enter(state)
        self._log_end(context, state)
        kind = "on_completion" if state.type == "COMPLETED" else "on_failure"
        if self.task.hooks(kind):
            yield from call_hooks(self.task.hooks(kind), self.task, context, state)
        return state

    def _attempt(self, context: TaskContext, results: TaskResults, key: str | None) -> Steps[State]:
        """Calls the function once; every exception but a crash becomes a state."""
        args, kwargs = self.task.binder.spread(self.parameters)
        limit = self.task.options.get("timeout_seconds")
        try:
            with prints_logged(self._logs_prints()):
                run = Run(self.task.fn, args, kwargs, limit)
                value: Any = yield from self._perform(run)
        except CRASHES:
            raise
        except TimedOut as error:
            error.with_traceback(None)
            return State("FAILED", "TimedOut", f"Task run {error}", data=error)
        except BaseException as error:
            if not self.session.settings.debug_mode:
                trimmed(error)
            message = f"The task raised {type(error).__name__}: {error}"
            return State("FAILED", message=message, data=error)
        return self._finished(context, value, results, key)

    def _perform(self, run: Run) -> Steps[Any]:
        if self.hands_out:
            return (yield from produce(run))
        return (yield (self.elsewhere(run) if self.elsewhere else run))

    def _finished(self, context: TaskContext, value: Any, results: TaskResults, key: str | None) -> State:
        if is_state(value):
            return value
        reference, write = results.keep(value, key)
        settle(context, value, write, self._taken_back)
        return State("COMPLETED", data=value, details={"task_run_id": self.id}, reference=reference)

    def _taken_back(self) -> None:
        """A run whose transaction is rolled back stays completed, by another name."""
        self._enter(State("COMPLETED", "RolledBack", "The transaction around the task was rolled back."))

    def _may_retry(self, context: TaskContext, state: State) -> bool:
        if context.run_count > self.task.retries:
            return False
        condition = self.task.options.get("retry_condition_fn")
        return True if condition is None else bool(condition(self.task, context, state))

    def _wait_for_retry(self, context: TaskContext, state: State) -> Steps[None]:
        seconds = self._delay(context.run_count)
        log = task_logger(context)
        log.info("%s. Retry %d of %d comes in %g s.", state.message, context.run_count, self.task.retries, seconds)
        if seconds <= 0:
            return
        when = utc_now() + timedelta(seconds=seconds)
        self._enter(State("SCHEDULED", "AwaitingRetry", state.message, details={"scheduled_time": when}))
        yield Sleep(seconds)

    def _delay(self, run_count: int) -> float:
        chosen = self.task.options.get("retry_delay_seconds")
        if chosen is None:
            chosen = self.session.settings.tasks.default_retry_delay_seconds
        jitter = self.task.options.get("retry_jitter_factor")
        return delay(chosen, retries=self.task.retries, run_count=run_count, jitter=jitter)

    def _take_slots(self) -> Steps[Any]:
        from penstock.sdk.leases import take_for_task

        return (yield from take_for_task(self.id, self.tags))

    def _return_slots(self, lease: Any) -> Steps[None]:
        from penstock.sdk.leases import give_back

        yield from give_back(lease)

    def _name_run(self, context: TaskContext) -> State | None:
        """Gives the run the name that is asked for; the state it fails with when there is no making it."""
        template = self.task.options.get("task_run_name")
        if template is None:
            return None
        try:
            self.name = context.name = self.report.name = rendered(template, self.parameters)
        except Exception as error:
            return State("FAILED", message=f"The task run can't be named: {error}", data=error)
        return None

    def _logs_prints(self) -> bool:
        chosen = self.task.options.get("log_prints")
        if chosen is not None:
            return chosen
        return log_prints.get() or self.session.settings.logging.log_prints

    def _log_end(self, context: TaskContext, state: State) -> None:
        """One line for each run, as its log is where people look; a failure with where it came from."""
        # As text: a record may be kept for long, and the state's value with it.
        level = logging.INFO if state.is_completed() else logging.ERROR
        task_logger(context).log(level, "The run ends as %s.", repr(state), exc_info=origin_of(state))

    def _enter(self, state: State) -> State:
        state.details.setdefault("task_run_id", self.id)
        self.report.tell(state)
        return state


def iterate(task: Task[..., Any], parameters: dict[str, Any], wait_for: Iterable[Any] | None) -> Any:
    """An iterator over what a task yields; the run begins with its first value."""
    hand_out = ahanded_out if task.isasync else handed_out
    return hand_out(lambda: TaskCall(task, parameters, wait_for).iteration())


def submit(task: Task[..., Any], parameters: dict[str, Any], wait_for: Iterable[Any] | None) -> PrefectFuture[Any]:
    """Hands a call to the flow's task runner. Raises `BadRequest` outside of a flow."""
    flow = flow_context.get()
    if flow is None:
        raise BadRequest(f"{task.name}.submit() needs a flow around it: call the task, or submit it from a flow.")
    return flow.runner.submit(TaskCall(task, parameters, wait_for))


def map_task(
    task: Task[..., Any], parameters: dict[str, Any], wait_for: Iterable[Any] | None
) -> PrefectFutureList[Any]:
    """Submits one call per item. Raises `BadRequest` when nothing can be iterated or lengths differ."""
    every = {name: resolve(value) if isinstance(value, PrefectFuture) else value for name, value in parameters.items()}
    mapped = {name: list(value) for name, value in every.items() if _is_iterable(value)}
    fixed = {name: _unmarked(value) for name, value in every.items() if name not in mapped}
    lengths = {name: len(items) for name, items in mapped.items()}
    if not mapped:
        raise BadRequest(f"{task.name}.map() was given nothing to iterate over.")
    if len(set(lengths.values())) > 1:
        raise BadRequest(f"{task.name}.map() was given iterables of different lengths: {lengths}.")
    ahead = list(wait_for) if wait_for is not None else None
    rows = zip(*mapped.values(), strict=True)
    return PrefectFutureList(submit(task, {**fixed, **dict(zip(mapped, row, strict=True))}, ahead) for row in rows)


def _unmarked(value: Any) -> Any:
    return value.value if isinstance(value, unmapped) else value


def _is_iterable(value: Any) -> bool:
    if isinstance(value, str | bytes | dict | unmapped) or inspect.isclass(value):
        return False
    return isinstance(value, Iterable)


def _reset(token: Token[TaskContext | None]) -> None:
    try:
        task_context.reset(token)
    except ValueError:  # the generator was closed from another context, whose variables are its own
        task_context.set(None)
