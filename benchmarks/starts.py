"""Cold starts and resting costs: command line, import, server, installation."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from tests.live.programs import Program
from tests.live.servers import Server

from benchmarks.machine import idle, wall

SIZE = """
import importlib.metadata, json, os, sys
size = 0
for top, _, files in os.walk(sys.prefix):
    size += sum(os.path.getsize(f) for f in (os.path.join(top, n) for n in files) if not os.path.islink(f))
names = {d.metadata["Name"] for d in importlib.metadata.distributions()}
print(json.dumps({"packages": len(names), "mib": round(size / 2**20)}))
"""

MODULES = "import sys; from SDK import flow, task; print(len(sys.modules))"


def commands(server: Server, folder: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Median wall milliseconds of commands and of the import."""
    program = server.program
    environment = program.environment(folder / "cli", server.url)
    lines = {"--help": [program.command, "--help"], "work-pool ls": [program.command, "work-pool", "ls"]}
    lines["import"] = [program.python, "-c", f"from {program.sdk} import flow, task"]
    figures = {name: {"ms": round(1000 * wall(line, environment, repeats), 1)} for name, line in lines.items()}
    bare = 1000 * wall([program.python, "-c", "pass"], environment, repeats)
    figures["import"]["without_interpreter_ms"] = round(figures["import"]["ms"] - bare, 1)
    figures["import"]["modules"] = int(printed(program, MODULES.replace("SDK", program.sdk)))
    return figures


def printed(program: Program, code: str) -> str:
    return subprocess.run([program.python, "-c", code], capture_output=True, text=True, check=True).stdout


def installation(program: Program) -> dict[str, dict[str, float]]:
    """Packages and size of the environment as it is (a development one has its tools in it)."""
    return {"environment": json.loads(printed(program, SIZE))}


def server_starts(server: Server, rest: float) -> dict[str, dict[str, float]]:
    """Seconds to healthy on an empty and on a filled database, and what the resting server takes."""
    began = time.perf_counter()
    server.start()
    first = time.perf_counter() - began
    server.stop()
    began = time.perf_counter()
    server.start()
    again = time.perf_counter() - began
    assert server.process is not None
    time.sleep(3)
    figures = {"server start": {"first_s": round(first, 2), "again_s": round(again, 2)}}
    return {**figures, "server idle": idle(server.process.pid, rest)}
