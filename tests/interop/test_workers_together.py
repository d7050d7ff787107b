"""Real Prefect 3.8.8 workers, for processes and for containers, beside ours on the pools of a Penstock server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.interop.together import OURS, THEIRS, Together
from tests.live.docker import Engine, image_with_prefect
from tests.live.programs import penstock, prefect
from tests.live.servers import Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    prefect()
    with running(penstock(), tmp_path_factory.mktemp("together") / "server") as one:
        yield one


@pytest.fixture(scope="module")
def processes(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    """Two workers on a pool of processes; each program's runs are processes of its own interpreter."""
    yield from both(Together(server, tmp_path_factory.mktemp("processes") / "code", "process"))


@pytest.fixture(scope="module")
def containers(server: Server, tmp_path_factory: pytest.TempPathFactory, docker_engine: Engine) -> Iterator[Together]:
    """Two workers on a pool of containers, whose image has the real Prefect and no Penstock."""
    folder = tmp_path_factory.mktemp("containers") / "code"
    image = image_with_prefect(docker_engine.client, prefect())
    variables = {"image": image, "image_pull_policy": "Never", "volumes": [f"{folder}:{folder}"]}
    made = Together(server, folder, "docker", variables)
    try:
        yield from both(made)
    finally:
        for run in made.runs:
            docker_engine.remove_containers(f"io.prefect.flow-run-id={run}")


def both(made: Together) -> Iterator[Together]:
    try:
        made.start(THEIRS)
        made.start(OURS)
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("kind", ["processes", "containers"])
def test_work_is_shared_and_each_run_is_executed_once(kind: str, request: pytest.FixtureRequest) -> None:
    site: Together = request.getfixturevalue(kind)
    runs = [site.run() for _ in range(4)]
    site.began(runs)
    site.until(lambda: all("prefect.worker.name" in site.read(run)["labels"] for run in runs), "all have labels")
    cancelled = [site.taken_by(OURS, runs)[0], site.taken_by(THEIRS, runs)[0]]
    assert Counter(map(site.taker, runs)) == {OURS: 2, THEIRS: 2}
    check_workers(site)
    for run in cancelled:
        site.cancel(run)
    assert site.ended(cancelled) == {"CANCELLED": 2}
    if site.kind == "docker":
        both_die(site)
    for run in set(runs) - set(cancelled):
        site.let_go(run)
    assert site.ended(runs) == {"COMPLETED": 2, "CANCELLED": 2}
    assert Counter(site.marks("began")) == dict.fromkeys(runs, 1)
    assert [site.read(run)["run_count"] for run in runs] == [1] * 4
    for run in runs:
        assert [text for name, text in site.logged(run) if name == "prefect.flow_runs"].count("hello") == 1
        assert any(name == "prefect.flow_runs.worker" for name, _ in site.logged(run))
        assert site.read(run)["labels"]["prefect.work-pool.name"] == site.kind


def both_die(site: Together) -> None:
    """Containers go on: ours is found by the next worker of its pool, and the other's tells of its own end."""
    for name in (THEIRS, OURS):
        site.kill(name)
    site.start(OURS)
    site.until(lambda: "looks after the run now" in site.log(OURS), "ours has its container again")


def check_workers(site: Together) -> None:
    """Both are seen, whatever they are; a Prefect worker's polls name nobody, so only the queue tells of them."""
    shell = site.server.shell(site.folder)
    shown = shell.run("worker", "ls", "--pool", site.kind, "--output", "json")
    rows = {row["name"]: row for row in json.loads(shown.stdout)}
    assert {name: row["state"] for name, row in rows.items()} == {OURS: "ONLINE", THEIRS: "ONLINE"}
    assert all(row["started"] and row["last_heartbeat_time"] for row in rows.values())
    assert (bool(rows[OURS]["last_polled"]), rows[THEIRS]["last_polled"]) == (True, None)
    first = seen(site)
    site.until(
        lambda: all(then != now for then, now in zip(first, seen(site), strict=True)), "it polls and beats again"
    )


def seen(site: Together) -> tuple[str, str]:
    """When the Prefect worker last gave a sign of life, and when the queue was last asked for runs: ours is full."""
    workers = site.server.api.post(f"/work_pools/{site.kind}/workers/filter", {})
    [beat] = [one["last_heartbeat_time"] for one in workers if one["name"] == THEIRS]
    [queue] = site.server.api.post(f"/work_pools/{site.kind}/queues/filter", {})
    return beat, queue["last_polled"]


def test_a_limit_of_a_deployment_holds_across_both(processes: Together) -> None:
    """What a Prefect worker runs leaves no room for ours, which is free and quicker."""
    others = [processes.run(), processes.run()]
    processes.began(others)
    first = processes.run("alone")
    processes.began([first])
    assert (processes.taken_by(OURS, others), processes.taken_by(THEIRS, [first])) == (others, [first])
    for run in others:
        processes.let_go(run)
    assert processes.ended(others) == {"COMPLETED": 2}
    second = processes.run("alone")
    why = f"/penstock/flow_runs/{second}/why"
    processes.until(lambda: processes.server.api.get(why)["code"] == "deployment_full", "it waits for the limit")
    for run in (first, second):
        processes.let_go(run)
    assert processes.ended([first, second]) == {"COMPLETED": 2}
    passed = [run for run in processes.marks("began", "ended") if run in (first, second)]
    assert passed == [first, first, second, second]


@pytest.mark.parametrize("kind", ["processes", "containers"])
def test_a_prefect_worker_has_nothing_to_complain_of(kind: str, request: pytest.FixtureRequest) -> None:
    """The worker channel is not there, so it keeps to REST, and says so once."""
    site: Together = request.getfixturevalue(kind)
    site.until(lambda: THEIRS in site.log(THEIRS), "the worker has begun")
    loud = [line for line in site.log(THEIRS).splitlines() if "WARNING" in line or "ERROR" in line]
    assert len(loud) <= 1, loud


def test_an_image_that_has_neither_program_is_explained(containers: Together, docker_engine: Engine) -> None:
    """What jobs run by default is looked for in the image: ours before Prefect's."""
    from penstock.worker.launch import DEFAULT_COMMAND

    told = docker_engine.client.containers.run(
        docker_engine.image, [*DEFAULT_COMMAND[:2], f"PATH=/nowhere; {DEFAULT_COMMAND[2]}"], detach=True
    )
    try:
        assert told.wait()["StatusCode"] == 127
        assert b"Neither penstock nor prefect" in told.logs()
    finally:
        told.remove(force=True)
