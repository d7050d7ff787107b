"""`penstock variable`"""

from __future__ import annotations

import click
import msgspec
from msgspec.structs import asdict

from penstock.cli.connect import connect, every, find
from penstock.cli.console import Failure, confirm, local, output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.errors import NotFound
from penstock.wire import variables
from penstock.wire.variables import Variable, VariableCreate, VariableUpdate

NONE = "There are no variables. Set one with: penstock variable set NAME VALUE"


@click.group(cls=Verbs, aliases={"delete": "unset"})
def variable() -> None:
    """Named values."""


@variable.command()
@click.option("--limit", type=int, default=100, help="Most variables shown.")
@output_option
def ls(limit: int, as_json: bool) -> None:
    """List variables."""
    with connect() as client:
        found = every(client, variables.filter_variables, limit)
    if as_json:
        return print_json(found)
    rows = [[one.name, _shown(one), local(one.created), local(one.updated), one.tags] for one in found]
    return table(["Name", "Value", "Created", "Updated", "Tags"], rows, NONE)


def _shown(one: Variable) -> str:
    text = one.value if isinstance(one.value, str) else msgspec.json.encode(one.value).decode()
    return text if len(text) <= 80 else f"{text[:79]}…"


def _read(client: Client, name: str) -> Variable:
    return find(client, variables.read_variable_by_name, f"Variable {name!r} not found.", name=name)


@variable.command()
@click.argument("name")
@output_option
def inspect(name: str, as_json: bool) -> None:
    """Show a variable."""
    with connect() as client:
        found = _read(client, name)
    return print_json(found) if as_json else record(asdict(found))


@variable.command("get")
@click.argument("name")
def get_value(name: str) -> None:
    """Print a variable's value."""
    with connect() as client:
        value = _read(client, name).value
    click.echo(value if isinstance(value, str) else msgspec.json.encode(value))


@variable.command("set")
@click.argument("name")
@click.argument("value")
@click.option("--overwrite", is_flag=True, help="Replace the value when there is one.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
def set_value(name: str, value: str, overwrite: bool, tags: tuple[str, ...]) -> None:
    """Set a variable; a value that is JSON is kept as such."""
    try:
        content = msgspec.json.decode(value)
    except msgspec.DecodeError:
        content = value
    with connect() as client:
        try:
            client.call(variables.read_variable_by_name, name=name)
        except NotFound:
            client.call(variables.create_variable, VariableCreate(name=name, value=content, tags=list(tags)))
        else:
            if not overwrite:
                raise Failure(f"Variable {name!r} already exists; use --overwrite to replace its value.")
            update = VariableUpdate(value=content, tags=list(tags))
            client.call(variables.update_variable_by_name, update, name=name)
    say(f"Set variable {name!r}.")


@variable.command()
@click.argument("name")
def unset(name: str) -> None:
    """Delete a variable."""
    with connect() as client:
        _read(client, name)
        confirm(f"Delete the variable {name!r}?")
        client.call(variables.delete_variable_by_name, name=name)
    say(f"Deleted variable {name!r}.")
