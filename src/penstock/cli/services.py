"""`penstock server services`"""

from __future__ import annotations

import click

from penstock.cli.console import note, output_option, print_json
from penstock.cli.groups import Verbs
from penstock.cli.tables import table
from penstock.settings import current
from penstock.settings.names import variable


@click.group(cls=Verbs, aliases={"list": "ls"})
def services() -> None:
    """What the server does beside answering."""


@services.command()
@output_option
def ls(as_json: bool) -> None:
    """List services."""
    every = current().server.services
    found = [
        {
            "name": name,
            "enabled": bool(getattr(every, name).enabled),
            "setting": variable(f"server.services.{name}.enabled"),
            "description": (type(getattr(every, name)).__doc__ or "").strip(),
        }
        for name in every.__struct_fields__
    ]
    if as_json:
        return print_json(found)
    table(["Name", "Enabled", "Description"], [[one["name"], one["enabled"], one["description"]] for one in found])
    return note("Each is switched by its setting, such as PENSTOCK_SERVER_SERVICES_SCHEDULER_ENABLED=false.")
