"""`penstock upgrade apply`, `rollback`, `status`, as a person runs them; killed in the middle, too."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.api import PATIENT, eventually
from tests.live.postgres import Postgres
from tests.live.programs import Shell, penstock, prefect
from tests.live.servers import Server, running
from tests.upgrade.estate import POOL, make_block, make_estate

MANY = 60
FEW = 12


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    database = None
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        database = postgres.database()
    with running(penstock(), tmp_path / "server", database) as one:
        yield one


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return server.shell(tmp_path)


def deployments(server: Server) -> dict[str, dict[str, Any]]:
    """All deployments by their names, with what an upgrade changes."""
    found: list[dict[str, Any]] = []
    while True:
        page = server.api.post("/deployments/filter", {"limit": 200, "offset": len(found), "sort": "NAME_ASC"})
        found += page
        if len(page) < 200:
            return {one["name"]: {name: one[name] for name in CHANGED} for one in found}


CHANGED = ("work_pool_name", "work_queue_name", "job_variables", "pull_steps", "path", "storage_document_id")


def statuses(shell: Shell) -> dict[str, str]:
    done = shell.run("upgrade", "status", "--output", "json")
    return {one["name"]: one["status"] for one in json.loads(done.stdout)}


def test_all_go_to_workers_and_back(server: Server, shell: Shell) -> None:
    make_estate(server.api, FEW)
    before = deployments(server)
    assert set(statuses(shell).values()) == {"ready"}
    done = shell.run("upgrade", "apply", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{FEW} deployments upgraded." in done.stdout
    assert f"penstock work-pool delete {POOL}" in done.stdout
    assert "penstock worker start --pool" in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr
    assert set(statuses(shell).values()) == {"upgraded"}
    again = shell.run("upgrade", "apply", "--all")
    assert (again.returncode, "Nothing to do." in again.stdout) == (0, True)
    back = shell.run("upgrade", "rollback", "--all")
    assert (back.returncode, f"{FEW} deployments rolled back." in back.stdout) == (0, True), back.stdout + back.stderr
    assert deployments(server) == before
    assert set(statuses(shell).values()) == {"rolled back"}


def test_some_go_by_name(server: Server, shell: Shell) -> None:
    make_estate(server.api, FEW)
    done = shell.run("upgrade", "apply", "deployment-000*", "--yes")
    assert done.returncode == 0, done.stderr
    assert "10 deployments upgraded." in done.stdout
    back = shell.run("upgrade", "rollback", "deployment-0001", "flow-11/deployment-0011", "--yes")
    assert "flow-11/deployment-0011 is not upgraded." in back.stdout
    assert "1 deployment rolled back." in back.stdout
    found = statuses(shell)
    assert (found["flow-1/deployment-0001"], found["flow-2/deployment-0002"]) == ("rolled back", "upgraded")
    assert found["flow-11/deployment-0011"] == "ready"


def test_the_type_of_pool_is_chosen_where_a_block_can_become_several(server: Server, shell: Shell) -> None:
    api = server.api
    block = make_block(api, "cloud-run-job", "jobs", {"image": "shop/etl:1", "region": "eu", "cpu": 1})
    flow = api.post("/flows/", {"name": "etl"})["id"]
    place = {"work_queue_name": "q", "entrypoint": "flow.py:etl", "path": "/srv"}
    api.post("/deployments/", {"name": "d", "flow_id": flow, "infrastructure_document_id": block, **place})
    chosen = ("--pool-type", "cloud-run-job=cloud-run-v2")
    plan = shell.run("upgrade", "plan", *chosen)
    assert "'jobs' of type cloud-run-v2" in plan.stdout
    assert f"penstock upgrade apply --all {' '.join(chosen)}" in plan.stderr
    done = shell.run("upgrade", "apply", "--all", *chosen)
    assert (done.returncode, api.get("/work_pools/jobs")["type"]) == (0, "cloud-run-v2"), done.stdout
    proved = shell.run("upgrade", "verify")
    assert (proved.returncode, "etl/d: the same job" in proved.stdout) == (0, True), proved.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plan", "--pool-type", "docker"], "'docker' is not BLOCK=TYPE"),
        (["plan", "--pool-type", "cloud-run-job=docker"], "only of: cloud-run, cloud-run-v2"),
        (["apply"], "Say which deployments"),
        (["rollback"], "Say which deployments"),
        (["apply", "--all", "flow/x"], "either names"),
        (["apply", "flow/x"], "There is no deployment 'flow/x'"),
        (["rollback", "flow/x"], "There is no deployment 'flow/x'"),
    ],
    ids=[
        "no pair",
        "no such pair",
        "apply nothing",
        "roll nothing back",
        "all and some",
        "unknown",
        "unknown rollback",
    ],
)
def test_what_is_asked_for_must_be_clear(words: list[str], says: str, tmp_path: Path) -> None:
    with running(penstock(), tmp_path / "server") as server:
        done = server.shell(tmp_path).run("upgrade", *words)
    assert (done.returncode, says in done.stderr) == (1, True), done.stderr


def test_a_claimed_run_keeps_its_deployment_back(server: Server, shell: Shell) -> None:
    ids = make_estate(server.api, 2)
    run = server.api.post(f"/deployments/{ids[1]}/create_flow_run", {})["id"]
    server.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})
    done = shell.run("upgrade", "apply", "--all", "--patience", "0")
    assert done.returncode == 1
    assert "A run of deployment 'deployment-0001' is claimed and has not begun" in done.stdout
    assert "1 deployment upgraded, 1 failed." in done.stdout
    forced = shell.run("upgrade", "apply", "--all", "--force")
    assert (forced.returncode, set(statuses(shell).values())) == (0, {"upgraded"})


def test_killed_in_the_middle_each_deployment_is_old_or_new(server: Server, shell: Shell, tmp_path: Path) -> None:
    ids = make_estate(server.api, MANY)
    before = deployments(server)
    log = tmp_path / "apply.log"
    command = shell.start("upgrade", "apply", "--all", log=log)
    try:
        eventually(lambda: _upgraded(server, ids) > 2, PATIENT, "some deployments are upgraded", every=0.01)
    finally:
        command.send_signal(signal.SIGKILL)
        command.wait()
    halfway = deployments(server)
    moved = {name for name, one in halfway.items() if one["work_pool_name"] != POOL}
    assert 0 < len(moved) < MANY, log.read_text()[-2000:]
    assert all(halfway[name] == before[name] for name in set(before) - moved)
    rest = shell.run("upgrade", "apply", "--all")
    assert rest.returncode == 0, rest.stdout + rest.stderr
    now = [line for line in rest.stdout.splitlines() if line.startswith("+") and " is upgraded" in line]
    assert 0 < len(now) <= MANY - len(moved)  # the server has ended what was on its way
    after = deployments(server)
    assert all(after[name] == halfway[name] for name in moved)
    assert POOL not in {one["work_pool_name"] for one in after.values()}
    whole = shell.run("upgrade", "rollback", "--all", "--yes")
    assert whole.returncode == 0, whole.stderr
    assert deployments(server) == before


def _upgraded(server: Server, ids: list[str]) -> int:
    return len(server.api.post("/penstock/upgrades/filter", {"deployment_ids": ids}))


def test_a_prefect_server_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with running(prefect(), tmp_path / "server") as server:
        shell = server.shell(tmp_path, penstock(), tmp_path / "home")
        for words in (["apply", "--all"], ["rollback", "--all"]):
            done = shell.run("upgrade", *words)
            assert done.returncode == 1
            assert "This is a Prefect server" in done.stderr
            assert "penstock upgrade import --from" in done.stderr
