"""A real Prefect in front of its own server: proves the tables of this folder, with --baseline."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.commands import COMMANDS, Command
from tests.interop.conftest import Side
from tests.interop.journeys import JOURNEYS


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_journey_ends_well(journey: Callable[[Side], None], baseline: Side) -> None:
    journey(baseline)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_exits_as_prefect_does(command: Command, baseline: Side) -> None:
    command.check(baseline.shell)
