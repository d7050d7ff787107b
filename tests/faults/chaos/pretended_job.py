"""A job of the pretended cloud: a program without imports of Penstock, so that two thousand of them cost little.

`pretended_job.py WORLD IDENTITY SECONDS`; the environment says where the API is, and which run and attempt this is.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import time
import urllib.parse
from pathlib import Path
from types import FrameType
from typing import Any

TAKEN, REFUSED, TERMINATED = 17, 0, 143
PATIENCE = 120.0


def main(world: str, identity: str, seconds: float) -> int:
    if not claim_identity(world, identity):
        return TAKEN
    code = play(seconds)
    record(world, identity, code)
    return code


def record(world: str, identity: str, code: int) -> None:
    """Leaves the exit code for whoever asks, as a cloud does."""
    part = Path(world, f"{identity}.part")
    part.write_text(str(code))
    part.rename(Path(world, f"{identity}.exit"))


def claim_identity(world: str, identity: str) -> bool:
    """What the cloud refuses twice: the name, with the process in it, is there at once or not at all."""
    part = Path(world, f"{identity}.{os.getpid()}")
    part.write_text(str(os.getpid()))
    try:
        Path(world, identity).hardlink_to(part)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    return True


def play(seconds: float) -> int:
    signal.signal(signal.SIGTERM, terminate)
    if not say("RUNNING", "Running"):
        return REFUSED
    mark("begin")
    try:
        time.sleep(seconds)
    finally:
        mark("end")
    say("COMPLETED", "Completed")
    return 0


def terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


def mark(what: str) -> None:
    run, attempt = os.environ["PREFECT__FLOW_RUN_ID"], os.environ["PENSTOCK__ATTEMPT"]
    line = f"{what} run {run} {attempt} {os.getpid()} {time.time():.6f}\n"
    file = os.open(os.environ["CHAOS_WORLD"] + "/../marks.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line.encode())
    os.close(file)


def say(kind: str, name: str) -> bool:
    """Whether the server takes the state; asks until it answers."""
    transition = "0190f3a0-0000-7000-8000-" + os.urandom(6).hex()
    state = {"type": kind, "name": name, "state_details": {"transition_id": transition}}
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            answer = ask({"state": state})
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.3)
            continue
        if answer["status"] == "WAIT":
            time.sleep(answer["details"]["delay_seconds"])
            continue
        kept = (answer.get("state") or {}).get("state_details") or {}
        return bool(answer["status"] == "ACCEPT" or kept.get("transition_id") == transition)
    return False


def ask(body: object) -> Any:
    url = urllib.parse.urlsplit(os.environ.get("PENSTOCK_API_URL") or os.environ["PREFECT_API_URL"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=5)
    try:
        headers = {"Content-Type": "application/json", "X-Penstock-Attempt": os.environ["PENSTOCK__ATTEMPT"]}
        path = f"{url.path}/flow_runs/{os.environ['PREFECT__FLOW_RUN_ID']}/set_state"
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        if answer.status >= 300:
            raise OSError(f"{answer.status}: {answer.read()!r}")
        return json.loads(answer.read())
    finally:
        connection.close()


if __name__ == "__main__":
    try:
        code = main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    except SystemExit as end:
        record(sys.argv[1], sys.argv[2], int(str(end.code)))
        raise
    sys.exit(code)
