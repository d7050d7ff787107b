"""What our agent and worker do in front of a server of either generation."""

from __future__ import annotations

from typing import Any

from tests.interop.conftest import Side


def run_of(at: Side, name: str) -> str:
    """The id of a new due run of a deployment."""
    deployment = at.api.get(f"/deployments/name/{name}")["id"]
    return str(at.api.post(f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"])


def ended(at: Side, run: str, *words: str) -> dict[str, Any]:
    """The run, after a command that does what is due has completed it."""
    done = at.shell.run(*words, "--run-once")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = at.api.get(f"/flow_runs/{run}")
    assert found["state_type"] == "COMPLETED", done.stdout + done.stderr
    return found


FLOW = """
import os
from penstock import flow, task

@task
def double(number):
    return 2 * number

@flow(log_prints=True)
def plain(who="ford"):
    print("hello", who, os.environ.get("A"))
    return double(21)
"""


def deployed(at: Side, name: str, **more: Any) -> dict[str, Any]:
    """A deployment of a plain flow, as `deployment build` makes them: with a path and no pull steps."""
    (at.shell.folder / "plain.py").write_text(FLOW)
    flow = at.api.post("/flows/", {"name": "plain"})["id"]
    body = {"name": name, "flow_id": flow, "entrypoint": "plain.py:plain", "path": str(at.shell.folder), **more}
    found: dict[str, Any] = at.api.post("/deployments/", {**body, "enforce_parameter_schema": False})
    return found
