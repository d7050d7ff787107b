"""Cleans up."""

try:
    from prefect import flow
except ImportError:
    from penstock import flow


@flow
def clean(older_than: int = 30, dry: bool = False) -> None:
    """Cleans up."""
