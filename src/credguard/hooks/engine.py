"""Only hyperscan's compiled module: its package imports `typing` and more, which takes as long as two git calls."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as in typing, which this does without
if TYPE_CHECKING:
    from types import ModuleType

_PACKAGE = "hyperscan"


def load_engine() -> tuple[ModuleType, str]:
    """The compiled module, and the version of the package; raises ImportError.

    A stub replaces the package during the import. Later imports get the complete package, with the same compiled
    module.
    """
    stand_in = None
    if _PACKAGE not in sys.modules:
        places = (os.path.join(folder, _PACKAGE) for folder in sys.path)
        found = [place for place in places if os.path.isfile(os.path.join(place, "__init__.py"))][:1]
        if found:  # otherwise it is imported in another way, completely
            stand_in = sys.modules[_PACKAGE] = type(sys)(_PACKAGE)
            stand_in.__path__ = found
    try:
        from hyperscan import _hs_ext  # type: ignore[attr-defined]  # not in its stubs
        from hyperscan._version import __version__
    finally:
        if stand_in is not None:
            del sys.modules[_PACKAGE]
    return _hs_ext, __version__
