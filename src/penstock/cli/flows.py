"""`penstock flow`"""

from __future__ import annotations

import click

from penstock.cli.connect import connect, every
from penstock.cli.console import local, output_option, print_json
from penstock.cli.groups import Verbs
from penstock.cli.tables import table
from penstock.wire import flows


@click.group(cls=Verbs)
def flow() -> None:
    """Flows the server knows."""


@flow.command()
@click.option("--limit", type=int, default=15, help="Most flows shown.")
@output_option
def ls(limit: int, as_json: bool) -> None:
    """List flows, newest first."""
    with connect() as client:
        found = every(client, flows.filter_flows, limit, sort="CREATED_DESC")
    if as_json:
        return print_json(found)
    return table(["Name", "Created", "Tags", "ID"], [[one.name, local(one.created), one.tags, one.id] for one in found])
