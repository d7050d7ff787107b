"""A real Prefect 3.8.8, unmodified, in front of a Penstock server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.commands import COMMANDS, Command, swept
from tests.interop.conftest import Side
from tests.interop.journeys import JOURNEYS

BY_THEMSELVES = ("config", "profile", "--", "server", "init", "api", "worker", "no-such")
"""How lines begin that a process does once, or that ask no server."""


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_journey_ends_well(journey: Callable[[Side], None], prefect_client: Side) -> None:
    journey(prefect_client)


@pytest.fixture(scope="module")
def outcomes(prefect_client: Side, tmp_path_factory: pytest.TempPathFactory) -> dict[Command, Any]:
    """What became of the lines that one process can carry out after another."""
    commands = [one for one in COMMANDS if not one.line.startswith(BY_THEMSELVES)]
    lines, result = [one.line for one in commands], tmp_path_factory.mktemp("swept") / "result.json"
    return dict(zip(commands, swept(prefect_client.shell, lines, result), strict=True))


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_exits_as_prefect_does(command: Command, prefect_client: Side, outcomes: dict[Command, Any]) -> None:
    found = outcomes.get(command)
    if found:
        command.judge(prefect_client.shell, found["code"], found["said"])
    else:
        command.check(prefect_client.shell)
