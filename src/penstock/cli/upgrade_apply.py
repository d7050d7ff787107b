"""`penstock upgrade apply`, `penstock upgrade rollback`: deployments go from agents to workers, and back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import click

from penstock.cli.connect import connect
from penstock.cli.console import Failure, confirm, may_ask, note, say
from penstock.cli.next_steps import hint_at_workers
from penstock.cli.upgrade_plan import BLOCKED, planned, types_option
from penstock.cli.upgrade_report import show_plan
from penstock.client.client import AsyncClient, Client
from penstock.core.upgrade_planning import PoolTypes
from penstock.core.upgrade_plans import DeploymentUpgrade, UpgradePlan, UpgradeState
from penstock.names import counted
from penstock.upgrade.apply import Terms, apply, check_server
from penstock.upgrade.busy import PATIENCE
from penstock.upgrade.outcomes import Did, Outcome, Part
from penstock.upgrade.rollback import Upgraded, roll_back

WAIT = 300.0
"""Seconds for which a worker is waited for where nobody says how long."""
SIGNS = {
    Did.FAILED: ("!", "red"),
    Did.BLOCKED: ("!", "red"),
    Did.WAITING: ("~", "yellow"),
    Did.THERE: ("=", "bright_black"),
}
NAMED = click.argument("names", metavar="[NAME]...", nargs=-1)


def _common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--yes", "-y", is_flag=True, help="Do not ask."),
        click.option("--force", is_flag=True, help="Also while runs are claimed and have not begun."),
        click.option(
            "--patience",
            type=click.FloatRange(min=0),
            default=PATIENCE,
            show_default=True,
            metavar="SECONDS",
            help="How long claimed runs of a deployment are waited for, until they begin.",
        ),
        click.option("--all", "every", is_flag=True, help="All deployments."),
    ):
        command = option(command)
    return command


@click.command("apply")
@NAMED
@_common_options
@types_option
@click.option(
    "--wait-for-worker",
    type=click.FloatRange(min=0),
    is_flag=False,
    flag_value=WAIT,
    metavar="[SECONDS]",
    help=f"Move no deployment before its pool has a worker; {WAIT:g} seconds where none are said.",
)
def apply_(
    names: tuple[str, ...],
    every: bool,
    patience: float,
    force: bool,
    yes: bool,
    types: PoolTypes,
    wait_for_worker: float | None,
) -> int:
    """Upgrade deployments from agents to workers, each in one step that can be taken back.

    NAME is a deployment, `flow/name`, or either with `*`. Work pools and blocks are made first; runs that wait go
    along, and what runs already ends where it is. A second time does nothing, or goes on with what was ended half way.
    Exits with 1 when something failed, and with 2 when a deployment is blocked.
    """
    _check_names(names, every)
    terms = Terms(wait_for_worker, patience, force)
    with connect() as client:
        asyncio.run(check_server(AsyncClient(client)))
        plan, _ = planned(client, names, types)
        show_plan(plan, names, None, leads_on=False)
        if not plan.of(UpgradeState.READY):
            return BLOCKED if plan.of(UpgradeState.BLOCKED) else 0
        _agree("Upgrade these deployments?", yes)
        outcomes = asyncio.run(_upgraded(client, plan, terms))
    return _summed_up(outcomes, Did.UPGRADED)


@click.command("rollback")
@NAMED
@_common_options
def rollback(names: tuple[str, ...], every: bool, patience: float, force: bool, yes: bool) -> int:
    """Take upgrades back: deployments return to the agents, as they were.

    NAME is a deployment, `flow/name`, or either with `*`. Runs that wait go along, those that were made since too.
    Exits with 1 when something failed.
    """
    _check_names(names, every)
    with connect() as client:
        asyncio.run(check_server(AsyncClient(client)))
        plan, _ = planned(client, names)
        wanted = plan.of(UpgradeState.UPGRADED)
        if names:
            _name_others(plan)
        if not wanted:
            say("Nothing to do: none of these deployments is upgraded.")
            return 0
        for one in wanted:
            say(_way_back(one))
        _agree("Take these upgrades back?", yes)
        back = [Upgraded(one.old.full_name, one.old.deployment.id) for one in wanted]
        outcomes = asyncio.run(_told(roll_back(AsyncClient(client), back, patience=patience, force=force)))
    return _summed_up(outcomes, Did.ROLLED_BACK)


def _check_names(names: Sequence[str], every: bool) -> None:
    if every and names:
        raise Failure("Say either names of deployments or --all.")
    if not every and not names:
        raise Failure("Say which deployments: their names, or --all. `penstock upgrade status` lists them.")


def _agree(question: str, yes: bool) -> None:
    if not yes and may_ask():
        confirm(question)


async def _upgraded(client: Client, plan: UpgradePlan, terms: Terms) -> list[Outcome]:
    """Carries the plan out and shows it; at last who works on the new pools."""
    awaited = AsyncClient(client)
    outcomes = await _told(apply(awaited, plan, terms))
    moved = {one.name for one in outcomes if one.did is Did.UPGRADED}
    pools = [one.pool.name for one in plan.deployments if one.pool is not None and one.old.full_name in moved]
    await hint_at_workers(awaited, list(dict.fromkeys(pools)))
    return outcomes


async def _told(outcomes: AsyncIterator[Outcome]) -> list[Outcome]:
    """Shows each outcome as it comes."""
    seen = []
    async for one in outcomes:
        sign, color = SIGNS.get(one.did, ("+", "green"))
        if one.did is Did.WAITING:
            note(f"{click.style(sign, fg=color, bold=True)} {_sentence(one)}")
        else:
            say(f"{click.style(sign, fg=color, bold=True)} {_sentence(one)}")
        seen.append(one)
    return seen


def _sentence(one: Outcome) -> str:
    return f"{one.sentence}: `{one.command}`." if one.command else f"{one.sentence}."


def _summed_up(outcomes: Iterable[Outcome], wanted: Did) -> int:
    """Says how many deployments came to what; the exit code."""
    all_of = list(outcomes)
    counts = Counter(one.did for one in all_of if one.part is Part.DEPLOYMENT)
    told = [counted(counts[wanted], "deployment") + f" {wanted}"]
    told += [f"{counts[did]} {did}" for did in (Did.BLOCKED, Did.FAILED) if counts[did]]
    say(f"{', '.join(told)}.")
    if any(one.failed for one in all_of):
        note(
            "The same command goes on with what is left; --patience has it wait longer for runs that are slow to begin."
        )
        return 1
    return BLOCKED if counts[Did.BLOCKED] else 0


def _name_others(plan: UpgradePlan) -> None:
    for one in plan.deployments:
        if one.state is not UpgradeState.UPGRADED:
            say(f"= {one.old.full_name} is not upgraded.")


def _way_back(one: DeploymentUpgrade) -> str:
    before = one.old.recorded.before if one.old.recorded else None
    if before is None or before.work_pool_name is None:
        return f"{one.old.full_name} out of work pool {one.old.deployment.work_pool_name!r}"
    return f"{one.old.full_name} back to work pool {before.work_pool_name!r}, queue {before.work_queue_name!r}"
