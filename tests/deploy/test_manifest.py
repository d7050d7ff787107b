"""Project files: the shapes seen in real ones, and faults with their line, key and what was expected."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from penstock.deploy.manifest import Manifest, load_manifest, parse_manifest
from penstock.errors import DeployFailed

PATH = Path("prefect.yaml")


def read(text: str) -> Manifest:
    return parse_manifest(dedent(text), PATH)


def only(text: str) -> dict[str, Any]:
    (entry,) = read("deployments:\n- " + dedent(text).strip().replace("\n", "\n  ")).entries
    return entry.values


def test_a_file_with_anchors_merges_and_steps() -> None:
    manifest = read(
        """
        name: shop
        prefect-version: 3.8
        pull:
        - prefect.deployments.steps.git_clone:
            repository: https://example.org/x.git
            branch: main
        definitions:
          pools:
            k8s: &k8s {name: k8s, job_variables: {image: "{{ build-it.image }}"}}
        base: &base
          version: null
          parameters: {}
          work_pool: *k8s
        deployments:
        - <<: *base
          name: nightly
          entrypoint: flows/nightly_run.py:main_flow
          schedules:
          - {cron: "0 6 * * *", timezone: Europe/Rome, active: false, slug: six}
          - interval: 900
        - name: bare
          entrypoint: a.py:b
          pull: []
        """
    )
    first, second = manifest.entries
    assert first.values == {
        "version": None,
        "parameters": {},
        "work_pool": {"name": "k8s", "job_variables": {"image": "{{ build-it.image }}"}},
        "name": "nightly",
        "entrypoint": "flows/nightly_run.py:main_flow",
        "schedules": [
            {"cron": "0 6 * * *", "timezone": "Europe/Rome", "active": False, "slug": "six"},
            {"interval": 900},
        ],
    }
    assert first.function_name == "main-flow"
    assert first.where == "prefect.yaml:16"
    assert second.values["pull"] == []
    assert list(manifest.steps) == ["pull"]
    assert manifest.warnings == []


@pytest.mark.parametrize(
    ("written", "key", "value"),
    [
        ("name: d\nschedule: {}\n", "schedules", None),
        ("name: d\nschedule: []\n", "schedules", None),
        ("name: d\nschedule: null\n", "schedules", None),
        ("name: d\nschedules: {}\n", "schedules", []),
        ("name: d\nschedules: null\n", "schedules", []),
        ("name: d\nschedules: [null]\n", "schedules", []),
        ("name: d\nschedules: []\nschedule: {}\n", "schedules", []),
        ("name: d\nschedule: {cron: '@daily'}\n", "schedules", [{"cron": "@daily"}]),
        ("name: d\nschedules: {cron: '@daily'}\n", "schedules", [{"cron": "@daily"}]),
        ("name: d\nschedules:\n- {cron: '@daily', catchup: false, max_active_runs: null}\n", "schedules", 1),
        ("name: d\nversion: 1.0\n", "version", "1.0"),
        ("name: d\nversion: 2024-01-01\n", "version", "2024-01-01"),
        ("name: d\ntags: dev, nightly\n", "tags", ["dev", "nightly"]),
        ("name: d\ntags: [a, [b, c], 3]\n", "tags", ["a", "b", "c", "3"]),
        ("name: d\ntags: '{{ t }}'\n", "tags", "{{ t }}"),
        ("name: d\nparameters: null\n", "parameters", {}),
        ("name: d\nparameters: {n: 1, x: 1.5, when: 2024-01-01, on: yes}\n", "parameters", 4),
        ("name: d\nwork_pool: null\n", "work_pool", {}),
        ("name: d\nwork_pool: {job_variables: null}\n", "work_pool", {"job_variables": {}}),
        ("name: d\nconcurrency_limit: {collision_strategy: ENQUEUE}\n", "concurrency_limit", 1),
        ("name: d\npull: null\n", "pull", None),
        ("name: d\npull: []\n", "pull", []),
        ("name: d\nbuild: null\n", "build", []),
    ],
)
def test_what_people_write_and_mean(written: str, key: str, value: Any) -> None:
    found = only(written).get(key)
    assert (len(found or ()) if isinstance(value, int) else found) == value


def test_types_are_pythons_own() -> None:
    values = only("name: d\nparameters: {b: &x true, i: 0x10, f: 1.0e+3, n: ~, s: 'x', l: [*x]}\n")
    assert values["parameters"] == {"b": True, "i": 16, "f": 1000.0, "n": None, "s": "x", "l": [True]}
    assert type(values["parameters"]["b"]) is bool
    assert type(values["parameters"]["f"]) is float


def test_a_mis_indented_step_is_taken_as_meant() -> None:
    manifest = read(
        """
        pull:
        - prefect.deployments.steps.git_clone:
          repository: https://example.org/x.git
        """
    )
    assert manifest.steps["pull"] == [
        {"prefect.deployments.steps.git_clone": {"repository": "https://example.org/x.git"}}
    ]
    assert manifest.warnings[0].startswith("prefect.yaml:3: pull: the inputs of")


def test_keys_that_say_nothing_are_told_with_what_was_meant() -> None:
    manifest = read(
        """
        deployments:
        - name: d
          job_variables: {env: {A: b}}
          entrypont: a.py:b
          work_pool: {name: p, image: x}
        """
    )
    assert manifest.warnings == [
        "prefect.yaml:4: deployment 'd': job_variables is not a key of this place and is ignored; "
        "did you mean work_pool.job_variables?",
        "prefect.yaml:5: deployment 'd': entrypont is not a key of this place and is ignored; did you mean entrypoint?",
        "prefect.yaml:6: deployment 'd': work_pool: image is not a key of this place and is ignored; "
        "did you mean job_variables.image?",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "deployments: {a: 1}",
            "prefect.yaml:1: deployments: expected a list of deployments, each as `- name: ...`, not {'a': 1}.",
        ),
        ("deployments: [x]", "prefect.yaml:1: deployments[0]: expected a mapping with name and entrypoint, not 'x'."),
        ("- a", "prefect.yaml:1: the file must be a mapping"),
        ("a: [", "prefect.yaml:1: this YAML can't be read"),
        ("a: 1\nb: {{ x }}\n  c: d", "this YAML can't be read"),
        (
            "deployments:\n- name: d\n  parameters: [1]",
            "prefect.yaml:3: deployment 'd': parameters: expected a mapping of names to values, not [1].",
        ),
        (
            "deployments:\n- name: d\n  schedule: 5",
            "prefect.yaml:3: deployment 'd': schedule: expected a list of mappings such as",
        ),
        (
            "deployments:\n- name: d\n  schedules:\n  - cron: '@daily'\n    timezon: UTC",
            "prefect.yaml:5: deployment 'd': schedules: expected timezone, not 'timezon'.",
        ),
        (
            "deployments:\n- name: d\n  schedule: {cron: '@daily'}\n  schedules: [{cron: '@daily'}]",
            "prefect.yaml:3: deployment 'd': expected schedule or schedules, not both.",
        ),
        ("pull:\n- a.b: 5", "prefect.yaml:2: pull: a.b: expected the step's inputs by name, not 5."),
        ("pull:\n- a.b: {}\n  c.d: {}", "prefect.yaml:3: pull: expected one step per item, not a.b, c.d."),
    ],
)
def test_faults(text: str, fault: str) -> None:
    with pytest.raises(DeployFailed) as caught:
        parse_manifest(text, PATH)
    assert fault in caught.value.message


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(DeployFailed) as caught:
        parse_manifest("deployments:\n- {name: a, parameters: 1}\n- {name: b, tags: 1}", PATH)
    assert caught.value.message.count("\n") == 1


def test_no_file_is_nothing(tmp_path: Path) -> None:
    assert load_manifest(tmp_path / "prefect.yaml").entries == []


def test_a_byte_order_mark_and_an_empty_file_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "prefect.yaml"
    path.write_text("", encoding="utf-8-sig")
    assert load_manifest(path).entries == []
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeployFailed, match="can't be read"):
        load_manifest(path)
