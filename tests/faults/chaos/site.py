"""The site of the chaos: a database, one or two servers, the ways between them, two pools, and five workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.faults.chaos.marks import Marks
from tests.faults.chaos.pretended import WORLD
from tests.faults.chaos.proxy import Proxy
from tests.live.api import Api
from tests.live.programs import ROOT, Shell, penstock
from tests.live.servers import Server, end

QUICK = {
    "PENSTOCK_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "1",
    "PENSTOCK_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "1",
    "PENSTOCK_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
}
SLOTS = "chaos-slots"
FLOW = """
import os
import time

from penstock import flow
from penstock.concurrency import concurrency
from penstock.runtime import flow_run


def mark(what, part):
    line = f"{what} {part} {flow_run.id} {os.environ['PENSTOCK__ATTEMPT']} {os.getpid()} {time.time():.6f}\\n"
    file = os.open(MARKS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line.encode())
    os.close(file)


def passage(part, seconds):
    mark("begin", part)
    try:
        time.sleep(seconds)
    finally:
        mark("end", part)


@flow
def marked(seconds: float = 0.0):
    passage("run", seconds)


@flow
def slotted(seconds: float = 0.0):
    mark("begin", "run")
    try:
        with concurrency("SLOTS", lease_duration=60.0):
            passage("slot", seconds)
    finally:
        mark("end", "run")
"""


@dataclass(frozen=True)
class Limits:
    """How many may run at the same time: of a deployment, of a queue, of a pool, of a global limit's slots."""

    deployment: int = 4
    queue: int = 3
    pool: int = 6
    slots: int = 3


LIMITS = Limits()
DEPLOYMENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "limited": {"concurrency_limit": LIMITS.deployment},
    "queued": {"work_queue_name": "narrow"},
    "slotted": {"entrypoint": "marked.py:slotted"},
    "again": {"on_infrastructure_loss": "reschedule", "reschedule_limit": 50},
    "pretended": {"work_pool_name": "pretended", "pull_steps": None},
}
"""By name; what they are said to be is where they differ."""


@dataclass
class Hand:
    """One worker: its place, and the process it is now."""

    number: int
    pool: str
    process: subprocess.Popen[bytes]


@dataclass
class Site:
    """Everything that a chaos needs; `close` ends every process that it, or what it started, has started."""

    folder: Path
    database: str | None
    lease: float
    servers: list[Server] = field(default_factory=list)
    between: list[Proxy] = field(default_factory=list)
    """The ways from each server to its database, where that is not a file."""
    away: set[int] = field(default_factory=set)
    """Ports of servers that a balancer sees not to be well."""
    hands: list[Hand] = field(default_factory=list)
    deployments: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "world").mkdir(parents=True)
        (self.folder / "marked.py").write_text(
            FLOW.replace("MARKS", repr(str(self.folder / "marks.txt"))).replace("SLOTS", SLOTS)
        )
        self._install_plugin()
        self.marks = Marks(self.folder / "marks.txt")
        for number in range(2 if self.database else 1):
            home = self.folder / f"server{number}"
            home.mkdir()
            self.servers.append(Server(penstock(), home, self._database_of(), QUICK).start())
        self.front = Proxy(lambda: [one.port for one in self.servers if one.port not in self.away])
        self.api = Api(f"http://127.0.0.1:{self.front.port}/api", timeout=10)
        self._describe(self.servers[0].api)
        self.hands = [self.hire(number, "pretended" if number > 2 else "process") for number in range(5)]

    def _database_of(self) -> str | None:
        """Each server has a way of its own."""
        if not self.database:
            return None
        port = urlsplit(self.database).port
        assert port is not None
        way = Proxy(lambda: [port])
        self.between.append(way)
        return self.database.replace(f":{port}/", f":{way.port}/")

    def _install_plugin(self) -> None:
        """What pip would leave of a package with one entry point."""
        about = self.folder / "plugin" / "pretended-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: pretended\nVersion: 1.0\n")
        entry = "[penstock.infrastructures]\npretended = tests.faults.chaos.pretended:Pretended\n"
        (about / "entry_points.txt").write_text(entry)

    def _describe(self, api: Api) -> None:
        plain: dict[str, Any] = {"job_configuration": {"name": "{{ name }}"}, "variables": {"type": "object"}}
        plain["variables"]["properties"] = {"name": {"type": "string"}}
        api.post("/work_pools/", {"name": "process", "type": "process"})
        pretended = {"name": "pretended", "type": "pretended", "base_job_template": plain}
        api.post("/work_pools/", {**pretended, "concurrency_limit": LIMITS.pool})
        api.post("/work_pools/process/queues", {"name": "narrow", "concurrency_limit": LIMITS.queue})
        api.post("/v2/concurrency_limits/", {"name": SLOTS, "limit": LIMITS.slots})
        flow = api.post("/flows/", {"name": "marked"})["id"]
        step = {"penstock.steps.set_working_directory": {"directory": str(self.folder)}}
        usual = {"flow_id": flow, "work_pool_name": "process", "entrypoint": "marked.py:marked", "pull_steps": [step]}
        for name, own in DEPLOYMENTS.items():
            self.deployments[name] = api.post("/deployments/", {**usual, "name": name, **own})["id"]

    def hire(self, number: int, pool: str) -> Hand:
        """A started worker; one of the same number takes over what that one has left on its machine."""
        api = f"http://127.0.0.1:{self.front.port}/api"
        shell = Shell(penstock(), self.folder / f"worker{number}", api, self.folder)
        arguments = ("worker", "start", "--pool", pool, "--name", f"worker-{number}", "--limit", "10", "--type", pool)
        extra = {
            "PENSTOCK_WORKER_LEASE_SECONDS": str(self.lease),
            "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT), str(self.folder / "plugin")]),
            WORLD: str(self.folder / "world"),
        }
        return Hand(number, pool, shell.start(*arguments, log=self.folder / f"worker{number}.log", **extra))

    def machine(self, hand: Hand) -> list[int]:
        """All processes on a worker's machine: of this worker's home."""
        mark = f"PENSTOCK_HOME={self.folder / f'worker{hand.number}'}".encode()
        return [pid for pid in processes() if mark in environment(pid)]

    def until_answered(self, ask: Callable[[Api], Any], seconds: float = 120) -> Any:
        """Asks as a patient client does: again, until there is an answer. What is asked must bear to be asked twice."""
        until = time.monotonic() + seconds
        while True:
            try:
                return ask(self.api)
            except Exception as error:  # whatever a cut connection looks like; an answer that is wrong is one, too
                if time.monotonic() > until:
                    raise AssertionError(f"no answer within {seconds} s") from error
                time.sleep(0.2)

    def close(self) -> None:
        for hand in self.hands:
            with suppress(ProcessLookupError):
                hand.process.send_signal(signal.SIGCONT)
            end(hand.process, 2)
        left = [pid for pid in processes() if str(self.folder / "world").encode() in environment(pid)]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for server in self.servers:
            server.stop()
        for way in [self.front, *self.between]:
            way.close()
        self.marks.close()


def processes() -> list[int]:
    """Every process that can be seen but this one."""
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and int(one.name) != os.getpid()]


def environment(pid: int) -> bytes:
    """What a process was started with; of a fork, what that was started with."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


assert sys.platform == "linux", "what is here looks into /proc"
