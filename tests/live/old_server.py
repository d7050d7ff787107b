"""A real Prefect 2.20 server as a team of the agent generation left it: twenty deployments of mixed blocks.

    with old_server(folder) as old:
        old.server.url, old.shell.run("agent", "start", ...)

The flows append what they saw to the file that the environment variable SEEN names, so a test can tell by whom, how
often and with which variables each was executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live.programs import Shell, prefect2
from tests.live.servers import Server, running

CONTENTS = Path(__file__).with_name("old_contents.py")
DEPLOYMENTS = 20
SECRET = "hush-old-server"
"""What every secret of its blocks has in it: no output may show it."""
FLOWS = """
import os

try:
    from prefect import __version__, flow
except ImportError:
    from penstock import __version__, flow


def seen(name, value):
    if "SEEN" in os.environ:
        found = [os.environ.get(variable, "-") for variable in ("A", "B")]
        words = [os.environ["PREFECT__FLOW_RUN_ID"], name, str(value), *found, __version__]
        file = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, (" ".join(words) + "\\n").encode())
        os.close(file)


@flow
def hello(who: str = "ford"):
    seen("hello", who)
    return who


@flow
def other(size: int = 3):
    seen("other", size)
    return size
"""


@dataclass(frozen=True)
class Old:
    """The server, and a terminal of Prefect 2 in the folder that its deployments' code is in."""

    server: Server
    shell: Shell


@contextmanager
def old_server(folder: Path) -> Iterator[Old]:
    """A server filled with the contents of `old_contents.py`, ended at the end."""
    code = folder / "code"
    code.mkdir(parents=True)
    (code / "flows.py").write_text(FLOWS)
    with running(prefect2(), folder / "server", settings={"PREFECT_EXPERIMENTAL_EVENTS": "true"}) as server:
        shell = server.shell(code, home=folder / "home")
        done = shell.python(str(CONTENTS), str(code), timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Old(server, shell)
