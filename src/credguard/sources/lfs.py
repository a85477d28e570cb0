"""Contents that git LFS stores beside a repository's objects, of which git itself has only pointers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Blob, Skip
from credguard.sources import files
from credguard.system.containment import Root

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from credguard.git.repository import Git

_Item = TypeVar("_Item")
POINTER = Pattern("lfs-pointer", rb"https://git-lfs\.github\.com/spec/v1\n")
# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: keys in order, a pointer has less than 1024 bytes.
_LONGEST = 1024
_POINTER = compile_lazily(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-\d-[^\n]{1,300}\n){0,9}"
    rb"oid sha256:([0-9a-f]{64})\nsize \d+\n"
)
_STORE = "lfs/objects"


def parse_pointer(data: bytes) -> str:
    """The name of the content (its SHA-256 in hex) of a pointer, "" for anything else."""
    match = _POINTER.fullmatch(data) if len(data) < _LONGEST else None
    return match[1].decode() if match else ""


def read_lfs_content(repository: Git, blob: Blob, limit: int) -> Iterator[Blob | Skip | str]:
    """The content of a pointer, or why it cannot be scanned; nothing for anything else. Raises GitError."""
    name = parse_pointer(blob.data)
    if name:
        here = f"{_STORE}/{name[:2]}/{name[2:4]}/{name}"
        yield _read(Root(repository.common_dir), here, blob.path, limit) or f"{blob.path}: {_format_missing(1)}"


def add_lfs_contents(items: Iterable[_Item], repository: Git, limit: int) -> Iterator[_Item | Blob | Skip | str]:
    """The items, with the result of `kept` after each pointer. Raises GitError."""
    for item in items:
        yield item
        if isinstance(item, Blob):
            yield from read_lfs_content(repository, item, limit)


def iter_lfs_contents(folder: Path, limit: int) -> Iterator[Blob | Skip | str]:
    """All contents below a repository's own folder, with paths relative to it."""
    root = Root(folder)
    for path in sorted(folder.glob(f"{_STORE}/??/??/*")):
        here = path.relative_to(folder).as_posix()
        item = _read(root, here, f".git/{here}", limit)
        if item is not None:
            yield item


def _read(root: Root, here: str, path: str, limit: int) -> Blob | Skip | str | None:
    """The content at `here` below git's own folder, as that of `path`; links are not followed."""
    reason = root.explain_refusal(here)
    return Skip(path, f"its content {reason}") if reason else files.read(root.resolve_location(here), path, limit)


def report_missing_contents(folder: Path, names: Collection[str]) -> Iterator[str]:
    """A note on those of the contents that are missing below a repository's own folder."""
    here = {path.name for path in folder.glob(f"{_STORE}/??/??/*")}
    count = len(set(names) - here)
    if count:
        yield _format_missing(count)


def _format_missing(count: int) -> str:
    what = "a content stored by git LFS is" if count == 1 else f"{count} contents stored by git LFS are"
    return f"{what} missing here and could not be scanned; fetch them with `git lfs fetch --all`"
