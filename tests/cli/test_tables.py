"""Tables fit the terminal, and lose nothing where there is none."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.cli.tables import NARROWEST, lines, record, size

CELLS = st.text(st.characters(blacklist_categories=("C", "Z", "M")), max_size=40)


def test_columns_line_up() -> None:
    drawn = [click.unstyle(line) for line in lines(["Name", "N"], [["etl", "1"], ["nightly", "20"]], None)]
    assert drawn == ["Name     N", "───────  ──", "etl      1", "nightly  20"]


def test_long_cells_are_wrapped_in_a_terminal() -> None:
    drawn = lines(["Name", "About"], [["etl", "one two three four five"]], 20)
    assert all(size(line) <= 20 for line in drawn)
    assert " ".join(line[5:].strip() for line in drawn[2:]) == "one two three four five"


def test_ids_stay_whole() -> None:
    drawn = lines(["Name", "ID"], [["a name that is long", "0" * 36]], 50)
    assert any(line.endswith("0" * 36) for line in drawn)
    assert all(size(line) <= 50 for line in drawn)


def test_or_cut_where_wrapping_is_off() -> None:
    drawn = lines(["Name", "About"], [["etl", "one two three four five"]], 20, wrap=False)
    assert len(drawn) == 3
    assert drawn[2].endswith("…")


def test_lines_of_a_text_stay_beside_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    record({"about": "one\ntwo\n", "paused": True})
    assert click.unstyle(capsys.readouterr().out) == "about   one\n        two\npaused  yes\n"


def test_nothing_is_cut_into_a_pipe() -> None:
    assert "x" * 500 in lines(["A"], [["x" * 500]], None)[2]


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("日本", 4), (click.style("ok", fg="red"), 2), ("é", 1)])
def test_size_is_what_the_screen_shows(text: str, columns: int) -> None:
    assert size(text) == columns


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5), st.integers(40, 120))
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, str, str]], width: int) -> None:
    drawn = lines(["One", "Two", "Three"], rows, width)
    assert all(size(line) <= max(width, 3 * NARROWEST + 4) for line in drawn)
