"""`flow.serve()`: a script that runs what is due of its own deployment."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.live.api import PATIENT, eventually
from tests.live.programs import ROOT, penstock
from tests.live.servers import end
from tests.worker.bench import Bench

SCRIPT = """
from penstock import flow

@flow
def served(number: int = 1):
    print("served", number)

if __name__ == "__main__":
    served.serve("here")
"""


def test_a_script_serves_its_flow_until_it_is_stopped(bench: Bench) -> None:
    (bench.code / "script.py").write_text(SCRIPT)
    # A Penstock server is not polled but answers when there is a run.
    often = "1" if bench.server.program.name == "prefect" else "3600"
    settings = {"PENSTOCK_RUNNER_POLL_FREQUENCY": often, "PYTHONPATH": str(ROOT)}
    environment = penstock().environment(bench.folder / "home", bench.server.url, settings)
    with (bench.folder / "serve.log").open("wb") as log:
        script = subprocess.Popen(
            [sys.executable, "script.py"], cwd=bench.code, env=environment, stdout=log, stderr=log
        )
    try:
        found = eventually(lambda: deployment(bench), 60, "the flow is deployed")
        run = bench.post(f"/deployments/{found['id']}/create_flow_run", {"parameters": {"number": 7}})["id"]
        assert bench.ended(run)["state_type"] == "COMPLETED"
        script.send_signal(signal.SIGTERM)
        assert script.wait(PATIENT) == 0
        assert deployment(bench)["paused"] is True
        assert "served 7" in (bench.folder / "serve.log").read_text()
    finally:
        end(script, 10)


def deployment(bench: Bench) -> dict[str, object]:
    status, found = bench.api.ask("GET", "/deployments/name/served/here")
    return found if status == 200 else {}
