# mypy: ignore-errors
# SDK stands for the package whose copy this file becomes.
"""A flow that pauses until somebody resumes it, and says so."""

from SDK import flow, pause_flow_run


@flow(name="pausing")
def pausing() -> str:
    pause_flow_run(timeout=60, poll_interval=1)
    return "resumed"


if __name__ == "__main__":
    print("RESULT", pausing())
