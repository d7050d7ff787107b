"""Getting on with servers of Prefect 2: they refuse fields that came later, and call some by other names.

Nobody pays for it but who meets such a server: a body is looked at when it was refused, an answer when it has a name of
then in it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from penstock.errors import FieldUnknown
from penstock.wire.deployments import Deployment
from penstock.wire.model import encode
from penstock.wire.older_deployments import deployment_of

UNKNOWN_FIELD = ("extra fields not permitted", "Extra inputs are not permitted")
INFORMATION = frozenset({"labels", "version_info", "slug", "replaces"})
"""Fields that only inform: without them all works as it should."""


def without_unknown(content: bytes, refusal: bytes) -> bytes | None:
    """The body without the fields that a server does not know; None when it refused anything else.

    `FieldUnknown` for an unknown field that says what must not be lost.
    """
    places = _unknown(refusal)
    if not places:
        return None
    body = msgspec.json.decode(content)
    for place in places:
        holder = _holder(body, place[:-1])
        if not isinstance(holder, dict) or place[-1] not in holder:
            return None
        value = holder.pop(place[-1])
        if place[-1] not in INFORMATION and not _says_nothing(value):
            where = ".".join(map(str, place))
            raise FieldUnknown(
                f"The server does not know {where!r}, which was to be {encode(value).decode()}: it is of an older"
                " version. Leave it out, or upgrade the server."
            )
    return encode(body)


def today(returns: Any, answer: bytes) -> Any:
    """What an answer about deployments says that has names of Prefect 2 in it.

    Raises `msgspec.DecodeError` for what can't be read, as the decoder of today does.
    """
    raw = msgspec.json.decode(answer)
    if returns == list[Deployment]:
        return [deployment_of(one) for one in raw]
    return deployment_of(raw) if returns is Deployment else msgspec.convert(raw, returns)


def _unknown(refusal: bytes) -> list[list[Any]]:
    """Where the fields are that a server does not know; empty when it refuses anything else too."""
    try:
        said = msgspec.json.decode(refusal)
    except msgspec.DecodeError:
        return []
    faults = said.get("exception_detail") or said.get("detail") if isinstance(said, dict) else None
    if not isinstance(faults, list) or not all(isinstance(one, dict) for one in faults):
        return []
    if any(one.get("msg") not in UNKNOWN_FIELD for one in faults):
        return []
    return [list(one.get("loc", ()))[1:] for one in faults if len(one.get("loc", ())) > 1]


def _holder(body: Any, place: list[Any]) -> Any:
    for step in place:
        try:
            body = body[step]
        except (LookupError, TypeError):
            return None
    return body


def _says_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_says_nothing, value.values()))
    return value is None or value in ("", [])
