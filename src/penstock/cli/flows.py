"""`penstock flow`"""

from __future__ import annotations

from typing import Any

import click

from penstock.cli.connect import connect, every
from penstock.cli.console import Failure, local, output_option, print_json
from penstock.cli.groups import Verbs
from penstock.cli.tables import table
from penstock.wire import flows

NONE = "There are no flows. A flow is known once it has run or is deployed."


@click.group(cls=Verbs)
def flow() -> None:
    """Flows the server knows."""


@flow.command()
@click.option("--limit", type=int, default=15, help="Most flows shown.")
@output_option
def ls(limit: int, as_json: bool) -> None:
    """List flows, newest first."""
    with connect() as client:
        found = every(client, flows.filter_flows, limit, sort="CREATED_DESC")
    if as_json:
        return print_json(found)
    rows = [[one.name, local(one.created), one.tags, one.id] for one in found]
    return table(["Name", "Created", "Tags", "ID"], rows, NONE)


@flow.command()
@click.argument("entrypoint")
@click.option("--name", "-n", required=True, help="The deployment's name.")
@click.option("--description", "-d", help="What it does; default: what the flow says.")
@click.option("--version", "-v", help="Its version.")
@click.option("--tag", "-t", "tags", multiple=True, help="A tag; may be given several times.")
@click.option("--cron", help="A cron line to run it by.")
@click.option("--interval", type=float, help="Seconds between runs.")
@click.option("--anchor-date", help="From when the interval counts.")
@click.option("--rrule", help="An iCalendar rule to run it by.")
@click.option("--timezone", help="The zone of the schedule.")
@click.option("--pause-on-shutdown/--no-pause-on-shutdown", default=True, help="Whether schedules stop with this.")
@click.option("--limit", type=click.IntRange(min=1), help="Most runs at once, here.")
@click.option("--global-limit", type=click.IntRange(min=1), help="Most runs at once, anywhere.")
def serve(
    entrypoint: str,
    name: str,
    tags: tuple[str, ...],
    pause_on_shutdown: bool,
    limit: int | None,
    global_limit: int | None,
    **schedule: Any,
) -> None:
    """Deploy a flow and run what is due of it here, until stopped.

    ENTRYPOINT is path/to/file.py:function.
    """
    from penstock.sdk.entrypoints import load_flow

    anchor = schedule.pop("anchor_date")
    if anchor:
        if schedule["interval"] is None:
            raise Failure("--anchor-date goes with --interval.")
        rule = {name: schedule.pop(name) for name in ("interval", "timezone")}
        schedule = {**schedule, "schedules": [{**rule, "anchor_date": anchor}]}
    load_flow(entrypoint).serve(
        name,
        limit=limit,
        pause_on_shutdown=pause_on_shutdown,
        tags=list(tags),
        concurrency_limit=global_limit,
        **{key: value for key, value in schedule.items() if value is not None},
    )
