"""A deployment through the command line: deployed, scheduled, run, watched, read, cancelled, deleted."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.api import Api, eventually
from tests.live.programs import Shell, penstock
from tests.live.servers import end, running

FLOWS = """
from penstock import flow

@flow(log_prints=True)
def hello(name: str = "world") -> str:
    print(f"hello {name}")
    return name
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A terminal in a project with one flow, deployed as hello/one."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "flows.py").write_text(FLOWS)
    with running(penstock(), tmp_path_factory.mktemp("server")) as server:
        shell = server.shell(folder)
        ok(shell, "work-pool", "create", "here", "--type", "process")
        ok(shell, "deploy", "flows.py:hello", "--name", "one", "--pool", "here", "--tag", "t")
        yield shell


def ok(shell: Shell, *arguments: str) -> str:
    done = shell.run(*arguments)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def bad(shell: Shell, *arguments: str, code: int = 1) -> str:
    done = shell.run(*arguments)
    assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stderr


def read(shell: Shell, *arguments: str) -> Any:
    return json.loads(ok(shell, *arguments, "--output", "json"))


def create_run(shell: Shell, *options: str) -> str:
    """The id of a new run of hello/one."""
    printed = ok(shell, "deployment", "run", "hello/one", *options)
    return next(line.split()[1] for line in printed.splitlines() if line.strip().startswith("ID:"))


def work(shell: Shell) -> None:
    ok(shell, "worker", "start", "--pool", "here", "--run-once")


def test_a_run_from_creation_to_its_logs(shell: Shell) -> None:
    run = create_run(shell, "--param", "name=Ada", "--flow-run-name", "for-{name}", "--tag", "extra")
    work(shell)
    assert "Completed" in ok(shell, "flow-run", "watch", run)
    seen = read(shell, "flow-run", "inspect", run)
    assert (seen["name"], seen["parameters"], seen["state_type"]) == ("for-Ada", {"name": "Ada"}, "COMPLETED")
    assert "extra" in seen["tags"]
    assert "hello Ada" in ok(shell, "flow-run", "logs", run)
    assert len(read(shell, "flow-run", "logs", run, "--tail", "-n", "1")) == 1
    assert run in ok(shell, "flow-run", "ls", "--flow-name", "hello", "--state", "Completed")


def test_a_run_is_cancelled_and_retried(shell: Shell) -> None:
    run = create_run(shell, "--start-in", "1 hour")
    assert "only a finished run" in bad(shell, "flow-run", "retry", run)
    ok(shell, "flow-run", "cancel", run)
    assert read(shell, "flow-run", "inspect", run)["state_type"] == "CANCELLED"
    assert "Cancelled" in bad(shell, "flow-run", "watch", run)
    ok(shell, "flow-run", "retry", run)
    work(shell)
    assert read(shell, "flow-run", "inspect", run)["state_type"] == "COMPLETED"
    ok(shell, "flow-run", "delete", run)
    bad(shell, "flow-run", "delete", run)


def test_waiting_has_an_end(shell: Shell) -> None:
    run = create_run(shell, "--start-in", "1 hour")
    assert "has not ended" in bad(shell, "flow-run", "watch", run, "--timeout", "0.2")
    ok(shell, "flow-run", "delete", run)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--param", "nmae=Ada"], "Did you mean 'name'?"),
        (["--param", "name"], "key=value"),
        (["--params", "{nojson"], "not valid JSON"),
        (["--param", "name=[1]"], "name"),
        (["--start-in", "soon"], "stretch of time"),
        (["--start-at", "soon"], "Can't understand the time"),
        (["--flow-run-name", "{missing}"], "not a parameter"),
        (["--job-variable", "stream_output=[1]"], "stream_output"),
    ],
)
def test_bad_requests_for_a_run_are_refused(options: list[str], said: str, shell: Shell) -> None:
    assert said in bad(shell, "deployment", "run", "hello/one", *options)


def test_a_suspended_run_goes_on_as_its_reason_says(shell: Shell) -> None:
    run = create_run(shell)
    paused = {"type": "PAUSED", "name": "Suspended", "state_details": {"pause_reschedule": True}}
    Api(shell.api).post(f"/flow_runs/{run}/set_state", {"state": paused, "force": True})
    advice = ok(shell, "flow-run", "why", run).split("penstock ")[1].split()
    assert "goes on" in ok(shell, *advice)
    work(shell)
    assert read(shell, "flow-run", "inspect", run)["state_type"] == "COMPLETED"
    assert "not paused" in bad(shell, *advice)
    assert "must be a JSON object" in bad(shell, *advice, "--inputs", "[1]")


