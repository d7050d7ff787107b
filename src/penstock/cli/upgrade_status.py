"""`penstock upgrade status`: how far each deployment is on its way from agents to workers."""

from __future__ import annotations

from collections import Counter

import click

from penstock.cli.connect import connect
from penstock.cli.console import ago, output_option, print_json, say
from penstock.cli.tables import table
from penstock.cli.upgrade_plan import planned
from penstock.upgrade.status import ROLLED_BACK, Status, statuses

COLORS = {"upgraded": "green", "ready": "yellow", ROLLED_BACK: "yellow", "blocked": "red"}


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@output_option
def status(names: tuple[str, ...], as_json: bool) -> None:
    """Show how far each deployment is: ready, blocked, upgraded or rolled back.

    Deployments that agents never had to do with are left out.
    """
    with connect() as client:
        plan, _ = planned(client, names)
    found = [one for _, one in statuses(plan)]
    if as_json:
        print_json(found)
        return
    rows = [[one.name, _coloured(one.status), _place(one), ago(one.since), " ".join(one.codes)] for one in found]
    table(["Deployment", "Status", "Pool/Queue", "Since", "Codes"], rows, "There are no deployments of agents.")
    if found:
        counts = Counter(one.status for one in found)
        say("\n" + ", ".join(f"{number} {word}" for word, number in counts.most_common()) + ".")


def _place(one: Status) -> str:
    return f"{one.work_pool}/{one.work_queue}" if one.work_pool else ""


def _coloured(word: str) -> str:
    return click.style(word, fg=COLORS.get(word))
