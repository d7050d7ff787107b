"""Google's APIs on this machine: every request is held to the discovery document of its service.

Jobs end as their image says: `exit-3`, `stays`, `oom`, `missing` (the image can't be pulled), `slow` (times out).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from googleapiclient import discovery_cache

from tests.live.cloud_http import Asked, Data, Fault, Refused, Reply

DOCUMENTS = Path(discovery_cache.__file__).parent / "documents"
PROJECT = "acme-flows"
EMAIL = f"runner@{PROJECT}.iam.gserviceaccount.com"
TOKEN = "token-of-the-double"
Handler = Callable[..., Data]


@cache
def key() -> rsa.RSAPrivateKey:
    """The service account's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(url: str) -> Data:
    """The key file of an account whose tokens come from the double."""
    private = key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "k1",
        "private_key": private.decode(),
        "client_email": EMAIL,
        "token_uri": f"{url}/token",
    }


class GoogleDouble:
    """Answers for the given services; `handlers` are by the method ids of their discovery documents."""

    def __init__(self, services: list[str], handlers: dict[str, Handler]) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        self._services = services
        self._handlers = handlers

    def count(self, match: str) -> int:
        """How many requests had this in their `METHOD path`."""
        return sum(match in f"{one.method} {one.path}" for one in self.asked)

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/token":
            return Reply(200, self._token(asked))
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, "Request had invalid authentication credentials.")
        document, method, names = self._method(asked)
        _check_query(document, method, asked)
        if "request" in method:
            problems = list(faults(document, method["request"]["$ref"], asked.body))
            if problems:
                raise Refused(400, "; ".join(problems))
        handler = self._handlers.get(method["id"])
        if handler is None:
            raise AssertionError(f"the double does not know {method['id']}")
        return Reply(200, handler(asked, **names))

    def error(self, status: int, message: str) -> Data:
        return {"error": {"code": status, "message": message, "errors": [{"message": message, "reason": "scripted"}]}}

    def _token(self, asked: Asked) -> Data:
        [assertion] = re.findall(r"assertion=([^&]+)", asked.text)
        claims = jwt.decode(assertion, key().public_key(), algorithms=["RS256"], options={"verify_aud": False})
        assert claims["iss"] == EMAIL
        assert "cloud-platform" in claims["scope"]
        return {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}

    def _method(self, asked: Asked) -> tuple[Data, Data, dict[str, str]]:
        for name in self._services:
            document = discovery_document(name)
            for method in methods(document):
                match = pattern(method).fullmatch(asked.path.lstrip("/"))
                if match and method["httpMethod"] == asked.method:
                    return document, method, match.groupdict()
        raise Refused(404, f"no method of {self._services} is at {asked.method} {asked.path}")


@cache
def discovery_document(name: str) -> Data:
    """A service's own description, such as `run.v2`."""
    return dict(json.loads((DOCUMENTS / f"{name}.json").read_text()))


def methods(node: Data) -> Iterator[Data]:
    """Every method of a service."""
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from methods(resource)


def pattern(method: Data) -> re.Pattern[str]:
    """Matches a path of the method; its groups are the path's names, without `Id`."""
    return _compiled(method.get("flatPath", method["path"]))


@cache
def _compiled(path: str) -> re.Pattern[str]:
    named = re.sub(r"\\{(\w+?)(?:sId|Id|)\\}", r"(?P<\1>[^/:]+)", re.escape(path).replace(r"\{", r"\{"))
    return re.compile(named)


def _check_query(document: Data, method: Data, asked: Asked) -> None:
    known = {*method.get("parameters", {}), *document.get("parameters", {})}
    if unknown := set(asked.query) - known:
        raise Refused(400, f"unknown query parameters {sorted(unknown)}")


def faults(document: Data, schema: str, value: Any, path: str = "") -> Iterator[str]:
    """Where a body is not what the service takes: unknown, output-only or ill-typed fields."""
    properties = document["schemas"][schema].get("properties", {})
    if not isinstance(value, dict):
        yield f"{path or schema} must be an object"
        return
    for name, one in value.items():
        where = f"{path}.{name}" if path else name
        if name not in properties:
            yield f"{where} is not a field of {schema}"
        elif properties[name].get("readOnly"):
            yield f"{where} is output only"
        else:
            yield from _field_faults(document, properties[name], one, where)


def _field_faults(document: Data, declared: Data, value: Any, where: str) -> Iterator[str]:
    if "$ref" in declared:
        yield from faults(document, declared["$ref"], value, where)
    elif declared["type"] == "array" and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _field_faults(document, declared["items"], one, f"{where}[{index}]")
    elif declared["type"] == "object" and isinstance(value, dict):
        for name, one in value.items():
            yield from _field_faults(
                document, declared.get("additionalProperties", {"type": "any"}), one, f"{where}.{name}"
            )
    elif not _fits(declared, value):
        yield f"{where} must be {declared.get('format') or declared['type']}, not {value!r}"


def _fits(declared: Data, value: Any) -> bool:
    if "enum" in declared and value not in declared["enum"]:
        return False
    if declared.get("format") == "int64":
        return isinstance(value, int) or (isinstance(value, str) and value.isdigit())
    if declared.get("format") == "google-duration":
        return isinstance(value, str) and bool(re.fullmatch(r"\d+(\.\d+)?s", value))
    kinds: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "any": object}
    return isinstance(value, kinds.get(declared["type"], ()))
