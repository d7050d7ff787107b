"""Binds a handler to an endpoint of the wire: decode, call, encode, and errors as the API words them.

    @handles(wire.variables.read_variable_by_name)
    async def read_by_name(at: Request, name: str) -> Variable: ...

A handler takes the request, the decoded body when its endpoint has one, and the path's parameters
by name. A parameter annotated `UUID` is parsed; text that is none answers 404, as for a path that
does not exist. What it returns is encoded once; `Encoded` is JSON already.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

from penstock.errors import PenstockError
from penstock.server.bodies import Decoder
from penstock.server.problems import problem
from penstock.wire.endpoint import Endpoint
from penstock.wire.model import encode
from penstock.wire.older_answers import older

if TYPE_CHECKING:
    from penstock.server.broadcast import Broadcast
    from penstock.server.csrf import CsrfGuard
    from penstock.server.lines import Place
    from penstock.server.origin import Origin
    from penstock.server.recorder import Recorder
    from penstock.settings import Settings
    from penstock.store.database import Database

P = ParamSpec("P")
Body = TypeVar("Body")
Result = TypeVar("Result")
ResultOut = TypeVar("ResultOut", covariant=True)

Headers = list[tuple[bytes, bytes]]

_log = logging.getLogger("penstock.server")


@dataclass(frozen=True, slots=True)
class Encoded:
    """JSON that is ready to send, such as documents read from the database."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Answer(Generic[ResultOut]):
    """A result with another status than the endpoint's own, such as 200 for what was there already."""

    result: ResultOut | Encoded
    status: int


class Reply(NamedTuple):
    """What goes back: status, body, and headers besides its type and length."""

    status: int
    body: bytes
    headers: Headers
    media_type: bytes = b"application/json"


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers work with; one for the life of the server."""

    store: Database
    settings: Settings
    hub: Broadcast
    recorder: Recorder
    csrf: CsrfGuard
    problems: Callable[[], list[str]]
    """What in this server does not do what it should; empty when all is well."""
    origin: Origin


class Request:
    """One request, as a handler sees it."""

    __slots__ = (
        "_gone",
        "_hung_up",
        "_query",
        "_raw",
        "csrf",
        "hub",
        "now",
        "origin",
        "problems",
        "recorder",
        "settings",
        "store",
    )

    def __init__(
        self,
        services: Services,
        now: datetime,
        raw: Mapping[bytes, bytes],
        query: bytes = b"",
        gone: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.store = services.store
        self.settings = services.settings
        self.hub = services.hub
        self.recorder = services.recorder
        self.csrf = services.csrf
        self.problems = services.problems
        self.origin = services.origin
        self.now = now
        self._gone = gone
        self._hung_up = False
        self._raw = raw
        self._query = query

    @property
    def headers(self) -> dict[str, str]:
        """Headers with lower-case names."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._raw.items()}

    def header(self, name: str) -> str | None:
        """One header by its lower-case name."""
        value = self._raw.get(name.encode("latin-1"))
        return None if value is None else value.decode("latin-1")

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; of repeated ones the last."""
        return dict(parse_qsl(self._query.decode("latin-1"), keep_blank_values=True)) if self._query else {}

    @property
    def most(self) -> int:
        """Default and highest number of objects in one answer."""
        return self.settings.server.api.default_limit

    @property
    def client_version(self) -> tuple[int, ...] | None:
        """The version of a Prefect client, from its User-Agent; None for anything else."""
        return _client_version(self._raw.get(b"user-agent", b""))

    @property
    def over(self) -> bool:
        """Whether nobody waits for the answer any more, or the server ends: a long wait should end too."""
        return self._hung_up or self.hub.stopping

    async def hung_up(self) -> bool:
        """Whether the client has gone by now. A request that was read to its end only is asked this."""
        if self._gone is not None and not self._hung_up:
            gone = asyncio.ensure_future(self._gone())
            await asyncio.sleep(0)
            self._hung_up = gone.done()
            gone.cancel()
        return self._hung_up

    async def wait_for_run(self, pool_id: UUID | str, seconds: float, *, since: int | None = None) -> bool:
        """As the hub's, but ends also as soon as the client has hung up, with `over`."""
        return await self._while_there(self.hub.wait_for_run(pool_id, seconds, since=since))

    async def rest(self, place: Place, seconds: float, since: int) -> bool:
        """As the place's, but ends also as soon as the client has hung up, with `over`."""
        return await self._while_there(place.rest(seconds, since))

    async def _while_there(self, wait: Coroutine[None, None, bool]) -> bool:
        waiting = asyncio.ensure_future(wait)
        if self._gone is None:
            return await waiting
        gone = asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            self._hung_up = gone.done()
            return waiting.done() and waiting.result()
        finally:
            waiting.cancel()
            gone.cancel()


