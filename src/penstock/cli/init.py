"""`penstock init`"""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from penstock.cli.console import Failure, say
from penstock.cli.files import parse_pairs

FILE = Path("prefect.yaml")
RECIPES = ("local", "git")

_TOP = """\
# What is deployed from this folder: `penstock deploy --all`. Commit this file with your code.
name: {name}
"""

_GIT = """
# How a worker gets the code; without it a run starts in the folder that was deployed from.
pull:
  - penstock.steps.git_clone:
      repository: {repository}
      branch: {branch}
"""

_DEPLOYMENTS = """
# Each names a flow as `path/to/file.py:function`, and the pool that runs it:
#
# deployments:
#   - name: nightly
#     entrypoint: flows/etl.py:etl
#     parameters: {}
#     schedules:
#       - cron: "0 2 * * *"
#         timezone: UTC
#     work_pool:
#       name: my-pool
deployments: []
"""


@click.command()
@click.option("--name", help="The project's name; default: that of the folder.")
@click.option("--recipe", default="local", help=f"How code gets to workers: {' or '.join(RECIPES)}.")
@click.option("--field", "-f", "fields", multiple=True, metavar="KEY=VALUE", help="For git: repository, branch.")
def init(name: str | None, recipe: str, fields: tuple[str, ...]) -> None:
    """Begin a prefect.yaml in this folder."""
    if recipe not in RECIPES:
        raise Failure(f"Unknown recipe {recipe!r}. There are: {', '.join(RECIPES)}.")
    if FILE.exists():
        return say(f"There is a {FILE} in this folder already; nothing was changed.")
    text = _TOP.format(name=name or Path.cwd().name)
    if recipe == "git":
        given = parse_pairs(fields, "field")
        text += _GIT.format(
            repository=given.get("repository") or _git("remote", "get-url", "origin"),
            branch=given.get("branch") or _git("branch", "--show-current"),
        )
    FILE.write_text(text + _DEPLOYMENTS)
    return say(f"Wrote {FILE}. Name a flow in it, then `penstock deploy --all`.")


def _git(*arguments: str) -> str:
    """What git says of this folder. Raises Failure when it says nothing."""
    command = ["git", *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        answer = ""
    if not answer:
        raise Failure(
            f"`{' '.join(command)}` gives nothing here; say it with --field repository=... --field branch=..."
        )
    return answer
