"""Named queries become statements for both databases."""

from __future__ import annotations

import pytest

from penstock.store.database import Numbered
from penstock.store.statements import Statements, load, number, parse


def test_queries_have_names_and_overrides() -> None:
    queries = parse("""
-- name: read
select :id -- comes back
-- name: read (postgres)
select $$x$$ where y = :b and id = :a and z = :b::jsonb
""")
    assert queries["read"].sqlite == Numbered("select ?1 -- comes back", ("id",))
    assert queries["read"].postgres == Numbered("select $$x$$ where y = $1 and id = $2 and z = $1::jsonb", ("b", "a"))


def test_casts_and_quoted_text_are_no_parameters() -> None:
    assert number("select ':no', a::text, :yes", "$") == Numbered("select ':no', a::text, $1", ("yes",))


def test_a_query_is_defined_once() -> None:
    with pytest.raises(ValueError, match="'a' is defined twice"):
        parse("-- name: a\nselect 1\n-- name: a\nselect 2\n")


def test_an_unknown_query_is_named() -> None:
    with pytest.raises(AttributeError, match=r"sql/none\.sql has no query named 'read'"):
        _ = Statements("none", {}).read


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load("no_such_noun")
