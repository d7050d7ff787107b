"""Google's APIs, called with a job's own credentials. The one home of Google's client libraries.

Shapes and paths come from the discovery documents that ship with the client, so nothing is fetched to begin.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import google.auth
import google_auth_httplib2
import httplib2
from google.api_core.client_options import ClientOptions
from google.auth import exceptions
from google.oauth2 import service_account
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from penstock.errors import InfrastructureFailed
from penstock.infra.polling import Absent, AlreadyThere, Passing

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
CALL_SECONDS = 60
FAILING = {500, 502, 503, 504}
THROTTLED = {"rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED"}

Data = dict[str, Any]

_Key: Any = service_account.Credentials
"""As `Any`: the class ships types that call its own methods untyped."""


@dataclass(frozen=True, slots=True)
class Google:
    """One account: its credentials and its project."""

    credentials: Any
    project: str

    async def call(self, ask: Callable[[], Any]) -> Data:
        """The answer to one request, which `ask` builds. Raises `Passing`, `Absent`, `AlreadyThere` or the refusal."""
        return await asyncio.to_thread(self._call, ask)

    def _call(self, ask: Callable[[], Any]) -> Data:
        # A connection of httplib2 is for one thread at a time, so each call has its own.
        http = google_auth_httplib2.AuthorizedHttp(self.credentials, http=_OneTry(timeout=CALL_SECONDS))
        try:
            return dict(ask().execute(http=http, num_retries=0) or {})
        except HttpError as error:
            raise _meaning(error) from error
        except exceptions.RefreshError as error:
            if error.retryable:
                raise Passing(f"Google gives no token: {error}") from error
            raise InfrastructureFailed(f"Google refuses the credentials: {error.args[0]}") from error
        except (exceptions.TransportError, httplib2.HttpLib2Error, OSError) as error:
            raise Passing(f"Google can't be reached: {error}") from error
        finally:
            http.close()


async def sign_in(block: Mapping[str, Any] | None) -> Google:
    """The account of a `gcp-credentials` block: its key, its file, or what the machine itself offers."""
    return await asyncio.to_thread(_sign_in, dict(block or {}))


def _sign_in(block: Data) -> Google:
    try:
        credentials, project = _credentials(block)
    except (exceptions.GoogleAuthError, ValueError, OSError) as error:
        raise InfrastructureFailed(f"The Google credentials can't be used: {error}") from error
    project = block.get("project") or project
    if not project:
        raise InfrastructureFailed("No Google project is known: set `project` in the gcp-credentials block.")
    return Google(credentials, project)


def _credentials(block: Data) -> tuple[Any, str | None]:
    key = block.get("service_account_info")
    if key:
        key = json.loads(key) if isinstance(key, str) else key
        found = _Key.from_service_account_info(key, scopes=SCOPES)
    elif block.get("service_account_file"):
        found = _Key.from_service_account_file(block["service_account_file"], scopes=SCOPES)
    else:
        return google.auth.default(scopes=SCOPES)
    return found, found.project_id


@cache
def service(api: str, version: str, endpoint: str) -> Any:
    """One of Google's APIs at an address. It has no credentials of its own: `Google.call` brings them."""
    return discovery.build(
        api,
        version,
        http=httplib2.Http(),
        static_discovery=True,
        client_options=ClientOptions(api_endpoint=endpoint),
    )


class _Once:
    """A connection that connects once."""

    _connected = False

    def connect(self) -> None:
        if self._connected:
            raise ConnectionError("the connection was cut before the answer came")
        self._connected = True
        super().connect()  # type: ignore[misc]  # the next class of the two below has it


class _Plain(_Once, httplib2.HTTPConnectionWithTimeout):  # type: ignore[misc]  # the library ships no types
    pass


class _Encrypted(_Once, httplib2.HTTPSConnectionWithTimeout):  # type: ignore[misc]  # the library ships no types
    pass


class _OneTry(httplib2.Http):  # type: ignore[misc]  # the library ships no types
    """Sends a request once: httplib2 sends it again when a connection is cut, which would run a job twice."""

    def request(self, uri: str, *given: Any, **named: Any) -> Any:
        kind = _Encrypted if uri.startswith("https:") else _Plain
        return super().request(uri, *given, **{**named, "connection_type": kind})


def _meaning(error: HttpError) -> Exception:
    status, text = int(error.resp.status), error.reason or str(error)
    details = error.error_details if isinstance(error.error_details, list) else []
    reasons = {one.get("reason") for one in details if isinstance(one, dict)}
    if status == 429 or (status == 403 and reasons & THROTTLED):
        return Passing(f"Google asks to slow down: {text}")
    if status in FAILING:
        return Passing(f"Google fails with HTTP {status}: {text}")
    if status == 404:
        return Absent(text)
    if status == 409:
        return AlreadyThere(text)
    return InfrastructureFailed(f"Google refuses the job (HTTP {status}): {text}")
