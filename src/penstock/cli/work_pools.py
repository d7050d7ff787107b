"""`penstock work-pool`"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from msgspec import UNSET
from msgspec.structs import asdict

from penstock.cli.connect import connect, every, find
from penstock.cli.console import Failure, ago, confirm, local, may_ask, output_option, print_json, say, slots_taken
from penstock.cli.files import parse_pairs, read_json_file
from penstock.cli.groups import Verbs
from penstock.cli.job_preview import job_options, read_job, show_job
from penstock.cli.next_steps import start_sentence
from penstock.cli.pool_storage import storage
from penstock.cli.pool_templates import show_changes, template
from penstock.cli.provisioning import provision_infra, provisioned
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.client.pool_types import pool_types
from penstock.core.pool_types import AGENT_TYPE
from penstock.errors import Conflict, NotFound
from penstock.names import nearest
from penstock.wire import work_pools
from penstock.wire.work_pools import (
    PoolPoll,
    SlotsQuery,
    WorkPool,
    WorkPoolCreate,
    WorkPoolStorageConfiguration,
    WorkPoolUpdate,
)

PLUGIN = "Starts each flow run by a plug-in that is installed here"
PRETENDED = "dummy"
"""A type for tests, which nobody is offered."""


@click.group(cls=Verbs, aliases={"provision-infrastructure": "provision-infra"})
def work_pool() -> None:
    """Where runs go to be worked on."""


work_pool.add_command(storage)
work_pool.add_command(template)
work_pool.add_command(provision_infra)


@work_pool.command()
@click.argument("name")
@click.option("--type", "-t", "kind", help="What runs the jobs: process, docker, kubernetes, ...")
@click.option("--base-job-template", metavar="FILE", help="JSON file with the template; default: the type's own.")
@click.option("--paused/--no-paused", default=False, help="Take no runs until it is resumed.")
@click.option("--set-as-default", is_flag=True, help="Make it the pool of deployments that name none.")
@click.option("--overwrite", is_flag=True, help="Update the pool when it exists.")
@click.option("--provision-infra", "provision", is_flag=True, help="Make what a push pool needs in its cloud.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before the cloud is changed.")
def create(
    name: str,
    kind: str | None,
    base_job_template: str | None,
    paused: bool,
    set_as_default: bool,
    overwrite: bool,
    provision: bool,
    yes: bool,
) -> None:
    """Create a pool."""
    if not name.strip():
        raise Failure("The name of a work pool can't be empty.")
    with connect() as client:
        kind = kind or _ask_type(client)
        template = read_json_file(base_job_template) if base_job_template else default_template(client, kind)
        if provision:
            template = provisioned(client, name, kind, template, yes=yes)
        pool = WorkPoolCreate(
            name=name,
            type=kind,
            base_job_template=template,
            is_paused=paused,
            storage_configuration=WorkPoolStorageConfiguration(),
        )
        _create(client, pool, overwrite=overwrite)
    say(start_sentence(name, kind))
    if set_as_default:
        _set_as_default(name)


def _create(client: Client, pool: WorkPoolCreate, *, overwrite: bool) -> None:
    try:
        client.call(work_pools.create_work_pool, pool)
    except Conflict:
        if not overwrite:
            raise Failure(f"Work pool {pool.name!r} is there already; --overwrite changes it.") from None
        update = WorkPoolUpdate(base_job_template=pool.base_job_template, is_paused=pool.is_paused)
        client.call(work_pools.update_work_pool, update, name=pool.name)
        say(f"Updated work pool {pool.name!r}.")
    else:
        say(f"Created work pool {pool.name!r}.")


def _ask_type(client: Client) -> str:
    if not may_ask():
        raise Failure("Say what runs the jobs of this pool with --type, such as --type process.")
    from penstock import plugins
    from penstock.cli.prompts import asker, until_interrupted
    from penstock.deploy.wizard.pools import ask_type

    outside = {name: {"description": PLUGIN} for name in plugins.names(plugins.INFRASTRUCTURES) if name != PRETENDED}
    with until_interrupted():
        return ask_type(asker(), outside | pool_types(client), legacy=True)


def default_template(client: Client, kind: str) -> dict[str, Any]:
    """The base job template of a type that the server knows, or a plug-in here. Raises Failure when neither does."""
    if kind == AGENT_TYPE:
        return {}
    known = pool_types(client)
    if kind in known:
        return dict(known[kind]["default_base_job_configuration"])
    from penstock import plugins
    from penstock.worker.drivers import template_of

    if (template := template_of(kind)) is not None:
        return template
    every = sorted({*known, *plugins.names(plugins.INFRASTRUCTURES)})
    near = nearest(kind, every)
    hint = f" Did you mean {near!r}?" if near else ""
    raise Failure(
        f"Unknown work pool type {kind!r}.{hint} There are: {', '.join(every)}."
        " The type of a plug-in is known where its package is installed."
    )


def _set_as_default(name: str) -> None:
    from penstock.cli.profiles import change

    profile = change(lambda values: {**values, "PENSTOCK_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": name})
    say(f"Deployments that name no pool use {name!r} now (profile {profile!r}).")


@work_pool.command()
@click.option("--verbose", "-v", is_flag=True, help="Also show the description.")
@output_option
def ls(verbose: bool, as_json: bool) -> None:
    """List pools."""
    with connect() as client:
        pools = sorted(every(client, work_pools.filter_work_pools), key=lambda pool: pool.name)
    if as_json:
        return print_json(pools)
    if not pools:
        return say("There are no work pools. Create one with: penstock work-pool create NAME --type process")
    columns = ["Name", "Type", "Status", "Limit", "ID"]
    rows: list[list[object]] = [
        [pool.name, pool.type, _status(pool), _limit(pool.concurrency_limit), pool.id] for pool in pools
    ]
    if verbose:
        columns.insert(-1, "Description")
        for row, pool in zip(rows, pools, strict=True):
            row.insert(-1, pool.description)
    return table(columns, rows)


def _status(pool: WorkPool) -> str:
    return "PAUSED" if pool.is_paused else str(pool.status or "")


def _limit(limit: int | None) -> object:
    return "none" if limit is None else limit


@work_pool.command()
@click.argument("name")
@output_option
def inspect(name: str, as_json: bool) -> None:
    """Show a pool."""
    with connect() as client:
        pool = _read(client, name)
    return print_json(pool) if as_json else record(asdict(pool))


def _read(client: Client, name: str) -> WorkPool:
    return find(client, work_pools.read_work_pool, f"Work pool {name!r} not found.", name=name)


@work_pool.command()
@click.argument("name")
@output_option
def slots(name: str, as_json: bool) -> None:
    """Show who holds the pool's slots."""
    with connect() as client:
        try:
            status = client.call(work_pools.read_pool_slots, SlotsQuery(), name=name)
        except NotFound:
            raise Failure(f"Work pool {name!r} not found.") from None
    if as_json:
        return print_json(status)
    say(slots_taken(status.active_slots, status.concurrency_limit))
    rows = [
        [queue.queue_name, run.name, run.state_name, ago(run.start_time), run.id]
        for queue in status.queues
        for run in queue.flow_runs
    ]
    return table(["Queue", "Run", "State", "Started", "ID"], rows) if rows else None


