"""`penstock upgrade files` without a server: what is found, what becomes of it, and what is left alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from penstock.cli.main import root as command
from penstock.deploy.manifest import load_manifest
from tests.deploy.test_old_files import BARE

FLOW = "from penstock import flow\n\n@flow\ndef etl():\n    pass\n"
PROJECT = """\
# Ours.
name: repo
deployments:
# The first one.
- name: other
  entrypoint: flows.py:other  # kept
  work_pool: {name: typed}
"""


class Repository:
    """A folder with a flow in it, where the command is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("flows.py", FLOW)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def convert(self, *words: str) -> Result:
        return CliRunner().invoke(command, ["upgrade", "files", *words, "--offline"])

    def entries(self, name: str = "prefect.yaml") -> list[dict[str, Any]]:
        return [one.values for one in load_manifest(self.folder / name).entries]

    @property
    def text(self) -> str:
        return (self.folder / "prefect.yaml").read_text()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path)


def test_a_file_becomes_an_entry_and_a_pool(repository: Repository) -> None:
    repository.write("deployment.yaml", BARE + "infra_overrides: {env.A: x, stream_output: 'false'}\n")
    done = repository.convert()
    assert done.exit_code == 0, done.output
    [entry] = repository.entries()
    assert entry["work_pool"] == {"name": "process", "job_variables": {"env": {"A": "x"}, "stream_output": False}}
    assert (entry["entrypoint"], entry["enforce_parameter_schema"]) == ("flows.py:etl", False)
    assert "penstock work-pool create process --type process\n" in done.stderr


def test_what_several_share_is_written_once(repository: Repository) -> None:
    place = "path: /srv/repo\nwork_queue_name: fast\n"
    for name in ("one", "two", "three"):
        repository.write(f"{name}.yaml", BARE.replace("nightly", name) + (place if name != "three" else ""))
    assert repository.convert().exit_code == 0
    assert repository.text.count("name: process") == 1
    assert repository.text.count("directory: /srv/repo") == 1
    pools = [one["work_pool"] for one in repository.entries()]
    assert sorted(str(one.get("work_queue_name")) for one in pools) == ["None", "fast", "fast"]
    assert {one["work_pool"]["name"] for one in repository.entries()} == {"process"}


def test_steps_of_all_stand_at_the_top(repository: Repository) -> None:
    for name in ("one", "two"):
        repository.write(f"{name}.yaml", BARE.replace("nightly", name) + "path: /srv/repo\n")
    assert repository.convert().exit_code == 0
    assert all("pull" not in one for one in repository.entries())
    assert load_manifest(repository.folder / "prefect.yaml").steps["pull"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "/srv/repo"}}
    ]


def test_entrypoints_begin_at_the_root(repository: Repository) -> None:
    repository.write("teams/a/flows.py", FLOW)
    for name, path in (("here", repository.folder / "teams/a"), ("there", Path("/srv/agent/teams/a"))):
        repository.write(f"teams/a/{name}.yml", BARE.replace("nightly", name) + f"path: {path}\n")
    repository.write("teams/a/flat.yml", BARE.replace("nightly", "flat") + "path: /opt/prefect/flows\n")
    done = repository.convert()
    entries = {one["name"]: one for one in repository.entries()}
    assert {one["entrypoint"] for one in entries.values()} == {"teams/a/flows.py:etl"}
    assert "pull" not in entries["here"]
    assert entries["there"]["pull"] == [
        {"prefect.deployments.steps.set_working_directory": {"directory": "/srv/agent"}}
    ]
    assert "teams/a/flat.yml:6: C09 warning: Flows now begin at the root of the repository" in done.stderr


def test_the_project_file_stands_at_the_root_of_the_repository(repository: Repository) -> None:
    repository.write(".git/HEAD", "")
    repository.write("teams/a/flows.py", FLOW)
    repository.write("teams/a/deployment.yaml", BARE)
    os.chdir(repository.folder / "teams")
    done = repository.convert("a")
    assert done.exit_code == 0, done.output
    assert repository.entries()[0]["entrypoint"] == "teams/a/flows.py:etl"
    assert f"cd {repository.folder} && penstock deploy --all --plan" in done.stderr


def test_a_file_that_is_there_is_added_to_and_stays_as_it_is(repository: Repository) -> None:
    repository.write("prefect.yaml", PROJECT)
    repository.write("deployment.yaml", BARE)
    assert repository.convert().exit_code == 0
    assert repository.text.startswith(PROJECT)
    assert [one["name"] for one in repository.entries()] == ["other", "nightly"]
    before = repository.text
    assert repository.convert("--check").exit_code == 0
    assert repository.text == before


@pytest.mark.parametrize(
    "text",
    [
        "deployments: []\n",
        "name: x\n",
        "deployments:\n  - name: a\n    entrypoint: a.py:a\n\n# the end\n",
        "{deployments: [{name: a, entrypoint: 'a.py:a'}]}\n",
        "deployments: &all\n- name: a\n  entrypoint: a.py:a\r\n",
    ],
    ids=["empty", "none", "indented", "in braces", "anchored"],
)
def test_many_are_added_in_whatever_way_the_file_is_written(repository: Repository, text: str) -> None:
    repository.write("prefect.yaml", text)
    before = [one["name"] for one in repository.entries()]
    for name in ("one", "three", "two"):
        repository.write(f"{name}.yaml", BARE.replace("nightly", name))
    assert repository.convert().exit_code == 0
    assert [one["name"] for one in repository.entries()] == [*before, "one", "three", "two"]
    assert repository.convert("--check").exit_code == 0


