"""`penstock shell`: shell commands as flows."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli.console import Failure, say
from penstock.cli.groups import Verbs


@click.group(cls=Verbs)
def shell() -> None:
    """Shell commands, run as flows."""


@shell.command()
@click.argument("command")
@click.option("--log-output/--no-log-output", default=True, help="Whether the output is kept as the run's log.")
@click.option("--stream-stdout/--no-stream-stdout", default=True, help="Whether the output is shown here.")
@click.option("--flow-name", default="Shell Command", show_default=True, help="The flow's name.")
@click.option("--flow-run-name", help="The run's name.")
@click.option("--tag", "tags", multiple=True, help="A tag of the run; may be given several times.")
def watch(
    command: str,
    log_output: bool,
    stream_stdout: bool,
    flow_name: str,
    flow_run_name: str | None,
    tags: tuple[str, ...],
) -> int:
    """Run a command here and now, as a flow run; fails when the command does."""
    from penstock import tags as tagged
    from penstock.cli.shell_flow import shell_command

    flow = shell_command.with_options(name=flow_name, flow_run_name=flow_run_name)
    with tagged(*tags):
        ended = flow(command, log_output, stream_stdout, return_state=True)
    return 0 if ended.is_completed() else 1


@shell.command()
@click.argument("command")
@click.option("--flow-name", required=True, help="The flow's name.")
@click.option("--deployment-name", default="CLI Runner Deployment", show_default=True, help="The deployment's name.")
@click.option("--tag", "tags", multiple=True, help="A tag of the deployment; may be given several times.")
@click.option("--log-output/--no-log-output", default=True, help="Whether the output is kept as the run's log.")
@click.option("--stream-stdout/--no-stream-stdout", default=True, help="Whether the output is shown here.")
@click.option("--cron-schedule", help="A cron line to run it by.")
@click.option("--timezone", help="The zone of the schedule.")
@click.option("--concurrency-limit", type=click.IntRange(min=1), help="Most runs at once.")
def serve(
    command: str,
    flow_name: str,
    deployment_name: str,
    tags: tuple[str, ...],
    log_output: bool,
    stream_stdout: bool,
    cron_schedule: str | None,
    timezone: str | None,
    concurrency_limit: int | None,
) -> None:
    """Deploy a command as a flow and run what is due of it here, until stopped."""
    from penstock.cli.shell_flow import shell_command

    say(f"Run it with: penstock deployment run '{flow_name}/{deployment_name}'")
    shell_command.with_options(name=flow_name).serve(
        deployment_name,
        tags=list(tags),
        parameters={"command": command, "log_output": log_output, "stream_stdout": stream_stdout},
        concurrency_limit=concurrency_limit,
        **_schedule(cron_schedule, timezone),
    )


def _schedule(cron: str | None, timezone: str | None) -> dict[str, Any]:
    if timezone and not cron:
        raise Failure("--timezone goes with --cron-schedule.")
    return {name: value for name, value in (("cron", cron), ("timezone", timezone)) if value is not None}
