"""All commits that refs and reflogs lead to, and what each of them brings against its parents."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.git import GITLINK, GitError, stop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import IO

    from credguard.git import Git

_EVERY = ("--all", "--reflog", "--topo-order")
_FORM = ("-c", "--root", "--raw", "-z", "--no-renames", "--no-abbrev", "--pretty=tformat:%H %P")
# One process takes three quarters of the time of `rev-list | diff-tree`. As a command for people `log` heeds settings:
# none may run a program, or change what it says.
_LOG = (
    "-c", "core.commitGraph=false",  # it would vouch for commits that are gone
    "log", *_EVERY, *_FORM, "--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-notes", "--no-mailmap",
    "--no-relative", "--no-color", "-O/dev/null", "--ignore-submodules=none",
)  # fmt: skip
_DIFF = ("diff-tree", "--stdin", "--always", "-r", *_FORM)
_CHUNK = 1 << 20
_LINK = GITLINK.encode()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A commit brings an object to a path where none of its parents has it."""

    commit: str
    oid: str
    path: bytes


class Walk:
    """The commits, children before parents. git works while something else is done; `arrivals` reads what it
    found. `parents` are then all commits with theirs; `whole` is False where git broke off."""

    def __init__(self, repository: Git) -> None:
        """Lets git begin; it writes to a nameless file. Raises GitError."""
        self.parents: dict[str, tuple[str, ...]] = {}
        self.whole = True
        self._git = repository
        self._stack = contextlib.ExitStack()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._output: IO[bytes] = self._file()
        self._started(*_LOG, stdout=self._output)

    def arrivals(self, wanted: Collection[str], named: Callable[[bytes], bool] | None = None) -> list[Arrival]:
        """Where the objects arrive, and files of which `named` says so; raises GitError."""
        return list(self._read(wanted, named))

    def unreachable(self, wanted: Collection[str]) -> list[Arrival]:
        """The same for the commits that no ref and no reflog leads to any more."""
        words = ("--batch-all-objects", "--batch-check=%(objecttype) %(objectname)", "--unordered")
        listed = self._git.run("cat-file", *words)
        commits = [line[7:].decode() for line in listed.split(b"\n") if line.startswith(b"commit ")]
        gone = [commit for commit in commits if commit not in self.parents]
        if not gone:
            return []
        with self._file() as names:
            stdin = "".join(f"{commit}\n" for commit in gone).encode()
            known = "".join(f"^{commit}\n" for commit in self._tips()).encode()
            with contextlib.suppress(GitError):  # their own history may have been pruned in part
                stdin = self._git.run("rev-list", "--topo-order", "--stdin", stdin=stdin + known)
            names.write(stdin)
            names.seek(0)
            self._diff(names)
            return list(self._read(wanted, None))

    def close(self) -> None:
        """Ends what still runs."""
        self._stack.close()

    def _tips(self) -> Iterable[str]:
        return self._git.run("rev-list", "--all", "--reflog", "--no-walk=unsorted").decode().split()

    def _started(
        self, *args: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
    ) -> subprocess.Popen[bytes]:
        process = self._git.start(*args, stdin=stdin, stdout=stdout)
        self._stack.callback(stop, process)
        self._processes.append(process)
        return process

    def _file(self) -> IO[bytes]:
        return self._stack.enter_context(tempfile.TemporaryFile())

    def _diff(self, names: IO[bytes] | None) -> None:
        self._output = self._file()
        self._started(*_DIFF, stdin=names, stdout=self._output)

    def _read(self, wanted: Collection[str], named: Callable[[bytes], bool] | None) -> Iterator[Arrival]:
        codes = [process.wait() for process in self._processes]
        self.whole = self.whole and not any(codes)
        self._processes.clear()
        self._output.seek(0)
        asked = frozenset(oid.encode() for oid in wanted)
        commit, words = "", [b""]
        for field in _fields(self._output):
            if words[0]:  # the path that follows an entry
                oid = words[1]
                if (oid in asked or (named and named(field))) and not _is_no_file(words):
                    yield Arrival(commit, oid.decode(), field)
                words = [b""]
            elif field.startswith((b":", b"\n:")):
                words = field.lstrip(b"\n").rsplit(b" ", 2)
            elif field.strip():  # an empty one follows the line of a merge
                commit, *parents = field.decode().split()
                self.parents[commit] = tuple(parents)


def _is_no_file(words: list[bytes]) -> bool:
    """True for an entry (modes and old objects, new object, status) that takes a file away or is a submodule."""
    modes = words[0].split(b" ")
    return words[2][:1] == b"D" or modes[words[0].count(b":")] == _LINK


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    """The NUL-ended fields."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        *fields, rest = (rest + chunk).split(b"\0")
        yield from fields
