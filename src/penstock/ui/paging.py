"""Keys of pages: a page begins at a moment, past so many rows of that very moment.

So the hundredth page costs what the first does, and rows of one moment are each shown once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from penstock.clock import from_micros, to_micros


def read_key(text: str) -> tuple[datetime, int] | None:
    """The moment and how many of it were shown; None for text that is no key."""
    micros, _, passed = text.partition("-")
    if not (micros.isdigit() and passed.isdigit() and len(micros) < 18 and len(passed) < 8):
        return None
    return from_micros(int(micros)), int(passed)


def next_key(moments: Sequence[datetime], began: datetime | None = None, passed: int = 0) -> str:
    """The key of what follows rows of these moments, which themselves began at a key."""
    last = moments[-1]
    same = sum(moment == last for moment in moments)
    return f"{to_micros(last)}-{same + (passed if last == began else 0)}"
