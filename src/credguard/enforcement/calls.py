"""How a repository calls credguard, and what a change alters about that: the step or the hook, its job, and everything
that they inherit."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from credguard.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.enforcement.call_sites import Site, Survey
    from credguard.sources.snapshots import Snapshot


class Calls:
    """The calls of credguard in the files of a snapshot, read on demand."""

    def __init__(self, place: Snapshot | None = None) -> None:
        self._place = place

    @cached_property
    def _survey(self) -> Survey | None:
        if self._place is None:
            return None
        from credguard.enforcement.call_sites import Survey
        from credguard.enforcement.settings_files import SettingsFiles

        return Survey(SettingsFiles(self._place))

    @cached_property
    def sites(self) -> Mapping[str, tuple[Site, ...]]:
        """The calls by file; a file that cannot be read calls nothing."""
        return self._survey.find_sites() if self._survey else {}

    @property
    def asked(self) -> frozenset[str]:
        """The paths and folders that decide what is called: a change of none of them alters a call."""
        return self._survey.asked if self._survey else frozenset()

    def find_problem(self, path: str) -> str:
        """Why the file cannot be parsed as its name suggests, empty if it can."""
        return self._survey.find_problem(path) if self._survey else ""

    def explain_absence(self, path: str) -> str:
        """Why a file no longer calls credguard, if the state of the file is the cause: gone, a link, no longer
        readable."""
        if self._place is None:
            return ""
        try:
            if self._place.read(path) is None:
                return "is gone"
        except PolicyError as error:
            return f"cannot be read any more: {error.message.removeprefix(f'{path}: ')}"
        problem = self.find_problem(path)
        return f"cannot be read any more: {problem}" if problem else ""


def load_calls(place: Snapshot) -> Calls:
    """The calls of credguard in the files of a snapshot."""
    return Calls(place)
