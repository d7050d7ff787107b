# mypy: ignore-errors
# SDK stands for the package whose copy this file becomes.
"""Saves, loads and changes blocks: a secret of the system and one of the user's own."""

import json

from pydantic import SecretStr
from SDK.blocks.core import Block
from SDK.blocks.system import Secret


class Account(Block):
    """A login."""

    user: str
    password: SecretStr


if __name__ == "__main__":
    Secret(value="hush").save("interop-secret", overwrite=True)
    Account(user="ford", password=SecretStr("towel")).save("interop-account", overwrite=True)
    loaded = Account.load("interop-account")
    seen = {
        "secret": Secret.load("interop-secret").get(),
        "user": loaded.user,
        "password": loaded.password.get_secret_value(),
    }
    print("RESULT " + json.dumps(seen))
