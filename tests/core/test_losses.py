"""What becomes of lost runs, and what a project file says of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from penstock.core.deployment_values import hosting
from penstock.core.losses import LossTerms, after_loss
from penstock.errors import DeployFailed
from penstock.wire.deployments import LossPolicy
from penstock.wire.states import StateType

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "losses", "becomes", "words"),
    [
        (LossPolicy.FAIL, 0, StateType.CRASHED, "It burnt."),
        (LossPolicy.RESCHEDULE, 0, StateType.SCHEDULED, "(1 of 2)"),
        (LossPolicy.RESCHEDULE, 1, StateType.SCHEDULED, "(2 of 2)"),
        (LossPolicy.RESCHEDULE, 2, StateType.CRASHED, "offered again 2 times already"),
    ],
)
def test_a_loss_ends_a_run_or_costs_it_one_of_its_starts(
    policy: LossPolicy, losses: int, becomes: StateType, words: str
) -> None:
    state = after_loss(LossTerms(policy, 2, losses), "It burnt.", NOW)
    assert state.type is becomes
    assert words in (state.message or "")


def test_a_file_says_what_becomes_of_lost_and_cancelled_runs() -> None:
    said = {"on_infrastructure_loss": "reschedule", "reschedule_limit": "5", "cancellation_grace_seconds": 90}
    assert hosting({"name": "d", **said}) == {
        "on_infrastructure_loss": LossPolicy.RESCHEDULE,
        "reschedule_limit": 5,
        "cancellation_grace_seconds": 90.0,
    }
    assert hosting({"name": "d"}) == {}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"on_infrastructure_loss": "retry"}, "'retry' is none of fail, reschedule"),
        ({"reschedule_limit": 0}, "reschedule_limit: 0 is less than 1"),
        ({"cancellation_grace_seconds": "long"}, "cancellation_grace_seconds: 'long' is not a number"),
    ],
)
def test_what_makes_no_sense_is_told(said: dict[str, object], fault: str) -> None:
    with pytest.raises(DeployFailed, match=fault.replace("(", r"\(")):
        hosting(said)
