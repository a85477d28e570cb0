"""When a value was added to a tracked file: the commits that changed the file, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from credguard.git.spawn import PLAIN_LOG
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from credguard.git.repository import Git

_FIRST_COMMIT_OF_ALL = datetime(2005, 4, 7, tzinfo=timezone.utc)  # git's own; older dates are wrong
_MOST_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Version:
    """A content that a file had: its object, the commit that added it, and when."""

    oid: str
    commit: str
    when: datetime


def read_file_histories(repository: Git, paths: Sequence[str]) -> dict[str, list[Version]]:
    """Every content that each of the tracked files had on the way to HEAD under its name, oldest first; one walk.

    Merges usually add nothing that neither side had, and are skipped. Raises GitError.
    """
    found: dict[str, list[Version]] = {path: [] for path in paths}
    for path, version in _walk(repository, "--relative", "--", *paths) if paths else ():
        if path in found:
            found[path].append(version)
    return {path: versions[::-1] for path, versions in found.items()}


def read_renamed_history(repository: Git, path: str) -> list[Version]:
    """Every content that one tracked file had, following renames. Raises GitError."""
    return [version for _, version in _walk(repository, "--follow", "--", path)][::-1]


def find_first_versions(
    repository: Git,
    history: Sequence[Version],
    wanted: Collection[str],
    held: Callable[[bytes, set[str]], set[str]],
    limit: int,
) -> dict[str, Version]:
    """The version of a history in which each of `wanted` first occurs; `held(data, some)` returns which of some a
    content has. Contents over `limit` bytes are skipped. Raises GitError."""
    waiting = set(wanted)
    found: dict[str, Version] = {}
    for version, data in zip(history, repository.read_blobs((v.oid for v in history), limit), strict=False):
        here = held(data, waiting) if isinstance(data, bytes) else set()
        found.update(dict.fromkeys(here, version))
        waiting -= here
        if not waiting:
            break
    return found


def _walk(repository: Git, *options: str) -> Iterator[tuple[str, Version]]:
    """Path (as git quotes it if it contains special characters) and version of each change, newest first."""
    if repository.resolve_head() is None:
        return
    output = repository.run(
        *PLAIN_LOG, "--raw", "--no-abbrev", "--format=format:commit %H %at %ct", *options
    )  # fmt: skip
    commit, when = "", None
    for line in decode_path(output).split("\n"):
        if line.startswith("commit "):
            commit, author, committer = [*line.split(" "), "", ""][1:4]  # a damaged one has no dates
            when = _pick_date(_parse_seconds(author), _parse_seconds(committer))
        elif line.startswith(":") and when:
            fields, *names = line.split("\t")
            oid = fields.split(" ")[3]
            if oid.strip("0"):
                yield names[-1], Version(oid, commit, when)


def _parse_seconds(word: str) -> int | None:
    """A date as git writes it, None if the commit has no valid one."""
    return int(word) if word.isdecimal() and len(word) < _MOST_DIGITS else None


def _pick_date(author: int | None, committer: int | None) -> datetime | None:
    """The author date if it is plausible; otherwise the committer date."""
    for seconds in (author, committer):
        if seconds is not None and (committer is None or author is None or author <= committer or seconds == committer):
            try:
                when = datetime.fromtimestamp(seconds, timezone.utc)
            except (ValueError, OverflowError, OSError):
                continue
            if when >= _FIRST_COMMIT_OF_ALL:
                return when
    return None
