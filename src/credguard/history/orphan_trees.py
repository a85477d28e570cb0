"""Names in trees that no commit has: what is left over of work that was thrown away before it was committed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from credguard.git import commit_walk
from credguard.git.commit_walk import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from credguard.git.commit_walk import TreeEntry
    from credguard.git.repository import Git

_LARGEST_TREE = 1 << 26
_MOST_TREES = 100_000


def find_orphan_entries(entries: Iterable[TreeEntry], arrivals: Collection[Arrival]) -> list[TreeEntry]:
    """The entries that no arrival accounts for; of a folder that is not known before its files are read."""
    brought = {(one.path.rpartition(b"/")[2], one.oid) for one in arrivals}
    return [entry for entry in entries if entry.is_folder or (entry.name, entry.oid) not in brought]


def find_orphan_files(
    repository: Git,
    entries: Mapping[TreeEntry, str],
    known: Collection[Arrival],
    named: Callable[[bytes], bool],
) -> list[Arrival]:
    """The files of which `named` says so at the entries (each with a tree that has it) and in folders there, less those
    that are known: without a commit, below the name of the tree. Raises GitError."""
    brought = defaultdict(set)
    for one in known:
        for part in one.path.split(b"/"):
            brought[one.oid].add(part)
    folders: list[tuple[str, bytes, bytes]] = []
    found = []
    for entry, tree in entries.items():
        path = b"tree %s/%s" % (tree[:12].encode(), entry.name)
        if entry.is_folder:
            folders.append((entry.oid, path, entry.name))
        elif named(path):
            found.append(Arrival("", entry.oid, path))
    for oid, path, top in _iter_files(repository, folders):
        if top not in brought[oid] and named(path):
            found.append(Arrival("", oid, path))
    return found


def _iter_files(repository: Git, folders: list[tuple[str, bytes, bytes]]) -> Iterator[tuple[str, bytes, bytes]]:
    """Object and path of every file in folders (object, path, a word that stays with it)."""
    waiting = folders[::-1]
    asked: list[tuple[str, bytes, bytes]] = []

    def iter_oids() -> Iterator[str]:
        while waiting and len(asked) < _MOST_TREES:
            asked.append(waiting.pop())
            yield asked[-1][0]

    for _, data in repository.read_objects(iter_oids(), _LARGEST_TREE):
        oid, path, top = asked[-1]
        for head, named in commit_walk.parse_tree_entries(data, oid) if isinstance(data, bytes) else ():
            mode, _, name = head.partition(b" ")
            below = (named.hex(), path + b"/" + name, top)
            if commit_walk.is_folder(mode):
                waiting.append(below)
            else:
                yield below
