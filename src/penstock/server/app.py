"""The server as one ASGI application: the gate, the API under its root, sockets, start and stop.

    app = App(services, loops)
    uvicorn.run(app)

Every request passes the same gate before its body is read. Handlers are found in `server.routes`.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from penstock.clock import utc_now
from penstock.errors import Forbidden, PenstockError, TooLarge
from penstock.server import routes
from penstock.server.auth import OPEN_PATHS, REFUSED, Gate
from penstock.server.backfill import Tail
from penstock.server.bind import BOUND, NOT_FOUND, Headers, Reply, Request, Services
from penstock.server.blocks import install_block_types
from penstock.server.cors import Cors
from penstock.server.loops.loop import Loops
from penstock.server.pages import SETTINGS_PATH, page
from penstock.server.problems import problem
from penstock.server.router import Router
from penstock.server.sessions import Sessions
from penstock.server.site import MOST_FORM_BYTES, Site, Stream, Visit, send_stream
from penstock.server.sockets import serve_socket
from penstock.server.versions import refusal
from penstock.store.database import Database
from penstock.store.migrations import upgrade

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

DRAIN_FOR = 30
"""Seconds for which the rest of a body that is too large is read and forgotten,"""
DRAIN_SILENCE = 5
"""... and seconds without a byte of it after which it is not waited for."""

MIGRATING = (
    "the tables are brought to those of this version, which takes minutes where there are millions of runs;"
    " the server answers afterwards"
)

NOT_ALLOWED = Reply(405, b'{"detail":"Method Not Allowed"}', [])
UNAUTHORIZED = Reply(401, REFUSED, [(b"www-authenticate", b"Basic")])

_log = logging.getLogger("penstock.server")


class ClientGone(Exception):
    """The client hung up before its request was whole."""


def load_routes() -> None:
    """Imports every module of `server.routes`, so that its handlers are bound."""
    for module in pkgutil.iter_modules(routes.__path__):
        importlib.import_module(f"{routes.__name__}.{module.name}")


class App:
    """The server; ASGI calls it, and `respond` serves a request that comes without a socket."""

    def __init__(self, services: Services, loops: Loops, clock: Callable[[], datetime] = utc_now) -> None:
        load_routes()
        api = services.settings.server.api
        self.services = services
        self.loops = loops
        self.root = "/" + (api.base_path or "/api").strip("/")
        self.url: str | None = None
        """The API's address on this machine, where it is served over the network."""
        self.site: Site | None = None
        """The pages beside the API; set before the start."""
        self.sessions = Sessions(api.auth_string)
        self._gate = Gate(api.auth_string)
        self._cors = Cors(api) if api.cors_allowed_origins else None
        self._router = Router(BOUND)
        self._most_bytes = api.max_body_size
        self._clock = clock
        self._running = False
        status, text, _ = problem(TooLarge(f"The request body is over the limit of {self._most_bytes} bytes."))
        self._too_large = Reply(status, text, [(b"connection", b"close")])  # the rest of the body is not read

    async def start(self) -> None:
        """Opens the database, brings it up to date and begins the services. Raises `Unavailable` when it can't."""
        services = self.services
        await services.store.open()
        if services.settings.server.database.migrate_on_start:
            await self._bring_up_to_date(services.store)
            await install_block_types(services.store, self._clock())
        await services.hub.attach()
        if services.store.listens:
            Tail(services.store, services.hub)
        services.recorder.start()
        self.loops.start()
        self._running = True

    async def _bring_up_to_date(self, store: Database) -> None:
        """Applies what changed in the tables, and says so where that may take a while."""
        begun, steps = self._clock(), list[str]()

        def tell(step: str) -> None:
            steps.append(step)
            _log.warning(MIGRATING, extra={"step": step})

        await upgrade(store, tell)
        if steps:
            seconds = round((self._clock() - begun).total_seconds(), 1)
            _log.warning("the tables are those of this version now", extra={"seconds": seconds})

    def drain(self) -> None:
        """Ends waits and subscriptions, so that the requests under way can be answered soon."""
        self.services.hub.stop()

    async def stop(self) -> None:
        """Ends the services, keeps what was accepted, closes the database; a second time does nothing."""
        if not self._running:
            return
        self._running = False
        self.drain()
        if self.site is not None:
            await self.site.close()
        await self.loops.stop()
        await self.services.recorder.stop()
        await self.services.store.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            path = self._below_root(_path(scope)) or ""
            await serve_socket(self.services, self._gate, scope, path, receive, send)
        elif kind == "lifespan":
            await self._lifespan(receive, send)

    async def respond(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        body: bytes,
    ) -> Reply:
        """Serves one request; `path` is percent-encoded and relative to the API root."""
        now = self._clock()
        refused = self._refused(method, path, headers, now)
        if refused is not None:
            return refused
        if len(body) > self._most_bytes:
            return self._too_large
        return await self._serve(method, path, Request(self.services, now, headers, query), body)

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if self.site is not None and self._is_visit(scope):
            await self._visit(self.site, scope, headers, receive, send)
            return
        try:
            reply = self._cors.preflight(scope["method"], headers) if self._cors else None
            if reply is None:
                reply = await self._answer(scope, headers, receive)
                if self._cors:
                    reply = reply._replace(headers=[*reply.headers, *self._cors.headers(headers)])
        except ClientGone:
            return
        if reply.status == self._too_large.status:
            await _send_early(reply, receive, send)
        else:
            await _send(reply, send)

    def _is_visit(self, scope: Message) -> bool:
        """Whether a request is for the pages beside the API, and not for what a Prefect dashboard asks for first."""
        path = _path(scope)
        return self._below_root(path) is None and not path.endswith(SETTINGS_PATH)

    async def _visit(
        self, site: Site, scope: Message, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        """The gate, then the form, then the page."""
        visit = Visit(scope["method"], _path(scope), scope["query_string"], headers, self._clock())
        reply: Reply | Stream | None = site.forged(visit)
        if reply is None and not site.is_open(visit.path) and not self._admits_visitor(visit):
            reply = site.sign_in(visit)
        if reply is None:
            try:
                body = await self._body(headers, receive, MOST_FORM_BYTES)
                reply = await site.answer(replace(visit, body=body))
            except ClientGone:
                return
            except TooLarge:
                await _send_early(self._too_large, receive, send)
                return
        if isinstance(reply, Stream):
            await send_stream(reply, _gone(receive), send)
        else:
            await _send(reply, send)

    def _admits_visitor(self, visit: Visit) -> bool:
        return self._gate.admits(visit.headers.get(b"authorization")) or self.sessions.admits(visit.headers, visit.now)

    async def _answer(self, scope: Message, headers: Mapping[bytes, bytes], receive: Receive) -> Reply:
        """The gate, then a page, or the body and the API."""
        path, method, now = _path(scope), scope["method"], self._clock()
        inner = self._below_root(path)
        refused = self._refused(method, inner, headers, now)
        if refused is not None:
            return refused
        if inner is None:
            return page(path, self.root, self.services.settings) or NOT_FOUND
        try:
            body = await self._body(headers, receive)
        except TooLarge:
            return self._too_large
        at = Request(self.services, now, headers, scope["query_string"], lambda: _gone(receive))
        return await self._serve(method, inner, at, body)

    async def _serve(self, method: str, path: str, at: Request, body: bytes) -> Reply:
        bound, values, known = self._router.find(method, path)
        if bound is None:
            return NOT_ALLOWED if known else NOT_FOUND
        return await bound.answer(at, body, values)

    def _refused(self, method: str, path: str | None, headers: Mapping[bytes, bytes], now: datetime) -> Reply | None:
        """The gate: why this request goes no further, or None. `path` is None outside the API."""
        try:
            self.services.csrf.check(method, headers, now)
        except Forbidden as error:
            return Reply(*problem(error))
        if not self._gate.admits(headers.get(b"authorization")) and path not in OPEN_PATHS:
            return UNAUTHORIZED
        version = headers.get(b"x-prefect-api-version")
        too_old = refusal(version) if version else None
        return Reply(*problem(too_old)) if too_old else None

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive, most: int | None = None) -> bytes:
        """The whole body. Raises `TooLarge` before more than the limit is held."""
        most = min(most or self._most_bytes, self._most_bytes)
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            raise TooLarge
        message = await receive()
        if not message.get("more_body") and message["type"] == "http.request":
            whole: bytes = message["body"]
            if len(whole) > self._most_bytes:
                raise TooLarge
            return whole
        parts: list[bytes] = []
        size = 0
        while True:
            if message["type"] != "http.request":
                raise ClientGone
            parts.append(message["body"])
            size += len(parts[-1])
            if size > most:
                raise TooLarge
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()

    def _below_root(self, path: str) -> str | None:
        """The path relative to the API root, or None when it is not under it."""
        root = self.root
        if not path.startswith(root):
            return None
        rest = path[len(root) :]
        return rest if rest.startswith("/") else None

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except PenstockError as error:
            await send({"type": "lifespan.startup.failed", "message": error.message})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})


def _path(scope: Message) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")


async def _gone(receive: Receive) -> None:
    """Returns when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        continue


async def _send(reply: Reply, send: Send, *, more: bool = False) -> None:
    status, body, extra, media_type = reply
    headers: Headers = list(extra)
    if status != 204:
        headers.append((b"content-type", media_type))
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _send_early(reply: Reply, receive: Receive, send: Send) -> None:
    """Answers while the client still sends, and passes over the rest for a while.

    Most clients read the answer only when they have sent everything; a connection that is closed with bytes
    unread is reset, and the answer is lost with it.
    """
    await _send(reply, send, more=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_FOR):
            await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    """Reads to the end of a request, to the client's end, or until it is silent."""
    while (await asyncio.wait_for(receive(), DRAIN_SILENCE)).get("more_body"):
        continue
