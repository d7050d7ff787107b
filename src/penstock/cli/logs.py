"""Reading a run's log lines, for `flow-run logs` and `task-run logs`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from penstock.cli.console import Failure, output_option, print_json
from penstock.client.client import Client
from penstock.wire import logs
from penstock.wire.logs import Log
from penstock.wire.model import Criteria

PAGE = 200
FEW = 20


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which lines: all, the first or the last so many, oldest or newest first."""
    for option in (
        output_option,
        click.option("--reverse", "-r", is_flag=True, help="Newest first."),
        click.option("--num-logs", "-n", "count", type=click.IntRange(min=1), help=f"How many; with -h or -t {FEW}."),
        click.option("--tail", "-t", is_flag=True, help="The last lines."),
        click.option("--head", "-h", is_flag=True, help="The first lines."),
    ):
        command = option(command)
    return command


def show_logs(
    client: Client, criteria: dict[str, Any], *, head: bool, tail: bool, count: int | None, reverse: bool, as_json: bool
) -> None:
    """Prints the lines. Raises Failure when both ends are asked for."""
    if head and tail:
        raise Failure("Use either --head or --tail, not both.")
    wanted = count if count is not None else (FEW if head or tail else None)
    newest_first = tail or (reverse and not head)
    lines = _read(client, criteria, wanted, "TIMESTAMP_DESC" if newest_first else "TIMESTAMP_ASC")
    ordered: Iterable[Log] = lines if newest_first == reverse else reversed(list(lines))
    if as_json:
        return print_json(list(ordered))
    for line in ordered:
        _print(line)
    return None


def _read(client: Client, criteria: dict[str, Any], wanted: int | None, sort: str) -> Iterator[Log]:
    given = 0
    while wanted is None or given < wanted:
        room = PAGE if wanted is None else min(PAGE, wanted - given)
        page = client.call(logs.filter_logs, Criteria(logs=criteria, sort=sort, limit=room, offset=given))
        yield from page
        given += len(page)
        if len(page) < room:
            return


def _print(line: Log) -> None:
    moment = line.timestamp.astimezone().strftime("%H:%M:%S.%f")[:-3]
    level = logging.getLevelName(line.level)
    colour = "red" if line.level >= logging.ERROR else "yellow" if line.level >= logging.WARNING else None
    click.echo(f"{moment} | {click.style(f'{level:<7}', fg=colour)} | {line.name} - {line.message}")
