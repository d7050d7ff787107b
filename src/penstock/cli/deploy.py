"""`penstock deploy`: creates or updates deployments from prefect.yaml, flags, or both."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.console import Failure, note
from penstock.cli.deploy_plan import Wishes, check, plan_options, run_plan
from penstock.cli.workshop import deploy_and_hint, workshop

if TYPE_CHECKING:
    from penstock.deploy.manifest import Manifest
    from penstock.deploy.options import Options

FILE = "prefect.yaml"


def _many(*names: str, metavar: str, help: str) -> Callable[[Any], Any]:
    """An option that may be given several times."""
    return click.option(*names, multiple=True, metavar=metavar, help=help)


@click.command()
@click.argument("entrypoint", required=False)
@_many("--name", "-n", metavar="NAME", help="A deployment: its name, flow/name, or either with *.")
@click.option("--all", "every", is_flag=True, help="Every deployment of the file that has a name.")
@click.option("--prefect-file", metavar="PATH", help="The project file.  [default: prefect.yaml]")
@click.option("--root", "at_root", is_flag=True, help="Deploy as from the root of the repository this folder is in.")
@click.option("--description", "-d", metavar="TEXT", help="What it does; by default what the flow says.")
@click.option("--version", metavar="TEXT", help="By default a digest of the flow's file.")
@click.option("--version-type", metavar="TEXT", help="What kind of version it is.")
@_many("--tag", "-t", "tags", metavar="TAG", help="Replaces the file's tags.")
@click.option("--concurrency-limit", "-cl", type=click.IntRange(min=1), metavar="N", help="Most runs at a time.")
@click.option("--collision-strategy", metavar="ENQUEUE|CANCEL_NEW", help="What a run does that finds no slot.")
@click.option("--pool", "-p", metavar="NAME", help="The work pool.")
@click.option("--work-queue", "-q", metavar="NAME", help="The queue of that pool.")
@_many("--job-variable", "-jv", "job_variables", metavar="KEY=VALUE", help="Replaces the file's job variables.")
@_many("--cron", metavar="CRON", help="A schedule to add.")
@_many("--interval", metavar="SECONDS", help="A schedule to add.")
@click.option("--anchor-date", metavar="TIME", help="Where intervals are counted from.")
@_many("--rrule", metavar="RULE", help="A schedule to add.")
@click.option("--timezone", metavar="ZONE", help="The zone of every schedule.")
@_many("--trigger", "triggers", metavar="JSON|PATH", help="Replaces the file's triggers.")
@_many("--param", metavar="KEY=JSON", help="A parameter to set.")
@click.option("--params", metavar="JSON", help="Parameters to set.")
@click.option(
    "--enforce-parameter-schema/--no-enforce-parameter-schema",
    default=True,
    help="Whether the server refuses parameters that do not fit the flow.",
)
@plan_options
@_many("--sla", metavar="JSON", help="For Prefect Cloud; says nothing here.")
def deploy(
    name: tuple[str, ...],
    every: bool,
    prefect_file: str | None,
    at_root: bool,
    sla: tuple[str, ...],
    **flags: Any,
) -> None:
    """Create or update deployments.

    ENTRYPOINT is path/to/file.py:function; without it, prefect.yaml says what is deployed.
    """
    from penstock.deploy.manifest import load_manifest
    from penstock.deploy.options import Options

    wishes = Wishes.taken(flags)
    if sla:
        note("--sla is for Prefect Cloud and is left out.")
    _mind_the_root(Path.cwd(), at_root, says_where=bool(prefect_file or flags["entrypoint"]))
    manifest = load_manifest(Path(prefect_file or FILE))
    if prefect_file and not manifest.is_there:
        raise Failure(f"There is no file {prefect_file}.")
    options = Options(**flags)
    check(wishes, every=every)
    if not every and wishes.may_be_asked:
        from penstock.cli import deploy_wizard

        if deploy_wizard.is_wanted(manifest, name, options):
            return deploy_wizard.guide(manifest, name, options, wishes)
    return _as_said(manifest, name, every, options, wishes)


def _as_said(manifest: Manifest, names: tuple[str, ...], every: bool, options: Options, wishes: Wishes) -> None:
    from penstock.deploy.project import chosen_entries
    from penstock.deploy.select import select

    if not manifest.is_there and not options.entrypoint:
        note(f"There is no {manifest.path} here.")
    for warning in manifest.warnings:
        note(warning)
    selection = select(manifest, names, every=every, makes=options.entrypoint is not None)
    entries, ignored = chosen_entries(selection, options)
    for warning in [*selection.warnings, *ignored]:
        note(warning)
    with workshop() as at:
        at.run(run_plan if wishes.only_plan else deploy_and_hint, entries, manifest, wishes)


def _mind_the_root(here: Path, at_root: bool, *, says_where: bool) -> None:
    """One prefect.yaml at the root of the repository serves all of it; paths in it start there.

    Goes there when asked to, and where only the root has a file and the command names nothing else.
    """
    from penstock.deploy.git import repository_root

    root = repository_root(here)
    if root is None and at_root:
        raise Failure(f"{here} is in no repository, so --root says nothing here.")
    if root is None or root == here:
        return
    if at_root or not (says_where or (here / FILE).exists() or not (root / FILE).exists()):
        os.chdir(root)
        note(f"Deploying from {root}, the root of the repository.")
        return
    note(
        f"This is not the root of the repository, which is {root}. Entrypoints are taken from here; "
        "give --root to deploy from there, where one prefect.yaml serves the whole repository."
    )
