"""A scanner of all rules that test files share."""

from functools import cache

from credguard.scanning.scanner import Scanner


@cache
def load_scanner() -> Scanner:
    """Made when a test first asks, and not where its file is read, for that loads all patterns."""
    return Scanner()
