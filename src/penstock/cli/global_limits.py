"""`penstock global-concurrency-limit`"""

from __future__ import annotations

from pathlib import Path

import click
from msgspec import UNSET, json
from msgspec.structs import asdict

from penstock.cli.connect import connect, every, find
from penstock.cli.console import Failure, confirm, json_wanted, local, output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.errors import Conflict
from penstock.wire import limits
from penstock.wire.limits import GlobalLimitCreate, GlobalLimitSummary, GlobalLimitUpdate

NONE = "There are no global concurrency limits. Create one with: penstock gcl create NAME --limit N"


@click.group("global-concurrency-limit", cls=Verbs)
def global_concurrency_limit() -> None:
    """Limits by name; with a decay they are rate limits."""


@global_concurrency_limit.command()
@output_option
def ls(as_json: bool) -> None:
    """List limits."""
    with connect() as client:
        found = every(client, limits.filter_global_limits)
    if as_json:
        return print_json(found)
    rows = [
        [one.name, one.limit, one.active_slots, one.slot_decay_per_second, one.active, local(one.updated), one.id]
        for one in found
    ]
    return table(["Name", "Limit", "Taken", "Decay per second", "Active", "Updated", "ID"], rows, NONE)


def _read(client: Client, name: str) -> GlobalLimitSummary:
    missing = f"Global concurrency limit {name!r} not found."
    return find(client, limits.read_global_limit, missing, id_or_name=name)


@global_concurrency_limit.command()
@click.argument("name")
@click.option("--output", "-o", metavar="json", help="Print JSON.")
@click.option("--file", "-f", type=click.Path(path_type=Path), help="Write the JSON here.")
def inspect(name: str, output: str | None, file: Path | None) -> None:
    """Show a limit."""
    as_json = json_wanted(output)
    if file and not as_json:
        raise Failure("--file needs --output json.")
    with connect() as client:
        found = _read(client, name)
    if file:
        file.write_bytes(json.format(json.encode(found), indent=2) + b"\n")
        return say(f"Wrote the limit to {file}.")
    return print_json(found) if as_json else record(asdict(found))


@global_concurrency_limit.command()
@click.argument("name")
@click.option("--limit", "-l", type=int, required=True, help="How many slots there are.")
@click.option("--disable", is_flag=True, help="Create it switched off.")
@click.option("--active-slots", type=int, default=0, help="How many are taken at the start.")
@click.option("--slot-decay-per-second", type=float, default=0.0, help="How fast slots free themselves.")
def create(name: str, limit: int, disable: bool, active_slots: int, slot_decay_per_second: float) -> None:
    """Create a limit."""
    _check(limit=limit, active_slots=active_slots, slot_decay_per_second=slot_decay_per_second)
    new = GlobalLimitCreate(
        name=name,
        limit=limit,
        active=not disable,
        active_slots=active_slots,
        slot_decay_per_second=slot_decay_per_second,
    )
    with connect() as client:
        try:
            client.call(limits.create_global_limit, new)
        except Conflict:
            raise Failure(f"Global concurrency limit {name!r} already exists; use `gcl update`.") from None
    say(f"Created global concurrency limit {name!r}.")


def _check(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and value < 0:
            raise Failure(f"--{name.replace('_', '-')} must not be below 0.")


@global_concurrency_limit.command()
@click.argument("name")
@click.option("--enable/--disable", default=None, help="Switch it on or off.")
@click.option("--limit", "-l", type=int, help="How many slots there are.")
@click.option("--active-slots", type=int, help="How many are taken now.")
@click.option("--slot-decay-per-second", type=float, help="How fast slots free themselves.")
def update(
    name: str, enable: bool | None, limit: int | None, active_slots: int | None, slot_decay_per_second: float | None
) -> None:
    """Change a limit."""
    given = (enable, limit, active_slots, slot_decay_per_second)
    if all(value is None for value in given):
        raise Failure("Say what to change, such as --limit 5.")
    _check(limit=limit, active_slots=active_slots, slot_decay_per_second=slot_decay_per_second)
    change = GlobalLimitUpdate(
        active=UNSET if enable is None else enable,
        limit=UNSET if limit is None else limit,
        active_slots=UNSET if active_slots is None else active_slots,
        slot_decay_per_second=UNSET if slot_decay_per_second is None else slot_decay_per_second,
    )
    _update(name, change, "Updated")


@global_concurrency_limit.command()
@click.argument("name")
def enable(name: str) -> None:
    """Switch a limit on."""
    _switch(name, on=True)


@global_concurrency_limit.command()
@click.argument("name")
def disable(name: str) -> None:
    """Switch a limit off."""
    _switch(name, on=False)


def _switch(name: str, *, on: bool) -> None:
    with connect() as client:
        if _read(client, name).active == on:
            raise Failure(f"The global concurrency limit {name!r} is {'on' if on else 'off'} already.")
    _update(name, GlobalLimitUpdate(active=on), "Enabled" if on else "Disabled")


def _update(name: str, change: GlobalLimitUpdate, done: str) -> None:
    with connect() as client:
        _read(client, name)
        client.call(limits.update_global_limit, change, id_or_name=name)
    say(f"{done} global concurrency limit {name!r}.")


@global_concurrency_limit.command()
@click.argument("name")
def delete(name: str) -> None:
    """Delete a limit."""
    with connect() as client:
        _read(client, name)
        confirm(f"Delete the global concurrency limit {name!r}?")
        client.call(limits.delete_global_limit, id_or_name=name)
    say(f"Deleted global concurrency limit {name!r}.")
