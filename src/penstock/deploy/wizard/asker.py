"""How the wizard asks: the terminal answers for a person, a list of answers for a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Choice(Generic[T_co]):
    """One of several answers: what it stands for, and its row in the list that is shown."""

    value: T_co
    cells: tuple[str, ...]


def anything(text: str) -> str:
    """Takes every text."""
    return text


def something(text: str) -> str:
    """Takes every text but an empty one."""
    if not text.strip():
        raise ValueError("an answer is needed here")
    return text.strip()


class Asker(Protocol):
    """Puts one question after another. Each may raise KeyboardInterrupt, and then nothing is to be done."""

    def choose(self, question: str, choices: Sequence[Choice[T]], *, start: int = 0) -> T:
        """The value of the row that was chosen; the one at `start` is offered first."""

    def confirm(self, question: str, *, default: bool) -> bool:
        """Yes or no."""

    def text(self, question: str, *, default: str = "", check: Callable[[str], str] = anything) -> str:
        """What `check` gives for the answer. It is asked again as long as that raises ValueError or an error of
        ours, whose text is shown."""

    def secret(self, question: str) -> str:
        """A text that is not shown, and not empty."""

    def tell(self, text: str) -> None:
        """A remark between questions, which needs no answer."""
