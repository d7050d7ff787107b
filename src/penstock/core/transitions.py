"""Which state a flow run may take next: the rules in their order, and the bookkeeping of a written state.

A rule looks at a `Move` (run, current state, proposed state, facts) and gives back the move, perhaps
changed, or a `Verdict` that ends the matter. `RULES` is the policy, read from top to bottom; a rule is
asked only for the transitions its two columns name. Facts: Prefect API 0.8.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import structs

from penstock.core.states import (
    HOLDS_SLOT,
    TERMINAL,
    due_as_before,
    has_result,
    is_terminal,
    kept_of,
    stamp,
    turned_into,
    with_details,
)
from penstock.core.verdicts import (
    ANY_OR_NONE,
    EVERY,
    NO_SLOTS,
    Rule,
    Slots,
    Verdict,
    abort,
    instead,
    refuse,
    wait_until,
)
from penstock.wire.flow_runs import FlowRun, FlowRunPolicy
from penstock.wire.states import OrchestrationStatus, State, StateCreate, StateDetails, StateType

SCHEDULED, PENDING, RUNNING = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING
COMPLETED, FAILED, CANCELLED = StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED
CRASHED, PAUSED, CANCELLING = StateType.CRASHED, StateType.PAUSED, StateType.CANCELLING

SLOT_WAIT = 30.0
"""How long a run waits before it asks again for its deployment's slot."""
LEASING_CLIENT = (3, 4, 11)
"""The first Prefect version that renews the slot of a deployment's limit itself."""


@dataclass(frozen=True, slots=True)
class DeploymentLimit:
    """A deployment's limit as it stands: how many slots, how many held by live leases, and what to do when full.

    `wait_seconds` is how long a run is put off that finds no slot; None leaves it as it is.
    """

    limit: int
    used: int
    cancel_new: bool = False
    grace_seconds: float = 300
    wait_seconds: float | None = SLOT_WAIT

    @property
    def is_full(self) -> bool:
        return self.used >= self.limit


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at beside the proposal; `limit` and `lease_is_live` only where a rule needs them."""

    run: FlowRun
    limit: DeploymentLimit | None = None
    lease_is_live: bool = False
    client_version: tuple[int, ...] | None = None
    """Of a Prefect client, from its User-Agent; None for all others."""


@dataclass(frozen=True, slots=True)
class Move:
    """A proposal on its way through the rules."""

    facts: Facts
    proposed: State
    policy: FlowRunPolicy
    now: datetime
    slots: Slots = NO_SLOTS

    @property
    def run(self) -> FlowRun:
        return self.facts.run

    @property
    def current(self) -> State:
        """The state the run is in; rules that ask for it are selected only where there is one."""
        state = self.facts.run.state
        if state is None:
            raise ValueError("this run has no state yet")
        return state


def carry_lease(move: Move) -> Move | Verdict:
    """The lease on the deployment's slot goes along, also where a client sends null."""
    state = move.run.state
    lease = state.state_details.deployment_concurrency_lease_id if state else None
    if lease is None or move.proposed.state_details.deployment_concurrency_lease_id is not None:
        return move
    return replace(move, proposed=with_details(move.proposed, deployment_concurrency_lease_id=lease))


def refuse_repeat(move: Move) -> Move | Verdict:
    """A transition sent twice happens once."""
    wanted = move.proposed.state_details.transition_id
    if wanted is not None and wanted == move.current.state_details.transition_id:
        return refuse("This transition has been made before.")
    return move


def guard_ended(move: Move) -> Move | Verdict:
    """An ended run may be run again or corrected, but not cancelled, paused or reported crashed."""
    target, current = move.proposed.type, move.current
    if target in (CANCELLING, PAUSED, CRASHED):
        return abort(f"The run has ended as {current.type.value}.")
    if current.type is COMPLETED and has_result(current):
        if target not in TERMINAL:
            return refuse("The run has ended as COMPLETED and keeps its result.")
        if target is COMPLETED and not has_result(move.proposed):
            return refuse(KEEPS_RESULT)
    if target is SCHEDULED and move.run.deployment_id is None:
        return abort("Only a run of a deployment can be scheduled again.")
    if target in TERMINAL:
        return move
    again = structs.replace(
        move.policy, resuming=False, pause_keys=[], retry_type="reschedule" if target is SCHEDULED else None
    )
    return replace(move, policy=again)


