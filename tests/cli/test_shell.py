"""Shell commands as flows, and runs that are retried where they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.api import eventually
from tests.live.programs import Shell, penstock
from tests.live.servers import end, running

FLOWS = """
from pathlib import Path

from penstock import flow

@flow
def picky() -> None:
    if not Path("ready").exists():
        raise ValueError("not ready")

@flow
def other() -> None: ...

if __name__ == "__main__":
    picky()
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "flows.py").write_text(FLOWS)
    with running(penstock(), tmp_path_factory.mktemp("server")) as server:
        yield server.shell(folder)


def newest(shell: Shell, flow: str) -> dict[str, str]:
    listed = shell.run("flow-run", "ls", "--flow-name", flow, "--limit", "1", "-o", "json")
    found: dict[str, str] = json.loads(listed.stdout)[0]
    return found


def test_a_command_is_watched(shell: Shell) -> None:
    done = shell.run("shell", "watch", "echo out; echo err >&2", "--flow-run-name", "first", "--tag", "t")
    assert (done.returncode, done.stdout.split()) == (0, ["out", "err"])
    run = newest(shell, "Shell Command")
    assert (run["name"], run["tags"], run["state_type"]) == ("first", ["t"], "COMPLETED")
    logged = shell.run("flow-run", "logs", run["id"]).stdout
    assert "out" in logged
    assert "err" in logged


def test_a_command_that_fails_fails_its_run(shell: Shell) -> None:
    done = shell.run("shell", "watch", "echo last words; exit 3", "--flow-name", "failing", "--no-stream-stdout")
    assert (done.returncode, done.stdout) == (1, "")
    run = shell.run("flow-run", "inspect", newest(shell, "failing")["id"], "-o", "json")
    assert json.loads(run.stdout)["state"]["message"] == "The command exited with 3. Its last words:\nlast words"


def test_a_command_is_served(shell: Shell, tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    process = shell.start("shell", "serve", "echo served", "--flow-name", "echo", "--deployment-name", "one", log=log)
    try:
        eventually(lambda: "Serving echo/one" in log.read_text(), 20, "the command is served")
        done = shell.run("deployment", "run", "echo/one", "--watch", "--watch-timeout", "30")
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        end(process)
    assert "served" in shell.run("flow-run", "logs", newest(shell, "echo")["id"]).stdout


def test_a_run_without_deployment_is_retried_here(shell: Shell) -> None:
    shell.python("flows.py")
    run = newest(shell, "picky")
    assert run["state_type"] == "FAILED"
    assert "--entrypoint" in shell.run("flow-run", "retry", run["id"]).stderr
    wrong = shell.run("flow-run", "retry", run["id"], "--entrypoint", "flows.py:other")
    assert (wrong.returncode, "'picky'" in wrong.stderr) == (1, True)
    assert shell.run("flow-run", "retry", run["id"], "--entrypoint", "flows.py:picky").returncode == 1
    (shell.folder / "ready").touch()
    assert shell.run("flow-run", "retry", run["id"], "--entrypoint", "flows.py:picky").returncode == 0
    again = newest(shell, "picky")
    assert (again["id"], again["state_type"], again["run_count"]) == (run["id"], "COMPLETED", 3)
