# mypy: ignore-errors
# SDK stands for the package whose copy this file becomes.
"""A flow that serves itself."""

from SDK import flow


@flow(name="served", log_prints=True)
def served(word: str = "hi") -> str:
    print("served", word)
    return word


if __name__ == "__main__":
    served.serve(name="by-itself", parameters={"word": "hello"}, pause_on_shutdown=False)
