"""Words to look for in a text: `error "my flow" -debug +required`.

Any of the plain words will do, all of those with `+` must be there, none of those with `-` or `!` may.
Quotes keep words together; upper and lower case are the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TERM = re.compile(r'([+!-]?)(?:"([^"]*)"?|(\S+))')


def matches_text(query: str, text: str) -> bool:
    """Whether a text fulfils a query; an empty query is fulfilled by all."""
    any_of, all_of, none_of = terms(query)
    folded = text.casefold()
    return (
        (not any_of or any(term in folded for term in any_of))
        and all(term in folded for term in all_of)
        and not any(term in folded for term in none_of)
    )


@lru_cache(maxsize=256)
def terms(query: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The words of a query, lower-case: any of the first will do, all of the second, none of the third."""
    any_of: list[str] = []
    all_of: list[str] = []
    none_of: list[str] = []
    for sign, phrase, word in _TERM.findall(query.casefold()):
        term = phrase or word
        if term:
            {"": any_of, "+": all_of}.get(sign, none_of).append(term)
    return tuple(any_of), tuple(all_of), tuple(none_of)
