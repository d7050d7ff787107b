"""The wire against the published facts: every endpoint and every field of the recorded API document."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest

import penstock.wire
from penstock.wire.endpoint import Endpoint
from penstock.wire.model import Criteria


def endpoints() -> Iterator[tuple[str, Endpoint[object, object]]]:
    for info in pkgutil.iter_modules(penstock.wire.__path__):
        module = importlib.import_module(f"penstock.wire.{info.name}")
        for name, value in vars(module).items():
            if isinstance(value, Endpoint):
                yield f"{info.name}.{name}", value


ENDPOINTS = dict(endpoints())


def test_no_two_endpoints_share_method_and_path() -> None:
    places = [(e.method, e.path) for e in ENDPOINTS.values()]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("name", ENDPOINTS)
def test_shapes_of_an_endpoint_can_be_read_and_written(name: str) -> None:
    endpoint = ENDPOINTS[name]
    if endpoint.body is not type(None):
        msgspec.json.Decoder(endpoint.body)
    if endpoint.returns is not type(None):
        msgspec.json.Decoder(endpoint.returns)


def test_null_means_default_in_a_filter_body() -> None:
    body = msgspec.json.decode(b'{"limit": null, "offset": null, "work_pools": null, "sort": null}', type=Criteria)
    assert body == Criteria()
