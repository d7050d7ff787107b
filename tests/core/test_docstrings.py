"""Arguments as docstrings describe them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from penstock.core.docstrings import argument_descriptions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Says hello.", {}),
        (
            """
            Loads.

            Args:
                table (str): which one
                limit: how many rows,
                    at most
                **options: more

            Returns:
                rows: a list
            """,
            {"table": "which one", "limit": "how many rows,\nat most", "options": "more"},
        ),
        (
            """
            Loads.

            :param table: which one
            :param int limit: how many
            :returns: rows
            """,
            {"table": "which one", "limit": "how many"},
        ),
        ("Args:\n  a: x\nNot: an argument", {"a": "x"}),
        ("Note: this", {}),
    ],
)
def test_descriptions(text: str, expected: dict[str, str]) -> None:
    assert argument_descriptions(dedent(text)) == expected
