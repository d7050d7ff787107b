"""`deployment build` and `apply`, ours and those of a real Prefect 2.20: each reads the other's files, on either
server, and either agent runs what came of them."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from penstock.deploy.old_files import read_old_files
from penstock.deploy.old_projects import find_old_files
from tests.deploy.old_blocks import store_all
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
REPOSITORY = Path(__file__).parents[1] / "deploy" / "old_repository"
NOT_THEIRS = ("counted", "ecs", "of-2022", "run", "triggered")
"""What the real one refuses, has no package for, or leaves out."""
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

    def facts(self, name: str = "hello/built") -> dict[str, Any]:
        """What the server has of a deployment, as a client of 2.20 is told."""
        path = f"/deployments/name/{quote(name)}"
        status, raw = self.api.send("GET", path, None, {"User-Agent": "prefect/2.20.25 (x)"})
        assert status == 200, raw
        found = json.loads(raw)
        schedules = [(one["active"], one["schedule"]) for one in found["schedules"]]
        blocks = {name: self.block(found[f"{name}_document_id"]) for name in ("storage", "infrastructure")}
        return {**{name: found[name] for name in SAME}, "schedules": schedules, **blocks}

    def block(self, id: str | None) -> dict[str, Any] | None:
        """What a block says that says anything, by whatever schema."""
        found = self.api.get(f"/block_documents/{id}") if id else {}
        data = {key: value for key, value in found.get("data", {}).items() if value not in (None, [], {})}
        return {"type": found["block_type"]["slug"], **data} if found else None

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


def test_the_real_one_makes_the_same_of_a_whole_repository(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY, tmp_path / "project")
    with running(penstock(), tmp_path / "server") as server:
        store_all(server.api)
        desk = Desk(tmp_path / "project", server)
        found = [one for path in find_old_files(desk.folder) for one in read_old_files(path)]
        theirs = [one for one in found if one.path.suffix == ".yaml" and one.path.stem not in NOT_THEIRS]
        files = shlex.join(str(one.path) for one in theirs)
        desk.say(prefect2(), f"apply {files}")
        by_them = {one.full_name: desk.facts(one.full_name) for one in theirs}
        desk.say(penstock(), f"apply {files}")
        assert len(theirs) >= 25
        assert by_them == {one.full_name: desk.facts(one.full_name) for one in theirs}
