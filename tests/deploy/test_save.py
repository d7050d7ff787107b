"""Saving a deployment: what it changes of the file, and that nothing else of it changes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from penstock.deploy.manifest import load_manifest
from penstock.deploy.save import save_deployment, with_deployment
from penstock.deploy.yaml_tree import parse_yaml
from penstock.errors import DeployFailed

NEW: dict[str, Any] = {"name": "new", "entrypoint": "b.py:g", "work_pool": {"name": "p"}}
CHANGED: dict[str, Any] = {"name": "a", "entrypoint": "a.py:f", "tags": ["x"]}

LISTS = {
    "flat": (
        """
        # above
        deployments:   # all of them
        - name: a      # the first
          entrypoint: "a.py:f"
          # no tags yet
        # below
        """,
        """
        # above
        deployments:   # all of them
        - name: a      # the first
          entrypoint: "a.py:f"
          # no tags yet
        - name: new
          entrypoint: b.py:g
          work_pool:
            name: p
        # below
        """,
    ),
    "indented": (
        """
        deployments:
          - name: a

            tags:
              - one

        name: "shop"
        """,
        """
        deployments:
          - name: a

            tags:
              - one
          - name: new
            entrypoint: b.py:g
            work_pool:
              name: p

        name: "shop"
        """,
    ),
    "flow": ("deployments: [{name: a,  tags: []} ]  # c\n", None),
    "an alias": (
        """
        mine: &mine
        - name: a
        deployments: *mine
        """,
        """
        mine: &mine
        - name: a
        - name: new
          entrypoint: b.py:g
          work_pool:
            name: p
        deployments: *mine
        """,
    ),
    "empty": (
        "deployments: []  # none yet\npull: null\n",
        "deployments:  # none yet\n- name: new\n  entrypoint: b.py:g\n  work_pool:\n    name: p\npull: null\n",
    ),
    "null": (
        "deployments:\npull: null\n",
        "deployments:\n- name: new\n  entrypoint: b.py:g\n  work_pool:\n    name: p\npull: null\n",
    ),
    "absent": (
        "name: shop",
        "name: shop\ndeployments:\n- name: new\n  entrypoint: b.py:g\n  work_pool:\n    name: p\n",
    ),
    "nothing": ("", "deployments:\n- name: new\n  entrypoint: b.py:g\n  work_pool:\n    name: p\n"),
    "JSON": ('{"name": "shop",\n "deployments": [\n {"name": "a"}\n ]}', None),
    "JSON without": ('{"name": "shop"}\n', None),
    "an empty mapping": ("{}\n", None),
    "a text at the end": ("deployments:\n- name: a\n  description: |\n    two\n    lines\n", None),
    "a text that is kept long": ("deployments:\n- name: a\n  description: |+\n    two\n\n\nname: x\n", None),
    "a document mark": ("---\ndeployments:\n- &a\n  name: a\n- <<: *a\n  name: b\n...\n", None),
    "other writing": ("deployments:\n- {name: жук, description: 'ñandú 🐜'}", None),
}


@pytest.mark.parametrize("name", LISTS)
def test_appended(tmp_path: Path, name: str) -> None:
    before, after = (text and dedent(text).removeprefix("\n") for text in LISTS[name])
    path = tmp_path / "prefect.yaml"
    path.write_text(before or "")
    known = [entry.values for entry in load_manifest(path).entries]
    save_deployment(load_manifest(path), NEW)
    text = path.read_text()
    assert after is None or text == after
    assert [entry.values for entry in load_manifest(path).entries] == [*known, NEW]
    lines = iter(text.splitlines())  # what was there is there, in its order
    assert name in ("JSON", "JSON without", "flow", "an empty mapping", "empty") or all(
        line in lines for line in (before or "").splitlines() if line != "..."
    )


REPLACED = {
    "comments and merges stay": (
        """
        base: &base {work_pool: {name: p}}
        deployments:
        - <<: *base
          # what it is called
          name: a   # a name
          entrypoint: 'a.py:f'
          tags: [old]  # mine
          parameters:
            # how often
            n: 0x10
        - name: b
        """,
        {**CHANGED, "work_pool": {"name": "p", "job_variables": {}}, "parameters": {"n": 16}},
        """
        base: &base {work_pool: {name: p}}
        deployments:
        - <<: *base
          # what it is called
          name: a   # a name
          entrypoint: 'a.py:f'
          tags: [x]  # mine
          parameters:
            # how often
            n: 0x10
        - name: b
        """,
    ),
    "a value in blocks": (
        """
        deployments:
          - name: a
            entrypoint: a.py:f
            work_pool: &pool
              name: q
            tags:
            - y
        """,
        {**CHANGED, "description": "two\nlines", "schedules": [{"cron": "0 6 * * *", "active": True}]},
        """
        deployments:
          - name: a
            entrypoint: a.py:f
            work_pool: &pool
              name: q
            tags:
            - x
            description: |-
              two
              lines
            schedules:
            - cron: 0 6 * * *
              active: true
        """,
    ),
    "the older schedule": (
        """
        deployments:
        - name: a
          schedule: {interval: 60}
          entrypoint: a.py:f
        """,
        {**CHANGED, "schedules": [{"interval": 90}]},
        """
        deployments:
        - name: a
          schedules: [{interval: 90}]
          entrypoint: a.py:f
          tags:
          - x
        """,
    ),
    "in braces": (
        'deployments: [{"name": "a", "entrypoint": "a.py:f"}]\n',
        CHANGED,
        'deployments: [{"name": "a", "entrypoint": "a.py:f", "tags":["x"]}]\n',
    ),
    "nothing new": (
        "deployments:\n- {name: a, entrypoint: 'a.py:f', tags: [ x ]}\n",
        {**CHANGED, "parameters": {}, "version": None},
        "deployments:\n- {name: a, entrypoint: 'a.py:f', tags: [ x ]}\n",
    ),
}


@pytest.mark.parametrize("name", REPLACED)
def test_replaced(tmp_path: Path, name: str) -> None:
    before, values, after = REPLACED[name]
    path = tmp_path / "prefect.yaml"
    path.write_text(dedent(before))
    save_deployment(load_manifest(path), values)
    assert path.read_text() == dedent(after)


def test_line_ends_and_byte_order_marks_stay(tmp_path: Path) -> None:
    path = tmp_path / "prefect.yaml"
    path.write_bytes(b"\xef\xbb\xbfdeployments:\r\n- name: a\r\n  entrypoint: a.py:f\r\n  # c\r\n")
    save_deployment(load_manifest(path), CHANGED)
    save_deployment(load_manifest(path), NEW)
    head = b"\xef\xbb\xbfdeployments:\r\n- name: a\r\n  entrypoint: a.py:f\r\n  tags:\r\n  - x\r\n  # c\r\n"
    assert path.read_bytes() == head + b"- name: new\r\n  entrypoint: b.py:g\r\n  work_pool:\r\n    name: p\r\n"


def test_a_new_file_has_all_sections(tmp_path: Path) -> None:
    path = tmp_path / "prefect.yaml"
    values = {"schedules": [], "parameters": {}, "description": None, **CHANGED, "version": None, "triggers": []}
    save_deployment(load_manifest(path), values)
    keys = [
        line.partition(":")[0] for line in path.read_text().splitlines() if line and not line.startswith((" ", "#"))
    ]
    assert keys == ["name", "prefect-version", "build", "push", "pull", "deployments", "- name"]
    entry = load_manifest(path).entries[0].values
    order = ["name", "version", "tags", "description", "entrypoint", "parameters", "schedules", "triggers"]
    assert list(entry) == order
    assert ".git/" in (tmp_path / ".prefectignore").read_text()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize(
    "text", ["yes", "012", "12:30", "1e3", "a: b", "{{ x }}", "# c", "", " s ", "two\nlines\n", "l\n\n", "é\t", "null"]
)
@pytest.mark.parametrize("before", ["", "deployments: [{name: old}]\n"])
def test_texts_stay_texts(text: str, before: str) -> None:
    values = {**NEW, "description": text, "parameters": {"p": [text, {"q": text}]}}
    found = parse_yaml(with_deployment(before, values))
    assert found is not None
    assert found.value["deployments"][-1] == values


def test_mode_and_link_stay(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text("name: x\n")
    real.chmod(0o640)
    (tmp_path / "prefect.yaml").symlink_to("real.yaml")
    save_deployment(load_manifest(tmp_path / "prefect.yaml"), NEW)
    assert (tmp_path / "prefect.yaml").is_symlink()
    assert "name: new" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(one.name for one in tmp_path.iterdir()) == ["prefect.yaml", "real.yaml"]


@pytest.mark.parametrize("before", ["name: x\n", None])
def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "prefect.yaml"
    if before:
        path.write_text(before)
    manifest = load_manifest(path)
    path.write_text("name: other\n")
    with pytest.raises(DeployFailed, match=r"nothing was saved\. Try again"):
        save_deployment(manifest, NEW)
    assert path.read_text() == "name: other\n"
    assert [one.name for one in tmp_path.iterdir()] == ["prefect.yaml"]


def test_where_a_list_is_merged_in_the_text_to_add_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "prefect.yaml"
    text = "base: &base {deployments: [{name: a}]}\n<<: *base\n"
    path.write_text(text)
    with pytest.raises(DeployFailed, match="Add this yourself:\n- name: new"):
        save_deployment(load_manifest(path), NEW)
    assert path.read_text() == text


def test_a_file_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    manifest = load_manifest(tmp_path / "gone" / "prefect.yaml")
    with pytest.raises(DeployFailed, match="can't be written: No such file or directory"):
        save_deployment(manifest, NEW)
