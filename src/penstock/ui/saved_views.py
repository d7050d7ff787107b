"""Saved views of the runs: the saved searches of the API, in the shape that Prefect's dashboards keep them in.

A search is a list of `{object, property, type, operation, value}`; the values of most properties are lists. What a
search asks for and this page can't show is said, not left out in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.clock import from_micros, to_micros
from penstock.ui.run_lists import STATES, WINDOWS
from penstock.wire import saved_searches
from penstock.wire.model import Criteria
from penstock.wire.saved_searches import SavedSearch

MOST_VIEWS = 50
LISTED = {"state": "state", "flow": "flow", "deployment": "deployment", "tag": "tag", "workPool": "pool"}
"""Properties whose value is a list, and the word of the address for each."""
PLAIN = {"name": "name", "flowOrDeployment": "of", "parent": "parent"}
"""Properties of this dashboard's own, with a text as their value."""
SPANS = {key: int(length.total_seconds()) * (1 if key == "next" else -1) for key, (_, length) in WINDOWS.items()}


@dataclass(frozen=True, slots=True)
class View:
    """A saved view: the words of its address, and what of it can't be shown."""

    id: UUID
    name: str
    words: dict[str, list[str]]
    is_here: bool = False
    beyond: str = ""


async def read_views(api: AsyncClient, query: Mapping[str, Sequence[str]]) -> list[View]:
    """The saved views by name, and which of them the address is."""
    found = await api.call(saved_searches.filter_saved_searches, Criteria(limit=MOST_VIEWS))
    here = {name: list(query[name]) for name in _names() if any(query.get(name, ()))}
    return [_view(one, here) for one in found]


def filters_of(words: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The words of an address as the filters of a saved search."""
    found = []
    for name, word in LISTED.items():
        if values := [one for one in words.get(word, ()) if one]:
            found.append(_filter(name, [one.capitalize() for one in values] if name == "state" else values))
    for name, word in PLAIN.items():
        if values := [one for one in words.get(word, ()) if one]:
            found.append(_filter(name, values[-1]))
    if (span := _range(words)) is not None:
        found.append(_filter("range", span))
    return found


def words_of_search(search: SavedSearch) -> tuple[dict[str, list[str]], str]:
    """The words of the address for a search, and what of it they can't say."""
    words: dict[str, list[str]] = {}
    beyond: list[str] = []
    for one in search.filters:
        name, value = str(one.get("property", "")), one.get("value")
        if name in LISTED and isinstance(value, list):
            words[LISTED[name]], more = _listed(name, [str(each) for each in value])
            beyond += more
        elif name in PLAIN and isinstance(value, str):
            words[PLAIN[name]] = [value]
        elif name == "range" and isinstance(value, dict) and (time := _time(value)):
            words |= time
        elif value not in (None, "", []):
            beyond.append(name or "a filter without a name")
    return {name: values for name, values in words.items() if values}, ", ".join(dict.fromkeys(beyond))


def _view(search: SavedSearch, here: Mapping[str, list[str]]) -> View:
    words, beyond = words_of_search(search)
    return View(search.id, search.name, words, bool(words) and words == here, beyond)


def _names() -> list[str]:
    return [*LISTED.values(), *PLAIN.values(), "when", "begin", "end"]


def _filter(name: str, value: Any) -> dict[str, Any]:
    return {"object": "flowRun", "property": name, "type": "", "operation": "", "value": value}


def _listed(name: str, values: list[str]) -> tuple[list[str], list[str]]:
    """The values that the address can hold, and what is beyond them: of all but states it can hold one."""
    if name != "state":
        return values[:1], [f"more than one {LISTED[name]}"] if len(values) > 1 else []
    known = {"cancelling": "cancelled", **{one: one for one in STATES}}
    states = [known[one.lower()] for one in values if one.lower() in known]
    return list(dict.fromkeys(states)), [f"the state {one}" for one in values if one.lower() not in known]


def _range(words: Mapping[str, Sequence[str]]) -> dict[str, Any] | None:
    begin, end = (next(iter(words.get(name, ())), "") for name in ("begin", "end"))
    if begin.isdigit() and end.isdigit() and max(len(begin), len(end)) < 18:
        start, stop = from_micros(int(begin)), from_micros(int(end))
        return {"type": "range", "startDate": start.isoformat(), "endDate": stop.isoformat()}
    window = next(iter(words.get("when", ())), "")
    return {"type": "span", "seconds": SPANS[window]} if window in SPANS else None


def _time(value: Mapping[str, Any]) -> dict[str, list[str]]:
    """The words for a time: the nearest window that is no shorter than a span, or a range of its own."""
    if value.get("type") == "range":
        moments = [_moment(value.get(name)) for name in ("startDate", "endDate")]
        return {
            name: [str(to_micros(one))] for name, one in zip(("begin", "end"), moments, strict=True) if one is not None
        }
    seconds = value.get("seconds")
    if value.get("type") != "span" or not isinstance(seconds, int | float):
        return {}
    if seconds > 0:
        return {"when": ["next"]}
    return {"when": [next((key for key, span in SPANS.items() if span <= seconds and key != "next"), "30d")]}


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
