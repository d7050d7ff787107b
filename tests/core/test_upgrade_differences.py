"""docs/upgrade-differences.md: what is not the same after an upgrade, for every kind of infrastructure block.

PENSTOCK_TEST_WRITE=1 writes the page; without the variable the test compares.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from penstock.core.infrastructure_blocks import Remark
from penstock.core.infrastructure_jobs import compare
from penstock.core.upgrade_words import shown
from tests.core.block_corpus import CASES, Case
from tests.core.test_infrastructure_blocks import converted
from tests.core.test_upgrade_plans import GOLDEN

PAGE = Path(__file__).parents[2] / "docs" / "upgrade-differences.md"
HEAD = """# What jobs have differently after an upgrade

`penstock upgrade verify` compares the job that agents start with the one that a worker starts, and gives each
difference a [code](guides/upgrade.md#codes) with its reason.

"""
OF_FILES = {"C19"}
"""Codes that only `penstock upgrade files` tells, since they are about what stands in a folder."""
CODES = {f"C{number:02}" for number in range(1, 23)} - OF_FILES

Found = dict[tuple[str, str, str, Remark], list[str]]


def found() -> dict[tuple[str, str], tuple[list[Case], Found]]:
    """By type of block and pool: the blocks, and each difference with the blocks that have it."""
    done: dict[tuple[str, str], tuple[list[Case], Found]] = {}
    for case in CASES:
        if not case.usable:
            continue
        conversion, pool_type = converted(case)
        cases, differences = done.setdefault((case.slug, pool_type), ([], defaultdict(list)))
        cases.append(case)
        for one in compare(conversion, pool_type):
            assert one.explained, f"{case}: {one.place} is not explained"
            differences[one.place, shown(one.old), shown(one.new), one.explained].append(case.title)
    return done


def page() -> str:
    lines = [
        HEAD + f"Of {sum(case.usable for case in CASES)} blocks that are held by a test, these are all the differences."
    ]
    for (slug, pool_type), (cases, differences) in found().items():
        lines += ["", f"## {slug} to {pool_type}", ""]
        if not differences:
            lines += ["No difference."]
            continue
        lines += ["| block | where | agents | workers | why |", "| --- | --- | --- | --- | --- |"]
        for (place, old, new, remark), titles in differences.items():
            which = f"all {len(cases)}" if len(titles) == len(cases) else ", ".join(titles)
            cells = (which, f"`{place}`", f"`{old}`", f"`{new}`", f"{remark.code}: {remark.sentence} {remark.way_out}")
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def test_each_difference_is_listed_and_explained() -> None:
    if os.environ.get("PENSTOCK_TEST_WRITE"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_is_one_that_a_plan_has(code: str) -> None:
    assert code in codes(json.loads(GOLDEN.read_text()))


def codes(golden: dict[str, Any]) -> set[str]:
    """Every code in the golden plans."""
    said = [
        text
        for plan in golden.values()
        for holder in (*plan.get("deployments", []), plan)
        for text in (*holder.get("remarks", []), *holder.get("notes", []))
    ]
    return {text.partition(" ")[0] for text in said}
