"""Repositories that are listed in a file, or that lie in a folder of mirrors."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from credguard.errors import CredguardError
from credguard.fleet.hosts.listing import read_entries
from credguard.fleet.plan import make_entry
from credguard.git import clone
from credguard.sources.files import is_bare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from credguard.fleet.plan import PlannedRepository

_LARGEST = 1 << 30
_DEEPEST = 8


def read_targets(path: Path) -> list[PlannedRepository]:
    """The entries of a file: addresses, one a line (`#` begins a comment), or what `gh api`, `gh repo list --json` and
    `glab api` print. Raises CredguardError, which names the line and does not quote it."""
    try:
        with open(path, "rb") as handle:
            data = handle.read(_LARGEST)
    except OSError as error:
        raise CredguardError(f"{path} could not be read: {error.strerror}", "check the name") from error
    text = data.decode("utf-8", "surrogateescape")
    if text.lstrip()[:1] in ("[", "{"):
        return read_entries(_iter_objects(text, path), str(path))
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        address = line.strip()
        if address and not address.startswith("#"):
            try:
                entries.append(make_entry(address if clone.is_url(address) else os.path.abspath(address)))
            except CredguardError as error:
                raise CredguardError(f"{path}:{number}: {error.message}", error.hint) from None
    return entries


def _iter_objects(text: str, path: Path) -> Iterator[Any]:
    """The objects of one JSON document after another: each page of `--paginate` is one, and each line may be."""
    decoder, place = json.JSONDecoder(), 0
    try:
        while place < len(text):
            if text[place].isspace():
                place += 1
                continue
            value, place = decoder.raw_decode(text, place)
            yield from value if isinstance(value, list) else [value]
    except (ValueError, RecursionError):
        raise CredguardError(f"{path} is no JSON from byte {place} on", "was the list cut off?") from None


def list_mirrors(folder: Path) -> list[PlannedRepository]:
    """The repositories in a folder and those below it, bare or with a work tree; raises CredguardError."""
    if not folder.is_dir():
        raise CredguardError(f"{folder} is no folder", "give the folder that holds the mirrors")
    return [make_entry(path, size=_measure(path)) for path in _iter_repositories(os.path.abspath(folder), 0)]


def _iter_repositories(folder: str, depth: int) -> Iterator[str]:
    from pathlib import Path

    if os.path.lexists(os.path.join(folder, ".git")) or is_bare(Path(folder)):
        yield folder
        return
    try:
        inside = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except OSError as error:
        hint = "make it readable; a mirror that nobody saw would be missing"
        raise CredguardError(f"{folder} could not be read: {error.strerror}", hint) from error
    if inside and depth >= _DEEPEST:
        raise CredguardError(f"{folder} has folders below it that were not searched", "give a folder nearer to it")
    for path in inside:
        yield from _iter_repositories(path, depth + 1)


def _measure(path: str) -> int:
    """The bytes of the packs."""
    size = 0
    for packs in (f"{path}/objects/pack", f"{path}/.git/objects/pack"):
        if os.path.isdir(packs):
            size += sum(entry.stat().st_size for entry in os.scandir(packs))
    return size
