"""Runs one program for a step: no shell, output shown as it comes and kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from penstock.errors import StepFailed


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended and what it said."""

    code: int
    stdout: str
    stderr: str


async def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], show: bool = False) -> Finished:
    """Runs the program to its end; `StepFailed` when it can't be started."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise StepFailed(_missing(argv[0], cwd)) from error
    except (OSError, ValueError) as error:
        raise StepFailed(f"{argv[0]!r} can't be run in {cwd}: {error}") from error
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        out, err = await asyncio.gather(
            _collect(process.stdout, sys.stdout if show else None),
            _collect(process.stderr, sys.stderr if show else None),
        )
        return Finished(await process.wait(), out, err)
    finally:
        if process.returncode is None:
            process.kill()


def _missing(program: str, folder: Path) -> str:
    return f"there is no program {program!r} here." if folder.is_dir() else f"there is no folder {folder}."


async def _collect(stream: asyncio.StreamReader, shown: TextIO | None) -> str:
    pieces = []
    while piece := await stream.read(1 << 16):
        text = piece.decode(errors="replace")
        pieces.append(text)
        if shown:
            shown.write(text)
            shown.flush()
    return "".join(pieces)
