"""`penstock upgrade command` and `penstock upgrade helm`: what starts agents, as what starts workers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import click

from penstock.cli.console import Failure, note
from penstock.core.agent_commands import Surroundings, moves, translate
from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.errors import ServerUnreachable

BLOCKED = 2
"""The exit code when something is left for people to do first."""


@click.command()
@click.argument("words", metavar="COMMAND...", nargs=-1, type=click.UNPROCESSED)
@click.option("--file", "-f", type=click.File(), help="A script, a unit or a manifest; `-` is standard input.")
@click.option("--offline", is_flag=True, help="Ask no server which pools and queues are meant.")
def command(words: tuple[str, ...], file: TextIO | None, offline: bool) -> int:
    """Translate the commands that start agents.

    COMMAND is one such command, in quotes or behind `--`; --file takes a whole text, whose other lines stay.
    """
    if bool(words) == bool(file):
        raise Failure('Give either a command, such as `penstock upgrade command "agent start -p old"`, or --file.')
    text = file.read() if file else " ".join(words)
    done = translate(text, Surroundings() if offline else _surroundings())
    if not done.found:
        raise Failure("There is no `agent start` in it.")
    sys.stdout.write(done.text if done.text.endswith("\n") else done.text + "\n")
    return _told(done.remarks)


@click.command()
@click.argument("values", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--pool", "-p", help="The new work pool.")
def helm(values: Path, pool: str | None) -> int:
    """Translate the values of the chart prefect-agent into those of prefect-worker."""
    from penstock.deploy.helm_values import translate_values

    text, remarks = translate_values(values.read_text(), str(values), pool)
    sys.stdout.write(text)
    return _told(remarks)


def _surroundings() -> Surroundings:
    """What the server tells of pools and queues; nothing where none answers."""
    from penstock.cli.connect import connect
    from penstock.cli.upgrade_plan import planned

    try:
        with connect() as client:
            plan, there = planned(client, ())
    except ServerUnreachable as error:
        note(f"No server was asked which pools are meant: {error.message}")
        return Surroundings()
    queues: dict[str, list[str]] = {}
    for pool, name in there.queues:
        queues.setdefault(pool, []).append(name)
    names = {str(one.id): one.name for one in there.queues.values()}
    return Surroundings(moves(plan), queues, names)


def _told(remarks: Sequence[Remark]) -> int:
    for one in _worst_first(remarks):
        note(f"{one.code} {one.severity}: {one.sentence} {one.way_out}")
    return BLOCKED if any(one.severity is Severity.ERROR for one in remarks) else 0


def _worst_first(remarks: Iterable[Remark]) -> list[Remark]:
    order = [Severity.ERROR, Severity.WARNING, Severity.NOTE]
    return sorted(remarks, key=lambda one: order.index(one.severity))
