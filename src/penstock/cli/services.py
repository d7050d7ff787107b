"""`penstock server services`"""

from __future__ import annotations

import click

from penstock.cli.console import output_option, print_json
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
    """List services, and the setting that switches each."""
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
    return table(["Name", "Enabled", "Setting", "Description"], [list(one.values()) for one in found])
