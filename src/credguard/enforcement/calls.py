"""Where a repository calls credguard, and what a change makes different about that: the step or the hook, its job,
and all that they inherit."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from credguard.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.enforcement.call_sites import Site, Survey
    from credguard.sources.snapshots import Snapshot


class Calls:
    """The calls of credguard in the files of one place, read when they are asked for."""

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
        """By file, the places in it that call; a file that cannot be read calls nothing."""
        return self._survey.find_sites() if self._survey else {}

    def find_problem(self, path: str) -> str:
        """Why the file cannot be read as what its name promises, empty where it can."""
        return self._survey.find_problem(path) if self._survey else ""

    def explain_absence(self, path: str) -> str:
        """Why nothing in a file calls, as far as it is the file's state: gone, a link, no longer what it was."""
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
    """The calls of credguard in the files of a place."""
    return Calls(place)