KEEPS_RESULT = "The run has completed with a stored result, which a state without one would lose."


def guard_result(move: Move) -> Move | Verdict:
    """Even by force, a kept result is not lost."""
    if has_result(move.current) and not has_result(move.proposed):
        return refuse(KEEPS_RESULT)
    return move


def guard_cancelling(move: Move) -> Move | Verdict:
    """A run that is being cancelled can only become cancelled."""
    return refuse("The run is being cancelled and can only become Cancelled.")


def nothing_to_cancel(move: Move) -> Move | Verdict:
    """Where no process exists, cancelling is done at once."""
    current = move.current
    has_process = move.run.infrastructure_pid is not None and move.policy.retry_type != "reschedule"
    unstarted = current.type is SCHEDULED and not has_process
    if unstarted or current.name == "Resuming":
        reason = "The run was not started yet, so nothing had to be stopped."
    elif current.type is PAUSED and current.state_details.pause_reschedule:
        reason = "The run was suspended, so nothing had to be stopped."
    else:
        return move
    details = structs.replace(move.proposed.state_details, pause_reschedule=False)
    cancelled = turned_into(move.proposed, CANCELLED, message=move.proposed.message, details=details)
    return instead(cancelled, reason)


def guard_pending(move: Move) -> Move | Verdict:
    """Only one asker gets a run: PENDING is entered once, then only renamed (Submitting, InfrastructurePending)."""
    current, proposed = move.current, move.proposed
    if current.type is PENDING and proposed.name not in ("Pending", current.name):
        return replace(move, proposed=due_as_before(proposed, current))
    return abort(f"The run is {current.type.value}: somebody else has taken it, or it is over.")


def keep_slot(move: Move) -> Move | Verdict:
    """A run that starts keeps its deployment's slot, or takes it again when the lease has run out."""
    lease = move.current.state_details.deployment_concurrency_lease_id
    if lease is None:
        return move
    for_ever = _never_renews(move.facts.client_version)
    if move.facts.lease_is_live:
        return replace(move, slots=Slots(renew=lease, for_ever=for_ever))
    limit = move.facts.limit
    if limit is not None and limit.is_full:
        return instead(
            turned_into(move.proposed, CANCELLED, message="No slot of the deployment's limit is free."),
            "The lease on the deployment's slot ran out and no other slot is free.",
        )
    return _taking(move, for_ever) if limit else move


def take_slot(move: Move) -> Move | Verdict:
    """A run of a limited deployment takes a slot, waits for one, or is cancelled."""
    limit = move.facts.limit
    if limit is None or move.run.deployment_id is None:
        return move
    if limit.limit == 0:
        return abort("The deployment's limit is 0, so none of its runs can start.")
    if not limit.is_full:
        return _taking(move)
    reason = "No slot of the deployment's limit is free."
    if limit.cancel_new:
        return instead(turned_into(move.proposed, CANCELLED, message=reason), reason)
    if limit.wait_seconds is None:
        return refuse(reason)
    details = StateDetails(scheduled_time=move.now + timedelta(seconds=limit.wait_seconds))
    return instead(turned_into(move.proposed, SCHEDULED, name="AwaitingConcurrencySlot", details=details), reason)


def _taking(move: Move, for_ever: bool = False) -> Move:
    """The move with a new lease, which has the id of the state that takes it."""
    lease, held = move.proposed.id, move.proposed.state_details.deployment_concurrency_lease_id
    return replace(
        move,
        proposed=with_details(move.proposed, deployment_concurrency_lease_id=lease),
        slots=Slots(take=lease, release=held, for_ever=for_ever),
    )


def _never_renews(client_version: tuple[int, ...] | None) -> bool:
    """Older Prefect clients don't renew: their slot is held until the run leaves it."""
    return client_version is not None and client_version < LEASING_CLIENT


def guard_late(move: Move) -> Move | Verdict:
    """Only a scheduled run can be late, and only once."""
    if move.proposed.name != "Late":
        return move
    if move.run.state is None or move.current.type is not SCHEDULED:
        return refuse("Only a scheduled run can be late.")
    if move.current.name == "Late":
        return refuse("The run is late already.")
    return move


