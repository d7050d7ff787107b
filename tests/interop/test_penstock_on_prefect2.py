"""Penstock's command line, worker and agent in front of a real Prefect 2.20.25 server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.commands import COMMANDS, Command
from tests.interop.conftest import Side, side
from tests.live.programs import penstock, prefect2


@pytest.fixture(scope="module")
def on_prefect2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    yield from side(prefect2(), penstock(), tmp_path_factory.mktemp("penstock-on-prefect2"))


def run_of(at: Side, name: str, **more: Any) -> str:
    """The id of a new due run of a deployment."""
    deployment = at.api.get(f"/deployments/name/{name}")["id"]
    return str(at.api.post(f"/deployments/{deployment}/create_flow_run", more)["id"])


def ended(at: Side, run: str, *words: str) -> dict[str, Any]:
    """The run, after a command that does what is due."""
    done = at.shell.run(*words, "--run-once")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = at.api.get(f"/flow_runs/{run}")
    assert found["state_type"] == "COMPLETED", done.stdout + done.stderr
    return found


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_exits_as_at_a_server_of_prefect_3(command: Command, on_prefect2: Side) -> None:
    command.check(on_prefect2.shell)


def test_a_deploy_of_what_is_deployed_changes_nothing(on_prefect2: Side) -> None:
    again = on_prefect2.shell.run("--no-prompt", "deploy", "-n", "all", "--plan")
    assert "Nothing to do" in again.stdout, again.stdout + again.stderr


def test_our_worker_carries_out_a_run(on_prefect2: Side) -> None:
    run = run_of(on_prefect2, "everything/all")
    assert ended(on_prefect2, run, "worker", "start", "--pool", "interop")["infrastructure_pid"]


def test_our_agent_carries_out_a_run_with_its_overrides(on_prefect2: Side) -> None:
    """A deployment as `deployment build` makes them, whose overrides the server calls by their old name."""
    at = on_prefect2
    made = at.api.get("/deployments/name/everything/all")
    body = {
        "name": "by-agent",
        "flow_id": made["flow_id"],
        "entrypoint": made["entrypoint"],
        "path": str(at.shell.folder),
        "work_queue_name": "ours",
        "infra_overrides": {"env.A": "x"},
    }
    deployment = at.api.post("/deployments/", body)
    run = run_of(at, "everything/by-agent")
    ended(at, run, "agent", "start", "-q", "ours")
    shown = at.shell.run("deployment", "inspect", "everything/by-agent", "--output", "json")
    assert json.loads(shown.stdout)["job_variables"] == deployment["infra_overrides"] == {"env.A": "x"}
