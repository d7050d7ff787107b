"""A pool's policy on the command line: what a change would do, what was before, and the very job that would run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_journey import FLOWS, bad, create_run, ok, read
from tests.live.programs import Shell, penstock
from tests.live.servers import running


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A terminal with a docker pool and hello/one in it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "flows.py").write_text(FLOWS)
    with running(penstock(), tmp_path_factory.mktemp("server")) as server:
        shell = server.shell(folder)
        ok(shell, "work-pool", "create", "boxes", "--type", "docker")
        ok(shell, "deploy", "flows.py:hello", "--name", "one", "--pool", "boxes", "--job-variable", "image=mine")
        yield shell


def changed(folder: Path, shell: Shell, default: str) -> str:
    """A template file that is the pool's with another default image."""
    template: dict[str, Any] = read(shell, "work-pool", "inspect", "boxes")["base_job_template"]
    template["variables"]["properties"]["image"]["default"] = default
    (folder / "template.json").write_text(json.dumps(template))
    return str(folder / "template.json")


def test_a_change_is_shown_made_and_taken_back(shell: Shell, tmp_path: Path) -> None:
    file = changed(tmp_path, shell, "house:1")
    line = '+ variables.properties.image.default: "house:1"\n'
    assert ok(shell, "work-pool", "update", "boxes", "--base-job-template", file, "--plan") == line
    assert len(read(shell, "work-pool", "template", "ls", "boxes")) == 1
    assert ok(shell, "work-pool", "update", "boxes", "--base-job-template", file).startswith(line)
    for again in ([], ["--plan"]):
        said = ok(shell, "work-pool", "update", "boxes", "--base-job-template", file, *again)
        assert said == "Work pool 'boxes' has this template.\n"
    assert [one["number"] for one in read(shell, "work-pool", "template", "ls", "boxes")] == [2, 1]
    assert "- variables.properties.image.default" in ok(shell, "work-pool", "template", "restore", "boxes", "1")
    newest = json.loads(ok(shell, "work-pool", "template", "inspect", "boxes"))
    assert newest == json.loads(ok(shell, "work-pool", "template", "inspect", "boxes", "1"))
    assert "there are: 3, 2, 1" in bad(shell, "work-pool", "template", "restore", "boxes", "9")


def test_the_job_of_a_run_is_shown_with_where_its_values_come_from(shell: Shell) -> None:
    run = create_run(shell, "--job-variable", "mem_limit=1g")
    job = read(shell, "work-pool", "preview", "boxes", "--flow-run", run)
    sources = {one["name"]: one["source"] for one in job["values"]}
    assert (job["job_configuration"]["image"], sources["image"]) == ("mine", "deployment")
    assert (job["job_configuration"]["mem_limit"], sources["mem_limit"]) == ("1g", "run")
    assert sources["stream_output"] == "pool"
    assert '"image": "mine"' in ok(shell, "work-pool", "preview", "boxes", "--deployment", "hello/one")


def test_a_job_that_can_not_be_is_refused_with_the_reason(shell: Shell) -> None:
    said = bad(shell, "work-pool", "preview", "boxes", "--job-variable", "privileged=maybe")
    assert "privileged does not fit: 'maybe' is not of type 'boolean'" in said
    assert "Work pool" in bad(shell, "work-pool", "preview", "missing", "--job")
    assert "is not the id of a flow run" in bad(shell, "work-pool", "preview", "boxes", "--flow-run", "x")
