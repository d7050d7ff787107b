"""Fifty deployments of one file, brought to the server by one command: made, and deployed again unchanged."""

from __future__ import annotations

import time
from pathlib import Path

from tests.live.programs import Program, Shell, find_prefect
from tests.live.servers import Server

COUNT = 50
FILES = 10
POOL = "deploys"
_FLOW = """
from {sdk} import flow

@flow
def noop(): ...
"""
_ENTRY = """\
- name: d{number:02d}
  entrypoint: flow{file}.py:noop
  parameters: {{}}
  tags: [bench]
  schedules:
  - cron: "{number} 3 * * *"
    timezone: UTC
  work_pool:
    name: {pool}
"""


def measure(server: Server, folder: Path, repeats: int) -> dict[str, dict[str, float]]:
    """The program's own command; on a Penstock server also Prefect's, to compare the two on one server."""
    figures = _command(server, server.program, folder, repeats)
    prefect = find_prefect()
    if server.program.name == "penstock" and prefect is not None:
        figures |= _command(server, prefect, folder, 1)
    return figures


def _command(server: Server, program: Program, folder: Path, repeats: int) -> dict[str, dict[str, float]]:
    pool = f"{POOL}-{program.name}"
    server.api.ask("POST", "/work_pools/", {"name": pool, "type": "process", "base_job_template": {}})
    shell = server.shell(_project(folder / f"deploys-{program.name}", program, pool), program)
    first = _seconds(shell)
    again = min(_seconds(shell) for _ in range(repeats))
    case = "deploy 50" if program is server.program else "deploy 50, by Prefect's command"
    rates = {"first_per_s": round(COUNT / first, 1), "again_per_s": round(COUNT / again, 1)}
    return {case: {"first_s": first, "again_s": again, **rates}}


def _project(folder: Path, program: Program, pool: str) -> Path:
    folder.mkdir()
    for number in range(FILES):
        (folder / f"flow{number}.py").write_text(_FLOW.format(sdk=program.sdk))
    entries = [_ENTRY.format(number=number, file=number % FILES, pool=pool) for number in range(COUNT)]
    (folder / "prefect.yaml").write_text("".join(["name: bench\ndeployments:\n", *entries]))
    return folder


def _seconds(shell: Shell) -> float:
    begun = time.perf_counter()
    done = shell.run("--no-prompt", "deploy", "--all", timeout=600)
    taken = time.perf_counter() - begun
    assert done.returncode == 0, done.stdout + done.stderr
    return round(taken, 3)
