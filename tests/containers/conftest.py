"""A registry for the tests that push."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.docker import registry


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host of a real registry that wants a password."""
    with registry(tmp_path_factory.mktemp("registry")) as host:
        yield host
