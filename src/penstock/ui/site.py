"""The dashboard as the application sees it: static files, the sign-in, pages, and errors as pages.

Templates and pages are loaded at the first visit: a server inside a script never needs them.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from penstock.client.client import AsyncClient
from penstock.errors import Forbidden, NotFound, PenstockError, ServerFault, Unauthorized
from penstock.server.bind import Headers, Reply
from penstock.server.broadcast import Broadcast
from penstock.server.sessions import Sessions, cookies
from penstock.server.site import Stream, Visit
from penstock.settings import Settings
from penstock.ui.packing import SMALLEST, VARIES, packed, unpacks

if TYPE_CHECKING:
    from penstock.ui.reader import Reader

STATIC = Path(__file__).parent / "static"
TYPES = {".css": b"text/css", ".js": b"text/javascript", ".svg": b"image/svg+xml"}
SIGN_IN = "/sign-in"
FORM_COOKIE = "penstock_form"
CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
GUARDS: Headers = [
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_log = logging.getLogger("penstock.ui")

FORGED = "This form was not sent by a page of this server, or the page is too old. Go back, load it again and retry."


class Dashboard:
    """The pages of one server. `api` makes the client that they read through."""

    def __init__(self, api: Callable[[], AsyncClient], hub: Broadcast, sessions: Sessions, settings: Settings) -> None:
        self._make_api = api
        self._made = False
        self.hub = hub
        self.sessions = sessions
        self.signs_in = bool(settings.server.api.auth_string)
        name, colon, _ = (settings.server.api.auth_string or "").partition(":")
        self.user = name if colon else ""
        """Whose the credentials are, as far as they say it."""
        self.api_address = settings.server.ui.api_url or settings.api.url
        self.base = "/" + settings.server.ui.serve_base.strip("/") if settings.server.ui.serve_base.strip("/") else ""
        self.streams = 0

    @cached_property
    def api(self) -> AsyncClient:
        """The client of all pages."""
        self._made = True
        return self._make_api()

    @cached_property
    def files(self) -> dict[str, Reply]:
        """The static files by path below the base; their address holds a digest, so browsers keep them."""
        found = {}
        for file in sorted(STATIC.rglob("*")):
            if file.suffix in TYPES:
                body = file.read_bytes()
                name = f"/static/{hashlib.sha256(body).hexdigest()[:10]}/{file.relative_to(STATIC).as_posix()}"
                kept = (b"cache-control", b"public, max-age=31536000, immutable")
                found[name] = Reply(200, body, [kept, VARIES, *GUARDS], TYPES[file.suffix] + b"; charset=utf-8")
        return found

    @cached_property
    def packed_files(self) -> dict[str, Reply]:
        """The static files as they go to who unpacks them, packed once."""
        return {path: packed(file, SMALLEST) for path, file in self.files.items()}

    @cached_property
    def addresses(self) -> dict[str, str]:
        """A static file's address by its name, such as `penstock.css`."""
        return {path.split("/", 3)[3]: self.base + path for path in self.files}

    def is_open(self, path: str) -> bool:
        """The sign-in's form and the static files."""
        inner = self._below_base(path)
        return inner == SIGN_IN or inner in self.files

    def forged(self, visit: Visit) -> Reply | None:
        """A change is taken from a page of this origin only, told by what the browser says of it."""
        if visit.method not in CHANGES or _is_same_origin(visit):
            return None
        return Reply(403, FORGED.encode(), GUARDS, b"text/plain; charset=utf-8")

    def sign_in(self, visit: Visit) -> Reply:
        """The form, with 401. The scheme is one that no browser asks for in a window of its own."""
        from penstock.ui.pages.sign_in import form

        return self._guarded(form(self._reader(visit)), visit)

    async def answer(self, visit: Visit) -> Reply | Stream:
        """A static file or a page."""
        inner = self._below_base(visit.path)
        small = unpacks(visit)
        if inner in self.files and visit.method == "GET":
            return (self.packed_files if small else self.files)[inner]
        reply = await self._page(visit, inner)
        if isinstance(reply, Stream):
            return Stream(reply.chunks, [*reply.headers, *GUARDS], reply.media_type)
        guarded = self._guarded(reply, visit)
        return packed(guarded) if small else guarded

    async def close(self) -> None:
        """Gives the client's threads back."""
        if self._made:
            await self.api.close()

    async def _page(self, visit: Visit, inner: str | None) -> Reply | Stream:
        from penstock.ui import routes
        from penstock.ui.problems import problem_page

        reader = self._reader(visit)
        routes.load()
        method = "GET" if visit.method == "HEAD" else visit.method
        handler, values, known = routes.find(method, inner or "")
        try:
            if handler is None:
                raise NotFound("This page does not take that." if known else "There is no page at this address.")
            if method in CHANGES and not reader.form_is_own():
                raise Forbidden(FORGED)
            return await handler(reader, **values)
        except PenstockError as error:
            if isinstance(error, Unauthorized):
                return self.sign_in(visit)
            return problem_page(reader, error)
        except Exception:
            _log.exception("a page failed", extra={"method": visit.method, "path": visit.path})
            return problem_page(reader, ServerFault("This page could not be made; the server's log says why."))

    def _reader(self, visit: Visit) -> Reader:
        from penstock.ui.reader import Reader

        return Reader(self, visit, cookies(visit.headers).get(FORM_COOKIE) or secrets.token_urlsafe(24))

    def _guarded(self, reply: Reply, visit: Visit) -> Reply:
        headers = [*reply.headers, *GUARDS]
        if not any(name == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        return reply._replace(headers=headers)

    def _below_base(self, path: str) -> str | None:
        if not path.startswith(self.base):
            return None
        rest = path[len(self.base) :] or "/"
        return rest if rest.startswith("/") else None


def _is_same_origin(visit: Visit) -> bool:
    """By `Sec-Fetch-Site`, which pages can't forge, else by `Origin`; a browser sends one of them with each form."""
    site = visit.headers.get(b"sec-fetch-site")
    if site is not None:
        return site == b"same-origin"
    origin, host = visit.headers.get(b"origin", b""), visit.headers.get(b"host", b"")
    return bool(host) and urlsplit(origin.decode("latin-1")).netloc.encode("latin-1") == host
