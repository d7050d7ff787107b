"""Loads what came in."""

try:
    from prefect import flow
except ImportError:
    from penstock import flow


@flow(description="Loads what came in.")
def etl(source: str = "s3", limit: int = 10) -> None:
    """Loads."""


@flow(name="Weekly Report", version="1.2")
def report(day: str) -> None:
    """Reports."""
