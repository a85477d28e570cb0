"""Where in its repository a file is: rules go by that path, a report names the one that the user gave."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.model.findings import Blob
from credguard.system.compat import find_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from credguard.model.result import Problems, Result
    from credguard.sources.interface import Source


def find_prefix(folder: str) -> str:
    """The path from the top of the repository around a folder to the folder, with `/` at its end; empty at the top, and
    outside of repositories."""
    here = os.path.realpath(folder)
    top = find_repository(here)
    return "" if top in (None, here) else os.path.relpath(here, top).replace(os.sep, "/") + "/"


def find_contexts(paths: list[str]) -> dict[str, str]:
    """For each path of a file the path in its repository, where that is another one."""
    prefixes: dict[str, str] = {}
    contexts: dict[str, str] = {}
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in prefixes:
            prefixes[folder] = find_prefix(folder or os.curdir)
        context = prefixes[folder] + name
        if prefixes[folder] and context != path:
            contexts[path] = context
    return contexts


def place_blobs(source: Source, place: Callable[[str], str]) -> Source:
    """The source with each blob at the path that `place` gives for its own."""
    return (replace(item, path=place(item.path)) if isinstance(item, Blob) else item for item in source)


def make_restorer(contexts: Mapping[str, str]) -> Callable[[str], str]:
    """Gives for a path of `find_contexts`, or of what is in such a file, the path that was given."""
    given = {context: path for path, context in contexts.items()}

    def restore(path: str) -> str:
        return next((given[start] + path[len(start) :] for start in _iter_starts(path) if start in given), path)

    return restore


def _iter_starts(path: str) -> Iterator[str]:
    """The path, and what stands before each `!`: a member of an archive is `archive!member`."""
    yield path
    for at, letter in enumerate(path):
        if letter == "!":
            yield path[:at]


def rename_paths(result: Result, rename: Callable[[str], str]) -> Result:
    """The result with other paths of findings, of what was not scanned and of what was not read whole."""
    findings = [
        replace(one, locations=tuple(replace(place, path=rename(place.path)) for place in one.locations))
        for one in result.findings
    ]
    skipped = [replace(skip, path=rename(skip.path)) for skip in result.coverage.skipped]
    unread = {rename(path): reason for path, reason in result.problems.unread.items()}
    return replace(
        result,
        findings=tuple(findings),
        coverage=replace(result.coverage, skipped=skipped),
        problems=replace(result.problems, unread=unread),
    )


def rename_failures(problems: Problems, rename: Callable[[str], str]) -> Problems:
    """The problems with other paths of the blobs on which rules failed."""
    return replace(problems, failures=tuple((rename(path), rule, reason) for path, rule, reason in problems.failures))
