"""`penstock agent`"""

from __future__ import annotations

import click

from penstock.cli.console import Failure, note
from penstock.cli.groups import Verbs
from penstock.settings import current


@click.group(cls=Verbs)
def agent() -> None:
    """What workers were before: starts runs as their infrastructure blocks say."""


@agent.command()
@click.argument("names", metavar="[WORK_QUEUE]...", nargs=-1)
@click.option("--pool", "-p", help="The work pool whose queues to serve; default: that of queues without a pool.")
@click.option("--work-queue", "-q", "queues", multiple=True, help="Only this queue; may be given several times.")
@click.option("--match", "-m", "prefixes", multiple=True, help="Queues whose names begin so, those of later too.")
@click.option("--prefetch-seconds", type=float, help="How early runs may be taken from a server that can't wake us.")
@click.option("--run-once", is_flag=True, help="Do what is due, then stop.")
@click.option("--limit", "-l", type=click.IntRange(min=1), help="Most jobs at once.")
@click.option("--tag", "-t", "tags", multiple=True, help="Known, and refused: queues by tag are not served.")
@click.option("--hide-welcome", is_flag=True, help="Accepted for Prefect's sake.")
def start(
    names: tuple[str, ...],
    pool: str | None,
    queues: tuple[str, ...],
    prefixes: tuple[str, ...],
    prefetch_seconds: float | None,
    run_once: bool,
    limit: int | None,
    tags: tuple[str, ...],
    hide_welcome: bool,
) -> int:
    """Start an agent; SIGTERM lets its jobs end, twice ends them."""
    import logging

    from penstock.agent.agent import run_agent
    from penstock.agent.options import AgentOptions, worker_command

    if tags:
        raise Failure("Queues by tag are not served. Give the deployments a work queue, and name it with --work-queue.")
    wanted = [*names, *queues]
    if wanted and prefixes:
        raise Failure("Say which queues either with --work-queue or with --match, not with both.")
    if not (pool or wanted or prefixes):
        raise Failure("No work queues provided! Say which with --pool, --work-queue or --match.")
    settings = current()
    logging.basicConfig(
        level=settings.logging.level, format="%(asctime)s | %(levelname)-7s | %(message)s", datefmt="%H:%M:%S"
    )
    options = AgentOptions(
        pool=pool,
        queues=wanted,
        prefixes=list(prefixes),
        limit=limit,
        prefetch_seconds=prefetch_seconds,
        run_once=run_once,
    )
    note(f"Once the pool is one for workers, the same is: {worker_command(options)}")
    return run_agent(options, settings)
