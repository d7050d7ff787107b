"""The commands that start agents, wherever they stand, as the commands that start workers.

An agent's command is found in a shell script, a systemd unit, a Dockerfile or a manifest, and only its own words are
changed: what stands around it, variables and quotes stay as they were written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.pool_types import AGENT_POOL
from penstock.core.upgrade_plans import UpgradePlan
from penstock.errors import InvalidRequest
from penstock.names import nearest

_WORD = r"""(?:[^\s"'\\;|&<>()]|\\[^\n]|"(?:[^"\\]|\\.)*"|'[^']*')+"""
_GAP = r"(?:[ \t]|\\\r?\n[ \t]*)+"
_IN_SHELL = re.compile(rf"(?<![\w\"'-])agent{_GAP}start\b(?P<words>(?:{_GAP}{_WORD})*)")
_TEXT = r'"(?:[^"\\]|\\.)*"'
_IN_LIST = re.compile(rf'"agent"\s*,\s*"start"(?P<words>(?:\s*,\s*{_TEXT})*)')

TAKES_VALUE = {
    "-p": "--pool",
    "-q": "--work-queue",
    "-m": "--match",
    "-t": "--tag",
    "-l": "--limit",
    "--prefetch-seconds": "--prefetch-seconds",
    "--api": "--api",
}
FLAGS = frozenset({"--run-once", "--hide-welcome", "--no-hide-welcome"})
NAMES = frozenset({*TAKES_VALUE.values(), *FLAGS})


@dataclass(frozen=True, slots=True)
class Moved:
    """Where deployments of a queue of an agent pool are, or will be."""

    pool: str
    queue: str
    new_pool: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a server tells of the queues that commands name; empty without one."""

    moved: tuple[Moved, ...] = ()
    queues: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The queues of each pool."""
    queue_names: Mapping[str, str] = field(default_factory=dict)
    """A queue's name by its id."""


@dataclass(slots=True)
class Translation:
    """A text with workers in place of agents, and what there is to say."""

    text: str = ""
    found: int = 0
    """How many commands were changed."""
    remarks: list[Remark] = field(default_factory=list)


def moves(plan: UpgradePlan) -> tuple[Moved, ...]:
    """What a plan says of where deployments go, or have gone."""
    found = []
    for one in plan.deployments:
        before = one.old.recorded.before if one.old.is_upgraded and one.old.recorded else one.old.deployment
        after = one.old.recorded.after if one.old.is_upgraded and one.old.recorded else one.after
        if after and after.work_pool_name:
            old_pool = before.work_pool_name or AGENT_POOL
            found.append(Moved(old_pool, before.work_queue_name or "default", after.work_pool_name))
    return tuple(dict.fromkeys(found))


def translate(text: str, known: Surroundings | None = None) -> Translation:
    """Every command in the text that starts an agent, as one that starts a worker.

    Raises `InvalidRequest` for words that `agent start` does not take.
    """
    done, known = Translation(), known or Surroundings()

    def of_shell(match: re.Match[str]) -> str:
        words = re.findall(_WORD, re.sub(r"\\\r?\n", " ", match["words"]))
        return " ".join(_worker(words, known, done, quoted=False))

    def of_list(match: re.Match[str]) -> str:
        words = [json.loads(one) for one in re.findall(_TEXT, match["words"])]
        return ", ".join(json.dumps(one) for one in _worker(words, known, done, quoted=True))

    lines = _IN_LIST.sub(of_list, text)
    done.text = _outside_comments(lines, lambda part: _IN_SHELL.sub(of_shell, part))
    return done


def _outside_comments(text: str, change: Callable[[str], str]) -> str:
    """Changes runs of lines between comments, so that what a comment tells of agents stays."""
    parts = re.split(r"(?m)(^[ \t]*#.*$)", text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


def _worker(words: Sequence[str], known: Surroundings, done: Translation, *, quoted: bool) -> list[str]:
    done.found += 1
    options = list(_options(words))
    pool = next((value for name, value in options if name == "--pool"), None)
    old_pool = _plain(pool or AGENT_POOL)
    queues = [name for option, value in options for name in _queues(option, value, old_pool, known, done)]
    said = [*_pool_words(pool, _served(old_pool, queues, options, known), done, quoted)]
    said += [word for queue in dict.fromkeys(queues) for word in ("--work-queue", queue)]
    for name, value in options:
        if name in ("--limit", "--prefetch-seconds"):
            said += [name, value]
        elif name == "--run-once":
            said.append(name)
        elif name == "--api":
            _say(done, Severity.WARNING, name, f"Workers have no `--api`, which said {value}.",
                 f"Set it in the environment: PENSTOCK_API_URL={value}")  # fmt: skip
    return ["worker", "start", *said]


def _options(words: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Each option with its value, as written; a queue that is named without one as `""`."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        short = TAKES_VALUE.get(word[:2]) if not word.startswith("--") and len(word) > 2 else None
        long = TAKES_VALUE.get(name, name)
        if not word.startswith("-"):
            yield "", word
        elif short:
            yield short, word[2:].removeprefix("=")
        elif long in FLAGS:
            yield long, ""
        elif long in TAKES_VALUE.values():
            if not equals and not rest:
                raise InvalidRequest(f"{word} of `agent start` has no value.")
            yield long, value if equals else rest.pop(0)
        else:
            meant = nearest(name, sorted(NAMES))
            raise InvalidRequest(
                f"{word} is nothing that `agent start` takes.{f' Did you mean {meant}?' * bool(meant)}"
            )


def _queues(option: str, value: str, pool: str, known: Surroundings, done: Translation) -> Iterable[str]:
    """The queues that an option stands for."""
    if option == "--work-queue":
        yield value
    elif option == "":
        yield from _queue_of_id(value, known, done)
    elif option == "--match":
        matching = sorted(name for name in known.queues.get(pool, ()) if name.startswith(_plain(value)))
        now = f"those that begin so now are named: {', '.join(matching)}" if matching else "no queue begins so now"
        sentence = f"Workers do not match queues by how their names begin, which {value} did; {now}."
        _say(done, Severity.WARNING, option, sentence, "Name each queue, or none: then all of the pool are served.")
        yield from matching
    elif option == "--tag":
        sentence = f"Workers do not serve queues by tag, which {value} was."
        _say(done, Severity.ERROR, option, sentence, "Give the deployments with this tag a work queue, and name it.")


def _queue_of_id(value: str, known: Surroundings, done: Translation) -> Iterable[str]:
    try:
        id = str(UUID(_plain(value)))
    except ValueError:
        yield value
        return
    if id in known.queue_names:
        yield known.queue_names[id]
        return
    _say(done, Severity.ERROR, id, f"The queue is named by its id, {id}, and workers take names.",
         "Name it with --work-queue; `penstock work-queue ls` shows ids and names.")  # fmt: skip


def _served(pool: str, queues: Sequence[str], options: Sequence[tuple[str, str]], known: Surroundings) -> list[str]:
    """The new pools of what this agent served."""
    named = {_plain(one) for one in queues}
    narrowed = bool(named) or any(name in ("--match", "--tag") for name, _ in options)
    fitting = [one for one in known.moved if one.pool == pool and (not narrowed or one.queue in named)]
    return sorted({one.new_pool for one in fitting})


def _pool_words(pool: str | None, new: Sequence[str], done: Translation, quoted: bool) -> list[str]:
    if new:
        first, *others = (one if quoted or re.fullmatch(r"[\w.@/-]+", one) else f'"{one}"' for one in new)
        for other in others:
            sentence = f"What this agent served is in several pools; the command is for {_plain(first)!r}."
            way_out = f"Start a worker for {_plain(other)!r} too, by the same command."
            _say(done, Severity.WARNING, "--pool", sentence, way_out)
        return ["--pool", first]
    if pool is None:
        sentence = "An agent without a pool served the queues that name none; a worker needs a pool."
        _say(done, Severity.WARNING, "--pool", sentence, "Write the pool's name in place of NAME.")
        return ["--pool", "NAME"]
    sentence = f"{pool} is a pool for agents; no deployment of it has been moved to another one yet."
    _say(done, Severity.NOTE, "--pool", sentence, "Write the new pool's name: `penstock upgrade plan` tells it.")
    return ["--pool", pool]


def _plain(word: str) -> str:
    """Without quotes."""
    return word.strip("\"'")


def _say(done: Translation, severity: Severity, place: str, sentence: str, way_out: str) -> None:
    remark = Remark("C12", severity, place, sentence, way_out)
    if remark not in done.remarks:
        done.remarks.append(remark)
