"""`penstock flow-run`"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from penstock.cli import watching
from penstock.cli.connect import as_id, connect, every, find
from penstock.cli.console import Failure, ago, confirm, output_option, print_json, say, state
from penstock.cli.dashboard import show_page
from penstock.cli.files import object_and_pairs
from penstock.cli.groups import Verbs
from penstock.cli.logs import log_options, show_logs
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.wire import flow_runs, flows, waiting
from penstock.wire.flow_runs import FlowRun, Resume, SetState
from penstock.wire.states import OrchestrationStatus, StateCreate, StateType

NONE = "There are no flow runs. Make one with: penstock deployment run FLOW/DEPLOYMENT"


@click.group(cls=Verbs)
def flow_run() -> None:
    """Runs of flows."""


def read(client: Client, run_id: UUID) -> FlowRun:
    """A run by its id. Raises Failure when there is none."""
    return find(client, flow_runs.read_flow_run, f"Flow run '{run_id}' not found.", id=run_id)


@flow_run.command()
@click.argument("id", type=click.UUID)
@click.option("--web", is_flag=True, help="Open its page in the browser.")
@output_option
def inspect(id: UUID, web: bool, as_json: bool) -> None:
    """Show a run."""
    with connect() as client:
        run = read(client, id)
    if web:
        return show_page(f"runs/flow-run/{run.id}")
    return print_json(run) if as_json else record({name: getattr(run, name) for name in run.__struct_fields__})


@flow_run.command()
@click.option("--flow-name", "flow_names", multiple=True, help="Only runs of this flow.")
@click.option("--limit", type=int, default=15, help="Most runs shown.")
@click.option("--state", "states", multiple=True, help="Only runs in this state, by name.")
@click.option("--state-type", "types", multiple=True, help="Only runs in a state of this type.")
@output_option
def ls(flow_names: tuple[str, ...], limit: int, states: tuple[str, ...], types: tuple[str, ...], as_json: bool) -> None:
    """List runs, latest first."""
    criteria: dict[str, Any] = {}
    if flow_names:
        criteria["flows"] = {"name": {"any_": list(flow_names)}}
    if states or types:
        criteria["flow_runs"] = {"state": state_filter(states, types)}
    with connect() as client:
        runs = every(client, flow_runs.filter_flow_runs, limit, sort="EXPECTED_START_TIME_DESC", **criteria)
        names = flow_names_of(client, {run.flow_id for run in runs}) if runs and not as_json else {}
    if as_json:
        return print_json(runs)
    none = "There are no such flow runs." if criteria else NONE
    rows = [
        [run.name, names.get(run.flow_id, ""), state(run.state_type, run.state_name), ago(_when(run)), run.id]
        for run in runs
    ]
    return table(["Name", "Flow", "State", "When", "ID"], rows, none)


def state_filter(states: tuple[str, ...], types: tuple[str, ...]) -> dict[str, Any]:
    """The filter for state names and types. Raises Failure for a type that does not exist."""
    for given in types:
        if given.upper() not in StateType.__members__:
            raise Failure(f"Unknown state type {given!r}. There are: {', '.join(StateType)}.")
    wanted: dict[str, Any] = {}
    if states:
        wanted["name"] = {"any_": [name.capitalize() if name.isupper() or name.islower() else name for name in states]}
    if types:
        wanted["type"] = {"any_": [given.upper() for given in types]}
    return wanted


def flow_names_of(client: Client, ids: set[UUID]) -> dict[UUID, str]:
    """The names of flows."""
    found = every(client, flows.filter_flows, flows={"id": {"any_": [str(one) for one in ids]}})
    return {one.id: one.name for one in found}


def _when(run: FlowRun) -> Any:
    return run.end_time or run.start_time or run.expected_start_time


@flow_run.command()
@click.argument("id", type=click.UUID)
def delete(id: UUID) -> None:
    """Delete a run with its history."""
    with connect() as client:
        read(client, id)
        confirm(f"Delete the flow run '{id}'?")
        client.call(flow_runs.delete_flow_run, id=id)
    say(f"Deleted flow run '{id}'.")


@flow_run.command()
@click.argument("id", type=click.UUID)
@output_option
def why(id: UUID, as_json: bool) -> None:
    """Say why a run is not running."""
    with connect() as client:
        read(client, id)
        missing = "This server can't say why runs wait: it is not a Penstock server."
        reason = find(client, waiting.explain_run, missing, id=id)
    if as_json:
        return print_json(reason)
    return say(reason.sentence + (f"\n  {reason.advice}" if reason.advice else ""))


@flow_run.command()
@click.argument("id", type=click.UUID)
def cancel(id: UUID) -> None:
    """Cancel a run."""
    with connect() as client:
        read(client, id)
        proposed = SetState(state=StateCreate(type=StateType.CANCELLING))
        _propose(client, id, proposed, f"The flow run '{id}' can't be cancelled")
    say(f"The flow run '{id}' is being cancelled.")


@flow_run.command()
@click.argument("id", type=click.UUID)
@click.option("--input", "-i", "pairs", multiple=True, metavar="KEY=VALUE", help="Part of its input; JSON or text.")
@click.option("--inputs", metavar="JSON", help="Its whole input as a JSON object; - reads standard input.")
def resume(id: UUID, pairs: tuple[str, ...], inputs: str | None) -> None:
    """Let a paused or suspended run go on, with the input that it waits for."""
    given = object_and_pairs(inputs, pairs, "--inputs", "input")
    with connect() as client:
        read(client, id)
        verdict = client.call(flow_runs.resume_flow_run, Resume(run_input=given or None), id=id)
    if verdict.status is not OrchestrationStatus.ACCEPT:
        raise Failure(f"The flow run '{id}' can't be resumed: {verdict.details.reason}")
    say(f"The flow run '{id}' goes on.")


def _propose(client: Client, run_id: UUID, proposed: SetState, failed: str) -> None:
    verdict = client.call(flow_runs.set_flow_run_state, proposed, id=run_id)
    if verdict.status in (OrchestrationStatus.ABORT, OrchestrationStatus.WAIT):
        raise Failure(f"{failed}: {verdict.details.reason}")


@flow_run.command()
@click.argument("id_or_name")
@click.option("--entrypoint", "-e", help="For a run without deployment: the flow, as path/to/file.py:function.")
def retry(id_or_name: str, entrypoint: str | None) -> int:
    """Run a finished run again: by a worker, or, without a deployment, here."""
    with connect() as client:
        run = _find(client, id_or_name)
        if run.state_type not in watching.FINAL:
            raise Failure(f"The flow run {run.name!r} is {run.state_name}; only a finished run can be retried.")
        if not run.deployment_id and not entrypoint:
            raise Failure(
                f"The flow run {run.name!r} has no deployment, so no worker would pick it up. "
                "Say where the flow is, to run it here: --entrypoint path/to/file.py:function"
            )
        again = None if run.deployment_id else _flow_of(client, run, str(entrypoint))
        awaiting = StateCreate(type=StateType.SCHEDULED, name="AwaitingRetry", message="Retried from the command line")
        _propose(client, run.id, SetState(state=awaiting, force=True), f"The flow run {run.name!r} can't be retried")
    if again is not None:
        return _run_here(again, run)
    say(f"The flow run {run.name!r} is scheduled to run again.")
    return 0


def _flow_of(client: Client, run: FlowRun, entrypoint: str) -> Any:
    """The flow that the entrypoint names. Raises Failure when the run is one of another flow."""
    from penstock.sdk.entrypoints import load_flow

    flow = load_flow(entrypoint)
    name = client.call(flows.read_flow, id=run.flow_id).name
    if flow.name != name:
        raise Failure(f"The flow run {run.name!r} is one of the flow {name!r}; {entrypoint} is {flow.name!r}.")
    return flow


def _run_here(flow: Any, run: FlowRun) -> int:
    import asyncio

    from penstock.sdk.flow_engine import FlowCall

    call = FlowCall(flow, run.parameters, run=run)
    ended = asyncio.run(call.arun_here(True)) if flow.isasync else call.run_here(True)
    say(f"The flow run {run.name!r} ended as {ended.name}.")
    return 0 if ended.type == StateType.COMPLETED else 1


def _find(client: Client, id_or_name: str) -> FlowRun:
    run_id = as_id(id_or_name)
    if run_id:
        return read(client, run_id)
    found = every(client, flow_runs.filter_flow_runs, 100, flow_runs={"name": {"any_": [id_or_name]}})
    if not found:
        raise Failure(f"Flow run {id_or_name!r} not found.")
    if len(found) > 1:
        listed = "\n".join(f"  {run.id}  {run.state_name}  {ago(_when(run))}" for run in found)
        raise Failure(f"There are {len(found)} flow runs named {id_or_name!r}; use the id of one:\n{listed}")
    return found[0]


@flow_run.command(context_settings={"help_option_names": ["--help"]})
@click.argument("id", type=click.UUID)
@log_options
def logs(id: UUID, head: bool, tail: bool, count: int | None, reverse: bool, as_json: bool) -> None:
    """Show what a run logged."""
    if head and tail:
        raise Failure("Use either --head or --tail, not both.")
    with connect() as client:
        read(client, id)
        criteria = {"flow_run_id": {"any_": [str(id)]}}
        show_logs(client, criteria, head=head, tail=tail, count=count, reverse=reverse, as_json=as_json)


@flow_run.command()
@click.argument("id", type=click.UUID)
@click.option("--timeout", type=float, help="Stop waiting after so many seconds.")
def watch(id: UUID, timeout: float | None) -> None:
    """Wait until a run has ended; fails unless it completed."""
    with connect() as client:
        run = watching.watch(client, id, timeout)
    say(watching.judge(run))


@flow_run.command()
@click.argument("id", type=click.UUID, required=False)
def execute(id: UUID | None) -> int:
    """Run a flow run in this process: what containers do."""
    from penstock.settings import current
    from penstock.worker.execute import execute as run_to_the_end

    return run_to_the_end(id, current())
