"""Who reads a page, and what a page works with: the address's words, the form, the API, and ways to answer."""

from __future__ import annotations

import hmac
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlencode
from uuid import UUID

from penstock.clock import to_micros
from penstock.errors import NotFound
from penstock.server.bind import Headers, Reply
from penstock.server.sessions import cookies
from penstock.server.site import Visit
from penstock.ui.templating import rendered

if TYPE_CHECKING:
    from penstock.client.client import AsyncClient
    from penstock.ui.site import Dashboard

SAID_COOKIE = "penstock_said"
FORM_COOKIE = "penstock_form"
TOKEN = "token"
KEEP = "Path=/; HttpOnly; SameSite=Strict"


class Reader:
    """One visit of a page."""

    def __init__(self, site: Dashboard, visit: Visit, token: str) -> None:
        self.site = site
        self.visit = visit
        self.now = visit.now
        self.token = token
        """What each form carries, beside the same value in a cookie that other origins can't read or set."""
        self.query = _words(visit.query)
        self._cookies = cookies(visit.headers)

    @property
    def api(self) -> AsyncClient:
        """The client that pages read and write through."""
        return self.site.api

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The fields of the form that was sent."""
        return _words(self.visit.body)

    def asked(self, name: str, default: str = "") -> str:
        """A word of the address; of repeated ones the last."""
        return self.query.get(name, [default])[-1].strip()

    def field(self, name: str, default: str = "") -> str:
        """A field of the form; of repeated ones the last."""
        return self.form.get(name, [default])[-1]

    def passed(self) -> int:
        """How many rows come before the page that the address asks for, in lists that are never very long."""
        after = self.asked("after")
        return int(after) if after.isdigit() and len(after) < 7 else 0

    def form_is_own(self) -> bool:
        """Whether the form carries the token that this reader's browser keeps."""
        kept, sent = self._cookies.get(FORM_COOKIE, ""), self.field(TOKEN)
        return bool(kept) and hmac.compare_digest(kept.encode(), sent.encode())

    def link(self, path: str, **words: Any) -> str:
        """The address of a page; words that are empty are left out."""
        given = [(name, one) for name, value in words.items() for one in _each(value) if one not in (None, "")]
        return self.site.base + quote(path, safe="/%") + (f"?{urlencode(given)}" if given else "")

    def here(self, **changes: Any) -> str:
        """This page's address with some words changed."""
        return self.link(unquote(self.visit.path[len(self.site.base) :]), **{**self.query, **changes})

    def hints(self, about: str) -> str:
        """The address of the stream that says when to look again at what this page shows."""
        return self.link("/live", about=about, since=to_micros(self.now))

    def render(self, template: str, status: int = 200, **values: Any) -> Reply:
        """A page."""
        headers: Headers = []
        if self._cookies.get(FORM_COOKIE) != self.token:
            headers.append(self.cookie(FORM_COOKIE, self.token))
        said = "" if b"hx-request" in self.visit.headers else unquote(self._cookies.get(SAID_COOKIE, ""))
        if said:  # it is for the next whole page: a part that is fetched meanwhile leaves it be
            headers.append(self.cookie(SAID_COOKIE, "", seconds=0))
        kind, _, words = said.partition(":")
        body = rendered(template, at=self, said=words, said_kind=kind, **values)
        return Reply(status, body.encode(), headers, b"text/html; charset=utf-8")

    def go(self, address: str, said: str = "", kind: str = "ok", cookies: Headers | None = None) -> Reply:
        """Sends the browser on after a change, with a sentence for the next page to show."""
        headers: Headers = [(b"location", address.encode()), *(cookies or [])]
        if said:
            headers.append(self.cookie(SAID_COOKIE, quote(f"{kind}:{said}"[:900]), seconds=60))
        return Reply(303, b"", headers, b"text/plain")

    def cookie(self, name: str, value: str, seconds: int | None = None) -> tuple[bytes, bytes]:
        """A cookie for this server's pages only."""
        age = "" if seconds is None else f"; Max-Age={seconds}"
        secure = "; Secure" if self.visit.headers.get(b"x-forwarded-proto") == b"https" else ""
        return b"set-cookie", f"{name}={value}; {KEEP}{age}{secure}".encode()


def id_in(text: str) -> UUID:
    """The id in an address. Raises `NotFound` for text that is none."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"{text!r} is no id.") from None


def tags_in(text: str) -> list[str]:
    """The tags of a field, which stand between commas."""
    return list(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))


def _words(raw: bytes) -> dict[str, list[str]]:
    return parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=2000)


def _each(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def segment(text: str) -> str:
    """Text as one segment of a path."""
    return quote(text, safe="")
