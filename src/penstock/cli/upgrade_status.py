"""`penstock upgrade status`: how far each deployment is on its way from agents to workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import click

from penstock.cli.connect import connect
from penstock.cli.console import ago, output_option, print_json, say
from penstock.cli.tables import table
from penstock.cli.upgrade_plan import planned
from penstock.client.client import Client
from penstock.core.upgrade_plans import DeploymentUpgrade, UpgradeState
from penstock.errors import NotFound
from penstock.wire import upgrades
from penstock.wire.upgrades import Upgrade, UpgradesOf

AT_ONCE = 200
ROLLED_BACK = "rolled back"
COLORS = {"upgraded": "green", "ready": "yellow", ROLLED_BACK: "yellow", "blocked": "red"}


@dataclass(frozen=True, slots=True)
class Status:
    """Where one deployment is."""

    name: str
    status: str
    work_pool: str | None
    work_queue: str | None
    since: datetime | None
    codes: list[str]
    """The codes of what keeps it, or of what is different for it."""


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@output_option
def status(names: tuple[str, ...], as_json: bool) -> None:
    """Show how far each deployment is: ready, blocked, upgraded or rolled back.

    Deployments that agents never had to do with are left out.
    """
    with connect() as client:
        plan, _ = planned(client, names)
        listed = [one for one in plan.deployments if one.state is not UpgradeState.NOT_OF_AGENTS]
        known = _recorded(client, [one.old.deployment.id for one in listed])
    found = [_status(one, known.get(one.old.deployment.id)) for one in listed]
    if as_json:
        print_json(found)
        return
    rows = [[one.name, _coloured(one.status), _place(one), ago(one.since), " ".join(one.codes)] for one in found]
    table(["Deployment", "Status", "Pool/Queue", "Since", "Codes"], rows, "There are no deployments of agents.")
    if found:
        counts = Counter(one.status for one in found)
        say("\n" + ", ".join(f"{number} {word}" for word, number in counts.most_common()) + ".")


def _recorded(client: Client, ids: list[UUID]) -> dict[UUID, Upgrade]:
    """The newest upgrade of each, those that were taken back too; a Prefect server keeps none."""
    found: dict[UUID, Upgrade] = {}
    for start in range(0, len(ids), AT_ONCE):
        try:
            some = client.call(upgrades.list_upgrades, UpgradesOf(deployment_ids=ids[start : start + AT_ONCE]))
        except NotFound:
            return {}
        found |= {one.deployment_id: one for one in some}
    return found


def _status(one: DeploymentUpgrade, recorded: Upgrade | None) -> Status:
    deployment = one.old.deployment
    is_back = recorded is not None and one.state is not UpgradeState.UPGRADED
    word = ROLLED_BACK if is_back and one.state is UpgradeState.READY else one.state.value
    remarks = one.faults or one.remarks
    kept = recorded.remarks if recorded is not None and not is_back else []
    codes = [each.code for each in remarks] or [each.code for each in kept]
    return Status(
        name=one.old.full_name,
        status=word,
        work_pool=deployment.work_pool_name,
        work_queue=deployment.work_queue_name,
        since=recorded.updated if recorded is not None else None,
        codes=sorted(set(codes)),
    )


def _place(one: Status) -> str:
    return f"{one.work_pool}/{one.work_queue}" if one.work_pool else ""


def _coloured(word: str) -> str:
    return click.style(word, fg=COLORS.get(word))
