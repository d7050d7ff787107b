"""The server: what it is, what it stores in, how it is set up, and how clients reach it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from penstock.server.bind import Reply
from penstock.ui.reader import Reader
from penstock.ui.routes import page
from penstock.wire import server_facts
from penstock.wire.server_facts import ServerFacts

DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
SOURCES = {"env": "the environment", "overrides": "its command line", "profile": "the profile"}
"""Where settings come from, in words; a file is called by its name."""
ADDRESSES = ("PENSTOCK_API_URL", "PENSTOCK_SERVER_UI_API_URL")
_HOST = re.compile(rb"[\w.:\[\]-]+")


@page("GET", "/server")
async def show(at: Reader) -> Reply:
    """The page of the server."""
    facts = await at.api.call(server_facts.read_server_facts)
    return at.render(
        "server.html",
        facts=facts,
        address=_address(at, facts),
        session_ends=at.site.sessions.ends_at(at.visit.headers, at.now),
        databases=DATABASES,
        sources=SOURCES,
    )


def _address(at: Reader, facts: ServerFacts) -> str:
    """The API's address: as somebody set it, else as the reader's browser reached this page."""
    known = at.site.api_address or ""
    host = at.visit.headers.get(b"host", b"")
    if any(one.name in ADDRESSES for one in facts.settings) or not _HOST.fullmatch(host):
        return known
    scheme = "https" if at.visit.headers.get(b"x-forwarded-proto") == b"https" else "http"
    return f"{scheme}://{host.decode()}{urlsplit(known).path or '/api'}"
