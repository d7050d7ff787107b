"""Pages of other origins: allowed where the settings name them, and nowhere else."""

from __future__ import annotations

from penstock.server.cors import Cors
from penstock.settings.server import ServerApi

PAGE = {b"origin": b"http://ui.local"}
BEFOREHAND = {**PAGE, b"access-control-request-method": b"POST", b"access-control-request-headers": b"authorization"}


def test_an_origin_that_is_named_is_allowed() -> None:
    cors = Cors(ServerApi(cors_allowed_origins="http://a.local, http://ui.local"))
    assert (b"access-control-allow-origin", b"http://ui.local") in cors.headers(PAGE)
    reply = cors.preflight("OPTIONS", BEFOREHAND)
    assert reply is not None
    assert reply.status == 200
    assert dict(reply.headers)[b"access-control-allow-headers"] == b"authorization"


def test_another_origin_is_not() -> None:
    cors = Cors(ServerApi(cors_allowed_origins="http://a.local"))
    assert cors.headers(PAGE) == []
    reply = cors.preflight("OPTIONS", BEFOREHAND)
    assert reply is not None
    assert reply.status == 400


def test_a_star_allows_every_page() -> None:
    cors = Cors(ServerApi(cors_allowed_origins="*", cors_allowed_headers="x-one", cors_allowed_methods="GET"))
    reply = cors.preflight("OPTIONS", BEFOREHAND)
    assert reply is not None
    answered = dict(reply.headers)
    assert answered[b"access-control-allow-headers"] == b"x-one"
    assert answered[b"access-control-allow-methods"] == b"GET"


def test_what_is_no_question_beforehand_goes_on() -> None:
    cors = Cors(ServerApi(cors_allowed_origins="*"))
    assert cors.preflight("OPTIONS", PAGE) is None
    assert cors.preflight("POST", BEFOREHAND) is None
    assert cors.headers({}) == []
