"""Which deployments a command means."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.deploy.manifest import Manifest, parse_manifest
from penstock.deploy.select import select
from penstock.errors import DeployFailed

FILE = """
deployments:
- {name: nightly, entrypoint: "a.py:load_all"}
- {name: hourly, entrypoint: "a.py:load_all"}
- {name: nightly, entrypoint: "b.py:report"}
- {entrypoint: "b.py:report"}
"""


def manifest(text: str = FILE) -> Manifest:
    return parse_manifest(text, Path("prefect.yaml"))


@pytest.mark.parametrize(
    ("names", "entrypoints"),
    [
        (["hourly"], ["a.py:load_all"]),
        (["nightly"], ["a.py:load_all", "b.py:report"]),
        (["report/nightly"], ["b.py:report"]),
        (["load-all/nightly"], ["a.py:load_all"]),
        (["load_all/nightly"], ["a.py:load_all"]),
        (["load-all/*"], ["a.py:load_all", "a.py:load_all"]),
        (["*ly"], ["a.py:load_all", "a.py:load_all", "b.py:report"]),
        (["h*", "hourly"], ["a.py:load_all"]),
        (["hourly", "nope"], ["a.py:load_all"]),
    ],
)
def test_names_and_patterns(names: list[str], entrypoints: list[str]) -> None:
    chosen = select(manifest(), names, every=False)
    assert [entry.values["entrypoint"] for entry in chosen.entries] == entrypoints
    assert chosen.new_name is None


def test_all_leaves_out_what_has_no_name() -> None:
    chosen = select(manifest(), [], every=True)
    assert len(chosen.entries) == 3
    assert chosen.warnings == ["prefect.yaml:6: a deployment without a name is skipped."]


def test_unknown_names_are_told_with_the_nearest() -> None:
    chosen = select(manifest(), ["hourly", "nightli"], every=False)
    assert chosen.warnings == ["No deployment in the file is called 'nightli'. Did you mean 'nightly'?"]


def test_a_new_name_makes_a_new_deployment() -> None:
    chosen = select(manifest(), ["brand-new"], every=False, makes=True)
    assert (chosen.entries[0].values, chosen.new_name, chosen.warnings) == ({}, "brand-new", [])


def test_a_lone_deployment_is_renamed() -> None:
    one = manifest("deployments:\n- {name: a, entrypoint: 'a.py:f'}")
    assert select(one, [], every=False).new_name is None
    assert select(one, ["b"], every=False).new_name == "b"


def test_without_a_file_the_flags_say_all() -> None:
    chosen = select(manifest("{}"), ["flow/x"], every=False)
    assert (chosen.entries[0].values, len(chosen.entries)) == ({}, 1)


@pytest.mark.parametrize(
    ("text", "names", "every", "reason"),
    [
        (FILE, [], False, "has 4 deployments: nightly, hourly, nightly, .unnamed.. Name some with -n, or use --all"),
        (FILE, ["x"], True, "not both"),
        (FILE, ["zzz", "yyy"], False, "No deployment in the file is called 'zzz'"),
        (FILE, ["zzz*"], False, "No deployment"),
        (FILE, ["nightli"], False, "No deployment in the file is called 'nightli'. Did you mean 'nightly'"),
        ("{}", [], True, "no deployments with a name"),
    ],
)
def test_what_is_not_clear_is_refused(text: str, names: list[str], every: bool, reason: str) -> None:
    with pytest.raises(DeployFailed, match=reason):
        select(manifest(text), names, every=every)
