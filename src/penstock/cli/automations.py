"""`penstock automation`"""

from __future__ import annotations

from typing import Any

import click
import msgspec

from penstock.cli.connect import as_id, connect, every, find
from penstock.cli.console import Failure, confirm, json_wanted, print_json, say
from penstock.cli.files import parse_json, read_text
from penstock.cli.groups import Verbs
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.wire import automations
from penstock.wire.automations import Automation, AutomationCreate, AutomationPartialUpdate, AutomationUpdate

NONE = "There are no automations. Create one with: penstock automation create --from-file FILE"


@click.group(cls=Verbs, aliases={"enable": "resume", "disable": "pause"})
def automation() -> None:
    """Actions that events cause."""


id_option = click.option("--id", "automation_id", help="The automation's id, instead of its name.")
file_option = click.option("--from-file", "-f", metavar="FILE", help="A JSON or YAML file.")
json_option = click.option("--from-json", "-j", metavar="JSON", help="The JSON itself.")


@automation.command()
@click.option("--output", "-o", metavar="json", help="Print JSON.")
def ls(output: str | None) -> None:
    """List automations."""
    as_json = json_wanted(output)
    with connect() as client:
        found = every(client, automations.filter_automations)
    if as_json:
        return print_json(found)
    rows = [
        [one.name, one.enabled, one.trigger.get("type"), [each.get("type") for each in one.actions], one.id]
        for one in found
    ]
    return table(["Name", "Enabled", "Trigger", "Actions", "ID"], rows, NONE)


def _find(client: Client, name: str | None, automation_id: str | None) -> list[Automation]:
    """All automations of a name, or the one of an id. Raises Failure when there is none."""
    if (name is None) == (automation_id is None):
        raise Failure("Give either a name or --id.")
    if automation_id is not None:
        known = as_id(automation_id)
        missing = f"Automation with id {automation_id!r} not found."
        if known is None:
            raise Failure(missing)
        return [find(client, automations.read_automation, missing, id=known)]
    found = every(client, automations.filter_automations, automations={"name": {"any_": [name]}})
    if not found:
        raise Failure(f"Automation {name!r} not found.")
    return found


@automation.command()
@click.argument("name", required=False)
@id_option
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML.")
@click.option("--json", "json_flag", is_flag=True, help="Print JSON.")
@click.option("--output", "-o", metavar="json", help="Print JSON.")
def inspect(name: str | None, automation_id: str | None, as_yaml: bool, json_flag: bool, output: str | None) -> None:
    """Show an automation."""
    as_json = json_wanted(output) or json_flag
    if as_json and as_yaml:
        raise Failure("Use either --json or --yaml, not both.")
    with connect() as client:
        found = _find(client, name, automation_id)
    content: Any = found[0] if len(found) == 1 else found
    if as_json:
        return print_json(content)
    if as_yaml:
        from penstock.deploy.yaml_text import to_yaml

        return click.echo(to_yaml(msgspec.to_builtins(content)))
    for one in found:
        record({field: getattr(one, field) for field in one.__struct_fields__})
    return None


@automation.command()
@click.argument("name", required=False)
@id_option
def resume(name: str | None, automation_id: str | None) -> None:
    """Switch an automation on."""
    _switch(name, automation_id, on=True)


@automation.command()
@click.argument("name", required=False)
@id_option
def pause(name: str | None, automation_id: str | None) -> None:
    """Switch an automation off."""
    _switch(name, automation_id, on=False)


def _switch(name: str | None, automation_id: str | None, *, on: bool) -> None:
    with connect() as client:
        for one in _find(client, name, automation_id):
            client.call(automations.patch_automation, AutomationPartialUpdate(enabled=on), id=one.id)
            say(f"{'Resumed' if on else 'Paused'} automation {one.name!r}.")


@automation.command()
@click.argument("name", required=False)
@id_option
@click.option("--all", "all_of_them", is_flag=True, help="Delete every automation.")
def delete(name: str | None, automation_id: str | None, all_of_them: bool) -> None:
    """Delete an automation."""
    with connect() as client:
        if all_of_them:
            if name or automation_id:
                raise Failure("Give either an automation or --all, not both.")
            found = every(client, automations.filter_automations)
        else:
            found = _find(client, name, automation_id)
        if len(found) > 1 and not all_of_them:
            raise Failure(f"There are {len(found)} automations named {name!r}; use --id.")
        if found:
            confirm(f"Delete {len(found)} automation(s)?")
        for one in found:
            client.call(automations.delete_automation, id=one.id)
    say(f"Deleted {len(found)} automation(s).")


@automation.command()
@file_option
@json_option
def create(from_file: str | None, from_json: str | None) -> None:
    """Create automations."""
    with connect() as client:
        for content in _contents(from_file, from_json):
            created = client.call(automations.create_automation, _shape(content, AutomationCreate))
            say(f"Created automation {created.name!r} with id '{created.id}'.")


@automation.command()
@click.option("--id", "automation_id", type=click.UUID, required=True, help="Which one.")
@file_option
@json_option
def update(automation_id: Any, from_file: str | None, from_json: str | None) -> None:
    """Replace an automation."""
    content = _contents(from_file, from_json)
    if len(content) != 1:
        raise Failure("Give exactly one automation.")
    with connect() as client:
        _find(client, None, str(automation_id))
        client.call(automations.update_automation, _shape(content[0], AutomationUpdate), id=automation_id)
    say(f"Updated automation '{automation_id}'.")


def _contents(from_file: str | None, from_json: str | None) -> list[Any]:
    """One automation, a list, or `automations: [...]`."""
    if (from_file is None) == (from_json is None):
        raise Failure("Give either --from-file or --from-json.")
    content = _parse(from_file) if from_file else parse_json(from_json or "", "The text for --from-json")
    if isinstance(content, dict) and "automations" in content:
        content = content["automations"]
    return content if isinstance(content, list) else [content]


def _parse(path: str) -> Any:
    text = read_text(path)
    if path.endswith(".json"):
        return parse_json(text, f"The file {path}")
    if path.endswith((".yaml", ".yml")):
        from penstock.deploy.yaml_text import from_yaml

        return from_yaml(text, path)
    raise Failure(f"The file {path} must end in .json, .yaml or .yml.")


def _shape(content: Any, kind: type[Any]) -> Any:
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise Failure(f"This is not an automation: {error}.") from None
