"""A project whose flow needs a package that is in no index: a wheel that lies beside it."""

from __future__ import annotations

import zipfile
from pathlib import Path

FLOWS = """
import os
from penstock import flow

@flow(log_prints=True)
def greet(name: str = "you"):
    import greeting
    print(f"{greeting.WORD} {name} from {os.getcwd()}")

@flow
def hungry():
    held = []
    while True:
        held.append(bytearray(32 << 20))

@flow
def waiting():
    import time
    print("waiting", flush=True)
    while True:
        time.sleep(0.05)

@flow
def patient(folder: str):
    import time
    print("patient", flush=True)
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.05)
"""
WHEEL = "greeting-1.0-py3-none-any.whl"
FACTS = {
    "greeting.py": 'WORD = "hello"\n',
    "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
    "greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "greeting-1.0.dist-info/RECORD": "",
}


def write(folder: Path) -> None:
    """The flows, the wheel, and the requirements that name it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flows.py").write_text(FLOWS)
    (folder / "requirements.txt").write_text(f"./{WHEEL}\n")
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for name, text in FACTS.items():
            wheel.writestr(name, text)
