"""The API client: an endpoint and a body in, a typed result out.

    client = Client(transport)
    flow = client.call(flows.create_flow, FlowCreate(name="etl"))
    run = client.call(flow_runs.read_flow_run, id=run_id)

`Client` blocks, `AsyncClient` awaits; both are this one `call`. Errors of the API become the errors of
`penstock.errors` by status. 429, 502, 503, 408 and lost connections are tried again with growing waits
(`Retry-After` is kept to). A token against forged requests is fetched once a server asks for one.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from types import NoneType
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from penstock import __version__
from penstock.client.failures import failure, reason, retry_after
from penstock.client.transport import Response, Transport
from penstock.errors import ServerFault, ServerUnreachable
from penstock.ids import new_id
from penstock.wire import admin
from penstock.wire.endpoint import Body, Endpoint, Result
from penstock.wire.model import encode

T = TypeVar("T")

API_VERSION = "0.8.4"
SPOKEN_VERSION = "3.8.8"
RETRIED = frozenset({408, 429, 502, 503})
FIRST_WAIT = 0.2
LONGEST_WAIT = 30.0
THREADS = 32
_OLD_NAME = b'"infra_overrides"'
"""Stands in each deployment of a server of Prefect 2."""
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Manners:
    """How a client behaves: what it says of itself, its patience, and when it tries again."""

    timeout: float = 60.0
    max_retries: int = 5
    jitter: float = 0.2
    retried: Collection[int] = RETRIED
    headers: Mapping[str, str] = field(default_factory=dict)
    sends_forgery_token: bool = True


class Client:
    """Calls the API and blocks until the answer; may be shared by threads."""

    def __init__(self, transport: Transport, manners: Manners | None = None) -> None:
        self.transport = transport
        self.manners = manners or Manners()
        self._headers = {**_standing_headers(), **self.manners.headers}
        self._forgery: dict[str, str] = {}
        self._closed = threading.Event()

    def call(
        self,
        endpoint: Endpoint[Body, Result],
        body: Body | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        **path: Any,
    ) -> Result:
        """The endpoint's result. Path parameters are given by name.

        Raises the error of `penstock.errors` that the status stands for; `ServerUnreachable` when
        every try went without an answer.
        """
        target = _target(endpoint, path, query)
        content = None if body is None else encode(body)
        patience = timeout or self.manners.timeout
        response = self._exchange(endpoint.method, target, content, patience, headers or {})
        if response.status == 422 and content and (less := _for_older_server(content, response.body)):
            response = self._exchange(endpoint.method, target, less, patience, headers or {})
        if response.status >= 300:
            raise failure(response, f"{endpoint.method} {target}")
        return _result(endpoint, response)

    def say(self, header: str, value: str) -> None:
        """Sends this header along with every call from now on."""
        self._headers = {**self._headers, header: value}

    def close(self) -> None:
        """Ends what is on its way, with `ServerUnreachable`, and gives the connections back."""
        self._closed.set()
        self.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(
        self, method: str, target: str, content: bytes | None, timeout: float, headers: Mapping[str, str]
    ) -> Response:
        """One request, tried again while that makes sense."""
        tries = 0
        while True:
            try:
                response = self._once(method, target, content, timeout, headers)
            except ServerUnreachable:
                if tries >= self.manners.max_retries or self._closed.is_set():
                    raise
                asked = None
            else:
                if response.status not in self.manners.retried or tries >= self.manners.max_retries:
                    return response
                asked = retry_after(response)
            if self._closed.wait(self._wait(tries, asked)):
                raise ServerUnreachable(f"{method} {target} was given up: its client was closed.")
            tries += 1

    def _once(
        self, method: str, target: str, content: bytes | None, timeout: float, headers: Mapping[str, str]
    ) -> Response:
        every = {**self._headers, **headers}
        response = self.transport.request(method, target, content, {**every, **self._forgery}, timeout)
        asked = response.status == 403 and method in CHANGES and "CSRF token" in reason(response.body)
        if asked and self.manners.sends_forgery_token:
            self._forgery = self._forgery_token(timeout)
            response = self.transport.request(method, target, content, {**every, **self._forgery}, timeout)
        return response

    def _forgery_token(self, timeout: float) -> dict[str, str]:
        """The pair of headers a server with CSRF protection wants on every change."""
        name = str(new_id())
        answer = self.transport.request("GET", f"/csrf-token?client={name}", None, self._headers, timeout)
        if answer.status != 200:
            return {}
        token = msgspec.json.decode(answer.body, type=admin.CsrfToken)
        return {"Prefect-Csrf-Token": token.token, "Prefect-Csrf-Client": name}

    def _wait(self, tries: int, asked: float | None) -> float:
        seconds = asked if asked is not None else min(FIRST_WAIT * 2**tries, LONGEST_WAIT)
        return seconds * (1 + random.uniform(0, self.manners.jitter))


class AsyncClient:
    """Calls the API and awaits the answer; the same calls as `Client`, carried out in threads."""

    def __init__(self, client: Client) -> None:
        self.blocking = client
        from concurrent.futures import ThreadPoolExecutor  # 6 ms to import, which no command needs

        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="penstock-client")

    async def call(
        self,
        endpoint: Endpoint[Body, Result],
        body: Body | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - it bounds the blocking call, not the await
        headers: Mapping[str, str] | None = None,
        **path: Any,
    ) -> Result:
        """As `Client.call`. When the awaiting task is cancelled, a request on its way is still carried out."""
        import asyncio  # 30 ms to import, which a command that only blocks never needs

        work: Callable[[], Result] = partial(
            self.blocking.call, endpoint, body, query=query, timeout=timeout, headers=headers, **path
        )
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        """As `Client.close`; the interpreter would wait for threads with a request on its way."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.blocking.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@cache
def _standing_headers() -> dict[str, str]:
    return {"User-Agent": user_agent(), "X-PREFECT-API-VERSION": API_VERSION, "Content-Type": "application/json"}


@cache
def user_agent() -> str:
    """Who we say we are, in the exact form that Prefect servers read a version from."""
    return f"prefect/{SPOKEN_VERSION} (API {API_VERSION};penstock/{__version__})"


def _target(endpoint: Endpoint[Any, Any], path: Mapping[str, Any], query: Mapping[str, Any] | None) -> str:
    target = endpoint.path.format_map({name: quote(str(value), safe="") for name, value in path.items()})
    given = {name: _query_value(value) for name, value in (query or {}).items() if value is not None}
    return f"{target}?{urlencode(given)}" if given else target


def _query_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _result(endpoint: Endpoint[Body, Result], response: Response) -> Result:
    if endpoint.text:
        return response.body.decode()  # type: ignore[return-value]  # a text endpoint's Result is str
    if endpoint.returns is NoneType or not response.body:
        return None  # type: ignore[return-value]  # and here it is None
    try:
        if endpoint.path.startswith("/deployments/") and _OLD_NAME in response.body:
            from penstock.client.older_servers import today

            renewed: Result = today(endpoint.returns, response.body)
            return renewed
        return _decoder(endpoint.returns).decode(response.body)
    except msgspec.DecodeError as error:
        raise ServerFault(f"{endpoint.method} {endpoint.path} answered something else than expected: {error}") from None


def _for_older_server(content: bytes, refusal: bytes) -> bytes | None:
    from penstock.client.older_servers import without_unknown  # hardly any command meets such a server

    return without_unknown(content, refusal)


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Made once for each type: making one costs more than using it."""
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    return _decoders[kind]


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
