"""Every fenced block of README and the guides is run, in the order of its page, as a reader would.

A comment before a block says what it is when it is not commands: `<!-- file: NAME -->` is to be saved,
`<!-- not run: WHY -->` is left out. What a page shows as output begins with a `$` line and is left out too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.live.postgres import Postgres
from tests.live.programs import penstock
from tests.live.servers import free_port, running
from tests.upgrade.estate import make_estate

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md")), ROOT / "examples" / "README.md"]
BLOCK = re.compile(r"(?:^ *<!-- (?P<kind>file|not run): (?P<about>.*?) -->\n)?^(?P<text> *```.*?^ *```$)", re.M | re.S)
GOES_ON_FROM = {"deploy.md": "first-flow.md"}
"""Pages that use the files of another."""
OTHER_SERVER = "https://old.example.com/api"
"""Where pages say that another server is: one with deployments of agents."""

PATIENCE = 120
FIRST_ID = """python -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])'"""
BEGIN = f"""\
set -euo pipefail
newest() {{ penstock flow-run ls --limit 1 --output json | {FIRST_ID}; }}
planned() {{ penstock deployment schedule ls "$1" --output json | {FIRST_ID}; }}
finish() {{ code=$?; jobs -p | xargs -r kill 2>/dev/null || true; wait; penstock server stop >/dev/null; exit $code; }}
trap finish EXIT
trap "exit 1" TERM
set -m
"""
PROFILES = """\
active = "ephemeral"

[profiles.ephemeral]
PENSTOCK_SERVER_EPHEMERAL_ENABLED = "true"

[profiles.local]
PENSTOCK_API_URL = "http://127.0.0.1:{port}/api"
"""
"""Those that a new user has, but for the port: the tester may have a server on the usual one."""


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its lines, and what the comment before it says."""

    kind: str | None
    about: str
    language: str
    text: str

    @property
    def is_output(self) -> bool:
        return self.text.startswith("$ ")


def blocks(page: Path) -> Iterator[Block]:
    for found in BLOCK.finditer(page.read_text()):
        head, *lines, _ = dedent(found["text"]).splitlines()
        yield Block(found["kind"], found["about"] or "", head.removeprefix("```"), "\n".join(lines) + "\n")


def script(page: Path) -> str:
    """The page's commands as one script of a shell; what is to be saved is saved on the way."""
    parts = [BEGIN]
    for block in blocks(page):
        if block.kind == "file":
            parts.append(f"cat > {block.about} <<'END-OF-FILE'\n{block.text}END-OF-FILE\n")
        elif block.kind is None and not block.is_output:
            parts.append(block.text)
    text = "".join(parts)
    text = re.sub(r"^(penstock flow-run .*?)\bID\b", r"\1$(newest)", text, flags=re.M)
    return re.sub(r"^(penstock deployment schedule pause (\S+)) SCHEDULE_ID", r"\1 $(planned \2)", text, flags=re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_say_what_they_are(page: Path) -> None:
    """What is neither commands nor output is saved or, with a reason, left out."""
    for block in blocks(page):
        assert not block.language or block.kind, f"a block of {block.language} that nothing is done with:\n{block.text}"
        assert block.kind is None or block.about


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_work(page: Path, tmp_path: Path, postgres: Postgres) -> None:
    home, port = tmp_path / "home", free_port()
    folder = tmp_path / "work"
    folder.mkdir()
    (home / ".penstock").mkdir(parents=True)
    (home / ".penstock" / "profiles.toml").write_text(PROFILES.format(port=port))
    text = script(page).replace("postgresql://penstock:secret@db.example/penstock", postgres.database())
    if page.name in GOES_ON_FROM:
        for block in blocks(page.with_name(GOES_ON_FROM[page.name])):
            if block.kind == "file":
                (folder / block.about).write_text(block.text)
    text = text.replace("/tmp/words.git", str(tmp_path / "words.git"))
    text = text.replace("./examples/", f"{ROOT}/examples/")
    with other_server(text, tmp_path / "other") as text:
        code, output = run(text, page.parent if page.parent.name == "examples" else folder, environment(home, port))
    assert code == 0, output[-6000:]


@contextmanager
def other_server(text: str, home: Path) -> Iterator[str]:
    """The commands with the address of a server that runs for them, if they name another one."""
    if OTHER_SERVER not in text:
        yield text
        return
    with running(penstock(), home) as server:
        make_estate(server.api, 12)
        yield text.replace(OTHER_SERVER, server.url)


def run(text: str, folder: Path, variables: dict[str, str]) -> tuple[int, str]:
    """The exit code of a shell with all it printed; nothing that it started is left."""
    shell = subprocess.Popen(
        ["bash", "-xc", text],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = shell.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        shell.terminate()  # its trap ends what it started
        output, _ = shell.communicate()
    return shell.returncode, output


def environment(home: Path, port: int) -> dict[str, str]:
    """A new user's."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PENSTOCK_", "PREFECT_"))}
    return clean | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PENSTOCK_SERVER_API_PORT": str(port),
        "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip spells that its own packages are used
    }
