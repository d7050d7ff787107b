"""What a deployment needs to know of its flow: name, version, description, parameters."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock.core.deployment_plans import FlowFacts
from penstock.errors import FlowNotFound
from penstock.sdk.entrypoints import Modules, load_flow, parse_entrypoint

_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object"}


def read_flow(entrypoint: str, root: Path, known: Modules | None = None) -> FlowFacts:
    """The facts of the flow at an entrypoint. Its file is imported (once, where the same `known` is given), not run.

    Where the import fails for want of a package that only the worker has, what the source itself says is
    taken. Raises `FlowNotFound` when that says nothing either.
    """
    try:
        return FlowFacts.of(load_flow(entrypoint, root, known))
    except FlowNotFound as error:
        if not isinstance(error.__cause__, ImportError):
            raise
        found = _from_source(entrypoint, root)
        if found is None:
            raise
        warning = f"{error.message} The flow's name and parameters are taken from its source."
        return replace(found, warning=warning)


@dataclass(frozen=True, slots=True)
class FoundFlow:
    """A flow seen in a file's source."""

    file: Path
    function: str
    name: str


def find_flows(folder: Path) -> list[FoundFlow]:
    """The flows that the sources in a folder, and in those right below it, define; nothing is imported."""
    hidden = (".", "__pycache__", "node_modules", "venv")
    every = sorted([*folder.glob("*.py"), *folder.glob("*/*.py")])
    files = [path for path in every if not _below(path, folder, hidden)]
    return [
        FoundFlow(file.relative_to(folder), node.name, _declared_name(node))
        for file in files
        for node in _flow_functions(_parsed(file))
    ]


def _below(path: Path, folder: Path, hidden: tuple[str, ...]) -> bool:
    return any(part.startswith(hidden) for part in path.relative_to(folder).parts[:-1])


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _flow_functions(tree: ast.Module) -> Iterator[_Function]:
    for node in tree.body:
        if isinstance(node, _Function) and any(_is_flow(one) for one in node.decorator_list):
            yield node


def _is_flow(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (isinstance(target, ast.Name) and target.id == "flow") or (
        isinstance(target, ast.Attribute) and target.attr == "flow"
    )


def _option(node: _Function, name: str) -> str | None:
    """A literal option of the flow's decorator."""
    for decorator in node.decorator_list:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) and _is_flow(decorator) else ():
            if keyword.arg == name and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return None


def _declared_name(node: _Function) -> str:
    return _option(node, "name") or node.name.replace("_", "-")


def _from_source(text: str, root: Path) -> FlowFacts | None:
    entrypoint = parse_entrypoint(text)
    if entrypoint.file is None:
        return None
    file = root / entrypoint.file
    node = next((node for node in _flow_functions(_parsed(file)) if node.name == entrypoint.name), None)
    if node is None:
        return None
    return FlowFacts(
        name=_declared_name(node),
        version=_option(node, "version") or hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest(),
        description=_option(node, "description") or ast.get_docstring(node),
        parameter_schema=_schema_from_source(node),
    )


def _schema_from_source(node: _Function) -> dict[str, Any]:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    first = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
    defaults: list[ast.expr | None] = [None] * first + list(node.args.defaults) + list(node.args.kw_defaults)
    properties: dict[str, Any] = {}
    required = []
    for position, (argument, default) in enumerate(zip(arguments, defaults, strict=True)):
        kind = _TYPES.get(argument.annotation.id) if isinstance(argument.annotation, ast.Name) else None
        found: dict[str, Any] = {"position": position, "title": argument.arg} | ({"type": kind} if kind else {})
        if default is None:
            required.append(argument.arg)
        else:
            found |= _literal(default)
        properties[argument.arg] = found
    schema = {"title": "Parameters", "type": "object", "properties": properties}
    return schema | ({"required": required} if required else {})


def _literal(node: ast.expr) -> dict[str, Any]:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return {}
    return {"default": value} if isinstance(value, str | int | float | bool | list | dict | None) else {}
