"""`prefect.yaml` as it is written: read with its lines, so that what is wrong can be pointed at.

The whole file is checked before anything is done with it, and every fault is told with its line. What people
write and mean plainly is taken (a lone tag, `parameters: null`, keys that Prefect 3.0 wrote itself); keys that
say nothing to us are named in `warnings` rather than lost in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from penstock.core import schedules
from penstock.core.deployment_values import OF_SCHEDULE
from penstock.core.templates import odd_braces, placeholders
from penstock.deploy import step_shapes
from penstock.deploy.shapes import DEPLOYMENT, MANIFEST, OF_AGENTS, OLDER, SCHEDULE, WORK_POOL, Field, misplaced
from penstock.deploy.yaml_tree import BadYaml, Block, Items, parse_yaml
from penstock.errors import DeployFailed, ScheduleInvalid
from penstock.names import nearest

STEPS = ("build", "push", "pull")
_SOME_TIME = datetime(2020, 1, 1, tzinfo=UTC)
"""An interval without an anchor is checked as if it began here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One deployment of the file: its values as plain data, only the keys that are written, and where it stands
    (nowhere, when the command line alone says what it is)."""

    values: dict[str, Any]
    where: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where its keys are written."""

    def place(self, key: str) -> str:
        """`file:line` of a key, else of the whole deployment."""
        path, colon, _ = self.where.rpartition(":")
        return f"{path}:{self.lines[key]}" if colon and key in self.lines else self.where

    @property
    def name(self) -> str | None:
        name = self.values.get("name")
        return str(name) if name is not None else None

    @property
    def function_name(self) -> str:
        """The last name of the entrypoint, as `flow/deployment` names know it."""
        entrypoint = str(self.values.get("entrypoint") or "")
        return entrypoint.rpartition(":")[2].rpartition(".")[2].replace("_", "-")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A project file. `steps` holds those of build, push and pull that are written at the top; one that is not
    there says nothing.

    As with Prefect, `build:` and `push:` of a deployment with nothing behind them switch the file's off, and
    `pull:` does so only as `pull: []`.
    """

    path: Path
    name: str | None = None
    entries: list[Entry] = field(default_factory=list)
    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    is_there: bool = True
    source: bytes = b""
    """What was read, so that a save can tell whether the file changed since."""

    @property
    def folder(self) -> Path:
        return self.path.resolve().parent


def load_manifest(path: Path) -> Manifest:
    """The project file at a path; one that is not there is one with nothing in it.

    Raises `DeployFailed` with every fault, each as `file:line: key: what was expected`.
    """
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        return Manifest(path, is_there=False)
    except OSError as error:
        raise DeployFailed(f"{path} can't be read: {error.strerror}.") from None
    return replace(parse_manifest(decoded(source, path), path), source=source)


def decoded(source: bytes, path: Path) -> str:
    """The text of a file, line ends as they are. Raises `DeployFailed` when it is not UTF-8."""
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise DeployFailed(f"{path}:{line}: this can't be read as UTF-8; save the file in that encoding.") from None


def parse_manifest(text: str, path: Path) -> Manifest:
    """As `load_manifest`, from the text of the file."""
    reader = _Reader(path)
    tree = reader.parse(text)
    top = reader.mapping(tree, MANIFEST, "")
    manifest = Manifest(
        path,
        name=top.get("name"),
        entries=reader.entries(tree, top),
        steps={key: reader.steps(top[key], tree, key) for key in STEPS if top.get(key) not in (None, {})},
        warnings=[message for _, message in sorted(reader.warnings, key=itemgetter(0))],
    )
    if reader.faults:
        raise DeployFailed("\n".join(reader.faults))
    return manifest


def load_plain(path: Path) -> Any:
    """Any YAML or JSON file as plain data. Raises `DeployFailed` when it is not there or neither."""
    try:
        found = parse_yaml(decoded(path.read_bytes(), path))
    except OSError as error:
        raise DeployFailed(f"{path} can't be read: {error.strerror}") from None
    except BadYaml as error:
        raise DeployFailed(f"{path}:{error.line}: this is neither YAML nor JSON: {error.reason}.") from None
    return plain(found.value) if found else None


class _Reader:
    """Collects faults and warnings while it turns YAML nodes into plain values."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[str] = []
        self.warnings: list[tuple[int, str]] = []

    def parse(self, text: str) -> Block:
        try:
            tree = parse_yaml(text)
        except BadYaml as error:
            raise DeployFailed(f"{self.path}:{error.line}: this YAML can't be read: {error.reason}.") from None
        if tree is None or tree.value is None:
            return Block(1)
        if not isinstance(tree.value, Block):
            raise DeployFailed(f"{self.path}:1: the file must be a mapping of keys such as deployments: and pull:.")
        self.look_around(tree.value)
        return tree.value

    def look_around(self, tree: Block) -> None:
        """What can be said of the file before its keys are looked at one by one."""
        self._repeated(tree)
        if "deployments" in tree:
            return
        if tree.keys() >= OF_AGENTS:
            raise DeployFailed(
                f"{self.path}:1: this is a deployment.yaml of the agent generation, not a project file: "
                "a project file lists deployments under deployments:."
            )
        lost = [key for key in tree if key in DEPLOYMENT and key not in MANIFEST]
        if lost:
            self.fault(tree, lost[0], lost[0], "this below an item of deployments:, as `- name: ...`")

    def _repeated(self, value: Any) -> None:
        """Keys that are written twice, anywhere."""
        if isinstance(value, Block):
            for key, line in value.repeated:
                self.warnings.append((line, f"{self.path}:{line}: {key} is written twice; the second one counts."))
            value.repeated = []  # an alias would tell it again
        for one in _inside(value):
            self._repeated(one)

    def entries(self, tree: Block, top: Mapping[str, Any]) -> list[Entry]:
        found = top.get("deployments") or []
        if isinstance(found, Mapping):
            self.fault(
                tree, "deployments", "deployments", f"a list of deployments, each as `- name: ...`, not {_shown(found)}"
            )
            return []
        return [self.entry(node, f"deployments[{index}]", tree) for index, node in enumerate(found)]

    def entry(self, node: Any, path: str, tree: Block) -> Entry:
        if not isinstance(node, Block):
            self.fault(tree, "deployments", path, f"a mapping with name and entrypoint, not {_shown(node)}")
            return Entry({}, str(self.path))
        name = node.get("name")
        label = f"deployment {name!r}" if name else path
        node = self._todays_names(node, label)
        values = self.mapping(node, DEPLOYMENT, label)
        self._pool(node, values, label)
        self._schedules(node, values, label)
        for key in (one for one in values if one not in (*STEPS, "triggers")):
            self._templates(values[key], node.lines.get(key, node.line), f"{label}: {key}")
        for key in (one for one in STEPS if one in values):
            if key == "pull" and values[key] in (None, {}):
                del values[key]
                continue
            values[key] = self.steps(values[key], node, f"{label}: {key}")
        return Entry({key: plain(value) for key, value in values.items()}, self.line(node), node.lines)

    def _todays_names(self, node: Block, label: str) -> Block:
        """Keys of older versions say what their followers say, unless those are there too."""
        old = [key for key in OLDER if key in node]
        if not old:
            return node
        node = node.copy()
        for key in old:
            place, new = OLDER[key]
            self.warn(node, key, f"{label}: {key} is an older name, and taken as {place}{new}.")
            value, line = node.pop(key), self.number(node, key)
            if not place:
                node.put(new, value, line)
                continue
            pool = node.get("work_pool")
            node["work_pool"] = pool.copy() if isinstance(pool, Block) else Block(line)
            node["work_pool"].put(new, value, line)
        return node

    def _pool(self, node: Block, values: dict[str, Any], label: str) -> None:
        pool = values.get("work_pool")
        if isinstance(pool, str):
            self.warn(node, "work_pool", f"{label}: work_pool is taken as work_pool.name.")
            values["work_pool"] = {"name": pool}
        if not isinstance(pool, Block):
            return
        if "infra_overrides" in pool:
            self.warn(pool, "infra_overrides", f"{label}: infra_overrides is an older name of job_variables.")
            pool = pool.copy()
            pool.put("job_variables", pool.pop("infra_overrides"), pool.lines["infra_overrides"])
        values["work_pool"] = self.mapping(pool, WORK_POOL, f"{label}: work_pool")
        variables = values["work_pool"].get("job_variables")
        if isinstance(variables, Block) and (env := _as_mapping(variables.get("env"))) is not None:
            self.warn(variables, "env", f"{label}: work_pool.job_variables.env is a mapping; the list is taken as one.")
            values["work_pool"]["job_variables"] = {**variables, "env": env}

    def _schedules(self, node: Block, values: dict[str, Any], label: str) -> None:
        """The older `schedule:` becomes a list of one; empty ones of either kind are none."""
        single, several = values.pop("schedule", None), values.get("schedules")
        active = values.pop("is_schedule_active", None)
        if single and several:
            self.fault(node, "schedule", label, "schedule or schedules, not both")
        if not single and "schedules" not in values:
            return
        key = "schedule" if single else "schedules"
        listed = single or several or []
        listed = listed if isinstance(listed, list) else [listed]
        known = {} if active is None else {"active": active}
        values["schedules"] = [{**known, **self._schedule(one, node, key, f"{label}: {key}")} for one in listed if one]

    def _schedule(self, one: Any, node: Block, key: str, label: str) -> dict[str, Any]:
        if isinstance(one, str) and not placeholders(one):
            self.warn(node, key, f"{label}: {one!r} is taken as cron: {one!r}.")
            text, line = one, self.number(node, key)
            one = Block(line)
            one.put("cron", text, line)
        if not isinstance(one, Block):
            self.fault(node, key, label, f'a mapping such as {{cron: "0 6 * * *"}}, not {_shown(one)}')
            return {}
        before = len(self.faults)
        values = self.mapping(one, SCHEDULE, label, strict=True)
        if len(self.faults) == before:
            self._times(values, one, label)
        return values

    def _times(self, values: dict[str, Any], node: Block, label: str) -> None:
        """Whether the schedule has dates, as far as no step has yet to fill something in."""
        when = {key: value for key, value in values.items() if value is not None and key not in OF_SCHEDULE}
        if placeholders(when):
            return
        try:
            schedules.parse(when, now=_SOME_TIME)
        except ScheduleInvalid as error:
            key, colon, _ = error.message.partition(":")
            self.faults.append(f"{self.line(node, key if colon else None)}: {label}: {error.message}")

    def _templates(self, value: Any, line: int, label: str) -> None:
        """Braces that look like a template and are none stay as they are, which is rarely what was meant."""
        if isinstance(value, str):
            if odd := odd_braces(value):
                words = f"{odd!r} is no template of the form {{{{ name }}}} and stays as it is."
                self.warnings.append((line, f"{self.path}:{line}: {label}: {words}"))
            return
        keys = list(value) if isinstance(value, Mapping) else [None] * len(_inside(value))
        for key, one in zip(keys, _inside(value), strict=True):
            at = value.lines.get(str(key), line) if isinstance(value, Block) else line
            self._templates(one, at, _with(label, key) if key else label)

    def mapping(self, node: Block, fields: Mapping[str, Field], label: str, *, strict: bool = False) -> dict[str, Any]:
        """The keys of a node that are known, each of the kind it must be; others are warned of, or are faults."""
        values: dict[str, Any] = {}
        for key, value in node.items():
            known = fields.get(str(key))
            if known is None:
                self._unknown(node, str(key), fields, label, strict)
                continue
            if known.ignored:
                self.warn(node, key, f"{_with(label, key)} {known.ignored}.")
                continue
            try:
                values[str(key)] = known.taken(value)
            except ValueError as error:
                self.fault(node, key, _with(label, key), f"{error}, not {_shown(value)}")
        return values

    def steps(self, value: Any, node: Block, label: str) -> list[dict[str, Any]]:
        """A list of steps from a list, one mapping, or nothing."""
        if not value:
            return []
        listed = [value] if isinstance(value, Mapping) else value
        return [step for one in listed if (step := self._step(one, node, label))]

    def _step(self, one: Any, node: Block, label: str) -> dict[str, Any]:
        if not one:
            return {}
        if not isinstance(one, Block):
            self.fault(node, label.rpartition(" ")[2], label, f"a step's name with its inputs, not {_shown(one)}")
            return {}
        first, *others = one
        if others and "." in str(first) and one[first] is None:
            self.warn(one, first, f"{label}: the inputs of {first} are taken as such; indent them below it.")
            inputs = one.copy()
            del inputs[first]
            return self._known_step(str(first), inputs, one, label)
        if others:
            self.fault(one, others[0], label, f"one step per item, not {', '.join(map(str, one))}")
            return {}
        inputs = one[first]
        if not isinstance(inputs, Mapping | None):
            self.fault(one, first, f"{label}: {first}", f"the step's inputs by name, not {_shown(inputs)}")
            return {}
        return self._known_step(str(first), inputs or Block(self.number(one, first)), one, label)

    def _known_step(self, written: str, inputs: Mapping[str, Any], node: Block, label: str) -> dict[str, Any]:
        """The step by the name it has today, its inputs checked as far as it is one that is known."""
        name = step_shapes.current_name(written)
        if name != written:
            self.warn(node, written, f"{label}: {written} is called {name} today, and taken as that.")
        if unknown := step_shapes.unknown_step(name):
            self.faults.append(f"{self.line(node, written)}: {label}: {unknown}")
        at = inputs if isinstance(inputs, Block) else node
        for key, wrong in step_shapes.wrong_inputs(name, inputs):
            self.fault(at if key else node, key or written, f"{label}: {name}", wrong)
        if sign := step_shapes.looks_like_shell(name, inputs):
            self.warn(at, "script", f"{label}: {sign!r} in a script means something only with `shell: true`.")
        self._templates(inputs, self.number(node, written), f"{label}: {name}")
        return {name: plain(inputs)}

    def _unknown(self, node: Block, key: str, fields: Mapping[str, Field], label: str, strict: bool) -> None:
        hint = misplaced(key, fields) or nearest(key, fields)
        if strict:
            known = ", ".join(name for name, field in fields.items() if not field.ignored)
            self.fault(node, key, label, f"{hint}, not {key!r}" if hint else f"one of {known}, not {key!r}")
        elif label or hint:  # people keep anchors under keys of their own at the top
            self.warn(node, key, f"{_with(label, key)} is not a key of this place and is ignored{_meant(hint)}")

    def fault(self, node: Block, key: Any, label: str, expected: str) -> None:
        self.faults.append(f"{self.line(node, key)}: {label}: expected {expected}.")

    def warn(self, node: Block, key: Any, message: str) -> None:
        self.warnings.append((self.number(node, key), f"{self.line(node, key)}: {message}"))

    def line(self, node: Block, key: Any = None) -> str:
        """`file:line` of a key, or of the node when the key came by a merge."""
        return f"{self.path}:{self.number(node, key)}"

    def number(self, node: Block, key: Any = None) -> int:
        return node.lines.get(str(key), node.line)


def plain(value: Any) -> Any:
    """A value of the file without the lines that it knows."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def _inside(value: Any) -> list[Any]:
    """The values that a value holds."""
    return list(value.values()) if isinstance(value, Mapping) else list(value) if isinstance(value, list) else []


def _as_mapping(env: Any) -> dict[str, Any] | None:
    """What Kubernetes writes as a list of names and values; None for anything else."""
    if not isinstance(env, Items) or not all(isinstance(one, Block) and {*one} == {"name", "value"} for one in env):
        return None
    return {str(one["name"]): one["value"] for one in env}


def _meant(name: str | None) -> str:
    return f"; did you mean {name}?" if name else "."


def _with(label: str, key: Any) -> str:
    return f"{label}: {key}" if label else str(key)


def _shown(value: Any) -> str:
    text = repr(plain(value))
    return text if len(text) <= 80 else text[:77] + "..."
