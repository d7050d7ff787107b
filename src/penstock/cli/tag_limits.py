"""`penstock concurrency-limit`"""

from __future__ import annotations

import click
from msgspec.structs import asdict

from penstock.cli.connect import connect
from penstock.cli.console import Failure, confirm, local, output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.cli.tables import record, table
from penstock.errors import NotFound
from penstock.wire import limits
from penstock.wire.limits import TagLimitCreate, TagLimitReset
from penstock.wire.model import Criteria

NONE = "There are no concurrency limits. Create one with: penstock concurrency-limit create TAG N"


@click.group(cls=Verbs)
def concurrency_limit() -> None:
    """Limits on how many tasks with a tag run at once."""


@concurrency_limit.command()
@click.argument("tag")
@click.argument("concurrency_limit", type=int)
def create(tag: str, concurrency_limit: int) -> None:
    """Set a tag's limit."""
    with connect() as client:
        client.call(limits.create_tag_limit, TagLimitCreate(tag=tag, concurrency_limit=concurrency_limit))
    say(f"Limited tasks tagged {tag!r} to {concurrency_limit} at once.")


def _missing(tag: str) -> Failure:
    return Failure(f"Concurrency limit for the tag {tag!r} not found.")


@concurrency_limit.command()
@click.argument("tag")
@output_option
def inspect(tag: str, as_json: bool) -> None:
    """Show a tag's limit and the tasks that hold its slots."""
    with connect() as client:
        try:
            limit = client.call(limits.read_tag_limit_by_tag, tag=tag)
        except NotFound:
            raise _missing(tag) from None
    return print_json(limit) if as_json else record(asdict(limit))


@concurrency_limit.command()
@click.option("--limit", type=int, default=15, help="Most limits shown.")
@click.option("--offset", type=int, default=0, help="How many to skip.")
@output_option
def ls(limit: int, offset: int, as_json: bool) -> None:
    """List the limits of tags."""
    with connect() as client:
        found = client.call(limits.filter_tag_limits, Criteria(limit=limit, offset=offset))
    if as_json:
        return print_json(found)
    rows = [[one.tag, one.concurrency_limit, len(one.active_slots), local(one.updated), one.id] for one in found]
    return table(["Tag", "Limit", "Taken", "Updated", "ID"], rows, NONE)


@concurrency_limit.command()
@click.argument("tag")
def reset(tag: str) -> None:
    """Free all of a tag's slots."""
    with connect() as client:
        try:
            client.call(limits.reset_tag_limit, TagLimitReset(), tag=tag)
        except NotFound:
            raise _missing(tag) from None
    say(f"Freed all slots of the tag {tag!r}.")


@concurrency_limit.command()
@click.argument("tag")
def delete(tag: str) -> None:
    """Remove a tag's limit."""
    with connect() as client:
        try:
            client.call(limits.read_tag_limit_by_tag, tag=tag)
            confirm(f"Remove the limit of the tag {tag!r}?")
            client.call(limits.delete_tag_limit_by_tag, tag=tag)
        except NotFound:
            raise _missing(tag) from None
    say(f"Removed the limit of the tag {tag!r}.")
