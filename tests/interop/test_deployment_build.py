"""`deployment build` and `apply`, ours and those of a real Prefect 2.20: each reads the other's files, on either
server, and either agent runs what came of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.api import Api
from tests.live.programs import Program, Shell, penstock, prefect2
from tests.live.servers import Server, running

FLOW = """
import os
try:
    from prefect import flow
except ImportError:
    from penstock import flow

@flow(description="Greets.")
def hello(name: str, times: int = 1):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{os.environ['A']} {name} {times}\\n")
"""
SLOW = 300.0
"""Seconds after which a command hangs: each of the real ones imports all of Prefect."""
SAME = (
    "name",
    "description",
    "version",
    "work_queue_name",
    "work_pool_name",
    "tags",
    "parameters",
    "path",
    "entrypoint",
    "infra_overrides",
    "paused",
    "enforce_parameter_schema",
    "pull_steps",
    "manifest_path",
)
BUILD = (
    "build flows.py:hello -n built -q q-{who} --override env.A={who} --override stream_output=true -t a -t b "
    "--param name=Ada --param times=2 --cron 0_1_*_*_* --timezone Europe/Paris --skip-upload -o {who}.yaml"
)


@dataclass(frozen=True)
class Desk:
    """A project folder with a terminal of each program, in front of one server."""

    folder: Path
    server: Server

    def shell(self, program: Program) -> Shell:
        return self.server.shell(self.folder, program, self.folder / f"home-{program.name}")

    def say(self, program: Program, line: str) -> str:
        """A command of `deployment` that must go well (`_` in a word stands for a space); gives what it printed."""
        words = [word.replace("_", " ") if "*" in word else word for word in line.split()]
        done = self.shell(program).run("deployment", *words, timeout=SLOW, SEEN=str(self.folder / "seen"))
        assert done.returncode == 0, f"$ {program.name} {line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @property
    def api(self) -> Api:
        return self.server.api

    def facts(self) -> dict[str, Any]:
        """What the server has of the deployment, as a client of 2.20 is told."""
        status, raw = self.api.send("GET", "/deployments/name/hello/built", None, {"User-Agent": "prefect/2.20.25 (x)"})
        assert status == 200, raw
        found = json.loads(raw)
        schedules = [(one["active"], one["schedule"]) for one in found["schedules"]]
        return {**{name: found[name] for name in SAME}, "schedules": schedules}

    def run(self, agent: Program) -> tuple[str, str]:
        """The state in which a run of the deployment ends once an agent has looked once, and what it says."""
        made = self.api.get("/deployments/name/hello/built")
        run = self.api.post(f"/deployments/{made['id']}/create_flow_run", {})["id"]
        words = ("agent", "start", "-q", made["work_queue_name"], "--run-once")
        done = self.shell(agent).run(*words, timeout=SLOW, SEEN=str(self.folder / "seen"))
        assert done.returncode == 0, done.stdout + done.stderr
        ended = self.api.get(f"/flow_runs/{run}")["state"]
        return ended["type"], ended["message"] or ""


@pytest.fixture(params=["penstock", "prefect2"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    program = penstock() if request.param == "penstock" else prefect2()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "flows.py").write_text(FLOW)
    with running(program, tmp_path / "server") as server:
        yield Desk(tmp_path / "project", server)


def test_each_reads_what_the_other_built_and_makes_the_same_of_it(desk: Desk) -> None:
    ours, real = penstock(), prefect2()
    desk.say(real, BUILD.format(who="theirs"))
    desk.say(ours, "apply theirs.yaml")
    by_us = desk.facts()
    desk.say(real, "apply theirs.yaml")
    assert by_us == desk.facts()
    state, message = desk.run(ours)
    assert state == "COMPLETED", message
    desk.api.expect("DELETE", f"/deployments/{desk.api.get('/deployments/name/hello/built')['id']}")

    said = desk.say(ours, BUILD.format(who="ours"))
    assert said.count("penstock upgrade files .") == said.count("penstock deploy flows.py:hello") == 1
    desk.say(real, "apply ours.yaml")
    by_them = desk.facts()
    desk.say(ours, "apply ours.yaml")
    assert by_them == desk.facts()
    overrides = {**by_us["infra_overrides"], "env.A": "ours"}
    assert by_them == {**by_us, "work_queue_name": "q-ours", "infra_overrides": overrides}
    state, message = desk.run(real)
    assert state == "COMPLETED", message
    assert (desk.folder / "seen").read_text().split("\n") == ["theirs Ada 2", "ours Ada 2", ""]
