"""`penstock task-run`"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from penstock.cli.connect import connect, every, find
from penstock.cli.console import Failure, ago, output_option, print_json, state
from penstock.cli.dashboard import show_page
from penstock.cli.flow_runs import state_filter
from penstock.cli.groups import Verbs
from penstock.cli.logs import FEW, log_options, show_logs
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.wire import task_runs
from penstock.wire.task_runs import TaskRun


@click.group(cls=Verbs)
def task_run() -> None:
    """Runs of tasks."""


def _read(client: Client, run_id: UUID) -> TaskRun:
    return find(client, task_runs.read_task_run, f"Task run '{run_id}' not found.", id=run_id)


@task_run.command()
@click.argument("id", type=click.UUID)
@click.option("--web", is_flag=True, help="Open its page in the browser.")
@output_option
def inspect(id: UUID, web: bool, as_json: bool) -> None:
    """Show a run."""
    with connect() as client:
        run = _read(client, id)
    if web:
        return show_page(f"runs/task-run/{run.id}")
    return print_json(run) if as_json else record({name: getattr(run, name) for name in run.__struct_fields__})


@task_run.command()
@click.option("--task-run-name", "names", multiple=True, help="Only runs of this name.")
@click.option("--limit", type=int, default=15, help="Most runs shown.")
@click.option("--state", "states", multiple=True, help="Only runs in this state, by name.")
@click.option("--state-type", "types", multiple=True, help="Only runs in a state of this type.")
@output_option
def ls(names: tuple[str, ...], limit: int, states: tuple[str, ...], types: tuple[str, ...], as_json: bool) -> None:
    """List runs, latest first."""
    criteria: dict[str, Any] = {}
    if names:
        criteria["name"] = {"any_": list(names)}
    if states or types:
        criteria["state"] = state_filter(states, types)
    with connect() as client:
        runs = every(
            client, task_runs.filter_task_runs, limit, sort="EXPECTED_START_TIME_DESC", task_runs=criteria or None
        )
    if as_json:
        return print_json(runs)
    rows = [[run.name, state(run.state_type, run.state_name), ago(_when(run)), run.id] for run in runs]
    return table(["Name", "State", "When", "ID"], rows, "There are no task runs.")


def _when(run: TaskRun) -> Any:
    return run.end_time or run.start_time or run.expected_start_time


@task_run.command(context_settings={"help_option_names": ["--help"]})
@click.argument("id", type=click.UUID)
@log_options
def logs(id: UUID, head: bool, tail: bool, count: int | None, reverse: bool, as_json: bool) -> None:
    """Show what a run logged."""
    if head and tail:
        raise Failure("Use either --head or --tail, not both.")
    with connect() as client:
        _read(client, id)
        criteria = {"task_run_id": {"any_": [str(id)]}}
        show_logs(client, criteria, head=head, tail=tail, count=count or FEW, reverse=reverse, as_json=as_json)
