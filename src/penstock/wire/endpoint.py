"""One endpoint of the API, as data: the server binds a handler to it, the client calls it."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any, Generic, TypeVar

Body = TypeVar("Body")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Body, Result]):
    """Method, path and shapes of one operation.

    `path` holds `{name}` parameters, percent-encoded by the client; `query` names the query
    parameters; `status` is the success code when the handler names no other (an upsert does).
    `text` marks the one answer that is plain text rather than JSON.
    """

    method: str
    path: str
    body: type[Body]
    returns: type[Result]
    status: int = 200
    query: tuple[str, ...] = ()
    text: bool = False


def get(path: str, *, returns: type[Result], query: tuple[str, ...] = (), text: bool = False) -> Endpoint[None, Result]:
    """A read."""
    return Endpoint("GET", path, NoneType, returns, query=query, text=text)


def post(path: str, *, body: type[Body], returns: type[Result], status: int = 200) -> Endpoint[Body, Result]:
    """A create, a filter, or an action."""
    return Endpoint("POST", path, body, returns, status)


def put(path: str, *, body: type[Body], returns: type[Result], status: int = 200) -> Endpoint[Body, Result]:
    """A replacement."""
    return Endpoint("PUT", path, body, returns, status)


def patch(path: str, *, body: type[Body]) -> Endpoint[Body, None]:
    """A partial update; answers 204 with nothing."""
    return Endpoint("PATCH", path, body, NoneType, 204)


def delete(path: str, *, status: int = 204, returns: type[Any] = NoneType) -> Endpoint[None, None]:
    """A removal; answers 204 with nothing unless said otherwise."""
    return Endpoint("DELETE", path, NoneType, returns, status)
