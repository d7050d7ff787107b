"""`penstock upgrade command` and `helm`, in a terminal, with and without a server to ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_journey import bad, ok, read
from tests.live.programs import Shell, penstock
from tests.live.servers import running


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A terminal with an agent pool whose queue `dev-1` has a deployment."""
    with running(penstock(), tmp_path_factory.mktemp("server")) as server:
        server.api.post("/work_pools/", {"name": "ag", "type": "prefect-agent"})
        server.api.post("/work_pools/ag/queues", {"name": "dev-2"})
        flow = server.api.post("/flows/", {"name": "f"})["id"]
        place = {"work_pool_name": "ag", "work_queue_name": "dev-1", "entrypoint": "f.py:f"}
        server.api.post("/deployments/", {"name": "d", "flow_id": flow, **place})
        yield server.shell(tmp_path_factory.mktemp("project"))


def test_the_server_knows_the_new_pool_and_the_queues(shell: Shell) -> None:
    new = read(shell, "upgrade", "plan")["pools"][0]["name"]
    said = ok(shell, "upgrade", "command", "prefect agent start -p ag -m dev-")
    assert said == f"prefect worker start --pool {new} --work-queue dev-1 --work-queue dev-2\n"


def test_a_unit_keeps_its_other_lines(shell: Shell, tmp_path: Path) -> None:
    unit = tmp_path / "agent.service"
    unit.write_text("[Service]\nExecStart=/srv/bin/prefect agent start --pool x -l 3\nRestart=always\n")
    said = ok(shell, "upgrade", "command", "--offline", "--file", str(unit))
    assert said == "[Service]\nExecStart=/srv/bin/prefect worker start --pool x --limit 3\nRestart=always\n"


def test_helm_values_are_translated(shell: Shell, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("agent:\n  config:\n    workPool: old\n")
    said = ok(shell, "upgrade", "helm", str(values), "--pool", "new")
    assert said == "worker:\n  config:\n    workPool: new\n    type: kubernetes\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["command"], 1, "Give either a command"),
        (["command", "--offline", "worker start"], 1, "There is no `agent start` in it"),
        (["command", "--offline", "agent start --poll x"], 1, "Did you mean --pool?"),
        (["command", "--offline", "agent start -t x"], 2, "queues by tag"),
    ],
)
def test_what_can_not_be_translated_is_told(shell: Shell, words: list[str], code: int, said: str) -> None:
    assert said in bad(shell, "upgrade", *words, code=code)
