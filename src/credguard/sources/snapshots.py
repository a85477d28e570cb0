"""The sources of a policy and related files: a folder, a commit, the index, the package."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from credguard.errors import PolicyError
from credguard.git.repository import SYMLINK
from credguard.system.compat import is_link, open_to_read
from credguard.system.containment import OUTSIDE, OutsideError, Root, is_plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from credguard.git.repository import Git

LARGEST_SETTING = 1 << 20
"""The most bytes of a policy file that are read."""
_LINK = "is a symbolic link, which is not followed"


BELOW = "**"
"""Suffix of a folder's name that includes everything below it."""
MOST_BELOW = 500
_YAML = (".yml", ".yaml")


class Snapshot(Protocol):
    """Provides files by their path from the root, `/`-separated."""

    def read(self, path: str) -> bytes | None:
        """The file's bytes (at most one over LARGEST), None if it does not exist. Raises PolicyError for a link, a
        folder, and what cannot be read."""

    def read_texts(self, paths: Sequence[str], folders: Sequence[str]) -> dict[str, bytes]:
        """The content of those of the paths that are files, and of the files directly in the folders (with `**` at its
        end: of the YAML files anywhere below, at most MOST_BELOW); what cannot be read is left out."""

    def find_executables(self, paths: Sequence[str]) -> frozenset[str]:
        """Those of the files that are executable."""


@dataclass(frozen=True, slots=True)
class FolderSnapshot:
    """A folder on disk; nothing outside of it is read."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """See Snapshot."""
        return self._read(path, Root(self.root))

    @staticmethod
    def _read(path: str, root: Root) -> bytes | None:
        try:
            location = root.resolve_location(path)
        except OutsideError as error:
            raise PolicyError(path, 0, 0, str(error), "put the file itself there") from None
        try:
            if is_link(location):
                raise PolicyError(path, 0, 0, _LINK, "put the file itself there")
            descriptor = open_to_read(location)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise PolicyError(path, 0, 0, f"could not be read: {error.strerror}", "make it readable") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise PolicyError(path, 0, 0, "is not a file", "put a file there")
        with os.fdopen(descriptor, "rb") as handle:
            return handle.read(LARGEST_SETTING + 1)

    def read_texts(self, paths: Sequence[str], folders: Sequence[str]) -> dict[str, bytes]:
        """See Snapshot."""
        names = list(paths)
        for folder in folders:
            if folder.endswith(BELOW):
                names += self._below(folder.removesuffix(BELOW))
                continue
            with contextlib.suppress(OSError):
                names += sorted(f"{folder}/{name}" for name in os.listdir(os.path.join(self.root, folder)))
        found: dict[str, bytes] = {}
        root = Root(self.root)
        for name in names:
            with contextlib.suppress(PolicyError):
                data = self._read(name, root)
                if data is not None:
                    found[name] = data
        return found

    def _below(self, start: str) -> list[str]:
        names: list[str] = []
        for folder, folders, files in os.walk(os.path.join(self.root, start)):
            folders[:] = sorted(name for name in folders if name != ".git")
            inner = os.path.relpath(folder, self.root).replace(os.sep, "/")
            names += (name if inner == "." else f"{inner}/{name}" for name in sorted(files) if name.endswith(_YAML))
            if len(names) > MOST_BELOW:
                break
        return names[:MOST_BELOW]

    def find_executables(self, paths: Sequence[str]) -> frozenset[str]:
        """See Snapshot."""
        return frozenset(path for path in paths if os.access(os.path.join(self.root, path), os.X_OK))


@dataclass(frozen=True, slots=True)
class CommitSnapshot:
    """A commit (or a tree) of a repository, or with an empty `commit` the index."""

    repository: Git
    commit: str = ""

    def read(self, path: str) -> bytes | None:
        """See Snapshot."""
        if not is_plain(path):
            raise PolicyError(path, 0, 0, OUTSIDE, "name a file of the repository")
        entry = next((e for e in self._list_entries(path) if e[2] == path), None)
        if entry is None:
            return None
        mode, oid, _ = entry
        if mode == SYMLINK:
            raise PolicyError(path, 0, 0, _LINK, "put the file itself there")
        if not mode.startswith("100"):
            raise PolicyError(path, 0, 0, "is not a file", "put a file there")
        data = next(self.repository.read_blobs([oid], LARGEST_SETTING))
        if isinstance(data, str):
            too_large = "limit" in data
            raise PolicyError(path, 0, 0, "is larger than 1 MiB" if too_large else data, "")
        return data

    def read_texts(self, paths: Sequence[str], folders: Sequence[str]) -> dict[str, bytes]:
        """See Snapshot."""
        inside = tuple(folder for folder in folders if not folder.endswith(BELOW))
        entries = [
            (oid, path)
            for mode, oid, path in self._list_entries(*paths, *(folder + "/" for folder in inside))
            if mode.startswith("100") and (path in paths or path.rpartition("/")[0] in inside)
        ]
        for folder in folders:
            if folder.endswith(BELOW):
                below = self._list_entries(*filter(None, [folder.removesuffix(BELOW)]), below=True)
                found = [(oid, path) for mode, oid, path in below if mode.startswith("100") and path.endswith(_YAML)]
                entries += found[:MOST_BELOW]
        contents = self.repository.read_blobs([oid for oid, _ in entries], LARGEST_SETTING)
        return {path: data for (_, path), data in zip(entries, contents, strict=True) if isinstance(data, bytes)}

    def find_executables(self, paths: Sequence[str]) -> frozenset[str]:
        """See Snapshot."""
        return (
            frozenset(path for mode, _, path in self._list_entries(*paths) if mode == "100755")
            if paths
            else frozenset()
        )

    def _list_entries(self, *paths: str, below: bool = False) -> list[tuple[str, str, str]]:
        """Mode, object ID and path of the entries there; of everything `below` if set."""
        if self.commit:
            options = ("-r", "--full-tree") if below else ("--full-tree",)
            raw = self.repository.run("ls-tree", "-z", *options, self.commit, "--", *paths)
        else:
            raw = self.repository.run("ls-files", "-z", "--stage", "--", *(p.rstrip("/") for p in paths))
        found = []
        for record in self.repository.split(raw):
            head, _, path = record.partition("\t")
            words = head.split(" ")
            found.append((words[0], words[2] if self.commit else words[1], path))
        return found
