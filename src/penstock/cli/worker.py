"""`penstock worker`"""

from __future__ import annotations

import click

from penstock.cli.console import Failure, may_ask
from penstock.cli.files import parse_pairs, read_json_file
from penstock.cli.groups import Verbs
from penstock.cli.pool_workers import drain, inspect, ls, pause, resume
from penstock.settings import current


@click.group(cls=Verbs)
def worker() -> None:
    """The process that works on a pool."""


@worker.command()
@click.option("--pool", "-p", help="The work pool to work on.")
@click.option("--name", "-n", help="A name; default: the type and a unique id.")
@click.option("--work-queue", "-q", "queues", multiple=True, help="Only this queue; may be given several times.")
@click.option("--type", "-t", "kind", help="What runs the jobs; default: as the pool says.")
@click.option("--prefetch-seconds", type=float, help="How early runs may be taken from a server that can't wake us.")
@click.option("--run-once", is_flag=True, help="Do what is due, then stop.")
@click.option("--limit", "-l", type=click.IntRange(min=1), help="Most jobs at once.")
@click.option("--with-healthcheck", is_flag=True, help="Answer health checks over HTTP.")
@click.option(
    "--install-policy",
    type=click.Choice(["always", "if-not-present", "never", "prompt"]),
    default="prompt",
    help="Accepted for Prefect's sake; nothing is installed.",
)
@click.option("--base-job-template", metavar="FILE", help="JSON file with the template of a pool that is created.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="What others are to know of this worker.")
@click.option(
    "--create-pool-if-not-found/--no-create-pool-if-not-found",
    "create",
    default=True,
    help="Whether a pool that is not there is made; only with --type.",
)
def start(
    pool: str | None,
    name: str | None,
    queues: tuple[str, ...],
    kind: str | None,
    prefetch_seconds: float | None,
    run_once: bool,
    limit: int | None,
    with_healthcheck: bool,
    install_policy: str,
    base_job_template: str | None,
    labels: tuple[str, ...],
    create: bool,
) -> int:
    """Start a worker; SIGTERM lets its jobs end, twice ends them."""
    import logging

    from penstock.worker.options import WorkerOptions
    from penstock.worker.worker import run_worker

    settings = current()
    pool = pool or (click.prompt("Work pool") if may_ask() else None)
    if not pool:
        raise Failure("Say which work pool with --pool.")
    level = "DEBUG" if settings.debug_mode or settings.worker.debug_mode else settings.logging.level
    logging.basicConfig(level=level, format="%(asctime)s | %(levelname)-7s | %(message)s", datefmt="%H:%M:%S")
    options = WorkerOptions(
        pool=pool,
        name=name,
        queues=list(queues),
        kind=kind,
        limit=limit,
        prefetch_seconds=prefetch_seconds,
        run_once=run_once,
        with_healthcheck=with_healthcheck,
        base_job_template=read_json_file(base_job_template) if base_job_template else None,
        create_pool=create,
        labels={key: str(value) for key, value in parse_pairs(labels, "label").items()},
    )
    return run_worker(options, settings)


for command in (ls, inspect, pause, resume, drain):
    worker.add_command(command)
