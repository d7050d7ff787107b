"""The compatibility matrix says what its tests show."""

from __future__ import annotations

import pytest

from tests.interop import matrix


def test_the_page_is_current() -> None:
    assert matrix.PAGE.read_text() == matrix.page(), "it is stale: run python -m tests.interop.matrix"


@pytest.mark.parametrize("test", sorted(set(matrix.tests())))
def test_what_a_cell_names_is_there(test: str) -> None:
    assert matrix.is_there(test)
