"""Penstock's command line, worker and agent in front of a real Prefect 2.20.25 server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.interop.agents import deployed, ended, run_of
from tests.interop.commands import COMMANDS, SETUP, Command
from tests.interop.conftest import Side, write_project
from tests.live.programs import penstock, prefect2
from tests.live.servers import running


@pytest.fixture(scope="module")
def on_prefect2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    folder = tmp_path_factory.mktemp("penstock-on-prefect2")
    with running(prefect2(), folder / "server") as live:
        shell = live.shell(write_project(folder / "project", penstock()), penstock(), folder / "home")
        for command in (*SETUP[:-1], Command("--no-prompt deploy -n all -n raising -n dying", says="everything/all")):
            command.check(shell)
        yield Side(shell, live)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_exits_as_at_a_server_of_prefect_3(command: Command, on_prefect2: Side) -> None:
    command.check(on_prefect2.shell)


def test_a_deployment_is_deployed_again(on_prefect2: Side) -> None:
    """What the server can't change in place is written anew; what it has is left alone."""
    Command("--no-prompt deploy -n all").check(on_prefect2.shell)
    again = on_prefect2.api.get("/deployments/name/everything/all")
    assert [one["schedule"]["cron"] for one in again["schedules"]] == ["0 6 * * *"]
    same = on_prefect2.shell.run("--no-prompt", "deploy", "-n", "raising", "--plan")
    assert "Nothing to do" in same.stdout, same.stdout + same.stderr


def test_a_deploy_of_what_the_server_does_not_know_says_so(on_prefect2: Side) -> None:
    """Deployments of Prefect 2 have no limit of their own."""
    refused = on_prefect2.shell.run("--no-prompt", "deploy", "-n", "slow")
    assert refused.returncode == 1
    assert "The server does not know 'concurrency_limit', which was to be 1" in refused.stderr


def test_our_worker_carries_out_a_run(on_prefect2: Side) -> None:
    at = on_prefect2
    deployed(at, "by-worker", work_pool_name="interop")
    run = ended(at, run_of(at, "plain/by-worker"), "worker", "start", "--pool", "interop")
    assert run["infrastructure_pid"]
    said = [line["message"] for line in at.api.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}})]
    assert "hello ford None" in said


def test_our_agent_carries_out_a_run_with_its_overrides(on_prefect2: Side) -> None:
    """A deployment as `deployment build` makes them, whose overrides the server calls by their old name."""
    at = on_prefect2
    made = deployed(at, "by-agent", work_queue_name="ours", infra_overrides={"env.A": "x"})
    assert made["infra_overrides"] == {"env.A": "x"}
    ended(at, run_of(at, "plain/by-agent"), "agent", "start", "-q", "ours", "--limit", "1")
    shown = at.shell.run("deployment", "inspect", "plain/by-agent", "--output", "json")
    assert json.loads(shown.stdout)["job_variables"] == {"env.A": "x"}


def test_our_agent_serves_a_pool_that_our_command_made(on_prefect2: Side) -> None:
    at = on_prefect2
    made = at.shell.run("work-pool", "create", "ag", "--type", "prefect-agent")
    assert "penstock agent start --pool ag" in made.stdout, made.stderr
    deployed(at, "in-pool", work_pool_name="ag")
    ended(at, run_of(at, "plain/in-pool"), "agent", "start", "--pool", "ag", "-q", "default", "-q", "another")
    assert at.api.get("/work_pools/ag/queues/another")["name"] == "another"
