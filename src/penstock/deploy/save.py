"""Writes a deployment into the project file and leaves every other character of it as it was.

The place of each value is known (`yaml_tree`), so only the text of what changes is written; comments, anchors,
quotes and order stay because nobody touches them. What was written is read again before the file is replaced.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from penstock.deploy.manifest import Manifest, decoded
from penstock.deploy.yaml_text import as_block, as_flow, plain
from penstock.deploy.yaml_tree import BadYaml, Items, Node, parse_yaml
from penstock.errors import DeployFailed

ORDER = (
    "name",
    "version",
    "tags",
    "concurrency_limit",
    "description",
    "entrypoint",
    "parameters",
    "work_pool",
    "schedules",
)
"""The keys of a new deployment; others follow as they come."""
OLDER = {"schedules": "schedule"}
"""Keys that stand for another: both in one deployment would be one too many."""
MARK = b"\xef\xbb\xbf"
IGNORED = """\
# What is left out when code is copied to storage, in the syntax of .gitignore.
.git/
.venv/
venv/
__pycache__/
*.py[cod]
*.egg-info/
.ipynb_checkpoints/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.DS_Store
.idea/
.vscode/
.env
"""
_NEW = """\
# What is deployed from this folder: `penstock deploy --all`. Commit this file with your code.
name: {name}
prefect-version: 3.8.8

# Steps before a deployment is made, such as building an image.
build: null

# Steps that take what was built to where workers find it.
push: null

# Steps of a run before it starts, which fetch the code; without any it starts in the folder of the deploy.
pull: null

