"""`penstock events`"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from penstock.cli.connect import connect
from penstock.cli.console import Failure, local, say
from penstock.cli.files import parse_json, parse_object
from penstock.cli.groups import Verbs
from penstock.ids import new_id
from penstock.wire import events as wire
from penstock.wire.events import Event, ReceivedEvent


@click.group(cls=Verbs)
def events() -> None:
    """What happens, as it happens."""


@events.command()
@click.option("--format", "form", type=click.Choice(["json", "text"]), default="json", help="How events are written.")
@click.option("--output-file", type=click.Path(path_type=Path), help="Add them to this file.")
@click.option("--run-once", is_flag=True, help="Stop after the first.")
def stream(form: str, output_file: Path | None, run_once: bool) -> None:
    """Print events as they come."""
    from penstock.client import streams
    from penstock.settings import current

    if not current().api.url:
        raise Failure("No server is configured; set PENSTOCK_API_URL.")
    for event in streams.follow_blocking(streams.events(current())):
        _write(_line(event, form), output_file)
        if run_once:
            return


def _line(event: ReceivedEvent, form: str) -> str:
    if form == "json":
        return msgspec.json.encode(event).decode()
    return f"{local(event.occurred)} {event.event} {event.resource.get('prefect.resource.id', '')}"


def _write(line: str, file: Path | None) -> None:
    if file is None:
        click.echo(line)
        return
    try:
        with file.open("a") as output:
            output.write(f"{line}\n")
    except OSError as error:
        raise Failure(f"Can't write to {file}: {error.strerror}.") from None


@events.command()
@click.argument("event")
@click.option("--resource", "-r", help="What it is about: JSON or key=value.")
@click.option("--resource-id", help="The id of what it is about.")
@click.option("--related", help="What else was involved: a JSON object or list.")
@click.option("--payload", "-p", help="More about it: a JSON object.")
def emit(event: str, resource: str | None, resource_id: str | None, related: str | None, payload: str | None) -> None:
    """Send an event."""
    about = _resource(resource)
    if resource_id:
        about["prefect.resource.id"] = resource_id
    if "prefect.resource.id" not in about:
        raise Failure("An event needs a resource with a 'prefect.resource.id'; give --resource-id.")
    sent = Event(
        id=new_id(),
        occurred=datetime.now(UTC),
        event=event,
        resource=about,
        related=_related(related),
        payload=parse_object(payload, "The text for --payload") if payload else {},
    )
    with connect() as client:
        client.call(wire.create_events, [sent])
    say(f"Sent event {event!r} with id '{sent.id}'.")


def _resource(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    if text.lstrip().startswith(("{", "[")):
        return parse_object(text, "The text for --resource")
    key, equals, value = text.partition("=")
    if not equals:
        raise Failure("The resource must be JSON or key=value.")
    return {key: value}


def _related(text: str | None) -> list[dict[str, Any]]:
    if not text:
        return []
    found = parse_json(text, "The text for --related")
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in listed):
        raise Failure("What is related must be a JSON object or a list of them.")
    return listed
