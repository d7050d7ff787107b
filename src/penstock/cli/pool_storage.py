"""`penstock work-pool storage`"""

from __future__ import annotations

import click
from msgspec.structs import asdict

from penstock.cli.connect import connect, find
from penstock.cli.console import output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.cli.tables import record
from penstock.wire import work_pools


@click.group(cls=Verbs)
def storage() -> None:
    """Where bundles and results of a pool's runs are kept."""


@storage.command()
@click.argument("name")
@output_option
def inspect(name: str, as_json: bool) -> None:
    """Show a pool's storage."""
    with connect() as client:
        pool = find(client, work_pools.read_work_pool, f"Work pool {name!r} not found.", name=name)
    kept = asdict(pool.storage_configuration)
    if as_json:
        return print_json(kept)
    if not any(kept.values()):
        return say(f"No storage is set for the work pool {name!r}.")
    return record(kept)
