"""What `penstock deploy` says of its plan: field by field, in colour on a terminal, or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.console import Failure, confirm, json_wanted, may_ask, note, print_json, say
from penstock.cli.screen import width_of_terminal
from penstock.cli.tables import cut

if TYPE_CHECKING:
    from penstock.deploy.plan import Item

SOMETHING_TO_DO = 2
"""The exit code of `--plan` where a deploy would do something."""
_COLORS = {"+": "green", "~": "yellow", "-": "red", "=": "bright_black"}
_SIGNS = {"create": "+", "change": "~", "none": "=", "remove": "-"}
_WOULD = {
    "create": "would be created:",
    "change": "would change:",
    "none": "is as planned.",
    "remove": "would be removed.",
}
_DONE = {"create": "created", "change": "updated", "none": "unchanged", "remove": "removed"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of the plan, beside applying it."""

    only_plan: bool
    prune: bool
    reset: bool
    yes: bool
    as_json: bool

    @classmethod
    def taken(cls, flags: dict[str, Any]) -> Wishes:
        """Out of a command's flags, which are left without them."""
        output = flags.pop("output")
        names = ("only_plan", "prune", "reset", "yes")
        return cls(**{name: flags.pop(name) for name in names}, as_json=json_wanted(output))

    @property
    def may_be_asked(self) -> bool:
        """Whether what is missing may be asked for: not of a program, nor for a plan alone."""
        return not (self.only_plan or self.as_json) and may_ask()


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that `Wishes.taken` takes."""
    for option in (
        click.option("--output", "-o", metavar="json", help="Print JSON, for programs."),
        click.option("--yes", "-y", is_flag=True, help="Remove without asking."),
        click.option("--reset", is_flag=True, help="The file wins over what people changed on the server."),
        click.option("--prune", is_flag=True, help="Remove what the file made earlier and has left. Goes with --all."),
        click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, and do nothing."),
    ):
        command = option(command)
    return command


async def run_plan(entries: Any, manifest: Any, shop: Any, wishes: Wishes) -> None:
    """Shows what would be done; exit code 2 when that is something."""
    from penstock.deploy.plan import Action, as_json
    from penstock.deploy.project import leavers, preview_entries

    items = []
    async for one in preview_entries(entries, manifest, shop, reset=wishes.reset):
        items.append(one)
        _warn(one)
        if not wishes.as_json:
            show(one)
    for one in await leavers(entries, manifest, shop) if wishes.prune else []:
        items.append(one)
        if not wishes.as_json:
            show(one)
    if wishes.as_json:
        print_json(as_json(items))
    else:
        say(summary(items))
    if any(one.action is not Action.NONE for one in items):
        raise click.exceptions.Exit(SOMETHING_TO_DO)


async def show_plan(entries: Any, manifest: Any, shop: Any, wishes: Wishes) -> None:
    """Shows what would be done, for somebody who is asked about it then."""
    from penstock.deploy.project import preview_entries

    async for one in preview_entries(entries, manifest, shop, reset=wishes.reset):
        _warn(one)
        show(one)


async def run_deploy(entries: Any, manifest: Any, shop: Any, wishes: Wishes) -> list[Any]:
    """Deploys, and removes what has left the file; gives the plans that were applied."""
    from penstock.deploy.plan import as_json, item_done
    from penstock.deploy.project import deploy_entries, leavers, remove

    gone = await leavers(entries, manifest, shop) if wishes.prune else []
    if gone:
        _may_remove(gone, wishes)
    items, plans = [], []
    with redirect_stdout(sys.stderr) if wishes.as_json else nullcontext():  # what steps say is no JSON
        async for one in deploy_entries(entries, manifest, shop, reset=wishes.reset):
            item = item_done(one)
            items.append(item)
            plans.append(one.plan)
            _warn(item)
            if not wishes.as_json:
                _tell(item, item.changes if one.changes.made else [])
    await remove(gone, shop.client)
    if wishes.as_json:
        print_json(as_json([*items, *gone]))
        return plans
    for each in gone:
        say(f"Deployment {each.name!r} removed: {each.id}")
    return plans


def _tell(item: Item, changes: Iterable[Any]) -> None:
    say(f"Deployment {item.name!r} {_DONE[item.action]}: {item.id}")
    _lines([*changes, *item.kept])


def check(wishes: Wishes, *, every: bool) -> None:
    """Raises Failure for wishes that do not fit: what leaves a file is known only of the whole file."""
    if wishes.prune and not every:
        raise Failure("--prune looks at the whole file: give --all with it.")


def _may_remove(gone: list[Item], wishes: Wishes) -> None:
    for one in gone:
        note(_headline(one))
    if wishes.yes:
        return
    if not may_ask():
        raise Failure("Deployments would be removed, and there is nobody to ask: give --yes. Nothing was changed.")
    confirm(f"Remove {_count(len(gone), 'deployment')} that left the file?")


def _warn(item: Item) -> None:
    for warning in item.warnings:
        note(warning)


def show(item: Item) -> None:
    """One deployment of a plan."""
    say(_headline(item))
    _lines([*item.changes, *item.kept])


def _headline(item: Item) -> str:
    sign = _SIGNS[item.action]
    begun = f" {_count(item.unfinished, 'run')} of it will go on to the end." if item.unfinished else ""
    would = _WOULD[item.action] + begun
    return f"{click.style(sign, fg=_COLORS[sign], bold=True)} Deployment {item.name!r} {would}"


def _lines(changes: Iterable[Any]) -> None:
    from penstock.core.change_words import words

    for change in changes:
        line = words(change)
        say(_fitted("    " + click.style(line, fg=_COLORS[line[0]])))


def _fitted(line: str) -> str:
    """On a terminal one line for each field; elsewhere whoever reads it wants all of it."""
    return cut(line, width_of_terminal()) if sys.stdout.isatty() else line


def summary(items: Iterable[Item]) -> str:
    """How many of each, in a sentence."""
    listed = list(items)
    words = {"create": "to create", "change": "to change", "none": "as planned", "remove": "to remove"}
    counts = [(sum(one.action == action for one in listed), text) for action, text in words.items()]
    told = ", ".join(f"{number} {text}" for number, text in counts if number)
    nothing = all(one.action == "none" for one in listed)
    return f"Nothing to do: {told}." if nothing else f"Plan: {told}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