def guard_pausing(move: Move) -> Move | Verdict:
    """Only a running run pauses, once for each key; suspending needs a deployment to come back by."""
    state, proposed = move.run.state, move.proposed
    if state is None:
        return abort("The run has no state yet, so it can't pause.")
    verb = "suspend" if proposed.state_details.pause_reschedule else "pause"
    if state.type is not RUNNING:
        return refuse(f"Only a running run can {verb}.")
    key = proposed.state_details.pause_key or proposed.id.hex
    fired = move.policy.pause_keys or []
    if key in fired:
        return refuse(f"The run has met this {verb} before.")
    if proposed.state_details.pause_reschedule:
        if move.run.parent_task_run_id is not None:
            return abort("A subflow run can't suspend: nothing could start it again.")
        if move.run.deployment_id is None:
            return abort("Only a run of a deployment can suspend: nothing else could be started again.")
    return replace(move, policy=structs.replace(move.policy, pause_keys=[*fired, key]))


def guard_resuming(move: Move) -> Move | Verdict:
    """A paused run goes on, is rescheduled or ends; after its time it can only fail."""
    current, target = move.current, move.proposed.type
    if target not in (RUNNING, SCHEDULED, CANCELLING, *TERMINAL):
        return refuse(f"A paused run can't become {target.value}: it goes on, is scheduled again or ends.")
    if current.state_details.pause_reschedule and move.run.deployment_id is None:
        return refuse("The run can't be resumed: it is suspended and has no deployment to be started from.")
    if current.state_details.pause_reschedule and target is CRASHED:
        return refuse("The run is suspended: that its process ends is what suspending means.")
    timeout = current.state_details.pause_timeout
    if timeout is not None and timeout < move.now and target is not CANCELLING:
        failed = turned_into(move.proposed, FAILED, message="Nobody resumed the run in time.")
        return instead(failed, "The time to resume the run is over.")
    return replace(move, policy=structs.replace(move.policy, resuming=True))


def copy_scheduled_time(move: Move) -> Move | Verdict:
    """A run that was taken still knows when it was due."""
    return replace(move, proposed=due_as_before(move.proposed, move.current))


def wait_until_due(move: Move) -> Move | Verdict:
    """A run that was taken early starts on time."""
    return wait_until(move.current.state_details.scheduled_time, move.now) or move


def retry(move: Move) -> Move | Verdict:
    """A failed run with tries left is scheduled again, in the same process."""
    policy = move.policy
    if policy.retries is None or move.run.run_count > policy.retries:
        return replace(move, policy=structs.replace(policy, retry_type=None))
    failed = move.proposed
    details = StateDetails(
        scheduled_time=move.now + timedelta(seconds=policy.retry_delay or 0),
        deployment_concurrency_lease_id=failed.state_details.deployment_concurrency_lease_id,
    )
    waiting = turned_into(
        failed, SCHEDULED, name="AwaitingRetry", message=failed.message, data=failed.data, details=details
    )
    again = structs.replace(policy, resuming=False, pause_keys=[], retry_type="in_process")
    return instead(waiting, "Retrying", policy=again)


def leave_process(move: Move) -> Move | Verdict:
    """A run that is offered again has no process that it would go on in, or be cancelled in."""
    if move.policy.retry_type != "in_process" and move.run.infrastructure_pid is None:
        return move
    return replace(move, policy=structs.replace(move.policy, retry_type="reschedule"))


RULES = (
    #    judge                from                                            to
    Rule(carry_lease, EVERY, EVERY),
    Rule(refuse_repeat, EVERY, EVERY),
    Rule(guard_ended, TERMINAL, EVERY),
    Rule(guard_cancelling, {CANCELLING}, EVERY - {CANCELLED}),
    Rule(nothing_to_cancel, EVERY, {CANCELLING}),
    Rule(guard_pending, {PENDING, RUNNING, CANCELLING, CANCELLED}, {PENDING}),
    Rule(keep_slot, {PENDING}, {RUNNING}),
    Rule(take_slot, ANY_OR_NONE - {PENDING, RUNNING, CANCELLING}, {PENDING}),
    Rule(guard_late, ANY_OR_NONE, {SCHEDULED}),
    Rule(guard_pausing, ANY_OR_NONE, {PAUSED}),
    Rule(guard_resuming, {PAUSED}, EVERY),
    Rule(copy_scheduled_time, {SCHEDULED}, {PENDING}),
    Rule(wait_until_due, {SCHEDULED, PENDING}, {RUNNING}),
    Rule(retry, {RUNNING}, {FAILED}),
    Rule(leave_process, {PENDING, RUNNING}, {SCHEDULED}),
)
FORCED_RULES = (
    Rule(guard_result, {COMPLETED}, {COMPLETED}),
    Rule(nothing_to_cancel, {SCHEDULED, PAUSED}, {CANCELLING}),
    Rule(leave_process, {SCHEDULED, PENDING, RUNNING}, {SCHEDULED}),
)


