"""All commits reachable from refs and reflogs, and what each of them adds compared with its parents."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.git.process import stop_process
from credguard.git.repository import GITLINK
from credguard.git.spawn import PLAIN_LOG
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import IO

    from credguard.git.repository import Git

    SelectCommits = Callable[[Collection[str], Collection[str]], Collection[str]]
    """Which of all commits have to be compared with their parents to find where these objects come from."""

_EVERY = ("--all", "--reflog", "--topo-order")
_FORM = ("-c", "--root", "--raw", "-z", "--no-renames", "--no-abbrev", "--pretty=tformat:%H %P")
# Without these git would map whole packs into memory.
_BOUNDS = tuple(
    word for setting in ("core.packedGitWindowSize=16m", "core.packedGitLimit=160m") for word in ("-c", setting)
)
# One process takes three quarters of the time of `rev-list | diff-tree`, where every commit is compared.
_LIST = ("rev-list", "--parents", *_EVERY)
_LOG = (*_BOUNDS, *PLAIN_LOG, *_EVERY, *_FORM)
_DIFF = ("diff-tree", "--stdin", "--always", "-r", *_FORM)
_CHUNK = 1 << 20
_ENTRY = {size: compile_lazily(rb"(\d{1,8} [^\0]+)\0(.{%d})" % size, re.DOTALL) for size in (20, 32)}
_FOLDER = b"40000"
_LINK = GITLINK.encode()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A commit adds an object at a path where none of its parents has it."""

    commit: str
    oid: str
    path: bytes


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A name in a tree, and its object."""

    name: bytes
    oid: str
    is_folder: bool


def parse_tree_entries(data: bytes, oid: str) -> list[tuple[bytes, bytes]]:
    """Mode with name, and object ID in bytes, of each entry of a tree object; `oid` is an ID of the repository."""
    return _ENTRY[len(oid) // 2].findall(data)


def is_folder(mode: bytes) -> bool:
    """True for the mode of a folder, which some tools write with a leading zero."""
    return mode.lstrip(b"0") == _FOLDER


class Walk:
    """The commits, children before parents. git runs in the background; `arrivals` reads its output. `parents` then
    contains all commits with theirs, and `brought` the IDs (in hex) of all objects that they add, except folders and
    submodules; `whole` is False if git stopped early. After `find_arrivals`, `followed` are the reachable commits and
    `telling` those of them that add something that was asked for."""

    def __init__(self, repository: Git, select: SelectCommits | None = None) -> None:
        """Starts git, which writes to an unnamed file. Raises GitError. With `select`, only the commits that it selects
        are compared with their parents, and `brought` is what these add."""
        self.parents: dict[str, tuple[str, ...]] = {}
        self.brought: set[bytes] = set()
        self.whole = True
        self.followed: tuple[str, ...] = ()
        self.telling: set[str] = set()
        self._git, self._select = repository, select
        self._stack = contextlib.ExitStack()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._output: IO[bytes] = self._open_temp_file()
        self._start(*(_LIST if select else _LOG), stdout=self._output)

    def find_arrivals(self, wanted: Collection[str], named: Callable[[bytes], bool] | None = None) -> list[Arrival]:
        """The commits and paths where the objects are added, and files for which `named` is true; raises GitError."""
        if self._select:
            self._diff_selected(self._select, wanted)
        found = list(self._read(wanted, named))
        self.followed, self.telling = tuple(self.parents), {one.commit for one in found}
        return found

    def _diff_selected(self, select: SelectCommits, wanted: Collection[str]) -> None:
        self._wait()
        self._output.seek(0)
        lines = (line.decode().split() for line in self._output)
        self.parents = {commit: tuple(parents) for commit, *parents in lines}
        self._diff(select(self.parents, wanted))

    def find_unreachable(self, wanted: Collection[str], named: Callable[[bytes], bool] | None = None) -> list[Arrival]:
        """The same for commits that are not reachable from any ref or reflog; in `parents` they are then before all
        others, which may be their parents. Raises GitError."""
        words = ("--batch-all-objects", "--batch-check=%(objecttype) %(objectname)", "--unordered")
        listed = self._git.run("cat-file", *words)
        commits = [line[7:].decode() for line in listed.split(b"\n") if line.startswith(b"commit ")]
        reachable = self.parents
        gone = [commit for commit in commits if commit not in reachable]
        if not gone:
            return []
        self._diff(gone)
        self.parents, brought = {}, self.brought
        self.brought = set()  # nothing leads to what these add
        found = list(self._read(wanted, named))
        self.brought = brought
        order = _sort_children_first(self.parents)
        self.parents = order | reachable
        numbers = {commit: number for number, commit in enumerate(order)}
        return sorted(found, key=lambda one: numbers[one.commit])

    def close(self) -> None:
        """Ends processes that still run."""
        self._stack.close()

    def _start(
        self, *args: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
    ) -> subprocess.Popen[bytes]:
        process = self._git.start(*args, stdin=stdin, stdout=stdout)
        self._stack.callback(stop_process, process)
        self._processes.append(process)
        return process

    def _open_temp_file(self) -> IO[bytes]:
        return self._stack.enter_context(tempfile.TemporaryFile())

    def _diff(self, commits: Collection[str]) -> None:
        names, self._output = self._open_temp_file(), self._open_temp_file()
        names.write("".join(f"{commit}\n" for commit in commits).encode())
        names.seek(0)
        self._start(*_DIFF, stdin=names, stdout=self._output)

    def _wait(self) -> None:
        codes = [self._git.wait(process) for process in self._processes]
        self.whole = self.whole and not any(codes)
        self._processes.clear()

    def _read(self, wanted: Collection[str], named: Callable[[bytes], bool] | None) -> Iterator[Arrival]:
        self._wait()
        self._output.seek(0)
        asked = frozenset(oid.encode() for oid in wanted)
        brought = self.brought.add
        commit = ""
        fields = _iter_fields(self._output)
        for field in fields:
            if field.startswith((b":", b"\n:")):
                path = next(fields, b"")
                modes, oid, status = field.rsplit(b" ", 2)
                if status[:1] == b"D":  # it removes a file
                    continue
                is_link = _LINK in modes and _is_link(modes)
                if not is_link:
                    brought(oid)
                if oid in asked or (named and not is_link and named(path)):
                    yield Arrival(commit, oid.decode(), path)
            elif field.strip():  # an empty one follows the line of a merge
                commit, *parents = field.decode().split()
                self.parents[commit] = tuple(parents)


def _is_link(modes: bytes) -> bool:
    """True for the modes (and old objects) of a submodule's entry; git also treats unknown modes as one."""
    return modes.split(b" ")[modes.count(b":")] == _LINK


def _sort_children_first(parents: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The commits with their parents, each before its parents regardless of their dates."""
    waiting = Counter(parent for some in parents.values() for parent in some)
    ready = [commit for commit in parents if not waiting[commit]]
    ordered: dict[str, tuple[str, ...]] = {}
    while ready:
        commit = ready.pop()
        ordered[commit] = tuple(parents[commit])
        waiting.subtract(parents[commit])
        ready += (parent for parent in dict.fromkeys(parents[commit]) if parent in parents and not waiting[parent])
    return ordered


def _iter_fields(stream: IO[bytes]) -> Iterator[bytes]:
    """The NUL-ended fields."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        *fields, rest = (rest + chunk).split(b"\0")
        yield from fields
