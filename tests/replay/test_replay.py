"""Recorded Prefect programs talk to our server and see what they saw from their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.programs import ROOT, Program, penstock, prefect
from tests.live.servers import running
from tests.replay.differences import page, unexplained
from tests.replay.player import Player
from tests.replay.recording import load, names

SECURITY = {
    "SERVER_API_AUTH_STRING": "admin:pass",
    "SERVER_API_CSRF_PROTECTION_ENABLED": "true",
    "SERVER_LOGS_STREAM_OUT_ENABLED": "true",
    "SERVER_LOGS_STREAM_PUBLISHING_ENABLED": "true",
}


def program() -> Program:
    """Penstock; the real Prefect when PENSTOCK_TEST_REPLAY=prefect, which shows that the replay itself is right."""
    return prefect() if os.environ.get("PENSTOCK_TEST_REPLAY") == "prefect" else penstock()


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A replay against a server with default settings."""
    with running(program(), tmp_path_factory.mktemp("open")) as server:
        yield Player(server.api, unexplained)


@pytest.fixture(scope="module")
def second_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A replay against another server with default settings, for the recordings of Prefect 2.20."""
    with running(program(), tmp_path_factory.mktemp("second")) as server:
        yield Player(server.api, unexplained)


@pytest.fixture(scope="module")
def secured_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A replay against a server that asks for a password and against cross-site requests."""
    chosen = program()
    settings = {f"{chosen.name.upper()}_{name}": value for name, value in SECURITY.items()}
    with running(chosen, Path(tmp_path_factory.mktemp("secured")), settings=settings) as server:
        yield Player(server.api, unexplained)


@pytest.mark.parametrize("name", names())
def test_open_server_answers_as_recorded(name: str, open_server: Player) -> None:
    check(name, open_server)


@pytest.mark.parametrize("name", names(secured=True))
def test_secured_server_answers_as_recorded(name: str, secured_server: Player) -> None:
    check(name, secured_server)


@pytest.mark.parametrize("name", names(older=True))
def test_second_server_answers_as_prefect_2_did(name: str, second_server: Player) -> None:
    check(name, second_server)


def check(name: str, player: Player) -> None:
    """Plays one recording; every difference must be a deliberate one."""
    wrong = [
        f"[{answer.index}] {answer.method} {answer.path}: {difference}"
        for answer in player.play(load(name))
        for difference in unexplained(answer)
    ]
    assert not wrong, "\n".join(wrong[:40])


def test_compatibility_page_lists_the_deliberate_differences() -> None:
    """`python -m tests.replay.differences` prints the section."""
    assert page() in (ROOT / "docs" / "compatibility.md").read_text()
