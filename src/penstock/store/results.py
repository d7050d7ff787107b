"""Results that states carry: each persisted one is listed as an artifact of type `result` (semantics of API 0.8.4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from penstock.store.artifacts import ARTIFACTS
from penstock.store.database import Steps
from penstock.wire.artifacts import Artifact
from penstock.wire.states import State

TYPE = "result"
UNPERSISTED = {"type": "unpersisted"}


def has_result(state: State | None) -> bool:
    """Whether a state says where a result is kept."""
    return state is not None and state.data is not None and state.data != UNPERSISTED


def keep_results(states: Iterable[State | None], now: datetime) -> Steps[None]:
    """Lists the results of states. An artifact has its state's id, so a second time changes nothing."""
    for state in states:
        if state is None or not has_result(state):
            continue
        details = state.state_details
        yield ARTIFACTS.insert(
            Artifact(
                id=state.id,
                created=now,
                updated=now,
                type=TYPE,
                data=state.data,
                flow_run_id=details.flow_run_id,
                task_run_id=details.task_run_id,
            )
        )
