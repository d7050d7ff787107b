"""The commands that both command lines must carry out alike, in the order in which they are run.

Exit codes are those of Prefect 3.8.8 against its own server (`pytest tests/interop --baseline` checks
them): 0 done, 1 refused with a message, 2 not understood.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.programs import Shell

SWEEP = Path(__file__).parent / "sweep.py"


@dataclass(frozen=True)
class Command:
    """One command line without the program's name, its exit code, and a text its output must hold."""

    line: str
    code: int = 0
    says: str = ""

    def __str__(self) -> str:
        return self.line

    def check(self, shell: Shell) -> None:
        """Carries it out; a failure shows the command line, what was expected, and all that it printed."""
        done = shell.run(*self.line.split())
        self.judge(shell, done.returncode, done.stdout + done.stderr)

    def judge(self, shell: Shell, code: int, said: str) -> None:
        """Whether an exit code and an output are right."""
        words = f"{shell.program.name} {self.line}"
        story = f"$ {words}\n{said}\n(against {shell.api}, in {shell.folder})"
        assert code == self.code, f"`{words}` ended with {code}, not {self.code}\n{story}"
        assert self.says.lower() in said.lower(), f"`{words}` does not say {self.says!r}\n{story}"


def swept(shell: Shell, lines: Sequence[str], result: Path) -> list[dict[str, Any]]:
    """What became of each line, when one process of a real Prefect carries out one after the other."""
    done = subprocess.run(
        [shell.program.python, str(SWEEP), str(result)],
        cwd=shell.folder,
        env=shell.program.environment(shell.home, shell.api),
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.exists(), done.stdout + done.stderr
    return list(json.loads(result.read_text()))


SETUP = (
    Command("version"),
    Command("work-pool create interop --type process", says="interop"),
    Command("work-pool create interop --type process", 1, "already"),
    Command("global-concurrency-limit create interop-slots --limit 2"),
    Command("--no-prompt deploy --all", says="everything/all"),
)

COMMANDS = (
    Command("work-pool ls", says="interop"),
    Command("work-pool ls --output json", says='"interop"'),
    Command("work-pool inspect interop", says="process"),
    Command("work-pool inspect nope", 1, "nope"),
    Command("work-pool update interop --description described"),
    Command("work-pool set-concurrency-limit interop 5"),
    Command("work-pool clear-concurrency-limit interop"),
    Command("work-pool pause interop"),
    Command("work-pool resume interop"),
    Command("work-pool preview interop"),
    Command("work-pool get-default-base-job-template --type process", says="job_configuration"),
    Command("work-queue create extra --pool interop --limit 2 --priority 1", says="extra"),
    Command("work-queue ls --pool interop", says="extra"),
    Command("work-queue inspect extra --pool interop", says="extra"),
    Command("work-queue set-concurrency-limit extra 4 --pool interop"),
    Command("work-queue clear-concurrency-limit extra --pool interop"),
    Command("work-queue pause extra --pool interop"),
    Command("work-queue resume extra --pool interop"),
    Command("work-queue delete extra --pool interop"),
    Command("work-queue inspect extra --pool interop", 1),
    Command("flow ls", says="everything"),
    Command("deployment ls", says="everything/all"),
    Command("deployment ls --output json", says='"all"'),
    Command("deployment inspect everything/all", says="everything.py:everything"),
    Command("deployment inspect everything/nope", 1, "everything/nope"),
    Command("deployment schedule ls everything/all", says="0 6"),
    Command("deployment schedule create everything/all --interval 3600"),
    Command("deployment schedule create everything/all --cron nonsense", 1),
    Command("deployment schedule pause --all"),
    Command("deployment schedule resume --all"),
    Command("deployment schedule clear everything/all -y"),
    Command("deployment run everything/nope", 1),
    Command("variable set interop_one 1", says="interop_one"),
    Command("variable set interop_one 2", 1),
    Command("variable set interop_one 2 --overwrite"),
    Command("variable get interop_one", says="2"),
    Command("variable inspect interop_one", says="interop_one"),
    Command("variable ls", says="interop_one"),
    Command("variable unset interop_one"),
    Command("variable get interop_one", 1),
    Command("global-concurrency-limit ls", says="interop-slots"),
    Command("global-concurrency-limit inspect interop-slots", says="interop-slots"),
    Command("global-concurrency-limit update interop-slots --limit 3"),
    Command("global-concurrency-limit disable interop-slots"),
    Command("global-concurrency-limit enable interop-slots"),
    Command("global-concurrency-limit inspect nope", 1),
    Command("concurrency-limit create interop-tag 2"),
    Command("concurrency-limit inspect interop-tag", says="interop-tag"),
    Command("concurrency-limit ls", says="interop-tag"),
    Command("concurrency-limit reset interop-tag"),
    Command("concurrency-limit delete interop-tag"),
    Command("concurrency-limit inspect interop-tag", 1),
    Command("block type ls", says="secret"),
    Command("block ls"),
    Command("block inspect secret/nope", 1),
    Command("artifact ls"),
    Command("artifact inspect nope", 1),
    Command("flow-run ls"),
    Command("flow-run ls --state Completed"),
    Command("flow-run inspect 00000000-0000-0000-0000-000000000000", 1, "not found"),
    Command("flow-run cancel 00000000-0000-0000-0000-000000000000", 1, "not found"),
    Command("flow-run delete 00000000-0000-0000-0000-000000000000", 1, "not found"),
    Command("flow-run logs 00000000-0000-0000-0000-000000000000", 1, "not found"),
    Command("task-run ls"),
    Command("config view"),
    Command("profile ls"),
    Command("api GET /health", says="true"),
    Command("worker start --pool interop --type nonsense --run-once", 1),
    Command("no-such-command", 2),
    Command("work-pool set-concurrency-limit interop many", 2),
    Command("work-pool create", 2),
)
