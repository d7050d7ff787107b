"""The flow that `penstock shell` runs: one shell command, whose output is its log."""

from __future__ import annotations

import subprocess
import sys
from collections import deque

from penstock import flow, get_run_logger
from penstock.sdk.states import Completed, Failed, State

LAST_LINES = 10


@flow(name="Shell Command")
def shell_command(command: str, log_output: bool = True, stream_stdout: bool = True) -> State:
    """Runs the command in a shell; the run fails when the command does."""
    logger = get_run_logger()
    # In a terminal the log is seen too, and each line should be seen once.
    show = stream_stdout and not (log_output and sys.stdout.isatty())
    last: deque[str] = deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            last.append(line)
            if show:
                print(line, end="", flush=True)
            if log_output:
                logger.info(line.rstrip("\n"))
    if process.returncode:
        words = f"The command exited with {process.returncode}. Its last words:\n{''.join(last)}"
        return Failed(message=words.strip())
    return Completed(message="The command exited with 0.")
