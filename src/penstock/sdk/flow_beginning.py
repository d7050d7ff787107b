"""How a run of a flow comes about: made now, made before by a deployment, or left by its parent's last attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from penstock.core.parameters import as_json
from penstock.sdk.context import current_tags
from penstock.sdk.effects import Call, Steps
from penstock.sdk.names_of_runs import rendered
from penstock.sdk.orchestration import propose
from penstock.sdk.session import session
from penstock.sdk.states import TERMINAL, Running, State, from_wire, to_wire
from penstock.sdk.subflows import earlier_child, track
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
    from collections.abc import Mapping

    from penstock.sdk.context import FlowContext
    from penstock.sdk.flow import Flow


class Beginning:
    """The beginning of one run: of a call inside of `parent`, where there is one."""

    def __init__(
        self,
        flow: Flow[..., Any],
        parameters: Mapping[str, Any],
        parent: FlowContext | None,
        inputs: Mapping[str, Any],
    ) -> None:
        self.flow = flow
        self.parameters = parameters
        self.parent = parent
        self.inputs = inputs
        self.session = session()

    def steps(self, run: FlowRun | None, invalid: State | None) -> Steps[tuple[FlowRun, State]]:
        """The run, and the state it is in now: Running, unless it is `invalid` or somebody was faster."""
        if run is not None:
            return (yield from self._take_up(run, invalid))
        flow_id = yield from self._flow_id()
        tracking = None
        if self.parent is not None:
            tracking = yield from track(self.parent, self.flow, self.inputs)
            if (child := (yield from earlier_child(self.parent, tracking))) is not None:
                return (yield from self._take_up(child, invalid))
        made: FlowRun = yield Call(
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
        return made, from_wire(made.state) if made.state else Running()

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
        return FlowRunPolicy(retries=self.flow.retries, retry_delay=round(self.flow.retry_delay))

    def _run_name(self) -> str | None:
        """The name that a template gives the run."""
        template = self.flow.options.get("flow_run_name")
        return rendered(template, self.parameters) if isinstance(template, str) and template else None