@work_pool.command()
@click.argument("name")
def pause(name: str) -> None:
    """Take no more runs."""
    _update(name, WorkPoolUpdate(is_paused=True), "Paused")


@work_pool.command()
@click.argument("name")
def resume(name: str) -> None:
    """Take runs again."""
    _update(name, WorkPoolUpdate(is_paused=False), "Resumed")


@work_pool.command()
@click.argument("name")
@click.option("--base-job-template", metavar="FILE", help="JSON file with the template; what it changes is shown.")
@click.option("--concurrency-limit", type=int, help="Most runs at once.")
@click.option("--description", help="What the pool is for.")
@click.option("--plan", is_flag=True, help="Show what a template would change, and do nothing.")
def update(
    name: str, base_job_template: str | None, concurrency_limit: int | None, description: str | None, plan: bool
) -> None:
    """Change a pool."""
    template = read_json_file(base_job_template) if base_job_template else UNSET
    if isinstance(template, dict):
        with connect() as client:
            changes = show_changes(_read(client, name).base_job_template, template)
        if plan or not (changes or concurrency_limit is not None or description is not None):
            return None if changes else say(f"Work pool {name!r} has this template.")
    change = WorkPoolUpdate(
        base_job_template=template,
        concurrency_limit=UNSET if concurrency_limit is None else concurrency_limit,
        description=UNSET if description is None else description,
    )
    return _update(name, change, "Updated")


