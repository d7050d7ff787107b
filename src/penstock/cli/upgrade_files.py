"""`penstock upgrade files`: the deployment.yaml files of a repository become one prefect.yaml."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.console import Failure, note, say
from penstock.errors import ServerUnreachable
from penstock.settings import current

if TYPE_CHECKING:
    from penstock.core.infrastructure_blocks import Remark
    from penstock.core.upgrade_plans import NewBlock, PoolPlan
    from penstock.deploy.old_entries import NewEntry
    from penstock.deploy.old_files import OldFile
    from penstock.deploy.old_projects import Conversion, Draft
    from penstock.deploy.old_records import Sources

FILE = "prefect.yaml"
TEMPLATES = "work-pools"
MOST_PLACES = 5
LEFT_OUT, SOMETHING_TO_DO = 1, 2
"""The exit codes where a deployment can't be carried over, and of `--check` where files would be written."""
_COLORS = {"+": "green", "~": "yellow", "=": "bright_black", "!": "red"}
_PLACES = {
    "job_variables": "infra_overrides",
    "pull_steps": "storage",
    "storage_document_id": "storage",
    "entrypoint": "entrypoint",
    "path": "path",
    "storage": "storage",
    "schedules": "schedules",
}
"""Which key of a file a remark is about; all others are about the infrastructure."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The project file.  [default: that of the root]")
@click.option("--templates", type=click.Path(path_type=Path), help="Where pools' templates go.  [default: work-pools]")
@click.option("--force", is_flag=True, help="The files win over what the project file says of the same deployments.")
@click.option("--check", is_flag=True, help="Write nothing; exit code 2 when something would be written.")
@click.option("--offline", is_flag=True, help="Ask no server for blocks and pools.")
def files(folder: Path, output: Path | None, templates: Path | None, force: bool, check: bool, offline: bool) -> None:
    """Make one prefect.yaml of all deployment.yaml files.

    Looks at every YAML file below DIR, whatever it is called. What a pool needs that its type does not have is written
    as a template beside the project file. A second time it changes nothing.
    """
    from penstock.deploy.old_projects import convert, draft, find_old_files, find_scripts, read_all, write

    if not folder.is_dir():
        raise Failure(f"There is no folder {folder}.")
    output = output or _root(folder) / FILE
    root = output.resolve().parent
    old = read_all(_shortened(one) for one in find_old_files(folder))
    scripts = [_shortened(one) for one in find_scripts(folder)]
    if not old:
        _tell_scripts(scripts)
        say(f"There are no deployment.yaml files below {folder}.")
        return
    with _sources(root, offline=offline) as sources:
        found = convert(old, sources, scripts)
    made = draft(found, output, templates or output.parent / TEMPLATES, force=force)
    _tell(found, made, old)
    _tell_scripts(scripts)
    if not check:
        write(made)
    _tell_files(made, check=check)
    if not check:
        _tell_what_is_next(found, made, templates or output.parent / TEMPLATES)
    if len(found.written) < len(found.entries):
        raise click.exceptions.Exit(LEFT_OUT)
    if check and (made.changes_project or made.templates):
        raise click.exceptions.Exit(SOMETHING_TO_DO)


def _root(folder: Path) -> Path:
    """The root of the repository that a folder is in, as seen from here; the folder itself where it is in none."""
    from penstock.deploy.git import repository_root

    root = repository_root(folder.resolve())
    if root is None or root == folder.resolve():
        return folder
    return _shortened(root)


def _shortened(path: Path) -> Path:
    """The path from here on, where it is below."""
    absolute, here = path.resolve(), Path.cwd().resolve()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else absolute


@contextmanager
def _sources(root: Path, *, offline: bool) -> Iterator[Sources]:
    """With the server of the settings, if there is one and it answers."""
    from penstock.cli.connect import connect
    from penstock.deploy.old_records import Sources
    from penstock.upgrade.read import read

    if offline or not current().api.url:
        yield Sources(root)
        return
    with connect() as client:
        try:
            there = read(client).there
        except ServerUnreachable as error:
            note(f"{error.message} So blocks are what the files say of them.")
            yield Sources(root)
        else:
            yield Sources(root, client, there)


def _tell(found: Conversion, made: Draft, old: Sequence[OldFile]) -> None:
    paths = {one.path for one in old}
    note(f"{_count(len(old), 'deployment')} in {_count(len(paths), 'file')}.")
    signs = _signs(found, made)
    for one in found.entries:
        _line(signs[one.full_name], one.full_name, _becomes(one, made, found))
    places: dict[Remark, list[str]] = {}
    for one in found.entries:
        for remark in one.remarks:
            places.setdefault(remark, []).append(_place(one.filed.file, remark))
    for remark, where in places.items():
        _remark(_listed(where, remark), remark)


def _listed(places: Sequence[str], remark: Remark) -> str:
    """All places of what matters, and the first of many of a note."""
    many = len(places) > MOST_PLACES and remark.severity == "note"
    return ", ".join(places[:MOST_PLACES]) + f" and {len(places) - MOST_PLACES} more" if many else ", ".join(places)


def _signs(found: Conversion, made: Draft) -> dict[str, str]:
    merge = made.merge
    names = [one.full_name for one in found.written]
    signs = {one.full_name: "!" for one in found.entries}
    for sign, places in (("+", merge.added), ("~", merge.changed), ("=", merge.same), ("!", merge.kept)):
        signs |= {names[place]: sign for place in places}
    return signs


def _becomes(one: NewEntry, made: Draft, found: Conversion) -> str:
    if one.values is None:
        return "is left out: see the errors below."
    kept = made.merge.kept.get(found.written.index(one))
    if kept:
        return f"is otherwise at {kept}, which stays; --force writes over what has the same entrypoint."
    kind = f" ({one.upgrade.pool.type})" if one.upgrade.pool else ""
    return f"{one.values['entrypoint']} -> pool {one.pool}{kind}"


def _line(sign: str, name: str, rest: str) -> None:
    say(f"{click.style(sign, fg=_COLORS[sign], bold=True)} {name}  {rest}")


def _place(file: OldFile, remark: Remark) -> str:
    return file.place(_PLACES.get(remark.place, "infrastructure"))


def _remark(place: object, remark: Remark) -> None:
    note(f"{place}: {remark.code} {remark.severity}: {remark.sentence} {remark.way_out}")


def _tell_scripts(scripts: Sequence[Path]) -> None:
    from penstock.deploy.old_projects import script_remark

    for path in scripts:
        _remark(path, script_remark(path))


def _tell_files(made: Draft, *, check: bool) -> None:
    did = "Would write" if check else "Wrote"
    if made.changes_project:
        count = len(made.merge.added) + len(made.merge.changed)
        say(f"{did} {made.output}: {_count(count, 'deployment')}.")
    for path in made.templates:
        say(f"{did} {path}.")
    if not made.changes_project and not made.templates:
        say("Nothing to do: everything is there.")


def _tell_what_is_next(found: Conversion, made: Draft, templates: Path) -> None:
    """The commands that make what the project file refers to, and the deploy."""
    commands = [_block_command(one, _source(one, found)) for one in found.blocks]
    commands += [line for one in found.pools if not one.exists for line in _pool_commands(one, templates)]
    if commands:
        note("Make what it refers to:")
        for line in commands:
            note(f"  {line}")
    where = "" if made.output.name == FILE else f" --prefect-file {shlex.quote(str(made.output))}"
    folder = made.output.parent
    go = "" if folder.resolve() == Path.cwd().resolve() else f"cd {shlex.quote(str(folder))} && "
    note(f"Then look at it with:\n  {go}penstock deploy --all --plan{where}")


def _block_command(block: NewBlock, source: str) -> str:
    from penstock.core.upgrade_plans import Taken

    words = ["penstock", "block", "create", block.type_slug, block.name]
    for name, value in block.data.items():
        words += ["--set", name if isinstance(value, Taken) else f"{name}={_text(value)}"]
    return f"{shlex.join(words)}  # asks for the secrets of {source}"


def _source(block: NewBlock, found: Conversion) -> str:
    """The storage block whose fields a new block is made of."""
    one = next(one for one in found.written if block in one.upgrade.blocks)
    storage = one.filed.old.storage
    return f"{storage.block_type.slug}/{storage.name}" if storage and storage.block_type else "the old block"


def _text(value: Any) -> str:
    import msgspec

    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pool_commands(pool: PoolPlan, templates: Path) -> Iterator[str]:
    from penstock.deploy.old_projects import needs_template

    words = ["penstock", "work-pool", "create", pool.name, "--type", pool.type]
    if needs_template(pool):
        words += ["--base-job-template", str(templates / f"{pool.name}.json")]
    yield shlex.join(words)
    if pool.concurrency_limit is not None:
        yield shlex.join(["penstock", "work-pool", "set-concurrency-limit", pool.name, str(pool.concurrency_limit)])
    for queue in pool.queues:
        if queue.concurrency_limit is not None and not queue.exists:
            words = ["penstock", "work-queue", "create", queue.name, "--pool", pool.name]
            words += ["--limit", str(queue.concurrency_limit)]
            yield shlex.join(words + (["--priority", str(queue.priority)] if queue.priority else []))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
