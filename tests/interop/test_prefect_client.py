"""A real Prefect 3.8.8, unmodified, in front of a Penstock server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.commands import COMMANDS, Command
from tests.interop.conftest import Side
from tests.interop.journeys import JOURNEYS


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_journey_ends_well(journey: Callable[[Side], None], prefect_client: Side) -> None:
    journey(prefect_client)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_exits_as_prefect_does(command: Command, prefect_client: Side) -> None:
    command.check(prefect_client.shell)
