"""Commands that pages mention, in a sentence or in a block that is not run, are there, with the options they show."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from penstock.cli.main import root
from tests.docs.test_reference import PAGES, ROOT

SPAN = re.compile(r"`(penstock [^`\n]+)`")
LINE = re.compile(r"^ *(?:\$ )?(penstock [a-z-]+ .*?)(?: +#.*| &| \\)?$", re.M)
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
OF_OTHERS = {"errors.md", "odd-files.md", "cli.md", "CHANGELOG.md"}
"""Pages that show what was given wrong, what commands were once, or are made of the commands themselves."""


def mentioned() -> Iterator[tuple[str, str]]:
    """Each command once for each page."""
    for page in PAGES:
        if page.name not in OF_OTHERS:
            text = page.read_text()
            for command in dict.fromkeys([*SPAN.findall(text), *LINE.findall(text)]):
                yield str(page.relative_to(ROOT)), command


@pytest.mark.parametrize(("page", "command"), list(mentioned()))
def test_it_is_there(page: str, command: str) -> None:
    found: click.Command = root
    known = options(root)
    words = iter(QUOTED.sub("x", command).split()[1:])
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-") and name.strip("-"):
            assert name in known, f"{found.name!r} has no option {name!r}"
            if "=" not in word and not known[name].is_flag:
                next(words, None)
        elif isinstance(found, click.Group):
            below = found.get_command(click.Context(found), word)
            assert below is not None, f"{found.name!r} has no command {word!r}"
            found, known = below, known | options(below)


def options(command: click.Command) -> dict[str, click.Option]:
    """A command's options by each of their names."""
    context = click.Context(command, help_option_names=["-h", "--help"])
    every = (one for one in command.get_params(context) if isinstance(one, click.Option))
    return {name: one for one in every for name in (*one.opts, *one.secondary_opts)}


def test_there_are_many() -> None:
    assert len(list(mentioned())) > 100
