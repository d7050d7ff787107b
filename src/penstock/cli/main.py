"""The command line: `penstock NOUN VERB`.

Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 not done, 2 not understood.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

import click

from penstock.cli.groups import Nouns, Place
from penstock.cli.screen import help_width
from penstock.errors import PenstockError


def _place(module: str, name: str, help: str, *, hidden: bool = False) -> Place:
    return Place(f"penstock.cli.{module}", name, help, hidden)


COMMANDS = {
    "agent": _place("agent", "agent", "What workers were before."),
    "api": _place("api", "api", "Send one request to the API."),
    "artifact": _place("artifacts", "artifact", "What runs left to be looked at."),
    "automation": _place("automations", "automation", "Actions that events cause."),
    "block": _place("blocks", "block", "Stored, typed configuration."),
    "concurrency-limit": _place("tag_limits", "concurrency_limit", "Limits on tasks by tag."),
    "config": _place("config", "config", "Settings, and where they come from."),
    "dashboard": _place("dashboard", "dashboard", "The dashboard in the browser."),
    "deploy": _place("deploy", "deploy", "Create or update deployments from prefect.yaml."),
    "deployment": _place("deployments", "deployment", "Flows set up to run."),
    "events": _place("events", "events", "What happens, as it happens."),
    "flow": _place("flows", "flow", "Flows the server knows."),
    "flow-run": _place("flow_runs", "flow_run", "Runs of flows."),
    "global-concurrency-limit": _place("global_limits", "global_concurrency_limit", "Limits by name."),
    "init": _place("init", "init", "Begin a prefect.yaml."),
    "profile": _place("profiles", "profile", "Named sets of settings."),
    "server": _place("server", "server", "The API server and its database."),
    "shell": _place("shell", "shell", "Shell commands, run as flows."),
    "task-run": _place("task_runs", "task_run", "Runs of tasks."),
    "upgrade": _place("upgrade", "upgrade", "From agents to workers."),
    "variable": _place("variables", "variable", "Named values."),
    "version": _place("version", "version", "Versions of everything involved."),
    "work-pool": _place("work_pools", "work_pool", "Where runs go to be worked on."),
    "work-queue": _place("work_queues", "work_queue", "Parts of a pool, by priority."),
    "worker": _place("worker", "worker", "The process that works on a pool."),
}
ALIASES = {
    "automations": "automation",
    "blocks": "block",
    "concurrency-limits": "concurrency-limit",
    "deployments": "deployment",
    "event": "events",
    "flow-runs": "flow-run",
    "flows": "flow",
    "gcl": "global-concurrency-limit",
    "profiles": "profile",
    "task-runs": "task-run",
    "work-pools": "work-pool",
    "work-queues": "work-queue",
}


@click.group(
    cls=Nouns,
    places=COMMANDS,
    aliases=ALIASES,
    spellings={("deploy", "init"): "init"},
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": help_width()},
)
@click.option("--profile", "-p", metavar="NAME", help="The profile to use for this command.")
@click.option("--prompt/--no-prompt", default=None, help="Whether the command may ask questions.")
@click.option("--version", "-v", is_flag=True, help="Show the version.")
@click.pass_context
def root(ctx: click.Context, profile: str | None, prompt: bool | None, version: bool) -> int | None:
    """Penstock runs Python flows: write a flow, deploy it, a work pool runs it."""
    if prompt is not None:
        os.environ["PENSTOCK_CLI_PROMPT"] = str(prompt)
    if profile:
        _use_profile(profile)
    if version:
        from penstock import __version__

        click.echo(__version__)
        ctx.exit(0)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    return None


def _use_profile(name: str) -> None:
    from penstock.cli.console import Failure
    from penstock.settings import resolve

    os.environ["PENSTOCK_PROFILE"] = name
    known = resolve().profiles.named
    if name not in known:
        raise Failure(f"Unknown profile {name!r}. There are: {', '.join(known)}.")


def run(arguments: Sequence[str]) -> int:
    """Runs one command and gives its exit code; what goes wrong is said on standard error."""
    try:
        result = root.main(list(arguments), prog_name="penstock", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Aborted.", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except PenstockError as error:
        if _debugging():
            raise
        _complain(error)
        return 1


def _debugging() -> bool:
    return any(
        os.environ.get(f"{prefix}_DEBUG_MODE", "").lower() in ("1", "true") for prefix in ("PENSTOCK", "PREFECT")
    )


def _complain(error: PenstockError) -> None:
    from penstock.cli.console import complain

    complain(error.message)


def main() -> None:
    """Runs the command of this process and ends with its exit code."""
    code = run(sys.argv[1:])
    gc.freeze()  # at its end the interpreter looks for cycles among all that was imported, which takes up to 20 ms
    sys.exit(code)


if __name__ == "__main__":
    main()
