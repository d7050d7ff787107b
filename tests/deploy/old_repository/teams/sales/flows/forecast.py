"""Sales."""

try:
    from prefect import flow
except ImportError:
    from penstock import flow


@flow
def forecast(region: str = "eu", weights: list[float] | None = None) -> None:
    """Looks ahead."""
