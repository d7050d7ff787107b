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
HEAD = """# What an upgrade from agents to workers changes

`penstock upgrade plan` says for each deployment where it will run and by which settings, and `penstock upgrade verify`
compares the job that agents start with the one that a worker starts. What is not the same has a code.

## Codes

An error keeps a deployment from being upgraded until it is seen to; a warning wants to be read; a note tells what has
been decided.

"""
CODES = {
    "C01": "A part of a manifest that a block or an override changes. As a note: it becomes a variable of the pool. As "
    "a warning: it can't be one, so the deployment gets a pool of its own. As an error: the change leads nowhere.",
    "C02": "An ECS block has a task definition of its own; it is laid into the pool's.",
    "C03": "Cloud Run starts a failed job again; pools of the first version have no variable for it, so one is added.",
    "C04": "A secret would be readable in the pool or in a step, so a reference stands there. An error where the block "
    "has no name to be referred to.",
    "C05": "`deployment build` uploaded code to this storage, and no push step does.",
    "C06": "A storage block says how much of a repository's history comes along; `git_clone` fetches one commit.",
    "C07": "A block that was never stored by itself, or has no name: it is copied under one, or must be stored first.",
    "C08": "A deployment without an entrypoint, as the first ones of Prefect 2 were.",
    "C09": "A flow that is imported as a module.",
    "C10": "A field, an override or a variable of the environment that means nothing to workers, or can't be read.",
    "C11": "Overrides on a deployment without a block: agents did not look at them, so they are left out.",
    "C12": "A queue that gathers runs by their tags. Workers go by queue alone.",
    "C14": "An image that holds Prefect 2.",
    "C15": "A command that does not end in the one that runs a flow run.",
    "C16": "An infrastructure block of a type that no pool stands for, or one that is gone.",
    "C17": "Runs that wait go along; runs that agents took end where they are.",
    "C18": "Limits, priorities and pauses of queues and pools, which are copied. A warning where deployments of one "
    "queue go to several pools, since a limit counts in each of them.",
    "C20": "Something that a block meant without saying it, and that a pool means otherwise.",
    "C21": "Storage that is read by a library which has to be there where jobs run. As an error: its block is gone.",
    "C22": "An automation that names the old pool or queue, or that passes job variables, which agents ignored.",
}

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
    lines = [HEAD + "| code | what it is about |", "| --- | --- |"]
    lines += [f"| {code} | {said} |" for code, said in CODES.items()]
    lines += ["", "## Jobs", ""]
    lines += [f"Of {sum(case.usable for case in CASES)} blocks that are held by a test, these are all the differences."]
    for (slug, pool_type), (cases, differences) in found().items():
        lines += ["", f"### {slug} to {pool_type}", ""]
        if not differences:
            lines += [f"{len(cases)} blocks, and no difference."]
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


def test_each_code_that_a_plan_has_is_listed() -> None:
    golden = json.loads(GOLDEN.read_text())
    assert codes(golden) <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_each_code_that_is_listed_is_one_that_a_plan_has(code: str) -> None:
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
