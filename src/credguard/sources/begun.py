"""What git finds out by itself while the objects are looked at: which are missing, and which commit brought which."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from credguard.sources.gaps import Missing
from credguard.sources.walk import Walk

if TYPE_CHECKING:
    from credguard.git import Git


class Begun:
    """Lets git begin, which takes as long as our own start. Nearly every history has a finding to be traced, so that
    nothing is won by waiting for one."""

    def __init__(self, repository: Git, *, whole: bool = True) -> None:
        """`whole` also asks whether all is there. Raises GitError."""
        with contextlib.ExitStack() as stack:
            self.missing = stack.enter_context(contextlib.closing(Missing(repository))) if whole else None
            self.walk = stack.enter_context(contextlib.closing(Walk(repository)))
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Ends what still runs."""
        self._stack.close()
