"""The graph of a run as numbers: what is drawn at which level of detail, in which rows, and what a zoom leads to."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from penstock.clock import to_micros
from penstock.ui.graphs import PACKED_UP_TO, ROWS_UP_TO, Picture, Window, picture_of, window_of
from penstock.wire.flow_runs import Edge, Graph, GraphArtifact, Node
from penstock.wire.states import StateType

BEGAN = datetime(2026, 11, 24, 6, tzinfo=UTC)
NOW = BEGAN + timedelta(seconds=100)


def node(
    number: int,
    begins: float,
    ends: float | None,
    *,
    after: tuple[int, ...] = (),
    inside: tuple[int, ...] = (),
    kind: StateType = StateType.COMPLETED,
) -> Node:
    return Node(
        kind="task-run",
        id=UUID(int=number),
        label=f"task-{number}",
        state_type=kind,
        start_time=BEGAN + timedelta(seconds=begins),
        end_time=None if ends is None else BEGAN + timedelta(seconds=ends),
        parents=[Edge(id=UUID(int=one)) for one in after],
        children=[],
        encapsulating=[Edge(id=UUID(int=one)) for one in inside],
        artifacts=[],
    )


def drawn(nodes: list[Node], begin: str = "", end: str = "", over: float | None = 100) -> Picture:
    ended = None if over is None else BEGAN + timedelta(seconds=over)
    graph = Graph(start_time=BEGAN, end_time=ended, root_node_ids=[], nodes=[], artifacts=[], states=[])
    return picture_of(nodes, window_of(graph, nodes, NOW, begin, end), NOW)


def micros(seconds: float) -> str:
    return str(to_micros(BEGAN + timedelta(seconds=seconds)))


def test_bars_are_where_their_tasks_were_in_time() -> None:
    first, second = drawn([node(1, 0, 25), node(2, 50, 100)]).bars
    assert (first.x, first.width) == (0, 25)
    assert (second.x, second.width) == (50, 50)


def test_a_running_task_reaches_to_now() -> None:
    (bar,) = drawn([node(1, 60, None, kind=StateType.RUNNING)], over=None).bars
    assert bar.x + bar.width == 100


def test_what_a_task_waited_for_is_a_line_and_a_word() -> None:
    picture = drawn([node(1, 0, 20), node(2, 20, 60, after=(1,))])
    (link,) = picture.links
    assert (link.before, link.after) == (UUID(int=1), UUID(int=2))
    assert picture.bars[1].after == ("task-1",)


def test_artifacts_are_marked_where_they_were_made() -> None:
    def artifact(key: str, seconds: float) -> GraphArtifact:
        moment = BEGAN + timedelta(seconds=seconds)
        return GraphArtifact(id=UUID(int=9), key=key, type="table", is_latest=True, data=None, created=moment)

    task = msgspec.structs.replace(node(2, 20, 60), artifacts=[artifact("rows", 50), artifact("late", 120)])
    window = Window(BEGAN, BEGAN + timedelta(seconds=100), BEGAN, BEGAN + timedelta(seconds=100))
    picture = picture_of([node(1, 0, 20), task], window, NOW, [artifact("report", 99)])
    assert [(mark.artifact.key, mark.x, mark.row) for mark in picture.marks] == [("report", 99, None), ("rows", 50, 1)]


def test_tasks_called_in_a_task_stand_below_it() -> None:
    picture = drawn([node(1, 0, 50), node(2, 1, 60), node(3, 10, 20, inside=(1,)), node(4, 11, 15, inside=(3,))])
    assert [(bar.node.label, bar.depth) for bar in picture.bars] == [
        ("task-1", 0),
        ("task-3", 1),
        ("task-4", 2),
        ("task-2", 0),
    ]


def test_tasks_that_are_inside_of_each_other_are_all_drawn() -> None:
    picture = drawn([node(1, 0, 50, inside=(2,)), node(2, 1, 60, inside=(1,)), node(3, 2, 3)])
    assert {bar.node.label for bar in picture.bars} == {"task-1", "task-2", "task-3"}


@pytest.mark.parametrize(
    ("count", "detail"),
    [(ROWS_UP_TO, "rows"), (ROWS_UP_TO + 1, "packed"), (PACKED_UP_TO, "packed"), (PACKED_UP_TO + 1, "crowd")],
)
def test_many_tasks_are_drawn_in_less_detail(count: int, detail: str) -> None:
    assert drawn([node(one, one * 0.1, one * 0.1 + 0.05) for one in range(1, count + 1)]).detail == detail


def test_many_tasks_at_one_time_are_a_crowd_though_they_are_few() -> None:
    assert drawn([node(one, 1, 99) for one in range(1, ROWS_UP_TO + 2)]).detail == "crowd"


def test_packed_bars_never_lie_on_each_other() -> None:
    picture = drawn([node(one, one % 50, one % 50 + 3) for one in range(1, 101)])
    assert picture.detail == "packed"
    for row in range(picture.rows):
        bars = sorted((bar for bar in picture.bars if bar.row == row), key=lambda bar: bar.x)
        assert all(left.x + left.width <= right.x for left, right in itertools.pairwise(bars))


def test_a_crowd_says_how_many_were_at_work() -> None:
    nodes = [node(one, 0, 50) for one in range(1, 451)]
    nodes += [node(one, 50, 100, kind=StateType.FAILED) for one in range(451, 901)]
    picture = drawn(nodes)
    assert "450 completed" in picture.slots[3].title
    assert "failed" not in picture.slots[3].title
    assert "450 failed" in picture.slots[-1].title


def test_zooming_into_a_crowd_leads_to_single_tasks() -> None:
    nodes = [node(one, one / 10, one / 10 + 0.05) for one in range(1, 901)]
    picture = drawn(nodes)
    slot = picture.slots[40]
    near = drawn(nodes, str(slot.begin), str(slot.end))
    assert near.detail == "rows"
    assert 0 < near.seen < ROWS_UP_TO
    assert near.total == 900


@pytest.mark.parametrize(
    ("begin", "end"), [("", ""), ("nonsense", "9"), ("9", "5"), (micros(90), micros(10)), (micros(50), micros(50))]
)
def test_a_time_that_is_none_shows_the_whole_run(begin: str, end: str) -> None:
    assert drawn([node(1, 0, 25)], begin, end).window.is_whole


def test_turns_stay_within_the_run() -> None:
    window = drawn([node(1, 0, 100)], micros(0), micros(20)).window
    assert window.moved(-0.5) == (int(micros(0)), int(micros(20)))
    assert window.moved(0.5) == (int(micros(10)), int(micros(30)))
    assert window.zoomed(2) == (int(micros(0)), int(micros(40)))
    assert window.zoomed(100) == (int(micros(0)), int(micros(100)))


def test_a_run_that_took_no_time_is_drawn() -> None:
    assert len(drawn([node(1, 0, 0)], over=0).bars) == 1


def test_the_axis_has_round_times_since_the_beginning() -> None:
    assert [words for _, words in drawn([node(1, 0, 100)]).ticks] == ["0", "30 s", "1 min", "1 min 30 s"]
    near = drawn([node(1, 0, 100)], micros(10), micros(10.6)).ticks
    assert [words for _, words in near][:3] == ["10 s", "10.1 s", "10.2 s"]
