"""Figures are written as Prometheus reads them."""

from __future__ import annotations

from penstock.core.metrics import Gauge, exposition


def test_figures_of_one_name_stand_together_with_escaped_labels() -> None:
    text = exposition(
        [
            Gauge("a", "First.", 1, {"pool": 'x"\\\n'}),
            Gauge("b", "Second.", 0.5),
            Gauge("a", "First.", 2, {"pool": "y"}),
        ]
    )
    assert text == (
        "# HELP a First.\n# TYPE a gauge\n"
        'a{pool="x\\"\\\\\\n"} 1\na{pool="y"} 2\n'
        "# HELP b Second.\n# TYPE b gauge\nb 0.5\n"
    )
