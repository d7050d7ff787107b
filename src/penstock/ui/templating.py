"""Jinja2, in the one place that knows it: templates with everything escaped, and the words they use."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from penstock.ui import sections, wording

ONE_LINE = 60
"""Characters of JSON that are read in one line."""


def rendered(template: str, **values: Any) -> str:
    """A template filled in."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "iso": wording.iso,
        "exact": wording.exact,
        "seconds": wording.seconds,
        "tone": wording.tone,
        "pretty": pretty,
    }
    made.globals |= {"ago": wording.ago, "lasted": wording.lasted, "level_name": wording.level_name}
    made.globals["sections"] = sections.sections
    return made


def pretty(value: Any) -> str:
    """JSON for people: in one line where it is short."""
    line = json.dumps(value, ensure_ascii=False, default=str)
    return line if len(line) <= ONE_LINE else json.dumps(value, indent=2, ensure_ascii=False, default=str)
