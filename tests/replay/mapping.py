"""What the live server calls the things of a recording: ids, generated names and tokens, and moments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENT = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
GENERATED = re.compile(r"[a-z]+-[a-z]+(-[a-z]+)?|[0-9a-f]{64}")
"""What a server makes up: a run's name of two words, a token."""


@dataclass
class Mapping:
    """Recorded id or generated word -> live one; grows as answers arrive."""

    known: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def learn(self, recorded: str, live: str) -> None:
        """Remembers an id; the first meaning stays."""
        self.known.setdefault(recorded, live)

    def learn_word(self, recorded: str, live: str) -> None:
        """Remembers a generated name or token."""
        self.words.setdefault(recorded, live)

    def text(self, text: str, shift: timedelta) -> str:
        """A recorded text as the live server must see it."""
        for recorded, live in self.words.items():
            text = text.replace(recorded, live)
        text = UUID.sub(lambda found: self.known.get(found.group(), found.group()), text)
        return MOMENT.sub(lambda found: moved(found.group(), shift), text)

    def body(self, body: Any, shift: timedelta) -> Any:
        """A recorded JSON value as the live server must see it."""
        return json.loads(self.text(json.dumps(body), shift))


def moved(moment: str, shift: timedelta) -> str:
    """A moment of the recording, as long before or after now as it was then; years away stay put."""
    then = datetime.fromisoformat(moment)
    now = then + shift
    if abs((then - datetime(2026, 11, 24).astimezone()).days) > 30 and then.year < 2026:
        return moment
    return now.isoformat(sep="T" if "T" in moment else " ").replace(
        "+00:00", moment[-1:] if "Z" in moment else "+00:00"
    )