def _by_transition(rules: tuple[Rule[Move], ...]) -> dict[tuple[StateType | None, StateType], tuple[Rule[Move], ...]]:
    return {
        (before, after): tuple(rule for rule in rules if before in rule.before and after in rule.after)
        for before in ANY_OR_NONE
        for after in EVERY
    }


_RULES, _FORCED = _by_transition(RULES), _by_transition(FORCED_RULES)


def needs_limit(run: FlowRun, proposed: StateType) -> bool:
    """Whether the deployment's limit matters to this proposal, so that its facts must be read."""
    if run.deployment_id is None:
        return False
    before = run.state.type if run.state else None
    if proposed is RUNNING and before is PENDING and run.state:
        return run.state.state_details.deployment_concurrency_lease_id is not None
    return proposed is PENDING and before not in (PENDING, RUNNING, CANCELLING)


def decide_flow_run(facts: Facts, proposed: StateCreate, *, force: bool, now: datetime, new_id: UUID) -> Verdict:
    """The verdict on a proposed state. `new_id` is the id of the state, and of the lease it may take."""
    run = facts.run
    before = run.state
    state = stamp(proposed, id=new_id, now=now, after=before)
    move = Move(facts, _linked(state, run), run.empirical_policy, now)
    for rule in (_FORCED if force else _RULES)[before.type if before else None, state.type]:
        judged = rule.judge(move)
        if isinstance(judged, Verdict):
            return _settled(judged, move, before)
        move = judged
    accepted = Verdict(OrchestrationStatus.ACCEPT, move.proposed, policy=move.policy, slots=move.slots)
    return _settled(accepted, move, before)


def _linked(state: State, run: FlowRun) -> State:
    details = state.state_details
    if details.flow_run_id == run.id and details.task_run_id == run.parent_task_run_id:
        return state
    return with_details(state, flow_run_id=run.id, task_run_id=run.parent_task_run_id)


def _settled(verdict: Verdict, move: Move, before: State | None) -> Verdict:
    """The verdict with the slot given back where the run leaves it, and the policy of a run that goes on or ends."""
    if verdict.state is None:
        return verdict
    policy = verdict.policy or move.policy
    keeps = _keeps_slot(verdict.state, policy)
    state = _linked(verdict.state, move.run)
    state = _with_slot(state, before) if keeps else state
    if policy.resuming and (state.type is RUNNING or state.type in TERMINAL):
        policy = structs.replace(policy, resuming=False)
    changed = None if policy is move.run.empirical_policy else policy
    return replace(verdict, state=state, policy=changed, slots=_release(verdict, keeps, before))


def _with_slot(state: State, before: State | None) -> State:
    """The state with the lease of the slot that the run keeps, which a forced state does not know of."""
    lease = _lease_of(before)
    if lease is None or _lease_of(state) is not None:
        return state
    return with_details(state, deployment_concurrency_lease_id=lease)


def _release(verdict: Verdict, keeps: bool, before: State | None) -> Slots:
    lease = _lease_of(before)
    return verdict.slots if lease is None or keeps else replace(verdict.slots, release=lease)


def _keeps_slot(state: State, policy: FlowRunPolicy) -> bool:
    """A run that waits in its process keeps it; one that is offered again takes another."""
    return state.type in HOLDS_SLOT or (state.name == "AwaitingRetry" and policy.retry_type == "in_process")


def _lease_of(state: State | None) -> UUID | None:
    return state.state_details.deployment_concurrency_lease_id if state else None


def apply_state(run: FlowRun, state: State, *, policy: FlowRunPolicy | None = None, now: datetime) -> FlowRun:
    """The run as it is once the state is written: times, counts and names all follow from it."""
    before = run.state
    resumed = run.empirical_policy.resuming or (before is not None and before.type is PAUSED)
    end = run.end_time
    if state.type in TERMINAL:
        end = end or state.timestamp
    elif is_terminal(before):
        end = None
    return structs.replace(
        run,
        **kept_of(state, run, now),
        end_time=end,
        run_count=run.run_count + (state.type is RUNNING and not resumed),
        empirical_policy=policy or run.empirical_policy,
    )
