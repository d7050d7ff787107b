"""What Penstock adds: why a run is not running."""

from __future__ import annotations

from penstock.wire.endpoint import get
from penstock.wire.model import Model


class Explanation(Model):
    """`code` is for programs, `sentence` for people; `advice` is a command or a sentence, empty when there is none."""

    code: str
    sentence: str
    advice: str = ""


explain_run = get("/penstock/flow_runs/{id}/why", returns=Explanation)
