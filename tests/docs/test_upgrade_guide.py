"""The upgrade's guide has every code that the code can say, each with how much it can matter, and no other."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from penstock.core.infrastructure_blocks import Severity
from penstock.core.infrastructure_kinds import KINDS
from penstock.core.pool_types import AGENT_TYPE
from tests.core.test_upgrade_storage import CASES as STORAGES
from tests.core.test_upgrade_storage import Case

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "upgrade.md"
ROW = re.compile(r"^\| (C\d\d) \| ([a-z, ]+) \| (.+) \| (.+) \|$", re.M)
SAID = re.compile(r"(C\d\d)(?:: |$)")
QUOTED = re.compile(r"[\"']C\d\d")
ALWAYS_ERRORS = {"InvalidRequest", "_error"}
"""What is called to say that something keeps a deployment back."""
ANY_BLOCK = "pull_with_block"


@cache
def said() -> dict[str, set[str]]:
    """Each code in the source, with the severities that stand beside it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "src" / "penstock").rglob("*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if QUOTED.search(text) else ():
            if isinstance(node, ast.Call):
                for code in codes_in(node):
                    found[code] |= severities_in(node)
    return found


def codes_in(call: ast.Call) -> Iterator[str]:
    """The codes that a call is given, by themselves or at the beginning of a sentence."""
    for argument in call.args:
        parts = argument.values[:1] if isinstance(argument, ast.JoinedStr) else [argument]
        for part in parts:
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and (match := SAID.match(part.value)):
                yield match[1]


def severities_in(call: ast.Call) -> set[str]:
    if isinstance(call.func, ast.Name) and call.func.id in ALWAYS_ERRORS:
        return {Severity.ERROR.value}
    names = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    return {one.value for one in Severity if one.name in names}


def listed() -> dict[str, set[str]]:
    return {code: set(severities.split(", ")) for code, severities, _, _ in ROW.findall(PAGE.read_text())}


def test_the_codes_are_those_that_the_code_says() -> None:
    assert list(listed()) == sorted(said()) == [f"C{number:02}" for number in range(1, 23)]


@pytest.mark.parametrize("code", sorted(said()))
def test_a_code_is_listed_with_how_much_it_can_matter(code: str) -> None:
    assert listed()[code] == said()[code]


def test_each_type_of_block_is_listed_with_its_pool() -> None:
    text = PAGE.read_text()
    for kind in KINDS:
        [row] = re.findall(rf"^\| `{kind.slug}` \| (.+) \|$", text, re.M)
        assert f"`{kind.pool_type}`" in row
        assert AGENT_TYPE not in row


@pytest.mark.parametrize("case", [one for one in STORAGES if one.storage is not None and one.steps], ids=str)
def test_each_type_of_storage_is_listed_with_its_step(case: Case) -> None:
    assert case.storage is not None
    assert case.storage.block_type is not None
    rows = dict(re.findall(r"^\| (.+) \| `([a-z0-9_]+)`.* \|$", section("storage block"), re.M))
    names = [name for name in rows if f"`{case.storage.block_type.slug}`" in name]
    step = next(iter(case.steps[0])).rpartition(".")[2]
    assert step in {*(rows[name] for name in names), ANY_BLOCK}


def section(head: str) -> str:
    """The table whose first column is called so."""
    return PAGE.read_text().partition(f"| {head} |")[2].partition("\n\n")[0]