# Each names a flow as path/to/file.py:function, and the pool that runs it.
deployments:
"""


def save_deployment(manifest: Manifest, values: Mapping[str, Any]) -> None:
    """Appends a deployment to the file, or replaces what the one of the same name and entrypoint says.

    Of a deployment that is replaced only keys with another value are written, and keys that `values` lacks stay
    (give None for those that should say nothing). Where there is no file, one with all sections is made, and a
    `.prefectignore`. Raises `DeployFailed`, with the file as it was, when it changed since it was read, can't be
    written, or has no place for a deployment.
    """
    path = manifest.path
    if not manifest.is_there:
        _create(path, values)
        return
    if _read(path) != manifest.source:
        raise DeployFailed(f"{path} changed since it was read, so nothing was saved. Try again.")
    text = decoded(manifest.source, path)
    mark = MARK if manifest.source.startswith(MARK) else b""
    replace_file(path, mark + _checked(text, values, path).encode())


def with_deployment(text: str, values: Mapping[str, Any]) -> str:
    """The text of a project file with one deployment more, or changed. Raises `BadYaml`."""
    tree = parse_yaml(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    pen = _Pen(text, newline)
    _place(tree, _ordered(values), pen)
    return pen.text


def with_new_deployments(text: str, every: Sequence[Mapping[str, Any]]) -> str:
    """The text of a project file with deployments behind all that it has, none of which it has. Raises `BadYaml`."""
    if not every:
        return text
    first, *others = every
    text = with_deployment(text, first)
    tree = parse_yaml(text)
    found = next((value for key, value in tree.pairs if key.text == "deployments"), None) if tree else None
    while found is not None and found.target is not None:
        found = found.target
    if found is None or found.is_flow:
        for one in others:
            text = with_deployment(text, one)
        return text
    pen = _Pen(text, "\r\n" if "\r\n" in text else "\n")
    if others:
        _append(found, [_ordered(one) for one in others], pen)
    return pen.text


def _ordered(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: values[key] for key in ORDER if key in values} | dict(values)


def _checked(text: str, values: Mapping[str, Any], path: Path) -> str:
    """The new text, read again: it must hold what was there and this deployment, and nothing else."""
    try:
        new = with_deployment(text, values)
        before, after = parse_yaml(text), parse_yaml(new)
    except BadYaml as error:
        raise DeployFailed(f"{path}:{error.line}: nothing was saved: {error.reason}.") from None
    old = before.value.get("deployments") or [] if before and before.value else []
    now = after.value.get("deployments") if after else None
    others = [one for one in old if not _same(one, values)]
    saved = [one for one in now or [] if _same(one, values)]
    kept = [one for one in now or [] if not _same(one, values)]
    if kept != others or not saved or any(_said(saved[-1].get(key)) != _said(values[key]) for key in values):
        raise DeployFailed(
            f"{path} is written in a way that can't be added to. Add this yourself:\n{as_block([values])}"
        )
    return new


def _create(path: Path, values: Mapping[str, Any]) -> None:
    head = _NEW.format(name=plain(path.resolve().parent.name))
    replace_file(path, with_deployment(head, values).encode(), new=True)
    write_ignored(path.parent)


def write_ignored(folder: Path) -> Path | None:
    """Writes a `.prefectignore` into a folder that has none, and gives its path; None where there is one."""
    path = folder / ".prefectignore"
    if path.exists():
        return None
    replace_file(path, IGNORED.encode(), new=True)
    return path


class _Pen:
    """Changes a text from its places in an earlier state: edits come from behind to the front."""

    def __init__(self, text: str, newline: str) -> None:
        self.text = text
        self.newline = newline

    def put(self, start: int, end: int, new: str) -> None:
        self.text = self.text[:start] + new.replace("\n", self.newline) + self.text[end:]

    def after(self, place: int, new: str) -> None:
        """New lines behind the line of a place."""
        stop = self.line_end(place)
        begun = self.text[stop - 1 : stop] == "\n" or stop == 0
        self.put(stop, stop, new if begun else "\n" + new)

    def line_end(self, place: int) -> int:
        """Where the line behind that of a place begins."""
        if place and self.text[place - 1] == "\n":  # a block of text ends behind its last line
            return place
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found + 1

    def past_comments(self, place: int, column: int) -> int:
        """A place behind the comments after it that are indented more than a column, so belong to what is before."""
        last = stop = self.line_end(place)
        while stop < len(self.text):
            line = self.text[stop : self.line_end(stop + 1)]
            inner = line.lstrip(" ")
            if inner.startswith("#") and len(line) - len(inner) > column:
                last = stop + len(line)
            elif line.strip():
                break
            stop += len(line)
        return last


def _place(tree: Node | None, values: dict[str, Any], pen: _Pen) -> None:
    if tree is None or tree.value is None:
        return pen.after(len(pen.text), "deployments:\n" + _item(values, 0, 0))
    if not isinstance(tree.value, dict):
        raise BadYaml(tree.line, "the file is no mapping")
    found = next((value for key, value in tree.pairs if key.text == "deployments"), None)
    if found is None:
        return _add_key(tree, "deployments", [values], pen)
    while found.target is not None:
        found = found.target
    if found.value is None or (found.is_flow and not found.items and not tree.is_flow):
        return _begin(tree, found, values, pen)
    if not isinstance(found.value, Items):
        raise BadYaml(found.line, "deployments is no list")
    return _into(found, values, pen)


def _begin(tree: Node, found: Node, values: dict[str, Any], pen: _Pen) -> None:
    """The first deployment of an empty list, below its key."""
    if tree.is_flow:
        return pen.put(found.start, found.end, as_flow([values]))
    column = tree.items[0].column
    pen.after(found.end, _item(values, column, 0))
    start = found.start
    while start and pen.text[start - 1] == " ":
        start -= 1
    return pen.put(start, found.end, "")


def _into(found: Node, values: dict[str, Any], pen: _Pen) -> None:
    same = next((item for item in reversed(found.items) if _same(item.value, values)), None)
    if same is not None and same.target is None:
        return _update(same, values, pen)
    if found.is_flow:
        last = found.items[-1].end if found.items else found.start + 1
        return pen.put(last, last, (", " if found.items else "") + as_flow(values))
    return _append(found, [values], pen)


def _append(found: Node, every: list[dict[str, Any]], pen: _Pen) -> None:
    """Behind the last item of a list in block style."""
    parent_column = found.column if not found.items else _dash_column(found, pen.text)
    place = pen.past_comments(found.items[-1].end, parent_column)
    offset = _offset(found, pen.text)
    pen.after(place, "".join(_item(one, parent_column, offset) for one in every))


def _dash_column(found: Node, text: str) -> int:
    """Where the dashes of a list in block style stand: an anchor before it has a column of its own."""
    before = text.rfind("-", 0, found.items[-1].start)
    return before - (text.rfind("\n", 0, before) + 1)


def _offset(found: Node, text: str) -> int:
    """How far lists are indented below their key, as this file does it."""
    return 2 if _dash_column(found, text) >= 2 else 0


def _update(item: Node, values: dict[str, Any], pen: _Pen) -> None:
    """Writes the keys whose value is another; from the end, so that places stay right."""
    written = {key.text: (key, value) for key, value in item.pairs}
    wanted = {key: value for key, value in values.items() if _said(item.value.get(key)) != _said(value)}
    swapped = {OLDER.get(key, key) if OLDER.get(key) in written and key not in written else key: key for key in wanted}
    for name in sorted((one for one in swapped if one in written), key=lambda one: -written[one][0].start):
        _rewrite(item, written[name], swapped[name], wanted[swapped[name]], pen)
    fresh = {key: wanted[key] for name, key in swapped.items() if name not in written}
    if fresh:
        _append_keys(item, written, fresh, pen)


def _rewrite(item: Node, place: tuple[Node, Node], name: str, value: Any, pen: _Pen) -> None:
    key, old = place
    quoted = pen.text[key.start : key.end] if key.text == name else plain(name)
    inline = item.is_flow or old.is_flow
    if inline or not isinstance(value, dict | list) or not value:
        new = f"{quoted}: {as_flow(value, json=item.is_flow)}"
    else:
        new = _indented(f"{quoted}:\n" + as_block(value, 2 if isinstance(value, dict) else 0), key.column)
    end = old.end
    while pen.text[end - 1] in "\r\n" and end > old.start:  # a block of text takes its line's end with it
        end -= 1
    pen.put(key.start, end, new)


def _append_keys(item: Node, written: Mapping[str, Any], fresh: dict[str, Any], pen: _Pen) -> None:
    """Behind the last key. Its own end may have moved, so the place is found again in the new text."""
    now = _again(item, pen.text)
    if now.is_flow:
        inner = as_flow(fresh, json=True)[1:-1]
        last = now.items[-1].end
        return pen.put(last, last, f", {inner}")
    column = now.items[0].column
    return pen.after(now.items[-1].end, _indented(as_block(fresh), column, first=True) + "\n")


def _again(item: Node, text: str) -> Node:
    """The same item in the text as it is now: nothing before its start has changed."""
    tree = parse_yaml(text)
    assert tree is not None
    stack = [tree]
    while stack:
        node = stack.pop()
        if node.start == item.start and isinstance(node.value, dict) and node is not tree:
            return node
        stack += node.items
    raise BadYaml(item.line, "the deployment can't be found again")


def _add_key(tree: Node, key: str, value: Any, pen: _Pen) -> None:
    if tree.is_flow and tree.items:
        last = tree.items[-1].end
        return pen.put(last, last, f', "{key}": {as_flow(value)}')
    if tree.is_flow:
        return pen.put(tree.start, tree.end, f"{key}:\n{as_block(value)}")
    block = _indented(f"{key}:\n{as_block(value)}", tree.items[0].column, first=True)
    end = len(pen.text)
    return pen.after(end, block + "\n")


def _item(values: dict[str, Any], column: int, offset: int) -> str:
    """The lines of a new item of a list in block style."""
    return _indented(as_block([values], offset=offset), column, first=True) + "\n"


def _indented(text: str, column: int, *, first: bool = False) -> str:
    """The lines moved to a column; the first only if it begins a line."""
    lines = text.split("\n")
    pad = " " * column
    return "\n".join(pad + line if line and (number or first) else line for number, line in enumerate(lines))


def _same(one: Any, values: Mapping[str, Any]) -> bool:
    keys = ("name", "entrypoint")
    return isinstance(one, Mapping) and all(one.get(key) == values.get(key) for key in keys)


def _said(value: Any) -> Any:
    """A value without what says nothing, so that `{}` and a list of nulls are as if they were not there."""
    if isinstance(value, Mapping):
        return {key: kept for key, one in value.items() if (kept := _said(one)) is not None} or None
    if isinstance(value, list | tuple):
        return [_said(one) for one in value] or None
    return msgspec.to_builtins(value)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DeployFailed(f"{path} can't be read: {error.strerror}.") from None


def replace_file(path: Path, content: bytes, *, new: bool = False) -> None:
    """The whole file at once, or not at all; its mode stays. A link keeps leading to the file it leads to."""
    real = Path(os.path.realpath(path))
    try:
        with tempfile.NamedTemporaryFile(dir=real.parent, prefix=f".{real.name}.", delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh = Path(file.name)
        try:
            fresh.chmod(real.stat().st_mode & 0o7777 if real.exists() else 0o666 & ~_umask())
            if new:
                os.link(fresh, real)  # refuses a file that came to be meanwhile
            else:
                fresh.replace(real)
        finally:
            fresh.unlink(missing_ok=True)
    except FileExistsError:
        raise DeployFailed(f"{path} came to be meanwhile, so nothing was saved. Try again.") from None
    except OSError as error:
        raise DeployFailed(f"{path} can't be written: {error.strerror}.") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
