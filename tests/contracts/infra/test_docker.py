"""The Docker driver keeps the contract on a real engine, and says why a container did not start or how it ended."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

import penstock
from penstock.errors import InfrastructureBusy, InfrastructureFailed
from penstock.infra.docker import DockerInfrastructure
from penstock.infra.docker.container import DockerVariables, name_of, read, settings
from penstock.infra.protocol import Infrastructure, Job
from penstock.infra.templates import base_job_template
from penstock.testing.infrastructure import RemoteContract, hosted, job
from tests.live.docker import Engine
from tests.live.servers import free_port

STAYS = "trap 'exit 143' TERM; echo up; while :; do sleep 1 & wait $!; done"


class DockerStage:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def driver(self) -> Infrastructure:
        return DockerInfrastructure()

    def shell(self, script: str, **more: object) -> dict[str, object]:
        return {"image": self.engine.image, "command": shlex.join(["sh", "-c", script]), **more}

    def ends(self, code: int, output: str = "") -> dict[str, object]:
        return self.shell(f"echo {shlex.quote(output)}; exit {code}")

    def stays(self) -> dict[str, object]:
        return self.shell(STAYS)

    def impossible(self) -> dict[str, object]:
        return self.shell("true", mem_limit="1k")

    def remove(self) -> None:
        for one in self.engine.client.containers.list(all=True, filters={"name": "penstock-run-"}):
            one.remove(force=True)


@pytest.fixture
def stage(docker_engine: Engine) -> Iterator[DockerStage]:
    found = DockerStage(docker_engine)
    found.remove()
    yield found
    found.remove()


class TestDocker(RemoteContract):
    async def test_a_container_that_was_never_started_is_started_by_who_finds_it(self, stage: DockerStage) -> None:
        wanted = job(stage.ends(4))
        arguments = settings(wanted, read(wanted.configuration), shares_host=True)
        await asyncio.to_thread(stage.engine.client.containers.create, **arguments)
        async with hosted(stage) as driver:
            found = await driver.find(wanted)
            assert found is not None
            assert (await driver.wait(found.handle)).code == 4

    async def test_a_job_that_ignores_the_request_is_killed(self, stage: DockerStage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.shell('trap "" TERM; echo up; while :; do sleep 1; done')))
            async for piece in driver.logs(started.handle):
                assert piece == b"up\n"
                break
            await driver.stop(started.handle, 0.1)
            ended = await driver.wait(started.handle)
        assert (ended.code, ended.output) == (-9, "up\n")

    async def test_limits_reach_the_engine_and_running_out_of_memory_is_told(self, stage: DockerStage) -> None:
        hungry = shlex.join(["python3", "-c", "print('begin', flush=True); held = bytearray(1 << 30)"])
        configuration = {"image": stage.engine.image, "command": hungry, "mem_limit": "64m", "auto_remove": True}
        async with hosted(stage) as driver:
            started = await driver.start(job(configuration))
            shown = await asyncio.to_thread(stage.engine.api.inspect_container, started.handle)
            ended = await driver.wait(started.handle)
            await driver.forget(started.handle)
            left = await asyncio.to_thread(stage.engine.client.containers.list, all=True, filters={"name": "run-1"})
        assert shown["HostConfig"]["Memory"] == 64 << 20
        assert ended.code == -9
        assert ended.output == "begin\n"
        assert ended.reason == "The container ran out of memory: it needed more than its limit of 64 MiB."
        assert started.pid == f"{stage.engine.api.base_url}:{started.handle}"
        assert left == []

    async def test_a_container_that_somebody_removes_is_gone(self, stage: DockerStage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(stage.stays()))
            await asyncio.to_thread(stage.engine.api.remove_container, started.handle, force=True)
            ended = await driver.wait(started.handle)
        assert ended.code in (None, -9)  # the engine may show the killed one before it is away

    async def test_lost_connections_end_nothing_and_repeat_nothing(
        self, stage: DockerStage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Between() as between, hosted(stage, between.enter(monkeypatch)) as driver:
            script = "echo one; while ! test -e /tmp/go; do sleep 0.05; done; echo two; exit 5"
            started = await driver.start(job(stage.shell(script)))
            pieces = driver.logs(started.handle)
            said = await anext(pieces)
            await between.cut()
            container = stage.engine.client.containers.get(started.handle)
            await asyncio.to_thread(container.exec_run, ["sh", "-c", ": > /tmp/go"])
            await asyncio.to_thread(container.wait)
            await between.mend()
            said += b"".join([piece async for piece in pieces])
            assert ((await driver.wait(started.handle)).code, said) == (5, b"one\ntwo\n")

    async def test_an_engine_that_is_silent_may_be_asked_again(
        self, stage: DockerStage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Between() as between, hosted(stage, between.enter(monkeypatch)) as driver:
            await between.cut()
            with pytest.raises(InfrastructureBusy, match="could not be asked"):
                await driver.start(job(stage.ends(0)))
            await between.mend()
            assert (await driver.wait((await driver.start(job(stage.ends(0)))).handle)).code == 0

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"image": None}, "No image is named"),
            ({"image": "127.0.0.1:1/no/such:1"}, "could not be pulled: .*127.0.0.1:1"),
            ({"image": "penstock-test/none:1", "image_pull_policy": "Never"}, "has no image 'penstock-test/none:1'"),
            ({"command": "no-such-program"}, "lacks the program"),
            ({"volumes": ["/x:relative"]}, "could not be created: invalid volume"),
            ({"image_pull_policy": "Sometimes"}, "Invalid enum value 'Sometimes' - at `\\$.image_pull_policy`"),
            ({"container_create_kwargs": {"no_such": 1}}, "no_such"),
        ],
    )
    async def test_a_start_that_fails_says_why(self, stage: DockerStage, more: dict[str, object], said: str) -> None:
        async with hosted(stage) as driver:
            with pytest.raises(InfrastructureFailed, match=said):
                await driver.start(job({**stage.ends(0), **more}))
            assert await driver.find(job(stage.ends(0))) is None


SOCKET = "/var/run/docker.sock"


class Between:
    """A stretch of network before the engine, which can be cut."""

    async def __aenter__(self) -> Between:
        self.port = free_port()
        self.open: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task[Any]] = set()
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> Infrastructure:
        """A driver that reaches the engine only this way."""
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{self.port}")
        return DockerInfrastructure()

    async def cut(self) -> None:
        self.server.close()
        for one in list(self.open):
            one.close()

    async def mend(self) -> None:
        self.server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        there, to_there = await asyncio.open_unix_connection(SOCKET)
        self.open |= {writer, to_there}
        await asyncio.gather(_copy(reader, to_there), _copy(there, writer))
        self.open -= {writer, to_there}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    writer.close()


def test_variables_are_those_of_the_template_that_pools_have() -> None:
    types = msgspec.json.decode((Path(penstock.__file__).parent / "infra/data/worker_types.json").read_bytes())
    [template] = [one["default_base_job_configuration"] for one in _every(types) if one.get("type") == "docker"]
    ours, theirs = base_job_template(DockerVariables)["variables"]["properties"], template["variables"]["properties"]
    assert set(ours) == set(theirs) == set(template["job_configuration"])
    for name, expected in theirs.items():
        if "type" in expected:
            assert (name, ours[name].get("type", "string")) == (name, expected["type"])
        assert (name, ours[name].get("default")) == (name, expected.get("default"))


def _every(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in some JSON."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _every(one)


def made(env: dict[str, str], *, shares_host: bool = True, **configuration: object) -> dict[str, object]:
    wanted = Job(identity="run-1", configuration={"image": "etl:1", **configuration}, env=env, command=["execute"])
    return settings(wanted, read(wanted.configuration), shares_host=shares_host)


@pytest.mark.parametrize(
    ("url", "configuration", "shares_host", "mode", "seen"),
    [
        ("http://127.0.0.1:4200/api", {}, True, "host", "http://127.0.0.1:4200/api"),
        ("http://localhost:4200/api", {}, False, None, "http://host.docker.internal:4200/api"),
        ("http://u:p@localhost/api", {"network_mode": "bridge"}, True, "bridge", "http://u:p@host.docker.internal/api"),
        ("http://[::1]:4200/api", {"networks": ["a", "b"]}, True, None, "http://host.docker.internal:4200/api"),
        ("https://localhost.example/api", {}, True, None, "https://localhost.example/api"),
    ],
)
def test_an_api_on_this_machine_is_reached_from_inside(
    url: str, configuration: dict[str, object], shares_host: bool, mode: str | None, seen: str
) -> None:
    found = made({"PENSTOCK_API_URL": url, "PREFECT_API_URL": url}, shares_host=shares_host, **configuration)
    assert found.get("network_mode") == mode
    assert found["environment"] == {"PENSTOCK_API_URL": seen, "PREFECT_API_URL": seen}
    assert found["extra_hosts"] == (None if mode == "host" else {"host.docker.internal": "host-gateway"})


def test_a_pool_adds_to_the_container_and_overrides_no_variable() -> None:
    more = {"extra_hosts": ["db:10.0.0.1"], "shm_size": "1g", "mem_limit": "9g", "name": "mine"}
    found = made({}, mem_limit="1g", container_create_kwargs=more, labels={"prefect.io/flow-id": "f", "team": "a"})
    assert (found["mem_limit"], found["shm_size"], found["name"]) == ("1g", "1g", name_of("run-1"))
    assert found["extra_hosts"] == {"host.docker.internal": "host-gateway", "db": "10.0.0.1"}
    assert found["labels"] == {"io.prefect.flow-id": "f", "team": "a", "io.penstock.identity": "run-1"}
    assert found["command"] == ["execute"]
