"""Operations."""

try:
    from prefect import flow
except ImportError:
    from penstock import flow


@flow
def check(hosts: list[str] | None = None) -> None:
    """Checks hosts."""


@flow
def restart(host: str) -> None:
    """Restarts one."""
