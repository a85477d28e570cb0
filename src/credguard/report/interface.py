"""What every report format is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult


class Report(Protocol):
    """A module of this package that a format is named after."""

    def render(self, result: ScanResult) -> bytes:
        """The whole report as it stands in a file."""
