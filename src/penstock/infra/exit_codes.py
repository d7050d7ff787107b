"""Exit codes as containers have them, and as the driver protocol counts them."""

from __future__ import annotations

TERMINATED, KILLED = -15, -9
NEVER_BEGAN = 125
"""What container engines say of a container that could not be run."""
SIGNALS = range(129, 160)


def of_container(code: int) -> int:
    """A container that a signal ended has 128 and the signal's number; here a signal is a negative number."""
    return 128 - code if code in SIGNALS else code
