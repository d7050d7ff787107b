"""What happens in a flow run, written once for those who block and those who await.

Begin (a local run is created Running, a prepared one proposes it), the function with its context, tried
again when the server says so, then the end state: one call to start, one to finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from penstock.clock import utc_now
from penstock.core.parameters import as_json, validated
from penstock.errors import ParameterInvalid
from penstock.ids import new_id
from penstock.sdk.context import FlowContext, current_tags, flow_context, task_context
from penstock.sdk.deployment_slot import LOST, held
from penstock.sdk.effects import Blocking, Call, Sleep, Steps, adrive, drive
from penstock.sdk.futures import PrefectFuture, resolve_futures_to_states
from penstock.sdk.generating import ahanded_out, handed_out, produce
from penstock.sdk.heartbeat import beating
from penstock.sdk.hooks import call_hooks
from penstock.sdk.loggers import flow_logger, prints_logged
from penstock.sdk.names_of_runs import rendered
from penstock.sdk.orchestration import propose
from penstock.sdk.pause import SuspendedRun
from penstock.sdk.run_effect import Run, TimedOut
from penstock.sdk.session import session
from penstock.sdk.states import TERMINAL, CrashedRun, Running, State, aggregate, from_wire, is_state, to_wire
from penstock.sdk.subflows import earlier_child, track
from penstock.sdk.task_inputs import await_all, resolve
from penstock.wire.flow_runs import (
    FlowRun,
    FlowRunCreate,
    FlowRunPolicy,
    FlowRunUpdate,
    create_flow_run,
    update_flow_run,
)
from penstock.wire.flows import FlowCreate, create_flow

if TYPE_CHECKING:
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

    def run_here(self, return_state: bool) -> Any:
        """Runs to the end in this thread; the value, or the exception raised."""
        state = drive(self.steps())
        return state if return_state else state.result()

    async def arun_here(self, return_state: bool) -> Any:
        """As `run_here`, awaited."""
        state = await adrive(self.steps())
        return state if return_state else state.result()

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
        yield Blocking(lambda: await_all(self.wait_for))
        self.parameters = {name: resolve(value) for name, value in self.parameters.items()}
        invalid: State | None = None
        try:
            if self.flow.should_validate_parameters:
                self.parameters = validated(self.flow.fn, self.parameters)
        except ParameterInvalid as error:
            message = f"The flow's parameters do not fit: {error}"
            invalid = State("FAILED", message=message, data=error)
        run, begun = yield from self._begin(invalid)
        context = FlowContext(
            self.session, self.flow, run, self.parameters, self.flow.task_runner(), deployment=self.deployment
        )
        if invalid is not None or begun.type != "RUNNING":
            flow_logger(context).error("Not run: %s", begun.message) if invalid else None
            return invalid or begun
        context.run_count = run.run_count or 1
        context.persist = self.flow.options.get("persist_result")
        return (yield from self._attempts(context, begun))

    def _begin(self, invalid: State | None) -> Steps[tuple[FlowRun, State]]:
        """The run, and the state it is in now."""
        if self.run is not None:
            return (yield from self._take_up(self.run, invalid))
        flow_id = yield from self._flow_id()
        tracking = None
        if self.parent is not None:
            tracking = yield from track(self.parent, self.flow, self.wait_for)
            if (child := (yield from earlier_child(self.parent, tracking))) is not None:
                return (yield from self._take_up(child, invalid))
        run: FlowRun = yield Call(
            create_flow_run,
            FlowRunCreate(
                flow_id=flow_id,
                name=self._run_name(),
                flow_version=self.flow.version,
                parameters={name: as_json(value) for name, value in self.parameters.items()},
                parent_task_run_id=tracking.id if tracking else None,
                empirical_policy=self._policy(),
                tags=sorted(current_tags.get() | (self.parent.tags if self.parent else frozenset())),
                state=to_wire(invalid or Running()),
            ),
        )
        return run, from_wire(run.state) if run.state else Running()

    def _take_up(self, run: FlowRun, invalid: State | None = None) -> Steps[tuple[FlowRun, State]]:
        """Goes on with a run that is there already, unless it has ended."""
        if self.parent is not None and run.state is not None and run.state_type in TERMINAL:
            return run, from_wire(run.state)
        told = yield from self._describe(run)
        state = yield from propose(run.id, to_wire(invalid or Running()))
        again = 0 if run.empirical_policy.resuming else 1
        return msgspec.structs.replace(told, run_count=run.run_count + again), state

    def _describe(self, run: FlowRun) -> Steps[FlowRun]:
        """Tells the server what only the code knows, when it matters: retries, and a name of its own."""
        name = self._run_name()
        if self.flow.retries or name:
            policy = msgspec.structs.replace(
                run.empirical_policy, retries=self.flow.retries, retry_delay=round(self.flow.retry_delay)
            )
            yield Call(update_flow_run, FlowRunUpdate(empirical_policy=policy, name=name or UNSET), path={"id": run.id})
        return msgspec.structs.replace(run, name=name) if name else run

    def _flow_id(self) -> Steps[Any]:
        known = self.session.flow_ids
        if self.flow.name not in known:
            known[self.flow.name] = (yield Call(create_flow, FlowCreate(name=self.flow.name))).id
        return known[self.flow.name]

    def _policy(self) -> FlowRunPolicy:
        return FlowRunPolicy(retries=self.flow.retries, retry_delay=round(self.flow.retry_delay), pause_keys=[])

    def _run_name(self) -> str | None:
        template = self.flow.options.get("flow_run_name")
        return rendered(template, self.parameters) if template else None

    def _attempts(self, context: FlowContext, begun: State) -> Steps[State]:
        log = flow_logger(context)
        log.info("Run %r of the flow %r begins.", context.run.name, self.flow.name)
        with ExitStack() as stack:
            self._enter_context(stack, context)
            context.slot = stack.enter_context(held(self.session, begun, awaits=self.flow.isasync))
            while True:
                yield from call_hooks(self.flow.hooks("on_running"), self.flow, context.run, begun)
                state = yield from self._attempt(context)
                if state.is_paused():
                    return state
                settled = yield from self._end(context, state)
                if settled.type != "SCHEDULED":
                    break
                yield from self._wait_until(settled)
                begun = yield from propose(context.run.id, to_wire(Running()))
                if begun.type != "RUNNING":
                    return begun
                context.begin_attempt(context.run_count + 1)
            yield from self._call_end_hooks(context, settled)
        log.log(20 if settled.is_completed() else 40, "The run ends as %r.", settled)
        return settled

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
            run = Run(self.flow.fn, args, kwargs, self.flow.options.get("timeout_seconds"))
            value: Any = (yield from produce(run)) if self.hands_out else (yield run)
            yield Blocking(context.runner.close)
            return self._finished(value)
        except SuspendedRun as suspended:
            return suspended.state
        except CRASHES as error:
            yield from self._crash(context, error)
            if context.slot is not None and context.slot.lost.is_set():
                raise CrashedRun(LOST) from None
            raise
        except TimedOut as error:
            flow_logger(context).error("Flow run %s", error)
            return State("FAILED", "TimedOut", f"Flow run {error}", data=error)
        except BaseException as error:
            info = (type(error), error, error.__traceback__)
            flow_logger(context).error("Encountered an exception during execution: %r", error, exc_info=info)
            message = f"The flow raised {type(error).__name__}: {error}"
            return State("FAILED", message=message, data=error)
        finally:
            yield Blocking(partial(context.runner.close, drop=True))

    def _crash(self, context: FlowContext, error: BaseException) -> Steps[None]:
        """Says how the run was interrupted, even when the one who awaits it has been cancelled."""
        interrupted = f"Execution was interrupted by {type(error).__name__}: {error}"
        lost = context.slot is not None and context.slot.lost.is_set()
        state = State("CRASHED", message=LOST if lost else interrupted, data=error)
        drive(propose(context.run.id, to_wire(state)))
        yield from self._call_end_hooks(context, state)

    def _finished(self, value: Any) -> State:
        if isinstance(value, PrefectFuture) or _holds_futures(value):
            value = resolve_futures_to_states(value)
        if is_state(value):
            return State(value.type, value.name, value.message, data=value.data, reference=value.reference)
        if isinstance(value, list | tuple | set) and value and all(is_state(item) for item in value):
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