class Bound:
    """An endpoint with its handler."""

    __slots__ = ("_decoder", "_older", "_parse", "_status", "_takes_body", "endpoint", "handler")

    def __init__(self, endpoint: Endpoint[Any, Any], handler: Callable[..., Awaitable[Any]]) -> None:
        self.endpoint = endpoint
        self.handler = handler
        self._takes_body = endpoint.body is not NoneType
        self._decoder = Decoder(endpoint.body)
        self._parse = tuple(
            name for name, kind in handler.__annotations__.items() if kind in (UUID, "UUID") and name != "return"
        )
        self._status = endpoint.status
        self._older = older(endpoint.returns)

    async def answer(self, at: Request, body: bytes, path: dict[str, Any]) -> Reply:
        """Carries out a request; every error has become a reply."""
        try:
            for name in self._parse:
                path[name] = UUID(path[name])
        except ValueError:
            return NOT_FOUND
        try:
            if self._takes_body:
                result = await self.handler(at, self._decoder.decode(body), **path)
            else:
                result = await self.handler(at, **path)
        except PenstockError as error:
            return self._problem(error, body)
        except Exception:
            _log.exception("request failed", extra={"method": self.endpoint.method, "path": self.endpoint.path})
            return FAILED
        reply = self._reply(result)
        if self._older is not None and (at.client_version or NOW) < NOW:
            return reply._replace(body=self._older(reply.body))
        return reply

    def _reply(self, result: Any) -> Reply:
        status = self._status
        if result.__class__ is Answer:
            result, status = result.result, result.status
        if status == 204:
            return Reply(204, b"", [])
        if result.__class__ is Encoded:
            return Reply(status, result.data, [])
        if self.endpoint.text:
            return Reply(status, str(result).encode(), [], b"text/plain; charset=utf-8")
        return Reply(status, encode(result), [])

    def _problem(self, error: PenstockError, body: bytes) -> Reply:
        """Prefect's server words a 404 of these routes otherwise than of all others."""
        path = self.endpoint.path
        plain = path.endswith("/set_state") or path.startswith("/automations")
        return Reply(*problem(error, body, plain_404=plain))


NOW = (3,)
"""Clients of Prefect before this version get the words of Prefect 2 as well."""

BOUND: list[Bound] = []
"""Every endpoint that an imported module of `server.routes` handles."""


def handles(
    endpoint: Endpoint[Body, Result],
) -> Callable[
    [Callable[Concatenate[Request, P], Awaitable[Result | Answer[Result] | Encoded]]],
    Callable[Concatenate[Request, P], Awaitable[Result | Answer[Result] | Encoded]],
]:
    """Makes a function the handler of an endpoint."""

    def bind(
        handler: Callable[Concatenate[Request, P], Awaitable[Result | Answer[Result] | Encoded]],
    ) -> Callable[Concatenate[Request, P], Awaitable[Result | Answer[Result] | Encoded]]:
        BOUND.append(Bound(endpoint, handler))
        return handler

    return bind


@lru_cache(maxsize=64)
def _client_version(user_agent: bytes) -> tuple[int, ...] | None:
    """`prefect/3.8.8 (API 0.8.4)` is 3.8.8; what follows the digits of a part (`0rc20`) is left out."""
    name, _, rest = user_agent.decode("latin-1").partition("/")
    if name != "prefect":
        return None
    parts = rest.split(" ")[0].split("+")[0].split(".")[:3]
    digits = ["".join(_leading_digits(part)) for part in parts]
    return tuple(int(part) for part in digits) if all(digits) else None


def _leading_digits(text: str) -> str:
    end = next((i for i, character in enumerate(text) if not character.isdigit()), len(text))
    return text[:end]


NOT_FOUND = Reply(404, b'{"detail":"Not Found"}', [])
FAILED = Reply(500, b'{"exception_message":"Internal Server Error"}', [])
