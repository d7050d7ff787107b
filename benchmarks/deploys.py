"""Fifty deployments of one file, brought to the server by one command: made, and deployed again unchanged."""

from __future__ import annotations

import time
from pathlib import Path

from tests.live.programs import Program, Shell, find_prefect
from tests.live.servers import Server

COUNT = 50
FILES = 10
POOL = "deploys"
ROUNDS = 2
Times = tuple[float, float]
"""Seconds to make them, and to deploy them again."""
_FLOW = """
from {sdk} import flow

@flow
def noop(): ...
"""
_ENTRY = """\
- name: {pool}-{number:02d}
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
    """The program's own command, best of some rounds; on a Penstock server beside Prefect's, in turn on one server."""
    prefect = find_prefect() if server.program.name == "penstock" else None
    ours: list[Times] = []
    theirs: list[Times] = []
    for number in range(ROUNDS):
        ours.append(_round(server, server.program, folder / f"own-{number}", repeats))
        if prefect:
            theirs.append(_round(server, prefect, folder / f"prefect-{number}", 1))
    figures = {"deploy 50": _figures(ours)}
    if theirs:
        beside = _figures(theirs)
        for name in ("first", "again"):
            figures["deploy 50"][f"{name}_times"] = round(beside[f"{name}_s"] / figures["deploy 50"][f"{name}_s"], 1)
        figures["deploy 50, by Prefect's command"] = beside
    return figures


def _round(server: Server, program: Program, folder: Path, repeats: int) -> Times:
    """Fifty new deployments, and the same again."""
    pool = f"{POOL}-{folder.name}"
    server.api.ask("POST", "/work_pools/", {"name": pool, "type": "process", "base_job_template": {}})
    shell = server.shell(_project(folder, program, pool), program)
    return _seconds(shell), min(_seconds(shell) for _ in range(repeats))


def _figures(rounds: list[Times]) -> dict[str, float]:
    first, again = (min(times) for times in zip(*rounds, strict=True))
    rates = {"first_per_s": round(COUNT / first, 1), "again_per_s": round(COUNT / again, 1)}
    return {"first_s": first, "again_s": again, **rates}


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
