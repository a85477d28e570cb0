"""What a repository should hold and does not: objects that are missing or promised, history that was cut off."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING

from credguard.git import GitError, stop
from credguard.model import Skip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.git import Git

_NAMED = 5
_REACHABLE = (
    "-c",
    "core.commitGraph=false",
    "rev-list",
    "--objects",
    "--quiet",
    "--missing=print",
    "--all",
    "--reflog",
    "--indexed-objects",
)


class Missing:
    """Asks git in the background whether all is there that refs, reflogs and the index lead to."""

    def __init__(self, repository: Git) -> None:
        self._git = repository
        self._stack = contextlib.ExitStack()
        self._output = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        self._process = repository.start(*_REACHABLE, stdout=self._output)
        self._stack.callback(stop, self._process)

    def objects(self) -> tuple[list[str], list[Skip]]:
        """Names of the objects that are not there, and why git could not look further."""
        if self._process.wait():
            try:
                self._git.run(*_REACHABLE)  # once more, for its words
            except GitError as error:
                return [], [Skip(".", f"{error.message}; {error.hint}")]
            return [], [Skip(".", "git could not follow the history to its end; run `git fsck`")]
        self._output.seek(0)
        return [line.decode().strip().removeprefix("?") for line in self._output if line.startswith(b"?")], []

    def close(self) -> None:
        """Ends git if it still runs."""
        self._stack.close()


def cut_off(repository: Git) -> Iterator[Skip]:
    """Where the history ends before its beginning: shallow boundaries and grafts; raises GitError."""
    shallow = sorted(repository.shallow_commits())
    if shallow:
        where = named(shallow, "commit")
        yield Skip(".", f"history is cut off (shallow clone) at {where}; run `git fetch --unshallow`")
    path = os.path.join(repository.common_dir, "info", "grafts")
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as handle:
        grafts = [line.split()[0].decode("utf-8", "replace") for line in handle if line.strip() and line[:1] != b"#"]
        if grafts:
            what = f"grafts hide parents of {named(grafts, 'commit')}"
            yield Skip(".", f"{what}; they were not followed, but what they hide may be gone: remove {path}")


def not_read(missing: Sequence[str], over: Sequence[tuple[str, str, int]], *, partial: bool) -> Iterator[Skip]:
    """Words for objects that could not be looked at, in one line a reason."""
    if missing:
        cure = "run `git fetch --refetch` without a filter" if partial else "run `git fsck`, and fetch them again"
        yield Skip(".", f"{named(missing, 'object')} of the history missing or corrupt; {cure}")
    if over:
        names = [f"{kind} {oid} ({size >> 20} MiB)" for kind, oid, size in over]
        most = max(size for _, _, size in over)
        cure = f"raise it with --max-file-size {(most >> 20) + 1}M"
        yield Skip(".", f"{named(names, 'object')} of the history over the limit; {cure}")


def closed(words: Sequence[str]) -> Iterator[Skip]:
    """Words for packs that nobody can read, and for what git said of the object store."""
    for word in words[:_NAMED]:
        yield Skip(".", f"the object store is not whole: {word}; run `git fsck`, and fetch what is lost again")
    if len(words) > _NAMED:
        yield Skip(".", f"{len(words) - _NAMED} more of the like in the object store")


def is_partial(repository: Git) -> bool:
    """True for a clone that leaves objects to be fetched when they are needed."""
    names = r"^(remote\..*\.promisor|extensions\.partialclone)$"
    return bool(repository.run("config", "--get-regexp", names, ok=(0, 1)))


def named(names: Sequence[str], what: str) -> str:
    """`1 object (abc…)`, or how many and the first of them."""
    more = ", …" if len(names) > _NAMED else ""
    return f"{len(names)} {what}{'s' if len(names) > 1 else ''} ({', '.join(names[:_NAMED])}{more})"
