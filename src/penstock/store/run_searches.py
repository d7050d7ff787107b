"""Finds runs by a part of their name, or by a tag, among the newest that fulfil what an index can answer.

The runs are those of flows or of tasks. Nothing in the database knows which names contain a text, so each run has to be
looked at, and no request looks at more than a bounded number of them: it says how far it came, and the next one goes on
there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from penstock.clock import from_micros
from penstock.store import flow_run_documents, task_run_documents
from penstock.store.columns import STARTED
from penstock.store.database import Query, Steps, intent
from penstock.store.filters import Compiler, Selection
from penstock.store.statements import statement
from penstock.wire.filters import parse
from penstock.wire.model import encode

MOST_LOOKED_AT = 40_000
"""Runs that are looked at where an index holds all that is looked for."""
MOST_READ = 2_000
"""Runs that are looked at where each has to be read for that."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search among the runs of a selection: a condition on their names and tags, and how many are looked at."""

    among: Selection
    where: str
    parameters: dict[str, object]
    columns: str
    shown: str
    most: int
    downwards: bool

    def found(self) -> Query:
        """The query for the runs that fit, of those that are looked at."""
        newest = f"{self._looked_at(self.columns)} limit :most"
        ids = (
            f"select {self._table}.id from ({newest}) {self._table} where {self.where}"
            f" order by moment{self._down}, id{self._down} limit :limit offset :offset"
        )
        text = (
            f"select {self.shown} from {self._table} where {self._table}.id in ({ids})"
            f" order by {self._moment}{self._down}, {self._table}.id{self._down}"
        )
        return self._query(text, limit=self.among.limit, offset=self.among.offset)

    def edge(self) -> Query:
        """The query for the moment of the first run that is not looked at any more."""
        return self._query(f"select moment from ({self._looked_at(f'{self._table}.id')} limit 1 offset :most) x")

    @property
    def _table(self) -> str:
        return self.among.noun.table

    @property
    def _moment(self) -> str:
        return STARTED.format(t=self._table)

    @property
    def _down(self) -> str:
        return " desc" if self.downwards else ""

    def _looked_at(self, columns: str) -> str:
        return (
            f"select {columns}, {self._moment} as moment from {self._table}{self.among.index} where {self.among.where}"
            f" order by {self._moment}{self._down}, {self._table}.id{self._down}"
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
    table = among.noun.table
    is_of_flows = table == "flow_runs"
    # PostgreSQL's index by start has names but no tags; it has an index of tags of its own.
    covered = is_of_flows and only_time and not (tag and among.dialect == "postgres")
    return Search(
        among,
        where=to.condition(table, parse(table, wanted)),
        parameters=to.parameters,
        columns=", ".join(f"{table}.{column}" for column in ("id", *sorted(wanted))),
        shown=flow_run_documents.SHOWN[among.dialect] if is_of_flows else task_run_documents.SHOWN,
        most=MOST_LOOKED_AT if covered else MOST_READ,
        downwards=downwards,
    )


@intent
def search(wanted: Search, now: datetime) -> Steps[bytes]:
    """The JSON of the runs that were found, and of the moment that the search reached."""
    rows = yield wanted.found()
    reached = None
    if len(rows) < wanted.among.limit and (edge := (yield wanted.edge())):
        reached = from_micros(edge[0][0])
    of_flows = wanted.among.noun.table == "flow_runs"
    shown_list = flow_run_documents.shown_list if of_flows else task_run_documents.shown_list
    return b'{"runs":' + shown_list(rows, now) + b',"reached":' + encode(reached) + b"}"
