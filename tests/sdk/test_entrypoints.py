"""Entrypoints: every form people write, imports beside them, and what is said of the wrong ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.errors import FlowNotFound
from penstock.sdk.entrypoints import load_flow, parse_entrypoint

FLOW = """
from penstock import flow
{imports}
@flow
def main(n: int = 1): return n
number = 3
class Holder:
    @flow
    @staticmethod
    def method(): pass
"""


@pytest.fixture(autouse=True)
def _own_modules() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if not name.startswith("penstock."):
            del sys.modules[name]


def write(folder: Path, name: str, imports: str = "") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(FLOW.format(imports=imports))


@pytest.mark.parametrize(
    ("file", "entrypoint"),
    [
        ("etl_one.py", "etl_one.py:main"),
        ("etl_one.py", "./etl_one.py:main"),
        ("jobs_a/etl.py", "jobs_a/etl.py:main"),
        ("jobs_a/etl.py", "jobs_a\\etl.py:main"),
        ("jobs_a/01 load-it.py", "jobs_a/01 load-it.py:main"),
        ("random.py", "random.py:main"),
        ("json/dumps.py", "json/dumps.py:main"),
        ("penstock/flows.py", "penstock/flows.py:main"),
        ("pkg_b/inner/etl.py", "pkg_b.inner.etl.main"),
        ("pkg_b/inner/etl.py", "pkg_b.inner.etl:main"),
    ],
)
def test_forms(tmp_path: Path, file: str, entrypoint: str) -> None:
    write(tmp_path, file)
    assert load_flow(entrypoint, tmp_path).name == "main"


def test_a_method(tmp_path: Path) -> None:
    write(tmp_path, "etl_one.py")
    assert load_flow("etl_one.py:Holder.method", tmp_path).name == "method"


def test_absolute_path_and_root_elsewhere(tmp_path: Path) -> None:
    write(tmp_path / "x", "etl_abs.py")
    assert load_flow(f"{tmp_path}/x/etl_abs.py:main", tmp_path / "y").name == "main"


@pytest.mark.parametrize("imports", ["import near_by", "from .near_by import a", "from team_q.near_by import a"])
def test_three_ways_to_import_a_neighbour(tmp_path: Path, imports: str) -> None:
    write(tmp_path, "team_q/etl.py", imports)
    (tmp_path / "team_q" / "near_by.py").write_text("a = 1")
    assert load_flow("team_q/etl.py:main", tmp_path).name == "main"


def test_modules_of_the_standard_library_stay_what_they_are(tmp_path: Path) -> None:
    import random

    write(tmp_path, "random.py")
    load_flow("random.py:main", tmp_path)
    assert sys.modules["random"] is random


@pytest.mark.parametrize(
    ("entrypoint", "reason"),
    [
        ("nope.py:main", "there is no file nope.py"),
        ("etl_one.py:mian", "Did you mean 'main'"),
        ("etl_one.py:number", "is a int, not a flow"),
        ("etl_one.py:zzzzzz", "its flows are main"),
        ("bad_one.py:main", "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("worse_one.py:main", "SyntaxError"),
        ("no_such_package_x.main", "No module named"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, entrypoint: str, reason: str) -> None:
    write(tmp_path, "etl_one.py")
    write(tmp_path, "bad_one.py", "import not_there_at_all")
    (tmp_path / "worse_one.py").write_text("def main(:")
    with pytest.raises(FlowNotFound, match=reason):
        load_flow(entrypoint, tmp_path)


@pytest.mark.parametrize("text", ["flow.py", "main", "", ":main", "file.py:", "a::b"])
def test_what_is_no_entrypoint(text: str) -> None:
    with pytest.raises(FlowNotFound, match="must be path/to/file"):
        parse_entrypoint(text)
