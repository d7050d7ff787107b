"""`penstock init`"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from penstock.cli.console import Failure, may_ask, say

FILE, IGNORE = Path("prefect.yaml"), Path(".prefectignore")
NEXT = "Add a deployment with: penstock deploy"


@click.command()
@click.option("--name", help="The project's name; default: that of the folder.")
@click.option("--recipe", help="How code gets to workers, such as local, git, docker, s3; default: what fits.")
@click.option("--field", "-f", "fields", multiple=True, metavar="KEY=VALUE", help="What the recipe needs to know.")
def init(name: str | None, recipe: str | None, fields: tuple[str, ...]) -> None:
    """Begin a prefect.yaml in this folder."""
    from penstock.cli.prompts import until_interrupted
    from penstock.deploy.options import pairs
    from penstock.deploy.recipes import RECIPES, project_file

    if FILE.exists():
        return say(f"There is a {FILE} in this folder already; nothing was changed.")
    given: dict[str, str] = pairs(fields, "--field", typed=False)
    with until_interrupted():
        chosen = _known(recipe) if recipe else _recipe()
        given = _complete(given, chosen)
    given |= {"name": name or Path.cwd().name, "folder": str(Path.cwd())}
    _write(FILE, project_file(RECIPES[chosen], given))
    return say(f"Wrote {FILE} for the recipe {chosen!r}. {NEXT}")


def _known(name: str) -> str:
    from penstock.deploy.recipes import RECIPES
    from penstock.names import nearest

    if name in RECIPES:
        return name
    near = nearest(name, RECIPES)
    hint = f" Did you mean {near!r}?" if near else ""
    raise Failure(f"Unknown recipe {name!r}.{hint} There are: {', '.join(RECIPES)}.")


def _recipe() -> str:
    """Asked for, what fits this folder first; or just that, where nobody can be asked."""
    from penstock.deploy.git import git_says
    from penstock.deploy.recipes import RECIPES, fitting

    remote = bool(git_says(Path.cwd(), "remote", "get-url", "origin"))
    fits = fitting(remote=remote, dockerfile=Path("Dockerfile").exists())
    if not may_ask():
        return fits
    from penstock.cli.prompts import asker
    from penstock.deploy.wizard.asker import Choice

    choices = [Choice(name, (name, recipe.about)) for name, recipe in RECIPES.items()]
    return asker().choose("Recipe", choices, start=list(RECIPES).index(fits))


def _complete(given: dict[str, str], recipe: str) -> dict[str, str]:
    """With every field that the recipe needs. Raises Failure for one too many, or missing with nobody to ask."""
    from penstock.deploy.recipes import RECIPES

    needed = RECIPES[recipe].fields
    for key in given:
        if key not in needed:
            takes = f"it takes {', '.join(needed)}" if needed else "it takes none"
            raise Failure(f"The recipe {recipe!r} has no field {key!r}; {takes}.")
    missing = [key for key in needed if not given.get(key)]
    known = {key: _GUESS[key]() if key in _GUESS else "" for key in missing}
    return given | (_asked(known) if may_ask() else _sufficient(known, recipe))


def _asked(known: dict[str, str]) -> dict[str, str]:
    from penstock.cli.prompts import asker
    from penstock.deploy.wizard.asker import something

    ask = asker()
    return {
        key: ask.text(key.replace("_", " ").capitalize(), default=guess, check=something)
        for key, guess in known.items()
    }


def _sufficient(known: dict[str, str], recipe: str) -> dict[str, str]:
    absent = [key for key, guess in known.items() if not guess]
    if absent:
        flags = " ".join(f"--field {key}=..." for key in absent)
        raise Failure(f"The recipe {recipe!r} needs to know more: {flags}")
    return known


def _from_git(*words: str) -> Callable[[], str]:
    def guess() -> str:
        from penstock.deploy.git import git_says
        from penstock.deploy.wizard.storage import without_secret

        return without_secret(git_says(Path.cwd(), *words) or "")

    return guess


_GUESS: dict[str, Callable[[], str]] = {
    "repository": _from_git("remote", "get-url", "origin"),
    "branch": _from_git("branch", "--show-current"),
    "tag": lambda: "latest",
}


def _write(path: Path, text: str) -> None:
    """Never over a file that came to be meanwhile; what storage leaves out stands beside it."""
    from penstock.deploy.save import IGNORED

    for one, content in ((path, text), (IGNORE, IGNORED)):
        try:
            with one.open("x") as file:
                file.write(content)
        except FileExistsError:
            if one is path:
                raise Failure(f"{path} came to be meanwhile; nothing was changed.") from None
        except OSError as error:
            raise Failure(f"{one} can't be written: {error.strerror}.") from None
