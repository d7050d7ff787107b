"""Each example runs as a script, and as a deployment through server, pool and worker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.programs import ROOT, Shell, penstock
from tests.live.servers import end, running

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    ("script", "printed"),
    [("co2/report.py", "| 1990s | +1.52 |"), ("disk_space.py", "of the disk"), ("words/words.py", "license")],
)
def test_runs_as_a_script(script: str, printed: str, tmp_path: Path) -> None:
    environment = penstock().environment(tmp_path)
    command = [sys.executable, str(EXAMPLES / script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout + done.stderr


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A terminal in the examples' folder: server, pool and worker run, all is deployed."""
    home = tmp_path_factory.mktemp("examples")
    repository = home / "words.git"
    subprocess.run([EXAMPLES / "make_repository.sh", repository], check=True)
    with running(penstock(), home / "server") as server:
        shell = server.shell(EXAMPLES)
        succeed(shell, "work-pool", "create", "examples", "--type", "process")
        done = shell.run("--no-prompt", "deploy", "--all", EXAMPLES_REPOSITORY=str(repository))
        assert done.returncode == 0, done.stderr
        worker = shell.start("worker", "start", "--pool", "examples", log=home / "worker.log")
        try:
            yield shell
        finally:
            end(worker)


def succeed(shell: Shell, *arguments: str) -> str:
    done = shell.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(shell: Shell, *arguments: str) -> Any:
    return json.loads(succeed(shell, *arguments, "--output", "json"))


@pytest.mark.parametrize("name", ["co2-report/report", "disk-space/hourly", "count-words/cloned"])
def test_runs_as_a_deployment(name: str, deployed: Shell) -> None:
    succeed(deployed, "deployment", "run", name, "--watch", "--watch-timeout", "60")


def test_the_report_is_kept(deployed: Shell) -> None:
    succeed(deployed, "deployment", "run", "co2-report/report", "--watch", "--watch-timeout", "60")
    newest = read(deployed, "artifact", "inspect", "co2-report")[0]
    assert "| 1990s | +1.52 |" in newest["data"]


def test_the_hourly_one_is_scheduled(deployed: Shell) -> None:
    (schedule,) = read(deployed, "deployment", "schedule", "ls", "disk-space/hourly")
    assert schedule["active"]
    assert schedule["schedule"]["cron"] == "0 * * * *"
