"""Deploying projects. Flow code knows this name as a function, `from penstock import deploy`, so it is one too."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Deploy(ModuleType):
    """The import system puts a package in the place of any function of its name: so the package can be called."""

    def __call__(self, *deployments: Any, **options: Any) -> Any:
        from penstock.sdk.deployables import deploy

        return deploy(*deployments, **options)


sys.modules[__name__].__class__ = _Deploy
