"""`penstock deploy`: creates or updates deployments from prefect.yaml, flags, or both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from penstock.cli.console import Failure, note
from penstock.cli.deploy_plan import Wishes, check, plan_options, run_deploy, run_plan


def _many(*names: str, metavar: str, help: str) -> Callable[[Any], Any]:
    """An option that may be given several times."""
    return click.option(*names, multiple=True, metavar=metavar, help=help)


@click.command()
@click.argument("entrypoint", required=False)
@_many("--name", "-n", metavar="NAME", help="A deployment: its name, flow/name, or either with *.")
@click.option("--all", "every", is_flag=True, help="Every deployment of the file that has a name.")
@click.option("--prefect-file", metavar="PATH", help="The project file.  [default: prefect.yaml]")
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
    sla: tuple[str, ...],
    **flags: Any,
) -> None:
    """Create or update deployments.

    ENTRYPOINT is path/to/file.py:function; without it, prefect.yaml says what is deployed.
    """
    import asyncio

    from penstock.deploy.manifest import load_manifest
    from penstock.deploy.options import Options
    from penstock.deploy.project import chosen_entries
    from penstock.deploy.select import select

    wishes = Wishes.taken(flags)
    if sla:
        note("--sla is for Prefect Cloud and is left out.")
    manifest = load_manifest(Path(prefect_file or "prefect.yaml"))
    if prefect_file and not manifest.is_there:
        raise Failure(f"There is no file {prefect_file}.")
    if not manifest.is_there and not flags["entrypoint"]:
        note(f"There is no {manifest.path} here.")
    selection = select(manifest, name, every=every, makes=flags["entrypoint"] is not None)
    entries, ignored = chosen_entries(selection, Options(**flags))
    for warning in [*manifest.warnings, *selection.warnings, *ignored]:
        note(warning)
    check(wishes, every=every, entries=len(manifest.entries))
    asyncio.run(_in_workshop(partial(run_plan if wishes.only_plan else _deploy, wishes=wishes), entries, manifest))


async def _in_workshop(work: Callable[[Any, Any, Any], Awaitable[None]], entries: Any, manifest: Any) -> None:
    import os

    from penstock.cli.connect import connect
    from penstock.client.client import AsyncClient
    from penstock.clock import utc_now
    from penstock.deploy.compile import Workshop
    from penstock.settings import current

    with connect() as blocking:
        async with AsyncClient(blocking) as client:
            default = current().deployments.default_work_pool_name
            await work(entries, manifest, Workshop(client, Path.cwd(), os.environ, utc_now(), default))


async def _deploy(entries: Any, manifest: Any, shop: Any, wishes: Wishes) -> None:
    plans = await run_deploy(entries, manifest, shop, wishes)
    await _hint_at_workers(shop.client, sorted({str(plan.work_pool_name) for plan in plans}))
    if len(plans) == 1:
        note(f"Run it with: penstock deployment run {plans[0].full_name!r}")


async def _hint_at_workers(client: Any, pools: list[str]) -> None:
    """Runs of a pool that nobody works on would wait without a word. Of a push pool the server itself is the worker."""
    from penstock.core.pool_types import pushed_kind
    from penstock.errors import PenstockError
    from penstock.wire import work_pools, workers
    from penstock.wire.model import Criteria

    for pool in pools:
        try:
            if pushed_kind((await client.call(work_pools.read_work_pool, name=pool)).type) is not None:
                continue
            known = await client.call(workers.filter_workers, Criteria(), work_pool_name=pool)
        except PenstockError:
            return
        if not any(worker.status == workers.WorkerStatus.ONLINE for worker in known):
            note(f"No worker serves {pool!r} now. Start one with: penstock worker start --pool {pool!r}")
