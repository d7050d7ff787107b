"""`deployment.yaml`, read and written without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.deploy.old_build import worker_command
from penstock.deploy.old_files import holds_deployments, read_old_files, written
from penstock.errors import DeployFailed

BARE = """\
name: nightly
flow_name: etl
entrypoint: flows.py:etl
infrastructure:
  type: process
"""
PROJECT = "name: repo\ndeployments:\n- name: a\n  flow_name: x\n  entrypoint: f.py:f\n"


def _file(folder: Path, text: str, name: str = "deployment.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


FAULTS: dict[str, tuple[str, str]] = {
    "an unknown key": (
        BARE + "work_queu_name: q\n",
        "work_queu_name is no key of a deployment.yaml. Did you mean work_",
    ),
    "no name": (BARE.replace("name: nightly\n", ""), "a deployment needs name."),
    "no entrypoint": (BARE.replace("entrypoint: flows.py:etl\n", ""), "a deployment needs entrypoint"),
    "a list of texts": (BARE + "parameters: [a]\n", "parameters: expected a mapping"),
    "two names": (BARE + "infra_overrides: {a: b}\njob_variables: {a: c}\n", "two names of one thing, and differ"),
    "two kinds of schedule": (
        BARE + 'schedule: {cron: "0 1 * * *"}\nschedules:\n- schedule: {cron: "0 2 * * *"}\n',
        "give schedule or schedules, not both.",
    ),
    "a wrong cron": (BARE + "schedules:\n- schedule: {cron: every day}\n  active: true\n", "schedules[0]: cron:"),
    "a flat schedule": (BARE + 'schedules:\n- cron: "0 1 * * *"\n', "expected a mapping such as {schedule:"),
    "a key of a schedule": (
        BARE + 'schedules:\n- schedule: {cron: "0 1 * * *"}\n  activ: true\n',
        "activ is no key of a schedule. Did you mean active?",
    ),
    "a project file": (PROJECT, "this is a project file; deploy it with `penstock deploy`."),
    "no mapping": ("- a\n", "a deployment is a mapping"),
    "no YAML": ("name: [a\n", "this YAML can't be read"),
}


@pytest.mark.parametrize(("text", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(DeployFailed) as caught:
        read_old_files(path)
    place, _, rest = caught.value.message.partition(": ")
    assert place.rpartition(":")[0] == str(path)
    assert said in rest


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = _file(tmp_path, f"{BARE}tag: a\n---\n{BARE}scheduls: []\n")
    with pytest.raises(DeployFailed) as caught:
        read_old_files(path)
    assert [line.split(":")[1] for line in caught.value.message.split("\n")] == ["6", "13"]


def test_a_file_may_have_several_documents_and_empty_ones(tmp_path: Path) -> None:
    second = BARE.replace("nightly", "hourly")
    found = read_old_files(_file(tmp_path, f"---\n# first\n{BARE}---\n---\n{second}---\n"))
    assert [(one.full_name, one.line) for one in found] == [("etl/nightly", 3), ("etl/hourly", 10)]


def test_an_anchor_of_one_document_is_none_of_the_next(tmp_path: Path) -> None:
    first, second = BARE + "tags: &shared [a]\n", BARE + "tags: *shared\n"
    with pytest.raises(DeployFailed, match="shared"):
        read_old_files(_file(tmp_path, f"{first}---\n{second}"))


def test_either_name_of_overrides_is_read(tmp_path: Path) -> None:
    older = read_old_files(_file(tmp_path, BARE + "infra_overrides: {env.A: x}\n"))
    newer = read_old_files(_file(tmp_path, BARE + "job_variables: {env.A: x}\ninfra_overrides: {}\n"))
    assert older[0].overrides == newer[0].overrides == {"env.A": "x"}


def test_the_single_schedule_of_older_files_is_one_of_a_list(tmp_path: Path) -> None:
    text = BARE + "is_schedule_active: false\nschedule: {interval: 3600.0, timezone: UTC}\nschedules: []\n"
    found = read_old_files(_file(tmp_path, text))
    assert found[0].schedules == [{"schedule": {"interval": 3600.0, "timezone": "UTC"}, "active": False}]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "name": "yes",
        "description": "two\nlines: and a colon",
        "version": "1.0",
        "work_queue_name": "default",
        "tags": ["on", "012", "a: b"],
        "parameters": {"n": 3, "text": "3", "none": None, "when": "2024-01-01", "deep": [{"a": [1.5, True]}]},
        "schedules": [{"schedule": {"cron": "0 1 * * *", "timezone": "UTC"}, "active": True}],
        "infra_overrides": {"env.A": "true", "env.B": "0777", "stream_output": "false"},
        "infrastructure": {"type": "process", "_block_document_name": "main", "_is_anonymous": False},
        "flow_name": "etl",
        "entrypoint": "flows.py:etl",
    }
    text = written(values)
    [found] = read_old_files(_file(tmp_path, text))
    assert {key: found.values[key] for key in values} == values
    editable, _, below = text.partition("DO NOT EDIT")
    assert "infrastructure:" not in editable
    assert "infrastructure:" in below


def test_an_unnamed_blocks_fields_may_be_edited() -> None:
    text = written({"name": "a", "flow_name": "b", "infrastructure": {"type": "process", "env": {}}})
    assert "infrastructure:\n  type: process" in text.partition("DO NOT EDIT")[0]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [(BARE, True), (f"---\n{BARE}---\n{BARE}", True), (PROJECT, False), ("a: [\n", False), ("flow_name: x\n", False)],
    ids=["one", "several documents", "a project file", "no YAML", "another file"],
)
def test_files_are_known_by_their_shape(tmp_path: Path, text: str, is_one: bool) -> None:
    assert holds_deployments(_file(tmp_path, text, "anything.yml")) is is_one


def test_the_command_for_workers_says_the_same() -> None:
    when = {"interval": 3600.0, "anchor_date": "2024-01-01T00:00:00+00:00", "timezone": "UTC"}
    values = {
        "name": "d1",
        "entrypoint": "flows.py:etl",
        "work_queue_name": "test",
        "tags": ["a"],
        "infra_overrides": {"env.A": "x y", "stream_output": "true"},
        "parameters": {"name": "Ada", "n": 3, "text": "3"},
        "schedules": [{"schedule": when, "active": True}],
    }
    assert worker_command(values) == " ".join(
        [
            "penstock deploy flows.py:etl --name d1 --pool POOL --work-queue test --tag a",
            """--job-variable stream_output=true --job-variable 'env={"A":"x y"}'""",
            """--param name=Ada --param n=3 --param 'text="3"'""",
            "--interval 3600 --anchor-date 2024-01-01T00:00:00+00:00 --timezone UTC --no-enforce-parameter-schema",
        ]
    )
