"""The job that a pool would start, as `penstock work-pool preview` shows it."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli.connect import as_id
from penstock.cli.console import Failure, print_json, say
from penstock.cli.pool_templates import value_text
from penstock.cli.tables import table
from penstock.client.client import Client
from penstock.errors import NotFound
from penstock.wire import pool_templates
from penstock.wire.pool_templates import JobPreview, JobQuery


def read_job(
    client: Client, pool: str, deployment: str | None, flow_run: str | None, variables: dict[str, Any]
) -> JobPreview:
    """The job of a run, of a deployment's next run, or of a run with nothing of its own. Failure for a missing one."""
    from penstock.cli.deployments import read as read_deployment

    if flow_run is not None and as_id(flow_run) is None:
        raise Failure(f"{flow_run!r} is not the id of a flow run.")
    query = JobQuery(
        flow_run_id=as_id(flow_run) if flow_run else None,
        deployment_id=read_deployment(client, deployment).id if deployment else None,
        job_variables=variables,
    )
    try:
        return client.call(pool_templates.preview_job, query, name=pool)
    except NotFound as error:
        if error.message == "Not Found":
            raise Failure("This server can't show jobs: it is not a Penstock server.") from None
        raise Failure(error.message) from None


def show_job(job: JobPreview, *, as_json: bool) -> None:
    """Prints the job, where its values come from, and what is wrong with it. Failure when it could not be started."""
    if as_json:
        print_json(job)
    else:
        print_json(job.job_configuration)
        say("")
        table(
            ["Variable", "From", "Value"],
            [[one.name, one.source, value_text(one.value)] for one in job.values],
            "Nothing is set.",
        )
    if job.faults:
        raise Failure("This job could not be started:\n" + "\n".join(f"  {fault}" for fault in job.faults))


def job_options(command: Any) -> Any:
    """The options that say whose job is wanted."""
    options = [
        click.option("--deployment", "-d", metavar="FLOW/NAME", help="Show the job of its next run."),
        click.option("--flow-run", metavar="ID", help="Show the job of this run."),
        click.option("--job-variable", "-jv", "variables", multiple=True, metavar="KEY=VALUE", help="Try out a value."),
        click.option("--job", is_flag=True, help="Show the job of a run with nothing of its own."),
    ]
    for option in reversed(options):
        command = option(command)
    return command
