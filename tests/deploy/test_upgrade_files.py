"""A repository of the agent generation: its files are applied, made one project file, and what that would change of
each deployment is what `docs/upgrade-files.md` says, and nothing else."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock.deploy.old_projects import find_old_files
from tests.deploy.old_blocks import store_all
from tests.live.programs import ROOT, Shell, penstock
from tests.live.servers import Server, running

REPOSITORY = Path(__file__).parent / "old_repository"
PAGE = ROOT / "docs" / "upgrade-files.md"
COUNT = 32
ROW = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
SECRETS = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key", "connection_string", "value"), "hush")
SECRETS["service_account_info"] = '{"key": "hush"}'
"""What is typed in where a command asks for it."""


@dataclass(frozen=True)
class Bench:
    """A copy of the repository with a terminal in front of a server."""

    folder: Path
    server: Server
    shell: Shell

    def run(self, line: str, code: int = 0) -> tuple[str, str]:
        """A command's two outputs; it must end with this code."""
        done = self.shell.run(*shlex.split(line, comments=True))
        assert done.returncode == code, f"$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout, done.stderr

    def files(self) -> dict[str, bytes]:
        """All that stands in the folder but for what imports leave."""
        every = (path for path in self.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in every}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("old")
    shutil.copytree(REPOSITORY, folder / "repo")
    with running(penstock(), folder / "server") as server:
        store_all(server.api)
        yield Bench(folder / "repo", server, server.shell(folder / "repo", home=folder / "home"))


def test_one_project_file_makes_what_the_old_files_made_but_for_what_is_documented(bench: Bench) -> None:
    old = [str(path.relative_to(bench.folder)) for path in find_old_files(bench.folder)]
    bench.run("deployment apply " + shlex.join(old))
    assert bench.server.api.post("/deployments/count") == COUNT

    said, told = bench.run("upgrade files .")
    assert [line[:2] for line in said.splitlines()[:COUNT]] == ["+ "] * COUNT
    for line in _commands(told):
        bench.run(_with_secrets(line))
    plan = json.loads(bench.run("deploy --all --plan --output json", code=2)[0])
    assert plan["summary"] == {"create": 0, "change": COUNT, "none": 0, "remove": 0}
    changed = {_field(change["field"]) for one in plan["deployments"] for change in one["changes"]}
    assert changed == set(ROW.findall(PAGE.read_text()))
    for one in plan["deployments"]:
        for change in one["changes"]:
            _check(one["name"], _field(change["field"]), change.get("before"), change.get("after"))


def test_what_was_written_is_deployed_and_then_as_planned(bench: Bench) -> None:
    names = "-n nightly -n small -n overridden -n hourly -n cloud-run"
    bench.run(f"deploy {names}")
    bench.run(f"deploy {names} --plan")
    made = bench.server.api.get("/deployments/name/etl/overridden")
    assert made["job_variables"] == {
        "env": {"A": "x", "FLAG": "true"},
        "stream_output": False,
        "working_dir": "/srv/other",
    }
    assert made["enforce_parameter_schema"] is False


def test_a_second_time_nothing_is_written(bench: Bench) -> None:
    before = bench.files()
    bench.run("upgrade files . --check")
    said, _ = bench.run("upgrade files .")
    assert said.endswith("Nothing to do: everything is there.\n")
    assert bench.files() == before


def test_no_secret_is_in_what_is_written_or_said(bench: Bench) -> None:
    for output in bench.run("upgrade files . --offline --output elsewhere.yaml --templates elsewhere"):
        assert "hush" not in output
    assert any(name.startswith("elsewhere/") for name in bench.files())
    for name, content in bench.files().items():
        if name.startswith(("prefect.yaml", "elsewhere", "work-pools/")):
            assert b"hush" not in content, name
            assert b"****" not in content, name


def _commands(told: str) -> list[str]:
    """The commands that the page prints, without `penstock`."""
    part = told.partition("Make what it refers to:\n")[2].partition("Then look at it")[0]
    return [line.strip().removeprefix("penstock ") for line in part.splitlines()]


def _with_secrets(line: str) -> str:
    words = shlex.split(line, comments=True)
    return shlex.join(f"{word}={SECRETS[word]}" if word in SECRETS else word for word in words)


def _field(name: str) -> str:
    return name.partition(".")[0].partition("[")[0]


def _check(name: str, field: str, before: Any, after: Any) -> None:
    """What the page says of a field holds of its values."""
    if field == "work_pool_name":
        assert before == "default-agent-pool", name
    elif field == "pull_steps":
        assert (before, bool(after)) == ([], True), name
    elif field == "entrypoint":
        assert str(after).endswith("/" + before), name
    elif field in ("version", "description"):
        assert before is None, name
