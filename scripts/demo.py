"""`make demo`: a server, a pool, a worker; the examples deployed; the first one run on real data.

Everything it starts ends with it, and what it writes is in a temporary folder.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PENSTOCK = Path(sys.executable).with_name("penstock")


def main() -> None:
    """Goes through the steps a user would take."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="penstock-demo-") as folder, ExitStack() as stack:
        demo = Demo(Path(folder))
        stack.enter_context(demo.running("server", "start", "--port", str(demo.port)))
        demo.run("server", "status", "--wait", "--timeout", "30")
        demo.run("work-pool", "create", "examples", "--type", "process")
        stack.enter_context(demo.running("worker", "start", "--pool", "examples", "--name", "demo-worker"))
        demo.make_repository()
        demo.run("--no-prompt", "deploy", "--all")
        demo.run("deployment", "run", "co2-report/report", "--flow-run-name", "demo", "--watch")
        (run,) = json.loads(demo.read("flow-run", "ls", "--flow-name", "co2-report", "-o", "json"))
        (artifact,) = json.loads(demo.read("artifact", "inspect", "co2-report", "-o", "json"))
        print(f"\n{artifact['data']}\n")
        dashboard = demo.url.removesuffix("/api")
        print(f"{run['state_type']} in {run['total_run_time']:.2f} s. The dashboard was at {dashboard}/")
        print(f"The demo took {time.monotonic() - started:.1f} s.")
    sys.exit(0 if run["state_type"] == "COMPLETED" else 1)


class Demo:
    """A home folder and a port, and the command line with both set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/api"
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PENSTOCK_", "PREFECT_"))}
        self.environment = clean | {
            "PENSTOCK_HOME": str(folder),
            "PENSTOCK_API_URL": self.url,
            "EXAMPLES_REPOSITORY": str(folder / "words.git"),
        }

    def run(self, *arguments: str) -> None:
        """Runs a command for all to see; one that fails ends the demo."""
        print("$ penstock", *arguments, flush=True)
        subprocess.run([PENSTOCK, *arguments], cwd=EXAMPLES, env=self.environment, check=True)

    def read(self, *arguments: str) -> str:
        """What a command prints."""
        command = [str(PENSTOCK), *arguments]
        return subprocess.check_output(command, cwd=EXAMPLES, env=self.environment, text=True)

    def make_repository(self) -> None:
        """The repository that the third example is cloned from."""
        subprocess.run([EXAMPLES / "make_repository.sh", self.environment["EXAMPLES_REPOSITORY"]], check=True)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """Runs a command beside the others; when something fails, its log is shown."""
        print("$ penstock", *arguments, "&", flush=True)
        log = self.folder / f"{arguments[0]}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [PENSTOCK, *arguments], cwd=EXAMPLES, env=self.environment, stdout=output, stderr=output
            )
        try:
            yield
        except subprocess.CalledProcessError:
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}", file=sys.stderr)
            raise
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"The demo failed: {' '.join(map(str, error.cmd))} ended with {error.returncode}.")
    except KeyboardInterrupt:
        sys.exit("Stopped.")
