"""`penstock upgrade import`, `penstock upgrade activate`"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from penstock.cli.connect import connect
from penstock.cli.console import Failure, confirm, may_ask, note, output_option, print_json, say
from penstock.cli.tables import table
from penstock.client.client import Client
from penstock.client.open import open_foreign
from penstock.core.server_copies import CopyState, Item, counts
from penstock.errors import PenstockError
from penstock.settings import current
from penstock.upgrade.activation import activate as activate_each
from penstock.upgrade.activation import at_rest
from penstock.upgrade.copying import Copied, CopyOutcome, Wishes, carry_out, look
from penstock.wire import admin

ACTIVATE = "penstock upgrade activate"
SHOWN = 20
"""The most names of one sort that a plan lists."""


@click.command("import")
@click.option("--from", "url", metavar="URL", required=True, help="The API of the server to copy from.")
@click.option("--from-key", envvar="PENSTOCK_IMPORT_KEY", help="Its API key; or set PENSTOCK_IMPORT_KEY.")
@click.option(
    "--from-auth", metavar="USER:PASS", envvar="PENSTOCK_IMPORT_AUTH", help="Its basic auth; or PENSTOCK_IMPORT_AUTH."
)
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be copied, and write nothing.")
@click.option("--update", is_flag=True, help="Make what is here already and differs like what is there.")
@click.option("--keep-active", is_flag=True, help="Let schedules and automations act here at once.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output_option
def import_(
    url: str,
    from_key: str | None,
    from_auth: str | None,
    only_plan: bool,
    update: bool,
    keep_active: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Copy what another Prefect or Penstock server is set up with to this one.

    Block types, blocks with their secrets, variables, limits, work pools, queues, flows, deployments with their
    schedules, automations. Not runs. Nothing is changed there; a second time copies only what is new.
    """
    wishes = Wishes(update=update, keep_active=keep_active)
    with connect() as target, _source(url, from_key, from_auth, target) as source:
        note(f"Reading {source.transport.base_url} and {target.transport.base_url}.")
        copy = look(source, target)
        if only_plan:
            return _plan_as_json(copy.items) if as_json else _show_plan(copy.items, wishes)
        if not as_json:
            _show_plan(copy.items, wishes)
        if _nothing_to_do(copy.items, wishes):
            return _report(copy.items, [], as_json)
        if not yes and may_ask():
            confirm("Copy this?")
        return _report(copy.items, list(_told(carry_out(copy, target, wishes))), as_json)


@click.command()
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def activate(yes: bool) -> None:
    """Let what was imported act as it did where it came from: schedules and automations."""
    with connect() as client:
        resting = at_rest(client)
        if not resting:
            say("Nothing that was imported waits to be activated.")
            return
        for one in resting:
            say(f"{one.kind} {one.name!r}")
        if not yes and may_ask():
            confirm(f"Activate these {len(resting)}? They should not be active where they came from any more.")
        done = sum(1 for _ in activate_each(client, resting))
    say(f"Activated {done}.")


@contextlib.contextmanager
def _source(url: str, key: str | None, auth: str | None, target: Client) -> Iterator[Client]:
    """The server to copy from, at the address given or below it."""
    if key and auth:
        raise Failure("Give either --from-key or --from-auth, not both.")
    plain = url.rstrip("/")
    for address in (plain, f"{plain}/api"):
        client = open_foreign(address, current(), key=key, auth=auth)
        if _answers(client):
            break
        client.close()
    else:
        raise Failure(f"No API of Prefect or Penstock answers at {url!r}. Try `curl {plain}/api/health`.")
    if client.transport.base_url == target.transport.base_url:
        client.close()
        raise Failure(f"{address!r} is the server that is configured here; --from names another one.")
    with client:
        yield client


def _answers(client: Client) -> bool:
    try:
        return bool(client.call(admin.health))
    except PenstockError:
        return False


def _nothing_to_do(items: Iterable[Item], wishes: Wishes) -> bool:
    written = {CopyState.NEW, CopyState.DIFFERENT} if wishes.update else {CopyState.NEW}
    return not any(one.state in written for one in items)


def _show_plan(items: list[Item], wishes: Wishes) -> int:
    rows = [
        [kind, found[CopyState.NEW], found[CopyState.SAME], found[CopyState.DIFFERENT]] for kind, found in counts(items)
    ]
    table(["What", "New", "Here already", "Different"], rows, "The other server has nothing to copy.")
    different = [f"{one.kind} {one.name!r}" for one in items if one.state is CopyState.DIFFERENT]
    if different:
        fate = "Will be made like their sources:" if wishes.update else "Differ here, and are left unless --update:"
        note(f"{fate} {_some(different)}.")
    if not wishes.keep_active and any(one.state is CopyState.NEW and one.kind in _ACTING for one in items):
        note(
            "New deployments with active schedules arrive paused and new automations switched off, as both servers"
            f" would act otherwise. When the other one has stopped: `{ACTIVATE}`."
        )
    return 0


_ACTING = ("deployment", "automation")


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _told(outcomes: Iterable[Copied]) -> Iterator[Copied]:
    """Passes outcomes on, and says when a kind is done, and what failed."""
    kind, written = "", 0
    for one in outcomes:
        if one.item.kind != kind:
            _tell(kind, written)
            kind, written = one.item.kind, 0
        written += one.outcome in (CopyOutcome.CREATED, CopyOutcome.UPDATED)
        if one.outcome is CopyOutcome.FAILED:
            note(f"Not copied: {kind} {one.item.name!r}: {one.reason}")
        yield one
    _tell(kind, written)


def _tell(kind: str, written: int) -> None:
    if written:
        note(f"{kind}: {written} written.")


def _report(items: list[Item], outcomes: list[Copied], as_json: bool) -> int:
    failed = [one for one in outcomes if one.outcome is CopyOutcome.FAILED]
    by = _numbers(one.outcome for one in outcomes)
    if as_json:
        print_json({"counts": by, "items": [_outcome_as_json(one) for one in outcomes]})
    elif not outcomes:
        say("Nothing to copy.")
    else:
        say(", ".join(f"{number} {name}" for name, number in by.items()) + ".")
        resting = any(one.outcome is CopyOutcome.CREATED and one.item.kind in _ACTING for one in outcomes)
        if resting:
            note(f"Next: stop the schedules of the other server, then `{ACTIVATE}`.")
    return 1 if failed else 0


def _numbers(outcomes: Iterable[CopyOutcome]) -> Mapping[str, int]:
    found = dict.fromkeys(CopyOutcome, 0)
    for one in outcomes:
        found[one] += 1
    return {name.value: number for name, number in found.items() if number}


def _plan_as_json(items: list[Item]) -> int:
    print_json(
        {
            "counts": {kind: {state.value: number for state, number in found.items()} for kind, found in counts(items)},
            "items": [{"kind": one.kind, "name": one.name, "state": one.state.value} for one in items],
        }
    )
    return 0


def _outcome_as_json(one: Copied) -> dict[str, Any]:
    return {"kind": one.item.kind, "name": one.item.name, "outcome": one.outcome.value, "reason": one.reason or None}
