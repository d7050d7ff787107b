"""`penstock deployment build` and `penstock deployment apply`: the files of the agent generation."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.connect import connect
from penstock.cli.console import Failure, note, say
from penstock.cli.files import parse_object, parse_pairs
from penstock.client.client import Client
from penstock.errors import PenstockError

if TYPE_CHECKING:
    from penstock.deploy.old_build import Build
    from penstock.deploy.old_files import OldFile

SUFFIX = ".yaml"
MEANT_FOR = (
    "These files are for agents. For workers, turn all that there are into one prefect.yaml with `penstock upgrade "
    "files .`, or deploy this flow with:"
)


def _many(*names: str, metavar: str, help: str) -> Callable[[Any], Any]:
    """An option that may be given several times."""
    return click.option(*names, multiple=True, metavar=metavar, help=help)


@click.command()
@click.argument("entrypoint", metavar="PATH:FLOW")
@click.option("--name", "-n", metavar="NAME", help="The deployment's name.")
@click.option("--description", "-d", metavar="TEXT", help="By default what the flow says.")
@click.option("--version", "-v", metavar="TEXT", help="By default the flow's: a digest of its file.")
@_many("--tag", "-t", "tags", metavar="TAG", help="A tag.")
@click.option("--work-queue", "-q", metavar="NAME", help="The queue for its runs; made if it is not there.")
@click.option("--pool", "-p", metavar="NAME", help="The work pool of that queue.")
@click.option("--limit", "-l", type=int, metavar="N", help="Most runs of that queue at once.")
@click.option("--infra", "-i", "infra_type", metavar="TYPE", help="Jobs run on a block of this type, as it is.")
@click.option("--infra-block", "-ib", metavar="TYPE/NAME", help="Jobs run on this stored block.")
@_many("--override", "overrides", metavar="KEY.PATH=VALUE", help="What this deployment changes of that block.")
@click.option("--storage-block", "-sb", metavar="TYPE/NAME[/PATH]", help="The storage where runs find the code.")
@click.option("--skip-upload", is_flag=True, help="Copy no code to the storage.")
@click.option("--cron", metavar="CRON", help="A schedule.")
@click.option("--interval", type=float, metavar="SECONDS", help="A schedule.")
@click.option("--anchor-date", metavar="TIME", help="Where the interval is counted from.")
@click.option("--rrule", metavar="RULE|JSON", help="A schedule.")
@click.option("--timezone", metavar="ZONE", help="The zone of the schedule.")
@click.option("--path", metavar="PATH", help="The folder of the code: one of the storage, or a local one.")
@click.option("--output", "-o", metavar="FILE.yaml", help="The file.  [default: FLOW-deployment.yaml]")
@click.option("--apply", "-a", "also_apply", is_flag=True, help="Create or change the deployment as well.")
@_many("--param", "pairs", metavar="KEY=VALUE", help="A parameter; JSON or text.")
@click.option("--params", metavar="JSON", help="All parameters.")
@click.option("--no-schedule", is_flag=True, help="No schedule, whatever the server's deployment has.")
def build(
    name: str | None,
    limit: int | None,
    skip_upload: bool,
    output: str | None,
    also_apply: bool,
    **flags: Any,
) -> None:
    """Write a deployment.yaml of the agent generation.

    PATH:FLOW is path/to/file.py:function. What is not said is taken from the server's deployment of that name.
    """
    from penstock.deploy.flow_facts import read_flow
    from penstock.deploy.old_build import values_of
    from penstock.deploy.old_files import OldFile, written
    from penstock.deploy.save import write_ignored

    wanted = _build(name, flags)
    path = _output(output, wanted.entrypoint)
    folder, now = Path.cwd(), datetime.now(UTC)
    facts = read_flow(wanted.entrypoint, folder)
    note(f"Found flow {facts.name!r}.")
    if facts.warning:
        note(facts.warning)
    with connect() as client:
        values = values_of(wanted, facts, client, folder, now)
        if (ignored := write_ignored(folder)) is not None:
            note(f"Wrote {ignored}: what it names is not copied to storage.")
        _write(path, written(values))
        say(f"Deployment YAML created at '{path.absolute()}'.")
        old = OldFile(values, path)
        _limit(client, old, limit)
        if not skip_upload:
            _upload(client, old, folder, mandatory=False)
        if also_apply:
            _apply(client, old)
        _tell_of_workers(client, old)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--upload", is_flag=True, help="Copy the code to the deployments' storage, from this folder.")
@click.option("--limit", "-l", type=int, metavar="N", help="Most runs of the deployments' queues at once.")
def apply(files: tuple[str, ...], upload: bool, limit: int | None) -> None:
    """Create or change the deployments of deployment.yaml files.

    All files are checked before the first deployment is made.
    """
    every = _read(files)
    with connect() as client:
        for old in every:
            _limit(client, old, limit)
            if upload:
                _upload(client, old, Path.cwd(), mandatory=True)
            _apply(client, old)
        _tell_of_workers(client, *every)


def _build(name: str | None, flags: dict[str, Any]) -> Build:
    """What the flags say; Failure for those that exclude each other."""
    from penstock.deploy.old_build import Build

    if not name:
        raise Failure("A deployment needs a name: give one with --name.")
    schedule = _schedule(flags)
    if flags["infra_type"] and flags["infra_block"]:
        raise Failure("Give either --infra or --infra-block, not both.")
    pairs, params = flags.pop("pairs"), flags.pop("params")
    if pairs and params is not None:
        raise Failure("Give either --param or --params, not both.")
    parameters = parse_pairs(pairs, "parameter") if params is None else parse_object(params, "The text for --params")
    flags["overrides"] = _overrides(flags["overrides"])
    flags["tags"] = list(flags["tags"])
    return Build(name=name, schedule=schedule, parameters=parameters, **flags)


def _schedule(flags: dict[str, Any]) -> dict[str, Any] | None:
    """The one schedule, out of the flags, which are left without it."""
    cron, interval, rrule = (flags.pop(kind) for kind in ("cron", "interval", "rrule"))
    anchor, zone = flags.pop("anchor_date"), flags.pop("timezone")
    if sum(one is not None for one in (cron, interval, rrule)) + flags["no_schedule"] > 1:
        raise Failure("Only one schedule can be given: --cron, --interval, --rrule or --no-schedule.")
    if anchor is not None and interval is None:
        raise Failure("--anchor-date goes with --interval.")
    if cron is not None:
        return _without_none(cron=cron, timezone=zone)
    if interval is not None:
        return _without_none(interval=interval, anchor_date=anchor, timezone=zone)
    if rrule is None:
        return None
    said = parse_object(rrule, "The text for --rrule") if rrule.lstrip().startswith("{") else {"rrule": rrule}
    return said | _without_none(timezone=zone)


def _without_none(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _overrides(words: tuple[str, ...]) -> dict[str, str]:
    """Values stay text, as they always did: what they are of is known when the job is made."""
    pairs = [word.partition("=") for word in words]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise Failure(f"Can't understand the override {key!r}: write it as key.path=value.")
    return {key: text for key, _, text in pairs}


def _output(output: str | None, entrypoint: str) -> Path:
    """The file to write: its suffix is `.yaml`, or added."""
    if output is None:
        return Path(f"{entrypoint.rpartition(':')[2].rpartition('.')[2]}-deployment{SUFFIX}")
    path = Path(output)
    if path.suffix not in ("", SUFFIX):
        raise Failure(f"The file must end in {SUFFIX}, not {path.suffix!r}.")
    return path.with_suffix(SUFFIX)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"Can't write {path}: {error.strerror}.") from None


def _read(files: tuple[str, ...]) -> list[OldFile]:
    """The deployments of all files; every fault of all of them at once."""
    from penstock.deploy.old_files import read_old_files

    found, faults = [], []
    for file in files:
        try:
            found += read_old_files(Path(file))
        except PenstockError as error:
            faults.append(error.message)
    if faults:
        raise Failure("\n".join(faults))
    return found


def _limit(client: Client, old: OldFile, limit: int | None) -> None:
    from penstock.deploy.old_apply import check_pool, set_limit

    if limit is None:
        return None
    queue, pool = old.values.get("work_queue_name"), old.values.get("work_pool_name")
    if not queue:
        return note("There is no work queue, so its limit can't be set.")
    check_pool(client, old)
    set_limit(client, queue, pool, limit)
    return say(f"Work queue {queue!r}{f' of pool {pool!r}' if pool else ''} runs at most {limit} at once.")


def _upload(client: Client, old: OldFile, folder: Path, *, mandatory: bool) -> None:
    from penstock.deploy.old_apply import upload

    done = upload(client, old.values, folder)
    if done.files is not None:
        return say(f"Uploaded {done.files} file{'' if done.files == 1 else 's'} to {done.place}.")
    why = f"The storage {done.place} takes no uploads" if done.place else "There is no storage"
    return note(f"{why}, so nothing was uploaded.{'' if mandatory else ' Give --skip-upload to hear no more of this.'}")


def _apply(client: Client, old: OldFile) -> None:
    from penstock.cli.next_steps import start_command
    from penstock.deploy.old_apply import apply_old, check_pool

    pool = check_pool(client, old)
    made = apply_old(client, old)
    say(f"Deployment {old.full_name!r} created with id {made.id}.")
    queue = old.values.get("work_queue_name")
    if pool is not None:
        command = start_command(pool.name, pool.type)
        note(f"Start its runs with:\n  {command}" if command else f"The server starts the runs of {pool.name!r}.")
    elif queue:
        note(f"Start its runs with:\n  penstock agent start --work-queue {shlex.quote(queue)}")


def _tell_of_workers(client: Client, *every: OldFile) -> None:
    """The same for workers, once for each deployment."""
    from penstock.deploy.old_build import worker_command, worker_pool

    note(MEANT_FOR)
    for old in every:
        values: Mapping[str, Any] = {**old.values, "infra_overrides": old.overrides, "schedules": old.schedules}
        if values.get("entrypoint"):
            note(f"  {worker_command(values, worker_pool(client, values.get('work_pool_name')) or 'POOL')}")
        if values.get("storage"):
            note("  (Its runs would take the code from this folder, not from the storage: that needs a file.)")
