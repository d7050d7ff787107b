"""Carries out many command lines of a real Prefect in one process: importing it anew for each would take minutes.

Run by that Prefect's own interpreter, of either generation. Reads a JSON list of lines from standard input; writes to
the file named by its argument, for each, the exit code, what was printed, and the answers from 400 on that its HTTP
client was given. A line that ends in `.py` is a script, carried out in this process too.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import shlex
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REFUSED: list[str] = []
FOUND = {
    "{deployment}": ("/deployments/filter", "id"),
    "{flow-run}": ("/flow_runs/filter", "id"),
    "{schedule}": ("/deployments/filter", "schedules"),
    "{block}": ("/block_documents/filter", "id"),
}
"""A word of a line -> where the first object's id is found when the line's turn comes."""


def watch() -> None:
    """Writes down each refused request."""
    httpx = importlib.import_module("httpx")
    ask, ask_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def noted(answer: Any, request: Any) -> Any:
        if answer.status_code >= 400:
            REFUSED.append(f"{answer.status_code} {request.method} {request.url.path}")
        return answer

    def handle(self: Any, request: Any) -> Any:
        return noted(ask(self, request), request)

    async def handle_async(self: Any, request: Any) -> Any:
        return noted(await ask_async(self, request), request)

    httpx.HTTPTransport.handle_request = handle
    httpx.AsyncHTTPTransport.handle_async_request = handle_async


def filled(line: str, api: str) -> str:
    """A line with the ids that its words in braces mean."""
    for word, (path, key) in FOUND.items():
        if word in line:
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(api + path, b'{"limit": 1}', headers, method="POST")
            with urllib.request.urlopen(request) as answer:
                value = json.load(answer)[0][key]
            line = line.replace(word, value[0]["id"] if isinstance(value, list) else value)
    return line


def carry_out(line: str) -> int:
    """One line's exit code."""
    words = shlex.split(line)
    sys.argv = ["prefect", *words]
    try:
        if words[0].endswith(".py"):
            runpy.run_path(words[0], run_name="__main__")
            return 0
        return int(importlib.import_module("prefect.cli").app() or 0)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def output_to(path: str) -> Iterator[None]:
    """Everything that this process prints goes into a file, whoever prints it."""
    kept = [os.dup(number) for number in (1, 2)]
    with Path(path).open("wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, saved in zip((1, 2), kept, strict=True):
                os.dup2(saved, number)
                os.close(saved)


def main() -> None:
    """Carries out the lines that are asked for, in their order."""
    lines, result = json.load(sys.stdin), sys.argv[1]
    api = os.environ["PREFECT_API_URL"]
    watch()
    done = []
    for line in lines:
        REFUSED.clear()
        with tempfile.NamedTemporaryFile() as said:
            with output_to(said.name):
                code = carry_out(filled(line, api))
            text = Path(said.name).read_text(errors="replace")
            done.append({"line": line, "code": code, "said": text, "refused": list(REFUSED)})
    Path(result).write_text(json.dumps(done))


if __name__ == "__main__":
    main()