@work_pool.command("set-concurrency-limit")
@click.argument("name")
@click.argument("concurrency_limit", type=int)
def set_concurrency_limit(name: str, concurrency_limit: int) -> None:
    """Limit how many runs may be active at once."""
    _update(name, WorkPoolUpdate(concurrency_limit=concurrency_limit), f"Set limit {concurrency_limit} of")


@work_pool.command("clear-concurrency-limit")
@click.argument("name")
def clear_concurrency_limit(name: str) -> None:
    """Remove the limit."""
    _update(name, WorkPoolUpdate(concurrency_limit=None), "Cleared limit of")


def _update(name: str, change: WorkPoolUpdate, done: str) -> None:
    with connect() as client:
        try:
            client.call(work_pools.update_work_pool, change, name=name)
        except NotFound:
            raise Failure(f"Work pool {name!r} not found.") from None
    say(f"{done} work pool {name!r}.")


@work_pool.command()
@click.argument("name")
def delete(name: str) -> None:
    """Delete a pool with its queues."""
    with connect() as client:
        _read(client, name)
        confirm(f"Delete the work pool {name!r} and its queues?")
        client.call(work_pools.delete_work_pool, name=name)
    say(f"Deleted work pool {name!r}.")


@work_pool.command("get-default-base-job-template")
@click.option("--type", "-t", "kind", help="The type whose template is wanted.")
@click.option("--file", "-f", "file", type=click.Path(path_type=Path), help="Write it here.")
def get_default_base_job_template(kind: str | None, file: Path | None) -> None:
    """Print the base job template that pools of a type start with."""
    import msgspec

    with connect() as client:
        template = default_template(client, kind or _ask_type(client))
    if file is None:
        return print_json(template)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(template), indent=2) + b"\n")
    return say(f"Wrote the template to {file}.")


@work_pool.command(context_settings={"help_option_names": ["--help"]})
@click.argument("name", required=False)
@click.option("--hours", "-h", type=int, default=1, help="How far to look ahead.")
@job_options
@output_option
def preview(
    name: str | None,
    hours: int,
    deployment: str | None,
    flow_run: str | None,
    variables: tuple[str, ...],
    job: bool,
    as_json: bool,
) -> None:
    """Show runs that are due soon, or the very job that a run would be."""
    if job or deployment or flow_run or variables:
        if name is None:
            raise Failure("Say which pool's job is wanted.")
        with connect() as client:
            shown = read_job(client, name, deployment, flow_run, parse_pairs(variables, "job variable"))
        return show_job(shown, as_json=as_json)
    return _preview_runs(name, hours, as_json=as_json)


def _preview_runs(name: str | None, hours: int, *, as_json: bool) -> None:
    with connect() as client:
        names = [name] if name else [pool.name for pool in every(client, work_pools.filter_work_pools)]
        before = datetime.now(UTC) + timedelta(hours=hours)
        try:
            due = [
                scheduled.flow_run
                for pool in names
                for scheduled in client.call(
                    work_pools.scheduled_runs_of_pool, PoolPoll(scheduled_before=before), name=pool
                )
            ]
        except NotFound:
            raise Failure(f"Work pool {name!r} not found.") from None
    if as_json:
        return print_json(due)
    if not due:
        return say(f"No runs are due in the next {'hour' if hours == 1 else f'{hours} hours'}.")
    due.sort(key=lambda run: run.expected_start_time or before)
    rows = [[local(run.expected_start_time), ago(run.expected_start_time), run.name, run.id] for run in due]
    return table(["Due", "", "Run", "ID"], rows)
