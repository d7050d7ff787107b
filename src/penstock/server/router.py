"""Which endpoint a method and path mean: a trie of path segments, tried static first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from penstock.server.bind import Bound


class Ambiguous(Exception):
    """Two handlers claim one method and path."""


class _Node:
    __slots__ = ("any", "ends", "static")

    def __init__(self) -> None:
        self.static: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.ends: dict[str, tuple[Bound, tuple[str, ...]]] = {}


class Router:
    """Finds an endpoint by method and percent-encoded path, beginning with `/`.

    A trailing slash is part of the path. Paths without parameters are found in one look-up.
    """

    def __init__(self, bound: Iterable[Bound]) -> None:
        self._root = _Node()
        self._whole: dict[tuple[str, str], Bound] = {}
        for one in bound:
            self._add(one)

    def find(self, method: str, path: str) -> tuple[Bound | None, dict[str, Any], bool]:
        """The endpoint and its parameters; without one, whether another method has this path."""
        whole = self._whole.get((method, path))
        if whole is not None:
            return whole, {}, True
        segments = path.split("/")[1:]
        if "%" in path:
            segments = [unquote(segment) for segment in segments]
        values: list[str] = []
        known = [False]
        end = _walk(self._root, segments, 0, method, values, known)
        if end is None or any("\0" in value for value in values):
            return None, {}, known[0]
        return end[0], dict(zip(end[1], values, strict=True)), True

    def _add(self, bound: Bound) -> None:
        method, path = bound.endpoint.method, bound.endpoint.path
        node, names = self._root, []
        for segment in path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.any = node = node.any or _Node()
            else:
                node = node.static.setdefault(segment, _Node())
        if method in node.ends:
            raise Ambiguous(f"{method} {path} has two handlers")
        node.ends[method] = (bound, tuple(names))
        if not names:
            self._whole[method, path] = bound


def _walk(
    node: _Node, segments: list[str], at: int, method: str, values: list[str], known: list[bool]
) -> tuple[Bound, tuple[str, ...]] | None:
    """Depth first; `known` becomes true when any end was reached, whatever its method."""
    if at == len(segments):
        known[0] = known[0] or bool(node.ends)
        return node.ends.get(method)
    segment = segments[at]
    below = node.static.get(segment)
    if below is not None and (end := _walk(below, segments, at + 1, method, values, known)):
        return end
    if node.any is None or not segment:
        return None
    values.append(segment)
    end = _walk(node.any, segments, at + 1, method, values, known)
    if end is None:
        values.pop()
    return end
