"""A keeper is forked only from a process with a single thread, and takes nothing of that process along."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, json, logging, os, sys, threading
from pathlib import Path
from penstock.infra.process import birth
from penstock.infra.process.driver import ProcessInfrastructure
from penstock.infra.protocol import Job

logging.basicConfig(level=logging.DEBUG)
left_open = os.open(os.devnull, os.O_RDONLY)
os.environ["LEFT_OPEN"] = str(left_open)
keeper = birth.fork("json")

async def main():
    driver = ProcessInfrastructure(Path(sys.argv[1]), keeper=keeper)
    await driver.open()
    entry = "tests.contracts.infra.test_birth:look"
    job = Job(identity="run-1", configuration={}, env={**os.environ}, entry=entry, note={"scope": "s"})
    started = await driver.start(job)
    print((await driver.wait(started.handle)).output.splitlines()[-1])
    await driver.close()

asyncio.run(main())
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(json.dumps(birth.fork("json") is None))
"""


def look(payload: bytes) -> int:
    """An entry: prints what is left of the process that its keeper was forked from."""
    import logging
    import os

    try:
        os.fstat(int(os.environ["LEFT_OPEN"]))
        is_open = True
    except OSError:
        is_open = False
    facts = {
        "open": is_open,
        "handlers": len(logging.root.handlers),
        "argv": sys.argv[1:],
        "main": hasattr(sys.modules["__main__"], "asyncio"),
        "session": os.getsid(0) == os.getsid(os.getppid()) == os.getppid(),
    }
    print(msgspec.json.encode(facts).decode(), flush=True)
    return 0


def test_a_fork_leaves_everything_behind_and_is_not_made_beside_threads(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts, refused = done.stdout.splitlines()
    assert json.loads(facts) == {"open": False, "handlers": 0, "argv": [], "main": False, "session": True}
    assert refused == "true"
