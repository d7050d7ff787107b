"""`penstock deploy` for somebody who has not said everything: asks for it, shows the plan, then deploys and saves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.cli.console import Failure, note, say
from penstock.deploy.manifest import Entry, Manifest
from penstock.deploy.options import Options, laid_over
from penstock.settings import current

if TYPE_CHECKING:
    from penstock.cli.deploy_plan import Wishes
    from penstock.cli.workshop import At
    from penstock.deploy.compile import Seen
    from penstock.deploy.wizard.answers import Answers
    from penstock.deploy.wizard.asker import Asker


@dataclass(frozen=True, slots=True)
class _Start:
    """The deployment that was meant: one of the file, or a new one."""

    entry: Entry
    new: bool


def is_wanted(manifest: Manifest, names: tuple[str, ...], options: Options) -> bool:
    """Whether something is left to ask: which of the file's deployments, or what one of them needs."""
    if manifest.entries and not names and not options.entrypoint:
        return True
    start = _start(manifest, names, options)
    return start is not None and bool(_open(start, names, options))


def guide(manifest: Manifest, names: tuple[str, ...], options: Options, wishes: Wishes) -> None:
    """Asks, deploys, saves. Ctrl-C at any question leaves everything as it was."""
    from penstock.cli.prompts import asker, until_interrupted
    from penstock.cli.workshop import deploy_and_hint, workshop
    from penstock.deploy.wizard.conduct import choose_entry

    for warning in manifest.warnings:
        note(warning)
    with workshop() as at:
        with until_interrupted():
            ask = asker()
            start = _start(manifest, names, options) or _declared(choose_entry(ask, manifest))
            answers = _described(ask, at, manifest, start, names, options)
            save = answers is not None and _agreed(ask, at, manifest, answers, wishes)
        if answers is None:
            entry = replace(start.entry, values=_values(start, names, options))
            return at.run(deploy_and_hint, [entry], manifest, wishes)
        return _carry_out(at, manifest, answers, wishes, save=save)


def _start(manifest: Manifest, names: tuple[str, ...], options: Options) -> _Start | None:
    """What is meant, if that is one deployment and clear."""
    from penstock.deploy.select import matches

    new = _Start(Entry({}), True)
    if not manifest.entries:
        return new
    if not names:
        return new if options.entrypoint else None
    found = [entry for entry in manifest.entries if any(matches(entry, name) for name in names)]
    if len(found) == 1:
        return _Start(found[0], False)
    return new if not found and len(names) == 1 and "*" not in names[0] else None


def _declared(entry: Entry | None) -> _Start:
    return _Start(entry or Entry({}), entry is None)


def _values(start: _Start, names: tuple[str, ...], options: Options) -> dict[str, Any]:
    values = laid_over(start.entry.values, options)
    if start.new and names:
        values["name"] = names[0].rpartition("/")[2]
    default = current().deployments.default_work_pool_name
    if default and not (values.get("work_pool") or {}).get("name"):
        values["work_pool"] = {**(values.get("work_pool") or {}), "name": default}
    return values


def _open(start: _Start, names: tuple[str, ...], options: Options) -> list[str]:
    from penstock.deploy.wizard.conduct import lacks

    return lacks(_values(start, names, options))


def _described(
    ask: Asker, at: At, manifest: Manifest, start: _Start, names: tuple[str, ...], options: Options
) -> Answers | None:
    """The answers, or None where nothing was left to ask."""
    from penstock.deploy.wizard.answers import Scene
    from penstock.deploy.wizard.conduct import describe

    if not start.new and not _open(start, names, options):
        return None
    scene = Scene(at.shop.client.blocking, at.shop.folder, manifest, at.shop.now)
    return describe(ask, scene, _values(start, names, options), new=start.new)


def _agreed(ask: Asker, at: At, manifest: Manifest, answers: Answers, wishes: Wishes) -> bool:
    """Shows the plan and asks for it to be done; whether it is to be saved. Raises Failure on no."""
    from penstock.cli.deploy_plan import show_plan

    say("")
    at.run(show_plan, [_entry(answers)], manifest, wishes, seen=_as_if_made(answers))
    for made in answers.to_be_made():
        say(f"+ {made}")
    say("")
    if not ask.confirm("Deploy this?", default=True):
        raise Failure("Nothing was changed.")
    if _is_saved(manifest, answers):
        return False
    return ask.confirm(f"Save it in {manifest.path}?", default=True)


def _as_if_made(answers: Answers) -> Seen:
    """The plan is shown before the pool and the blocks are made that it needs."""
    from penstock.deploy.compile import Seen
    from penstock.deploy.references import Library

    pools = {answers.pool.name: answers.pool} if answers.pool else {}
    return Seen(pools, library=Library({(one.type_slug, one.name): {} for one in answers.new_blocks}))


def _is_saved(manifest: Manifest, answers: Answers) -> bool:
    return any(
        all(entry.values.get(key) == answers.values.get(key) for key in ("name", "entrypoint", "work_pool"))
        for entry in manifest.entries
    )


def _entry(answers: Answers) -> Entry:
    return Entry(answers.values)


def _carry_out(at: At, manifest: Manifest, answers: Answers, wishes: Wishes, *, save: bool) -> None:
    from penstock.cli.workshop import deploy_and_hint
    from penstock.deploy.save import save_deployment
    from penstock.deploy.wizard.answers import make_ready

    for made in make_ready(answers, at.shop.client.blocking):
        say(made)
    marked = replace(manifest, is_there=True, name=manifest.name or at.shop.folder.name) if save else manifest
    at.run(deploy_and_hint, [_entry(answers)], marked, wishes)
    if save:
        save_deployment(manifest, answers.values)
        note(f"Saved in {manifest.path}. Next time: penstock deploy -n {answers.name}")
