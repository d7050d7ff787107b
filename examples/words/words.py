"""Runs from a clone: counts the words of a text that lies beside it in the repository."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from penstock import flow, task

HERE = Path(__file__).parent


@task
def read(name: str) -> list[str]:
    """The words of the text, in small letters."""
    return re.findall(r"[a-z]+", (HERE / name).read_text().lower())


@task
def most_common(words: list[str], count: int) -> dict[str, int]:
    """The words that come most often, and how often; short ones are left out."""
    return dict(Counter(word for word in words if len(word) > 4).most_common(count))


@flow(log_prints=True)
def count_words(name: str = "licence.txt", count: int = 5) -> dict[str, int]:
    """The most common words of a text."""
    found = most_common(read(name), count)
    print("\n".join(f"{times:4} {word}" for word, times in found.items()))
    return found


if __name__ == "__main__":
    count_words()
