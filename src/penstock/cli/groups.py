"""Click groups as we want them: commands loaded when used, other names for them, a hint when misspelt."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click


class Verbs(click.Group):
    """The commands of one noun. Without a command it shows its help and succeeds."""

    def __init__(self, *args: Any, aliases: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("invoke_without_command", True)
        kwargs["no_args_is_help"] = False
        super().__init__(*args, **kwargs)
        self.aliases = aliases or {}

    def invoke(self, ctx: click.Context) -> Any:
        if not ctx._protected_args and not ctx.args and not self.params:
            click.echo(ctx.get_help())
            return 0
        return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"There is no command {args[0]!r}{self._hint(args[0], ctx)}")
        return super().resolve_command(ctx, args)

    def _hint(self, name: str, ctx: click.Context) -> str:
        from penstock.names import nearest

        near = nearest(name, [*self.list_commands(ctx), *self.aliases])
        return f"; did you mean {near!r}?" if near else "."


class Place(NamedTuple):
    """Where a command is defined, and its line in the list of commands."""

    module: str
    name: str
    help: str
    hidden: bool = False


class Nouns(Verbs):
    """A group whose commands are imported only when one is run, so that help and each command start quickly.

    `spellings` are two words that say what one word says: `deploy init` for `init`.
    """

    def __init__(
        self,
        *args: Any,
        places: Mapping[str, Place],
        spellings: Mapping[tuple[str, ...], str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.places = places
        self.spellings = spellings or {}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        one_word = self.spellings.get(tuple(args[:2]))
        return super().resolve_command(ctx, [one_word, *args[2:]] if one_word else args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for name, place in self.places.items() if not place.hidden)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self.places.get(self.aliases.get(cmd_name, cmd_name))
        if place is None:
            return None
        command: click.Command = getattr(importlib.import_module(place.module), place.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        listed = [(name, self.places[name].help) for name in self.list_commands(ctx)]
        if listed:
            with formatter.section("Commands"):
                formatter.write_dl(listed)
