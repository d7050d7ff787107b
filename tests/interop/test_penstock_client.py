"""Penstock's command line, SDK and worker in front of a real Prefect 3.8.8 server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.agents import deployed, ended, run_of
from tests.interop.commands import COMMANDS, Command
from tests.interop.conftest import Side
from tests.interop.journeys import JOURNEYS


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_journey_ends_well(journey: Callable[[Side], None], penstock_client: Side) -> None:
    journey(penstock_client)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_exits_as_prefect_does(command: Command, penstock_client: Side) -> None:
    command.check(penstock_client.shell)


def test_our_agent_carries_out_a_run_with_its_overrides(penstock_client: Side) -> None:
    """A server of Prefect 3 has the queues of agents still."""
    at = penstock_client
    deployed(at, "by-agent", work_queue_name="ours", job_variables={"env.A": "x"})
    ended(at, run_of(at, "plain/by-agent"), "agent", "start", "-q", "ours", "--limit", "1")