def test_a_served_flow_runs_what_is_due(shell: Shell, tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    process = shell.start("flow", "serve", "flows.py:hello", "--name", "served", "--interval", "3600", log=log)
    try:
        eventually(lambda: "Serving hello/served" in log.read_text(), 20, "the flow is served")
        ok(shell, "deployment", "run", "hello/served", "--watch", "--watch-timeout", "30")
    finally:
        end(process)
    assert read(shell, "deployment", "inspect", "hello/served")["paused"]


def test_schedules_come_and_go(shell: Shell) -> None:
    ok(shell, "deployment", "schedule", "create", "hello/one", "--cron", "0 2 * * *", "--timezone", "Europe/Berlin")
    ok(shell, "deployment", "schedule", "create", "hello/one", "--interval", "3600", "--no-active")
    assert "cron 0 2 * * * (Europe/Berlin)" in ok(shell, "deployment", "ls")
    cron, hourly = sorted(read(shell, "deployment", "schedule", "ls", "hello/one"), key=lambda one: not one["active"])
    assert not hourly["active"]
    ok(shell, "deployment", "schedule", "pause", "hello/one", cron["id"])
    bad(shell, "deployment", "schedule", "pause", "hello/one", cron["id"])
    ok(shell, "deployment", "schedule", "resume", "--all")
    ok(shell, "deployment", "schedule", "delete", "hello/one", hourly["id"], "-y")
    bad(shell, "deployment", "schedule", "delete", "hello/one", hourly["id"], "-y")
    assert "cron" in bad(shell, "deployment", "schedule", "create", "hello/one", "--cron", "no cron line")
    ok(shell, "deployment", "schedule", "create", "hello/one", "--rrule", "FREQ=DAILY", "--replace", "-y")
    (only,) = read(shell, "deployment", "schedule", "ls", "hello/one")
    assert only["schedule"]["rrule"].endswith("FREQ=DAILY")
    ok(shell, "deployment", "schedule", "clear", "hello/one", "-y")


def test_an_unreachable_server_is_named(shell: Shell, tmp_path: Path) -> None:
    away = Shell(shell.program, tmp_path, "http://127.0.0.1:9/api", tmp_path)
    done = away.run("work-pool", "ls", PENSTOCK_CLIENT_MAX_RETRIES="0")
    assert done.returncode == 1
    assert "http://127.0.0.1:9/api" in done.stderr
    assert away.run("api", "GET", "/health", PENSTOCK_CLIENT_MAX_RETRIES="0").returncode == 7


def test_without_a_server_there_is_one_inside(shell: Shell, tmp_path: Path) -> None:
    alone = Shell(shell.program, tmp_path, "", tmp_path)
    ok(alone, "variable", "set", "region", "eu-west")
    assert ok(alone, "variable", "get", "region").strip() == "eu-west"


def test_a_server_in_the_background(tmp_path: Path) -> None:
    from tests.live.servers import free_port

    port = free_port()
    shell = Shell(penstock(), tmp_path / "home", f"http://127.0.0.1:{port}/api", tmp_path)
    try:
        ok(shell, "server", "start", "--background", "--port", str(port))
        ok(shell, "server", "status", "--wait", "--timeout", "5")
        assert "running in the background" in bad(shell, "server", "start", "--background", "--port", str(port))
    finally:
        ok(shell, "server", "stop")
    bad(shell, "server", "status")
    assert "No server" in ok(shell, "server", "stop")


def test_the_database_is_reset_only_when_told_so(tmp_path: Path) -> None:
    shell = Shell(penstock(), tmp_path, "", tmp_path)
    ok(shell, "variable", "set", "region", "eu-west")
    assert "--yes" in bad(shell, "server", "database", "reset")
    assert "backup" in bad(shell, "server", "database", "downgrade", "--yes")
    ok(shell, "server", "database", "upgrade", "--dry-run")
    ok(shell, "server", "database", "upgrade", "--yes")
    ok(shell, "variable", "get", "region")
    ok(shell, "server", "database", "reset", "--yes")
    bad(shell, "variable", "get", "region")


def test_a_closed_pipe_is_no_fault(shell: Shell) -> None:
    command = f"{shell.program.command} block type ls --output json | head -1"
    environment = shell.program.environment(shell.home, shell.api)
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
