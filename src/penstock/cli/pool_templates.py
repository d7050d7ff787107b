"""`penstock work-pool template`"""

from __future__ import annotations

from typing import Any

import click

from penstock.cli.connect import connect
from penstock.cli.console import Failure, ago, confirm, local, output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.cli.tables import table
from penstock.client.client import Client
from penstock.core.template_changes import TemplateChange, template_changes
from penstock.errors import NotFound
from penstock.wire import pool_templates, work_pools
from penstock.wire.pool_templates import PoolTemplate
from penstock.wire.work_pools import WorkPoolUpdate

LONGEST_VALUE = 100
COLORS = {"+": "green", "-": "red", "~": "yellow"}


@click.group(cls=Verbs)
def template() -> None:
    """The base job templates that a pool has and had."""


@template.command()
@click.argument("name")
@output_option
def ls(name: str, as_json: bool) -> None:
    """List a pool's templates, the one in use first."""
    with connect() as client:
        kept = _kept(client, name)
    if as_json:
        return print_json(kept)
    rows: list[list[object]] = []
    for place, one in enumerate(kept):
        before = kept[place + 1].base_job_template if place + 1 < len(kept) else {}
        changed = len(template_changes(before, one.base_job_template))
        rows.append([one.number, local(one.created), ago(one.created), changed])
    return table(["Number", "Since", "", "Changes"], rows, f"Nothing is known of earlier templates of {name!r}.")


@template.command()
@click.argument("name")
@click.argument("number", type=int, required=False)
def inspect(name: str, number: int | None) -> None:
    """Print a template: the one of a number, or the one in use."""
    with connect() as client:
        print_json(_one(client, name, number).base_job_template)


@template.command()
@click.argument("name")
@click.argument("number", type=int)
def restore(name: str, number: int) -> None:
    """Use an earlier template again."""
    with connect() as client:
        wanted = _one(client, name, number).base_job_template
        if not show_changes(_one(client, name, None).base_job_template, wanted):
            return say(f"Work pool {name!r} has this template.")
        confirm(f"Give work pool {name!r} its template number {number} again?")
        client.call(work_pools.update_work_pool, WorkPoolUpdate(base_job_template=wanted), name=name)
    return say(f"Work pool {name!r} has its template number {number} again.")


def show_changes(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Prints what differs between two templates, a line for each place; whether anything does."""
    changes = template_changes(before, after)
    for change in changes:
        say(click.style(f"{change.sign} {change.path}", fg=COLORS[change.sign]) + f": {_values(change)}")
    return bool(changes)


def _values(change: TemplateChange) -> str:
    if change.sign == "~":
        return f"{value_text(change.before)} -> {value_text(change.after)}"
    return value_text(change.after if change.sign == "+" else change.before)


def value_text(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    import msgspec

    text = msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _kept(client: Client, name: str) -> list[PoolTemplate]:
    try:
        return client.call(pool_templates.list_pool_templates, name=name)
    except NotFound as error:
        if error.message == "Not Found":
            raise Failure("This server keeps no earlier templates: it is not a Penstock server.") from None
        raise Failure(f"Work pool {name!r} not found.") from None


def _one(client: Client, name: str, number: int | None) -> PoolTemplate:
    kept = _kept(client, name)
    for one in kept:
        if number in (None, one.number):
            return one
    known = ", ".join(str(one.number) for one in kept) or "none"
    raise Failure(f"Work pool {name!r} has no template number {number}; there are: {known}.")
