"""What the rules of flow runs and of task runs have in common: the verdict on a proposed state, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from penstock.wire.flow_runs import FlowRunPolicy
from penstock.wire.states import OrchestrationStatus, State, StateType

M = TypeVar("M")
EVERY = frozenset(StateType)
ANY_OR_NONE = EVERY | {None}


@dataclass(frozen=True, slots=True)
class Slots:
    """What a written state does to the deployment's slot, each a lease id; `for_ever` takes or keeps it without end."""

    take: UUID | None = None
    renew: UUID | None = None
    release: UUID | None = None
    for_ever: bool = False


NO_SLOTS = Slots()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a proposal; `state` is what is to be written, None when nothing is."""

    status: OrchestrationStatus
    state: State | None = None
    reason: str | None = None
    delay_seconds: int | None = None
    policy: FlowRunPolicy | None = None
    """The run's policy after the change; None when it stays."""
    slots: Slots = NO_SLOTS


@dataclass(frozen=True, slots=True)
class Rule(Generic[M]):
    """One line of a policy: which transitions it looks at, and how it judges a move that makes one of them."""

    judge: Callable[[M], M | Verdict]
    before: Collection[StateType | None]
    after: Collection[StateType]


def abort(reason: str) -> Verdict:
    """Nothing is written and the client is to stop."""
    return Verdict(OrchestrationStatus.ABORT, reason=reason)


def refuse(reason: str) -> Verdict:
    """Nothing is written; the client gets the current state."""
    return Verdict(OrchestrationStatus.REJECT, reason=reason)


def wait(seconds: float, reason: str) -> Verdict:
    """Nothing is written; the client is to ask again after that time."""
    return Verdict(OrchestrationStatus.WAIT, reason=reason, delay_seconds=round(seconds))


def instead(state: State, reason: str, *, policy: FlowRunPolicy | None = None) -> Verdict:
    """Another state is written than was proposed."""
    return Verdict(OrchestrationStatus.REJECT, state, reason, policy=policy)


def wait_until(due: datetime | None, now: datetime) -> Verdict | None:
    """A run that was taken early starts on time."""
    return wait((due - now).total_seconds(), "It is not due yet.") if due is not None and due > now else None
