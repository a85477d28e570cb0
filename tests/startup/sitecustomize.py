"""Has every Python that the tests start share compiled databases; PYTHONPATH, which tests/conftest.py sets, leads here.

Only the name of a module is watched for, so that a start takes no longer and imports nothing else.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # every Python of the tests imports this
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_DATABASE = "credguard.matching.database"


class Watch:
    """Finds one module as Python does, and has its databases shared once it is loaded."""

    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """What `sys.meta_path` asks for."""
        if name != _DATABASE:
            return None
        sys.meta_path.remove(cls)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec and spec.loader:
                _share_after(spec.loader)
                return spec
        return None


def _share_after(loader: object) -> None:
    plain = loader.exec_module  # type: ignore[attr-defined]

    def exec_module(module: ModuleType) -> None:
        from importlib import import_module  # most Pythons never come here

        plain(module)
        sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))
        try:
            databases = import_module("databases")
        finally:
            del sys.path[0]
        databases.share(os.environ["TESTS_DATABASES"])

    loader.exec_module = exec_module  # type: ignore[attr-defined]


if "TESTS_DATABASES" in os.environ:
    sys.meta_path.insert(0, Watch)
