"""Markdown and tables as trees: what is kept, and what stays text."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.ui.artifact_views import MOST_ROWS, table_of, view_of
from penstock.ui.markdown import LONGEST, Node, is_web, parsed


def written(node: Node) -> str:
    """A tree in one line: tags with what is in them, links with where they lead."""
    inside = node.text + "".join(written(child) for child in node.children)
    return f"<{node.tag}{' ' + node.href if node.href else ''}>{inside}</>" if node.tag else inside


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("# Hi *there*", "<h3>Hi <em>there</></>"),
        ("###### Deep", "<h6>Deep</>"),
        ("a **b** ~~c~~ `d`", "<p>a <strong>b</> <del>c</> <code>d</></>"),
        ("- a\n  1. b", "<ul><li>a<ol><li>b</></></></>"),
        ("```py\nx < 1\n```", "<pre>x < 1\n</>"),
        ("| a |\n|--:|\n| 1 |", "<table><thead><tr><th>a</></></><tbody><tr><td>1</></></></>"),
        ("[x](https://a.example/?q=1)", "<p><a https://a.example/?q=1>x</></>"),
        ("![plan](https://a.example/x.png)", "<p><a https://a.example/x.png>plan</></>"),
        ("> a\n> b", "<blockquote><p>a\nb</></>"),
        ("<script>alert(1)</script>", "<p><script>alert(1)</script></>"),
        ("a <b onclick=x>b</b>", "<p>a <b onclick=x>b</b></>"),
        ("[x](/runs)", "<p>x</>"),
        ("[x](ftp://a)", "<p>x</>"),
    ],
)
def test_markdown_becomes_a_tree_of_known_tags(text: str, tree: str) -> None:
    assert written(parsed(text)) == tree


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "//a.example", "/x", "", "http:", "JAVASCRIPT:x"],
)
def test_links_lead_to_the_web_alone(address: str) -> None:
    assert not is_web(address)
    tree = parsed(f"[x](<{address}>) ![y](<{address}>)")
    assert "<a" not in written(tree).replace(f"<{address}", "")


def test_an_address_that_is_none_is_not_followed() -> None:
    assert not is_web("https://[bad")


def test_a_long_or_deep_text_ends() -> None:
    view = view_of("markdown", "x" * (LONGEST + 1))
    assert view.is_cut
    assert len(written(view.tree)) < LONGEST + 20
    assert written(parsed(">" * 5000 + "deep"))
    assert written(parsed("- " * 3000))
    assert written(parsed("[" * 5000 + "*" * 5000))


@pytest.mark.parametrize(
    ("data", "head", "rows"),
    [
        ([{"a": 1, "b": None}, {"b": [2], "c": "x"}], ["a", "b", "c"], [["1", "", ""], ["", "[2]", "x"]]),
        ({"a": [1, 2], "b": [True]}, ["a", "b"], [["1", "true"], ["2", ""]]),
        ([["n", "m"], [1, 2]], ["n", "m"], [["1", "2"]]),
        ([["n", "m"], ["o", "p"]], [], [["n", "m"], ["o", "p"]]),
        ('[{"a": "<b>"}]', ["a"], [["<b>"]]),
    ],
)
def test_tables_come_in_three_shapes(data: Any, head: list[str], rows: list[list[str]]) -> None:
    table = table_of(data)
    assert table is not None
    assert (table.head, table.rows) == (head, rows)


@pytest.mark.parametrize("data", ["not json", "[]", "3", [1, 2], [{"a": 1}, 2], {"a": 1}, None])
def test_what_is_no_table_is_shown_as_it_is(data: Any) -> None:
    assert table_of(data) is None
    assert view_of("table", data).kind == "text"


def test_the_rows_that_are_left_out_are_counted() -> None:
    table = table_of([{"a": number} for number in range(MOST_ROWS + 7)])
    assert table is not None
    assert (len(table.rows), table.more) == (MOST_ROWS, 7)


@pytest.mark.parametrize(
    ("kind", "data", "shown"),
    [
        ("progress", 130, "progress"),
        ("progress", True, "text"),
        ("image", "https://a.example/x.png", "image"),
        ("image", "javascript:x", "text"),
        ("markdown", {"no": "text"}, "text"),
        (None, {"a": 1}, "text"),
    ],
)
def test_what_does_not_fit_its_type_is_text(kind: str | None, data: Any, shown: str) -> None:
    assert view_of(kind, data).kind == shown
