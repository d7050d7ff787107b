"""A flow of Prefect 2, run by hand at the end of the sweep: a task, a log line, an artifact and a variable."""

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.variables import Variable


@task
def double(number: int) -> int:
    return 2 * number


@flow
def hello(who: str = "ford") -> int:
    get_run_logger().info("hello %s", who)
    create_markdown_artifact("all is well", key="report")
    Variable.set("place", "west", overwrite=True)
    return double(21)


if __name__ == "__main__":
    assert hello() == 42
