"""The step `run_shell_script`."""

from __future__ import annotations

import os
import shlex
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from penstock.errors import StepFailed
from penstock.steps.commands import run
from penstock.steps.protocol import Place


async def run_shell_script(
    at: Place,
    *,
    script: str,
    directory: str | None = None,
    env: Mapping[str, Any] | None = None,
    stream_output: bool = True,
    expand_env_vars: bool = False,
    shell: bool = False,
) -> dict[str, str]:
    """Runs each line of `script` as a command of its own; with `shell` each in a shell of its own, as Prefect does.

    Outputs `stdout` and `stderr` of all commands. The first that does not exit with 0 fails the step.
    """
    variables = {**os.environ, **{name: str(value) for name, value in (env or {}).items()}}
    if expand_env_vars:
        script = string.Template(script).safe_substitute(variables)
    said: dict[str, list[str]] = {"stdout": [], "stderr": []}
    for argv in _commands(script, shell):
        finished = await run(argv, cwd=Path(directory or "."), env=variables, show=stream_output)
        if finished.code:
            raise StepFailed(
                f"The command {shlex.join(argv)!r} exited with {finished.code}:\n{finished.stderr or finished.stdout}"
            )
        said["stdout"].append(finished.stdout.strip())
        said["stderr"].append(finished.stderr.strip())
    return {name: "\n".join(texts).strip() for name, texts in said.items()}


def _commands(script: str, shell: bool) -> Iterator[list[str]]:
    for line in filter(str.strip, script.splitlines()):
        if shell:
            yield ["/bin/sh", "-c", line]
            continue
        try:
            argv = shlex.split(line)
        except ValueError as error:
            raise StepFailed(f"The line {line!r} can't be split into words: {error}") from error
        if argv:
            yield argv
