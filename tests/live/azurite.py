"""Azurite, Microsoft's emulator of Azure Blob Storage, from npm; `scripts/ensure-azurite.sh` installs it."""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.programs import ROOT
from tests.live.servers import end

VARIABLE = "PENSTOCK_TEST_AZURITE"
PROGRAM = Path("node_modules", ".bin", "azurite-blob")
ACCOUNT = "penstock"
_READY = re.compile(r"successfully listens on (http://\S+)")


@dataclass(frozen=True)
class Azurite:
    """One emulator with one account."""

    url: str
    key: str

    @property
    def connection_string(self) -> str:
        account = f"AccountName={ACCOUNT};AccountKey={self.key}"
        return f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={self.url}/{ACCOUNT};"


def find_program() -> Path:
    """The emulator's program: of the folder in PENSTOCK_TEST_AZURITE, else of `.azurite` in the project.

    It is installed there when it is missing; a test that asks for it is skipped where that can't be done.
    """
    folder = Path(os.environ.get(VARIABLE) or ROOT / ".azurite")
    if not (folder / PROGRAM).exists():
        script = [str(ROOT / "scripts" / "ensure-azurite.sh"), str(folder)]
        subprocess.run(script, check=False, stdin=subprocess.DEVNULL)
    if not (folder / PROGRAM).exists():
        pytest.skip("azurite is not installed, and could not be: see scripts/ensure-azurite.sh")
    return folder / PROGRAM


@contextmanager
def azurite(folder: Path) -> Iterator[Azurite]:
    """A running emulator that keeps its blobs in memory, and whatever else in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
    process = subprocess.Popen(
        [str(find_program()), *options, "--disableTelemetry", "--silent"],
        cwd=folder,
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = (_READY.search(line) for line in process.stdout)
        url = next((one.group(1) for one in found if one), None)
        assert url, f"azurite ended with {process.wait()}"
        yield Azurite(url, key)
    finally:
        end(process, 5)
        process.stdout.close() if process.stdout else None
