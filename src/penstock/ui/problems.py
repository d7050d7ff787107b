"""Errors as pages: what was tried, what is wrong, where to go on."""

from __future__ import annotations

from penstock.errors import PenstockError
from penstock.server.bind import Reply
from penstock.ui.reader import Reader

TITLES = {
    403: "Not taken",
    404: "Not here",
    409: "In the way of something else",
    413: "Too large",
    422: "That does not fit",
    503: "No answer just now",
}


def problem_page(at: Reader, error: PenstockError) -> Reply:
    """A page that says what is wrong, with the error's status."""
    return at.render("problem.html", error.status, title=TITLES.get(error.status, "That did not work"), error=error)
