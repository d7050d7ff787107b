"""A script without a server: one starts inside its process, and what it did is there for the next script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.live.programs import penstock

SCRIPT = """
import sys
from penstock import flow, task
from penstock.events import emit_event

@task
def double(x: int) -> int:
    return x * 2

@flow(name="scripted")
def main(x: int) -> int:
    return double(x) + double.submit(x).result()

print(main(int(sys.argv[1])))
emit_event("last.words", resource={"prefect.resource.id": "script"})
"""
LOOK = """
from penstock.sdk.session import session
from penstock.wire import events, flow_runs, task_runs
from penstock.wire.model import Criteria
ask = session().client.call
print(ask(flow_runs.count_flow_runs, Criteria()), ask(task_runs.count_task_runs, Criteria()))
print(ask(events.filter_events, events.EventQuery(filter={"event": {"name": ["last.words"]}})).total)
"""


def test_what_a_script_did_is_kept(tmp_path: Path) -> None:
    def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=penstock().environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
        )

    for number in (1, 2):
        done = run(SCRIPT, str(number))
        assert done.stdout == f"{number * 4}\n", done.stderr
        assert done.returncode == 0
        assert "Traceback" not in done.stderr
    assert run(LOOK).stdout.split() == ["2", "4", "2"]


def test_a_server_inside_a_script_loads_nothing_that_only_a_networked_one_needs(tmp_path: Path) -> None:
    code = (
        "import sys; from penstock import flow\n"
        "@flow\ndef main(): pass\n"
        "main()\n"
        "needless = {'uvicorn', 'websockets', 'click', 'asyncpg', 'http.client', 'pydantic', 'croniter'}\n"
        "print(*sorted(needless & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=penstock().environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "\n"


INTERRUPTED = """
import os, signal
from penstock import flow, task

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it

@task
def stops():
    os.kill(os.getpid(), signal.SIGINT)

@flow
def main():
    stops()

main()
"""


def test_an_interrupted_script_shows_only_its_own_lines(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    environment = penstock().environment(tmp_path)
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode in (130, -2)
    assert "Crashed('Execution was interrupted by KeyboardInterrupt')" in done.stderr
    frames = [line for line in done.stderr.splitlines() if line.startswith("  File")]
    assert [str(script) in frame for frame in frames].count(False) <= 2, done.stderr


def test_a_server_out_of_reach_is_told_in_few_lines(tmp_path: Path) -> None:
    environment = penstock().environment(tmp_path) | {
        "PENSTOCK_API_URL": "http://127.0.0.1:1/api",
        "PENSTOCK_CLIENT_MAX_RETRIES": "0",
    }
    code = "from penstock import flow\n@flow\ndef main(): pass\nmain()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr.count("  File") <= 3, done.stderr
    assert "ServerUnreachable: No answer from http://127.0.0.1:1/api" in done.stderr
