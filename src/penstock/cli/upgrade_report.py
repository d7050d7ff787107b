"""What `penstock upgrade` says of a plan and of a proof."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from penstock.cli.console import note, say
from penstock.cli.screen import width_of_terminal
from penstock.cli.tables import cut
from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.upgrade_planning import PoolTypes
from penstock.core.upgrade_plans import DeploymentUpgrade, NewBlock, PoolPlan, QueuePlan, UpgradePlan, UpgradeState
from penstock.core.upgrade_proofs import Proof
from penstock.core.upgrade_words import difference, set_by, steps, variables, worst_first
from penstock.infra.templates import shipped_templates
from penstock.names import counted

COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "bright_black"}
SIGNS = {"+": "green", "~": "yellow", "!": "red", "=": "bright_black"}
ALL = "--all"

Part = TypeVar("Part")


def show_plan(
    plan: UpgradePlan,
    names: Sequence[str],
    url: str | None,
    types: PoolTypes | None = None,
    *,
    leads_on: bool = True,
) -> None:
    """The plan: what is to be made, each deployment, how many of each, and the next command where that is wanted."""
    told: set[Remark] = set()
    _section("Work pools", plan.pools, lambda one: _pool(one, told))
    _section("Blocks", plan.blocks, _block)
    listed = [one for one in plan.deployments if one.state is not UpgradeState.NOT_OF_AGENTS]
    _section("Deployments", listed, lambda one: _deployment(one, told))
    for each in worst_first(plan.notes):
        _remark(each, "")
    say(summary(plan))
    if leads_on and (following := _next(plan, names, url, types or {})):
        note(following)


def summary(plan: UpgradePlan) -> str:
    """How many there are of each, in a sentence."""
    made = [(_new(plan.pools), "work pool"), (_new(plan.blocks), "block")]
    first = " and ".join(counted(number, noun) for number, noun in made if number)
    words = {
        UpgradeState.READY: "to upgrade",
        UpgradeState.BLOCKED: "blocked",
        UpgradeState.UPGRADED: "upgraded already",
        UpgradeState.NOT_OF_AGENTS: "not of agents",
    }
    counts = [(len(plan.of(state)), text) for state, text in words.items()]
    told = ", ".join(f"{number} {text}" for number, text in counts if number) or "there are none"
    if not plan.of(UpgradeState.READY):
        return f"Nothing to do. Deployments: {told}."
    return f"Plan: {f'{first} to make; ' if first else ''}deployments: {told}."


def show_proofs(proofs: Sequence[Proof]) -> None:
    """Each proof, then how many are good."""
    for one in proofs:
        _proof(one)
    if not proofs:
        say("There are no deployments of agents to compare.")
        return
    same = sum(one.is_good and not one.differences for one in proofs)
    explained = sum(one.is_good and bool(one.differences) for one in proofs)
    rest = len(proofs) - same - explained
    counts = [(same, "the same"), (explained, "with differences that are explained"), (rest, "not proved")]
    told = ", ".join(f"{number} {text}" for number, text in counts if number)
    say(f"Jobs compared: {told}.")


def as_proofs(proofs: Iterable[Proof]) -> list[dict[str, Any]]:
    """The proofs for programs."""
    return [
        {
            "name": one.name,
            "state": one.state.value,
            "pool": one.pool,
            "good": one.is_good,
            "failure": one.failure,
            "differences": [
                {"place": each.place, "old": each.old, "new": each.new, "code": each.explained and each.explained.code}
                for each in one.differences
            ],
        }
        for one in proofs
    ]


def _section(title: str, parts: Sequence[Part], show: Callable[[Part], None]) -> None:
    if not parts:
        return
    say(click.style(title, bold=True))
    for part in parts:
        show(part)
    say("")


def _pool(one: PoolPlan, told: set[Remark]) -> None:
    stands = f", for {', '.join(one.blocks)}" if one.blocks else ""
    limit = f", limit {one.concurrency_limit}" if one.concurrency_limit is not None else ""
    paused = ", paused" if one.is_paused else ""
    if one.exists:
        _head("=", f"{one.name!r} of type {one.type} is there{stands}.")
    else:
        _head("+", f"{one.name!r} of type {one.type}{stands}{limit}{paused}")
        for line in set_by(one, shipped_templates()[one.type]):
            _line(line)
    for queue in one.queues:
        if not queue.exists:
            _line(_queue(queue))
    _remarks(one.remarks, told)


def _queue(one: QueuePlan) -> str:
    said = [f"limit {one.concurrency_limit}"] if one.concurrency_limit is not None else []
    said += [f"priority {one.priority}"] if one.priority is not None else []
    said += ["paused"] if one.is_paused else []
    return f"queue {one.name!r}" + (f": {', '.join(said)}" if said else "")


def _block(one: NewBlock) -> None:
    if one.exists:
        _head("=", f"{one.type_slug}/{one.name} is there.")
    else:
        _head("+", f"{one.type_slug}/{one.name}")


def _deployment(one: DeploymentUpgrade, told: set[Remark]) -> None:
    name = one.old.full_name
    place = f" ({one.old.place})" if one.old.place else ""
    if one.state is UpgradeState.UPGRADED:
        _head("=", f"{name}{place} is upgraded, to work pool {one.old.deployment.work_pool_name!r}.")
    elif one.after is None:
        _head("!", f"{name}{place} is blocked.")
    else:
        _head("+", f"{name}{place} to work pool {one.after.work_pool_name!r}, queue {one.after.work_queue_name!r}")
        for line in variables(one.after.job_variables):
            _line(line)
        for line in steps(one.after.pull_steps or ()):
            _line(f"pull: {line}")
    shared = one.pool.remarks if one.pool else ()
    _remarks([each for each in one.remarks if each not in shared], told)


def _remarks(every: Iterable[Remark], told: set[Remark]) -> None:
    """Each in full once; what was told of another is named by its code."""
    ordered = worst_first(every)
    for one in ordered:
        if one not in told:
            _remark(one)
    if again := [one.code for one in ordered if one in told]:
        say("    " + click.style(f"as above: {', '.join(dict.fromkeys(again))}", fg="bright_black"))
    told.update(ordered)


def _proof(one: Proof) -> None:
    pool = f" in work pool {one.pool!r}" if one.pool else ""
    if one.failure:
        _head("!", f"{one.name}: {one.failure}")
    elif not one.differences:
        _head("=", f"{one.name}: the same job{pool}.")
    else:
        fault = "" if one.is_good else ", not all of them explained"
        _head("~" if one.is_good else "!", f"{one.name}{pool}: {counted(len(one.differences), 'difference')}{fault}")
    for each in one.differences:
        _line(difference(each))
        if each.explained:
            _remark(each.explained, "        ")
        else:
            say("        " + click.style("Nothing explains this: please report it.", fg="red"))


def _head(sign: str, text: str) -> None:
    say(_fitted(f"{click.style(sign, fg=SIGNS[sign], bold=True)} {text}"))


def _line(text: str) -> None:
    say(_fitted(f"    {text}"))


def _remark(one: Remark, indent: str = "    ") -> None:
    """All of it, whatever the width: it says what to do."""
    head = click.style(f"{one.code} {one.severity.value}", fg=COLORS[one.severity])
    say(f"{indent}{head}: {one.sentence} {one.way_out}")


def _fitted(line: str) -> str:
    """On a terminal one line for each part; elsewhere whoever reads it wants all of it."""
    return cut(line, width_of_terminal()) if sys.stdout.isatty() else line


def _new(parts: Iterable[PoolPlan | NewBlock]) -> int:
    return sum(not one.exists for one in parts)


def _next(plan: UpgradePlan, names: Sequence[str], url: str | None, types: PoolTypes) -> str | None:
    if not plan.of(UpgradeState.READY):
        return None
    if url:
        return f"Next: copy that server's deployments to this one: `penstock upgrade import --from {url}`."
    chosen = " ".join(f"'{name}'" if "*" in name or " " in name else name for name in names) or ALL
    said = "".join(f" --pool-type {slug}={pool_type}" for slug, pool_type in types.items())
    return f"Next: `penstock upgrade verify{said}`, then `penstock upgrade apply {chosen}{said}`."
