"""Finds runs by a part of their name, or by a tag, among the newest that fulfil what an index can answer.

Nothing in the database knows which names contain a text, so each run has to be looked at, and no request looks at
more than a bounded number of them: it says how far it came, and the next one goes on there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from penstock.clock import from_micros
from penstock.store.database import Query, Steps, intent
from penstock.store.filters import Compiler, Selection
from penstock.store.flow_run_documents import SHOWN, shown_list
from penstock.store.statements import statement
from penstock.wire.filters import Group, parse
from penstock.wire.model import encode

MOST_LOOKED_AT = 40_000
"""Runs that are looked at where an index holds all that is looked for."""
MOST_READ = 2_000
"""Runs that are looked at where each has to be read for that."""
_MOMENT = "coalesce(flow_runs.start_time, flow_runs.expected_start_time)"


@dataclass(frozen=True, slots=True)
class Search:
    """A search among the runs of a selection: a condition on their names and tags, and how many are looked at."""

    among: Selection
    where: str
    parameters: dict[str, object]
    columns: str
    most: int
    downwards: bool

    def found(self) -> Query:
        """The query for the runs that fit, of those that are looked at."""
        newest = f"{self._looked_at(self.columns)} limit :most"
        ids = (
            f"select flow_runs.id from ({newest}) flow_runs where {self.where}"
            f" order by moment{self._down}, id{self._down} limit :limit offset :offset"
        )
        text = (
            f"select {SHOWN[self.among.dialect]} from flow_runs where flow_runs.id in ({ids})"
            f" order by {_MOMENT}{self._down}, flow_runs.id{self._down}"
        )
        return self._query(text, limit=self.among.limit, offset=self.among.offset)

    def edge(self) -> Query:
        """The query for the moment of the first run that is not looked at any more."""
        return self._query(f"select moment from ({self._looked_at('flow_runs.id')} limit 1 offset :most) x")

    @property
    def _down(self) -> str:
        return " desc" if self.downwards else ""

    def _looked_at(self, columns: str) -> str:
        table = f"flow_runs{self.among.index}"
        return (
            f"select {columns}, {_MOMENT} as moment from {table} where {self.among.where}"
            f" order by {_MOMENT}{self._down}, flow_runs.id{self._down}"
        )

    def _query(self, text: str, **more: object) -> Query:
        return Query(statement("run_search", text), {**self.parameters, **more, "most": self.most})


def search_among(among: Selection, name: str, tag: str, *, only_time: bool, downwards: bool) -> Search:
    """The search for a name or a tag; `only_time` says that the selection is of nothing but a time."""
    to = Compiler(among.dialect)
    to.parameters.update(among.parameters)
    wanted: dict[str, object] = {}
    if name:
        wanted["name"] = {"like_": name}
    if tag:
        wanted["tags"] = {"all_": [tag]}
    group: Group = parse("flow_runs", wanted)
    # PostgreSQL's index by start has names but no tags; it has an index of tags of its own.
    covered = only_time and not (tag and among.dialect == "postgres")
    where = to.condition("flow_runs", group)
    columns = ", ".join(["flow_runs.id", *(f"flow_runs.{column}" for column in sorted(wanted))])
    return Search(among, where, to.parameters, columns, MOST_LOOKED_AT if covered else MOST_READ, downwards)


@intent
def search(wanted: Search, now: datetime) -> Steps[bytes]:
    """The JSON of the runs that were found, and of the moment that the search reached."""
    rows = yield wanted.found()
    reached = None
    if len(rows) < wanted.among.limit and (edge := (yield wanted.edge())):
        reached = from_micros(edge[0][0])
    return b'{"runs":' + shown_list(rows, now) + b',"reached":' + encode(reached) + b"}"
