"""A real Prefect 3.8.8, unmodified, in front of a Penstock server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop.commands import COMMANDS, Command
from tests.interop.conftest import Side
from tests.interop.journeys import JOURNEYS

BY_THEMSELVES = ("config", "profile", "--", "server", "init", "api", "worker", "no-such")
"""How lines begin that a process does once, or that ask no server."""


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_journey_ends_well(journey: Callable[[Side], None], prefect_client: Side) -> None:
    journey(prefect_client)


@pytest.fixture(scope="module")
def swept(prefect_client: Side, tmp_path_factory: pytest.TempPathFactory) -> dict[Command, Any]:
    """What became of the lines that one process can carry out after another."""
    shell, result = prefect_client.shell, tmp_path_factory.mktemp("swept") / "result.json"
    commands = [one for one in COMMANDS if not one.line.startswith(BY_THEMSELVES)]
    done = subprocess.run(
        [shell.program.python, str(Path(__file__).parent / "sweep.py"), str(result)],
        cwd=shell.folder,
        env=shell.program.environment(shell.home, shell.api),
        input=json.dumps([one.line for one in commands]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.exists(), done.stdout + done.stderr
    return dict(zip(commands, json.loads(result.read_text()), strict=True))


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_exits_as_prefect_does(command: Command, prefect_client: Side, swept: dict[Command, Any]) -> None:
    found = swept.get(command)
    if found:
        command.judge(prefect_client.shell, found["code"], found["said"])
    else:
        command.check(prefect_client.shell)
