"""The process driver keeps the contract, forks where it can, and survives the death of its host."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from penstock.infra.process.driver import ProcessInfrastructure
from penstock.infra.process.folder import VARIABLE, FollowUp, JobFolder
from penstock.infra.protocol import Exit, Infrastructure, Job
from penstock.testing.infrastructure import SCOPE, LocalContract, hosted, job


class ProcessStage:
    def __init__(self, home: Path) -> None:
        self.home = home

    def driver(self) -> Infrastructure:
        return ProcessInfrastructure(self.home)

    def ends(self, code: int, output: str = "") -> dict[str, object]:
        return {"command": shlex.join(["/bin/sh", "-c", f"printf '%s\\n' {shlex.quote(output)}; exit {code}"])}

    def stays(self) -> dict[str, object]:
        return {"command": "/bin/sleep 3600"}

    def impossible(self) -> dict[str, object]:
        return {"command": ["not", "text"]}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProcessStage:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    return ProcessStage(tmp_path)


def tell(payload: bytes) -> int:
    """An entry: prints what it can see, and ends as the payload says."""
    wanted = msgspec.json.decode(payload, type=dict[str, int])
    facts = {"cwd": str(Path.cwd()), "A": os.environ.get("A"), "path": sys.path[0], "ppid": os.getppid()}
    print(msgspec.json.encode(facts).decode(), flush=True)
    if wanted.get("leave"):
        place = Path(os.environ[VARIABLE])
        JobFolder(place).leave_follow_up(FollowUp(f"{__name__}:tell", str(place.parents[1])))
    if wanted.get("wait"):
        signal.pause()
    return wanted.get("code", 0)


def entry(env: Mapping[str, str] | None = None, cwd: Path | None = None, **wanted: int) -> Job:
    return Job(
        identity="run-1",
        configuration={"working_dir": cwd and str(cwd)},
        env={**os.environ, **(env or {})},
        entry=f"{__name__}:tell",
        payload=msgspec.json.encode(wanted),
        note={"scope": SCOPE},
    )


async def run(driver: Infrastructure, wanted: Job) -> tuple[Exit, dict[str, object]]:
    started = await driver.start(wanted)
    ended = await driver.wait(started.handle)
    return ended, msgspec.json.decode(ended.output.splitlines()[0], type=dict[str, object])


class TestProcess(LocalContract):
    async def test_fork_gets_its_environment_folder_and_path(self, stage: ProcessStage, tmp_path: Path) -> None:
        code = tmp_path / "code"
        code.mkdir()
        async with hosted(stage) as driver:
            ended, facts = await run(driver, entry({"A": "1", "PYTHONPATH": str(code)}, code, code=7))
        assert ended.code == 7
        assert (facts["cwd"], facts["A"], facts["path"]) == (str(code), "1", str(code))

    async def test_environment_of_another_interpreter_is_spawned(self, stage: ProcessStage) -> None:
        async with hosted(stage) as driver:
            ended, facts = await run(driver, entry({"PYTHONHASHSEED": "7", "A": "2"}, code=5))
        assert (ended.code, facts["A"]) == (5, "2")

    @pytest.mark.parametrize(
        ("configuration", "code", "said"),
        [
            ({"command": "no-such-command"}, 127, "not found"),
            ({"command": "/etc/passwd"}, 126, "can't be run"),
            ({"working_dir": "/no/such/folder"}, 126, "working directory"),
        ],
    )
    async def test_what_can_not_run_says_so(
        self, stage: ProcessStage, configuration: dict[str, str], code: int, said: str
    ) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(job(configuration))
            ended = await driver.wait(started.handle)
        assert ended.code == code
        assert said in ended.output

    async def test_a_job_that_ignores_the_request_is_killed(self, stage: ProcessStage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(
                job({"command": "/bin/sh -c 'trap \"\" TERM; echo up; while :; do sleep 1; done'"})
            )
            async for piece in driver.logs(started.handle):
                assert piece == b"up\n"
                break
            await driver.stop(started.handle, 0.1)
            assert (await driver.wait(started.handle)).code == -9

    async def test_end_is_recorded_while_there_is_no_host(self, stage: ProcessStage) -> None:
        async with hosted(stage) as first:
            started = await first.start(entry(wait=1))
            async for _ in first.logs(started.handle):
                break
        os.kill(int(started.pid), signal.SIGKILL)
        async with hosted(stage) as second:
            [found] = await second.reconcile(SCOPE)
            assert (await second.wait(found.handle)).code == -9

    async def test_end_is_seen_when_the_keeper_was_killed(self, stage: ProcessStage) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(entry(wait=1))
            async for piece in driver.logs(started.handle):
                os.kill(int(str(msgspec.json.decode(piece)["ppid"])), signal.SIGKILL)
                break
            os.kill(int(started.pid), signal.SIGTERM)
            assert (await driver.wait(started.handle)).code is None
            await driver.forget(started.handle)
            ended, _ = await run(driver, entry(code=4))
            assert ended.code == 4

    async def test_a_job_cut_off_before_its_start_is_found_as_never_begun(self, stage: ProcessStage) -> None:
        folder = JobFolder(stage.home / "jobs" / "run-1")
        folder.create({"scope": SCOPE}, b"")
        folder.release()
        async with hosted(stage) as driver:
            [found] = await driver.reconcile(SCOPE)
            assert found.pid is None
            assert (await asyncio.wait_for(driver.wait(found.handle), 5)).code is None

    async def test_output_without_end_is_bounded_and_followed(self, stage: ProcessStage, tmp_path: Path) -> None:
        folder = JobFolder(tmp_path / "job")
        folder.create({}, b"")
        with folder.output.open("ab") as output:
            output.write(b"x" * 9000 + b"\nlast\n")
            output.flush()
            folder.bound_output(most=10_000)
            assert folder.output.stat().st_size == 9006
            folder.bound_output(most=9000)
            output.write(b"next\n")
        lines = folder.output.read_text().splitlines()
        assert lines[0] == "... 4910 bytes of output were dropped here ..."
        assert lines[-2:] == ["last", "next"]

    async def test_what_nobody_asks_for_is_cleared_away(self, stage: ProcessStage) -> None:
        places = [stage.home / "jobs" / name for name in ("old", "torn", "new", "held", "alive")]
        for place in places:
            folder = JobFolder(place)
            folder.create({"scope": "of another pool"}, b"")
            if place.name == "alive":
                folder.write_process(os.getpid())
            if place.name != "held":
                folder.release()
        (stage.home / "jobs" / "torn" / "job.json").unlink()
        for place in places:
            if place.name != "new":
                os.utime(place, (0, 0))
        async with hosted(stage) as driver:
            assert await driver.reconcile(SCOPE) == []
        assert sorted(place.name for place in places if place.exists()) == ["alive", "held", "new"]

    async def test_what_a_job_leaves_is_run_in_its_place(self, stage: ProcessStage, tmp_path: Path) -> None:
        async with hosted(stage) as driver:
            started = await driver.start(entry({"A": "1"}, leave=1))
            await driver.wait(started.handle)
            await driver.follow_up(started.handle, 10)
            await driver.follow_up("never-was", 10)
            lines = (await driver.wait(started.handle)).output.splitlines()
        assert len(lines) == 2
        assert msgspec.json.decode(lines[1])["cwd"] == str(tmp_path)
        assert msgspec.json.decode(lines[1])["A"] == "1"
