"""Talking to the person or the program at the other end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from penstock.cli.screen import colors
from penstock.errors import PenstockError
from penstock.settings import current


class Failure(PenstockError):
    """The command could not do what was asked."""

    code = "command_failed"


def say(message: str) -> None:
    """A line for a person, on standard output: what was done."""
    click.echo(message, color=colors())


def note(message: str) -> None:
    """A line for a person that is no result, on standard error."""
    click.echo(message, err=True, color=colors())


def complain(message: str) -> None:
    """What went wrong, on standard error."""
    click.echo(click.style("Error: ", fg="red") + message, err=True, color=colors())


def print_json(value: Any) -> None:
    """A value as indented JSON on standard output."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def may_ask() -> bool:
    """Whether there is somebody to ask: a terminal on both ends, unless settings say otherwise."""
    setting = current().cli.prompt
    if setting is not None:
        return setting
    return all(end is not None and end.isatty() for end in (sys.stdin, sys.stdout))


def confirm(question: str) -> None:
    """Asks before something is lost; nobody to ask means yes. Raises Failure on no."""
    if may_ask() and not click.confirm(question, default=False):
        raise Failure("Nothing was changed.")


def json_wanted(output: str | None) -> bool:
    """Whether `--output` asks for JSON. Raises Failure for any other format."""
    if output is not None and output.lower() != "json":
        raise Failure(f"The only output format is 'json', not {output!r}.")
    return output is not None


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--output json`; the command gets `as_json`."""

    def read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> bool:
        return json_wanted(value)

    option = click.option("--output", "-o", "as_json", metavar="json", callback=read, help="Print JSON.")
    return option(command)


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """A moment as a table has room for it: `3m ago`, `in 2h`."""
    if moment is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    size = abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if size >= length:
            words = f"{int(size // length)}{unit}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "now"


def local(moment: datetime | None) -> str:
    """A moment in the local zone, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def slots_taken(taken: int, limit: int | None) -> str:
    """How many slots are held, as a sentence."""
    return f"{taken} slots taken; there is no limit." if limit is None else f"{taken} of {limit} slots taken."


STATE_COLORS = {
    "COMPLETED": "green",
    "FAILED": "red",
    "CRASHED": "bright_red",
    "RUNNING": "blue",
    "PENDING": "cyan",
    "SCHEDULED": "yellow",
    "PAUSED": "magenta",
    "CANCELLED": "bright_black",
    "CANCELLING": "bright_black",
}


def state(type: str | None, name: str | None) -> str:
    """A state's name in the colour of its type."""
    return click.style(name or type or "", fg=STATE_COLORS.get(type or ""))