def test_an_entry_that_says_otherwise_stays_unless_told(repository: Repository) -> None:
    own = "- name: nightly\n  entrypoint: flows.py:etl\n  tags: [mine]\n  work_pool: {name: mine}\n  version: '7'\n"
    repository.write("prefect.yaml", f"deployments:\n{own}")
    repository.write("deployment.yaml", BARE + "tags: [theirs]\n")
    done = repository.convert()
    assert "! etl/nightly  is otherwise at prefect.yaml:2, which stays" in done.stdout
    assert own in repository.text
    assert "~ etl/nightly" in repository.convert("--force").stdout
    [entry] = repository.entries()
    assert (entry["tags"], entry["work_pool"], entry["version"]) == (["theirs"], {"name": "process"}, "7")
    assert "Nothing to do" in repository.convert().stdout


def test_steps_at_the_top_are_switched_off_for_who_had_none(repository: Repository) -> None:
    steps = "pull:\n- prefect.deployments.steps.set_working_directory: {directory: /srv/other}\n"
    repository.write("prefect.yaml", f"{steps}deployments: []\n")
    repository.write("deployment.yaml", BARE)
    assert repository.convert().exit_code == 0
    [entry] = repository.entries()
    assert entry["pull"] == [{"prefect.deployments.steps.set_working_directory": {"directory": str(repository.folder)}}]


def test_check_writes_nothing_and_says_so(repository: Repository) -> None:
    repository.write("deployment.yaml", BARE.replace("type: process", "type: process\n  env: {A: b}"))
    done = repository.convert("--check")
    assert done.exit_code == 2
    assert "Would write prefect.yaml: 1 deployment.\nWould write work-pools/process.json.\n" in done.stdout
    assert sorted(path.name for path in repository.folder.iterdir()) == ["deployment.yaml", "flows.py"]


def test_one_that_cannot_be_converted_is_left_out_and_the_others_are_not(repository: Repository) -> None:
    repository.write("good.yaml", BARE)
    repository.write("lost.yaml", BARE.replace("nightly", "lost").replace("flows.py", "gone.py"))
    manifest = BARE.replace("nightly", "old").replace("entrypoint: flows.py:etl", "manifest_path: gone.json")
    repository.write("old.yaml", manifest)
    odd = BARE.replace("nightly", "odd").replace("type: process", "type: nomad\n  _block_type_slug: nomad-job")
    repository.write("odd.yaml", odd)
    done = repository.convert()
    assert done.exit_code == 1
    assert [one["name"] for one in repository.entries()] == ["nightly"]
    assert "lost.yaml:3: C09 error: The flow's file gone.py is not below" in done.stderr
    assert "old.yaml:1: C08 error: The file names its flow by a manifest that can't be read." in done.stderr
    assert "odd.yaml:4: C16 error: There is no pool type for infrastructure blocks of type 'nomad-job'." in done.stderr


def test_the_manifest_of_an_old_file_names_its_flow(repository: Repository) -> None:
    repository.write("etl-manifest.json", '{"import_path": "./flows.py:etl"}')
    repository.write("deployment.yaml", BARE.replace("entrypoint: flows.py:etl", "manifest_path: etl-manifest.json"))
    assert repository.convert().exit_code == 0
    assert repository.entries()[0]["entrypoint"] == "flows.py:etl"


def test_the_same_deployment_twice_is_refused(repository: Repository) -> None:
    repository.write("a.yaml", BARE)
    repository.write("b/c.yml", f"---\n{BARE}")
    done = repository.convert()
    assert done.exit_code == 1
    assert str(done.exception) == "b/c.yml:2: etl/nightly is there already, at a.yaml:1."
    assert not (repository.folder / "prefect.yaml").exists()


def test_deployments_of_two_flows_may_share_a_name(repository: Repository) -> None:
    repository.write("more.py", FLOW.replace("etl", "report"))
    repository.write("a.yaml", BARE)
    repository.write("b.yaml", BARE.replace("etl", "report").replace("flows.py", "more.py"))
    assert repository.convert().exit_code == 0
    assert repository.convert("--check").exit_code == 0
    assert [one["entrypoint"] for one in repository.entries()] == ["flows.py:etl", "more.py:report"]


def test_other_files_and_foreign_folders_are_passed_over(repository: Repository) -> None:
    repository.write("chart.yaml", "apiVersion: v1\nmetadata: {name: '{{ .Release.Name }}'}\n")
    repository.write("venv/deployment.yaml", BARE)
    repository.write(".hidden/deployment.yaml", BARE)
    done = repository.convert()
    assert (done.exit_code, done.stdout) == (0, "There are no deployment.yaml files below ..\n")


def test_scripts_that_make_deployments_are_named(repository: Repository) -> None:
    repository.write("deploy.py", "from prefect.deployments import Deployment\nDeployment.build_from_flow(x).apply()\n")
    assert "deploy.py: C19 note: This script makes deployments by itself" in repository.convert().stderr


def test_what_was_switched_off_stays_so(repository: Repository) -> None:
    text = BARE + 'schedule: {cron: "0 1 * * *"}\nis_schedule_active: false\n'
    repository.write("deployment.yaml", text)
    assert repository.convert().exit_code == 0
    [entry] = repository.entries()
    assert (entry["paused"], entry["schedules"]) == (True, [{"cron": "0 1 * * *", "active": False}])
