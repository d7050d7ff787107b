"""What happens in a flow run, written once for those who block and those who await.

Begin (a local run is created Running, a prepared one proposes it), the function with its context, tried
again when the server says so, then the end state: one call to start, one to finish.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.clock import utc_now
from penstock.core.parameters import validated
from penstock.errors import ParameterInvalid, PenstockError
from penstock.ids import new_id
from penstock.sdk.context import FlowContext, current_tags, flow_context, task_context
from penstock.sdk.deployment_slot import LOST, held
from penstock.sdk.effects import Blocking, Call, Sleep, Steps, adrive, drive
from penstock.sdk.flow_beginning import Beginning
from penstock.sdk.futures import PrefectFuture, resolve_futures_to_states
from penstock.sdk.generating import ahanded_out, handed_out, produce
from penstock.sdk.heartbeat import beating
from penstock.sdk.hooks import call_hooks
from penstock.sdk.loggers import flow_logger, origin_of, prints_logged
from penstock.sdk.names_of_runs import rendered
from penstock.sdk.orchestration import propose
from penstock.sdk.pause import SuspendedRun
from penstock.sdk.run_effect import Run, TimedOut
from penstock.sdk.session import session
from penstock.sdk.states import CrashedRun, Running, State, aggregate, is_state, to_wire
from penstock.sdk.subflows import inputs_of
from penstock.sdk.task_inputs import await_all, resolve
from penstock.sdk.tracebacks import trimmed
from penstock.wire.flow_runs import (
    FlowRun,
    FlowRunUpdate,
    update_flow_run,
)

if TYPE_CHECKING:
    from uuid import UUID

    from penstock.sdk.flow import Flow
    from penstock.wire.deployments import Deployment

CRASHES = (KeyboardInterrupt, SystemExit, asyncio.CancelledError, CancelledError, GeneratorExit)
END_HOOKS = {
    "COMPLETED": "on_completion",
    "FAILED": "on_failure",
    "CRASHED": "on_crashed",
    "CANCELLED": "on_cancellation",
}


class FlowCall:
    """One call of a flow, from its arguments to the state it ends in. Used once.

    With `run` given, that run (made by a deployment) is carried out instead of a new one.
    """

    def __init__(
        self,
        flow: Flow[..., Any],
        parameters: dict[str, Any],
        wait_for: Iterable[Any] | None = None,
        *,
        run: FlowRun | None = None,
        deployment: Deployment | None = None,
        hooks: frozenset[str] = frozenset(END_HOOKS.values()),
    ) -> None:
        self.flow = flow
        self.parent = flow_context.get()
        self.session = session()
        self.parameters = parameters
        self.wait_for = list(wait_for or ())
        self.run = run
        self.deployment = deployment
        self.hooks = hooks
        self.hands_out = False
        self.gathered: Any = None
        self.inputs: dict[str, Any] = {}
        self.tracking: UUID | None = None

    def run_here(self, return_state: bool) -> Any:
        """Runs to the end in this thread; the value, or the exception raised."""
        try:
            state = drive(self.steps())
        except (PenstockError, *CRASHES) as error:
            self._trim(error, expected=True)
            raise
        if not return_state and (failure := self._failure(state)) is not None:
            raise failure
        return state if return_state else self._value(state)

    async def arun_here(self, return_state: bool) -> Any:
        """As `run_here`, awaited."""
        try:
            state = await adrive(self.steps())
        except (PenstockError, *CRASHES) as error:
            self._trim(error, expected=True)
            raise
        if not return_state and (failure := self._failure(state)) is not None:
            raise failure
        return state if return_state else self._value(state)

    def _failure(self, state: State) -> BaseException | None:
        return state.error() if self.gathered is None else None

    def _value(self, state: State) -> Any:
        """What the call gives; the states of others that a flow returned, whether they are good or not."""
        value = state.result() if self.gathered is None else self.gathered
        if self.parent is not None and self.tracking is not None:
            self.parent.made(value, self.tracking)
        return value

    def _trim(self, error: BaseException, *, expected: bool = False) -> None:
        if not self.session.settings.debug_mode:
            trimmed(error, expected=expected)

    def iteration(self) -> Steps[Any]:
        """The steps of a flow that yields, which hand its values out and raise what it raises."""
        self.hands_out = True
        return (yield from self.steps()).result()

    def steps(self) -> Steps[State]:
        """The whole of it. Everything that was reported has reached the server when the outermost run ends."""
        try:
            return (yield from self._whole())
        finally:
            if self.parent is None:
                yield Blocking(self.session.flush)

    def _whole(self) -> Steps[State]:
        if self.parent is not None:
            self.inputs = inputs_of(self.parent, self.parameters, self.wait_for)
        yield Blocking(lambda: await_all(self.wait_for))
        self.parameters = {name: resolve(value) for name, value in self.parameters.items()}
        invalid: State | None = None
        try:
            if self.flow.should_validate_parameters:
                self.parameters = validated(self.flow.fn, self.parameters)
        except ParameterInvalid as error:
            message = f"The flow's parameters do not fit: {error}"
            invalid = State("FAILED", message=message, data=error)
            self._trim(error, expected=True)
        beginning = Beginning(self.flow, self.parameters, self.parent, self.inputs)
        run, begun = yield from beginning.steps(self.run, invalid)
        self.tracking = run.parent_task_run_id
        context = FlowContext(
            self.session, self.flow, run, self.parameters, self.flow.task_runner(), deployment=self.deployment
        )
        if invalid is not None or begun.type != "RUNNING":
            flow_logger(context).error("Not run: %s", begun.message) if invalid else None
            return invalid or begun
        context.run_count = run.run_count or 1
        context.persist = self.flow.options.get("persist_result")
        return (yield from self._attempts(context, begun))

    def _attempts(self, context: FlowContext, begun: State) -> Steps[State]:
        with ExitStack() as stack:
            self._enter_context(stack, context)
            if (unnamed := (yield from self._name(context))) is not None:
                return (yield from self._end(context, unnamed))
            log = flow_logger(context)
            log.info("Run %r of the flow %r begins.", context.run.name, self.flow.name)
            context.slot = stack.enter_context(held(self.session, begun, awaits=self.flow.isasync))
            while True:
                yield from call_hooks(self.flow.hooks("on_running"), self.flow, context.run, begun)
                state = yield from self._attempt(context)
                if state.is_paused():
                    return state
                settled = yield from self._end(context, state)
                if settled.type != "SCHEDULED":
                    break
                log.warning("%s. The flow is tried again.", state.message, exc_info=origin_of(state))
                yield from self._wait_until(settled)
                begun = yield from propose(context.run.id, to_wire(Running()))
                if begun.type != "RUNNING":
                    return begun
                context.begin_attempt(context.run_count + 1)
            yield from self._call_end_hooks(context, settled)
        level = logging.INFO if settled.is_completed() else logging.ERROR
        log.log(level, "The run ends as %s.", repr(settled), exc_info=origin_of(state))
        return settled

    def _name(self, context: FlowContext) -> Steps[State | None]:
        """The name that a function gives the run: it is called inside of the run, which it may ask about.

        Gives the state the run fails with when the function fails.
        """
        namer = self.flow.options.get("flow_run_name")
        if not callable(namer):
            return None
        try:
            context.rename(rendered(namer, self.parameters))
        except Exception as error:
            return State("FAILED", message=f"The flow run can't be named: {error}", data=error)
        yield Call(update_flow_run, FlowRunUpdate(name=context.run.name), path={"id": context.run.id})
        return None

    def _enter_context(self, stack: ExitStack, context: FlowContext) -> None:
        stack.callback(_reset, flow_context, flow_context.set(context))
        stack.callback(_reset, task_context, task_context.set(None))
        stack.callback(_reset, current_tags, current_tags.set(context.tags))
        chosen = self.flow.options.get("log_prints")
        stack.enter_context(prints_logged(self.session.settings.logging.log_prints if chosen is None else chosen))
        stack.enter_context(beating(context))

    def _attempt(self, context: FlowContext) -> Steps[State]:
        """Calls the function once and waits for what it submitted; every exception becomes a state."""
        args, kwargs = self.flow.binder.spread(self.parameters)
        try:
            yield Blocking(context.runner.open)
            run = Run(self.flow.fn, args, kwargs, self.flow.options.get("timeout_seconds"))
            value: Any = (yield from produce(run)) if self.hands_out else (yield run)
            yield Blocking(context.runner.close)
            return self._finished(value)
        except SuspendedRun as suspended:
            return suspended.state
        except CRASHES as error:
            self._trim(error)
            yield from self._crash(context, error)
            if context.slot is not None and context.slot.lost.is_set():
                raise CrashedRun(LOST) from None
            raise
        except TimedOut as error:
            error.with_traceback(None)
            return State("FAILED", "TimedOut", f"Flow run {error}", data=error)
        except BaseException as error:
            self._trim(error)
            message = f"The flow raised {type(error).__name__}: {error}"
            return State("FAILED", message=message, data=error)
        finally:
            yield Blocking(partial(context.runner.close, drop=True))

    def _crash(self, context: FlowContext, error: BaseException) -> Steps[None]:
        """Says how the run was interrupted, even when the one who awaits it has been cancelled."""
        interrupted = f"Execution was interrupted by {type(error).__name__}: {error}".removesuffix(": ")
        lost = context.slot is not None and context.slot.lost.is_set()
        state = State("CRASHED", message=LOST if lost else interrupted, data=error)
        drive(propose(context.run.id, to_wire(state)))
        flow_logger(context).error("The run ends as %s.", repr(state))
        yield from self._call_end_hooks(context, state)

    def _finished(self, value: Any) -> State:
        if isinstance(value, PrefectFuture) or _holds_futures(value):
            value = resolve_futures_to_states(value)
        if is_state(value):
            return State(value.type, value.name, value.message, data=value.data, reference=value.reference)
        if isinstance(value, list | tuple | set) and value and all(is_state(item) for item in value):
            self.gathered = value
            return aggregate(value)
        return self._kept(value)

    def _kept(self, value: Any) -> State:
        options = self.flow.options
        wanted = options.get("persist_result")
        if wanted is None:
            wanted = self.session.settings.results.persist_by_default or options.get("result_storage") is not None
        if not wanted:
            return State("COMPLETED", data=value)
        from penstock.sdk.results import ResultStore

        template = options.get("result_storage_key")
        key = rendered(template, self.parameters) if template else new_id().hex
        reference = ResultStore(options.get("result_storage"), options.get("result_serializer")).write(key, value)
        return State("COMPLETED", data=value, reference=reference)

    def _end(self, context: FlowContext, state: State) -> Steps[State]:
        """Proposes the end; what the server made of it, with the value that is at hand here."""
        settled = yield from propose(context.run.id, to_wire(state))
        if settled.type == state.type:
            settled = State(
                settled.type,
                settled.name,
                settled.message,
                data=state.data,
                details=settled.details,
                timestamp=settled.timestamp,
                id=settled.id,
                reference=state.reference,
            )
        return settled

    def _wait_until(self, state: State) -> Steps[None]:
        when: datetime = state.details.get("scheduled_time") or utc_now()
        yield Sleep(max(0.0, (when - utc_now()).total_seconds()))

    def _call_end_hooks(self, context: FlowContext, state: State) -> Steps[None]:
        name = END_HOOKS.get(state.type)
        if name in self.hooks and name is not None:
            yield from call_hooks(self.flow.hooks(name), self.flow, context.run, state)


def iterate(flow: Flow[..., Any], parameters: dict[str, Any], wait_for: Iterable[Any] | None) -> Any:
    """An iterator over what a flow yields; the run begins with its first value."""
    hand_out = ahanded_out if flow.isasync else handed_out
    return hand_out(lambda: FlowCall(flow, parameters, wait_for).iteration())


def _holds_futures(value: Any) -> bool:
    return isinstance(value, list | tuple | set) and any(isinstance(item, PrefectFuture) for item in value)


def _reset(variable: Any, token: Any) -> None:
    with suppress(ValueError):  # a generator closed from another context leaves that one's variables alone
        variable.reset(token)
