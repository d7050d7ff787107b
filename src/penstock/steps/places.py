"""The step that says where the code is: `set_working_directory`."""

from __future__ import annotations

import os

from penstock.errors import StepFailed
from penstock.steps.protocol import Place


async def set_working_directory(at: Place, *, directory: str) -> dict[str, str]:
    """Goes to an existing directory. Outputs it as `directory`."""
    path = at.start / os.path.expanduser(directory)  # noqa: ASYNC240, PTH111 - a look at the user's home only
    try:
        os.chdir(path)
    except OSError as error:
        raise StepFailed(f"The working directory {directory!r} can't be entered: {error.strerror}.") from error
    return {"directory": str(path)}
