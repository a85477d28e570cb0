"""What a repository should hold and does not: objects that are missing or promised, history that was cut off."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.git import linked_worktrees, object_store
from credguard.git.process import stop_process
from credguard.git.repository import GitError
from credguard.lazy_re import compile_lazily
from credguard.model.findings import OF_HISTORY, Skip
from credguard.system import regular_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.git.commit_walk import Walk
    from credguard.git.refs import Ref
    from credguard.git.repository import Git
    from credguard.history.objects import History

_NAMED, _MOST_OBJECTS = 5, 50
_LARGEST_LOG = 1 << 30
_LOGGED = compile_lazily(r"^[0-9a-f]{40,64} ([0-9a-f]{40,64}) ", re.MULTILINE)
_STAGED = compile_lazily(rb"(?:^|\0)(?!160000)[0-7]{6} ([0-9a-f]{40,64}) ")
_REACHABLE = (
    "rev-list",
    "--objects",
    "--quiet",
    "--missing=print",
    "--all",
    "--reflog",
    "--indexed-objects",
)


def find_missing_objects(
    repository: Git, history: History, walk: Walk, refs: Sequence[Ref]
) -> tuple[list[str], list[Skip]]:
    """Names of the objects to which refs, reflogs or an index lead and that are not there, and why git could not look
    further. To follow the commits git has read all their folders (or broke off), so that only what these bring is to
    be compared with what there is. Raises GitError."""
    followed = walk.whole and history.lists_all and all(ref.commit for ref in refs)
    if not followed or not walk.parents.keys() >= _collect_logged(repository):
        return _list_missing_with_git(repository)
    lacking = history.find_missing(walk.brought | _collect_staged(repository))
    return (_recheck_missing(repository, lacking) if lacking else []), []


def _recheck_missing(repository: Git, lacking: Iterable[str]) -> list[str]:
    """Those that are not there either when git lists all objects once more: others may have come meanwhile."""
    left = {oid.encode() for oid in lacking}
    process = repository.start(*object_store.ALL)
    try:
        for line in process.stdout or ():
            left.discard(line.rstrip())
    finally:
        stop_process(process)
    return sorted(oid.decode() for oid in left)


def _list_missing_with_git(repository: Git) -> tuple[list[str], list[Skip]]:
    """What git says itself, which takes it as long as to follow all commits once more."""
    try:
        listed = repository.run(*_REACHABLE)
    except GitError as error:
        return [], [Skip(".", f"{error.message}; {error.hint}", OF_HISTORY)]
    return [line.decode().removeprefix("?") for line in listed.splitlines() if line.startswith(b"?")], []


def _collect_staged(repository: Git) -> set[bytes]:
    """The objects in the indexes of all work trees, also those of settled conflicts; submodules left out."""
    own = [repository] if os.path.exists(os.path.join(repository.layout.git_dir, "index")) else []
    words = ("ls-files", "-z", "--stage", "--resolve-undo")
    listed = (index.run(*words) for index in [*own, *linked_worktrees.iter_other_indexes(repository)])
    return {oid for one in listed for oid in _STAGED.findall(one)}


def _collect_logged(repository: Git) -> set[str]:
    """The objects that reflogs name, of which git follows those that are commits; raises GitError."""
    common = Path(repository.common_dir)
    if (common / "reftable").exists():
        return {""}  # which no commit is named
    folders = {Path(repository.layout.git_dir), common, *(common / "worktrees").glob("*")}
    logs = (log for folder in folders for log in (folder / "logs").glob("**/*") if log.is_file())
    try:
        return {
            oid
            for log in logs
            for oid in _LOGGED.findall(regular_files.read(log, _LARGEST_LOG).decode("utf-8", "replace"))
            if oid.strip("0")
        }
    except OSError as error:
        raise GitError(f"a reflog could not be read: {error.strerror}", "make it readable") from error


def find_history_gaps(repository: Git) -> Iterator[Skip]:
    """Where the history ends before its beginning: shallow boundaries and grafts; raises GitError."""
    shallow = sorted(repository.read_shallow_commits())
    if shallow:
        where = format_names(shallow, "commit")
        yield Skip(".", f"history is cut off (shallow clone) at {where}; run `git fetch --unshallow`", OF_HISTORY)
    path = os.path.join(repository.common_dir, "info", "grafts")
    try:
        lines = regular_files.read(path, _LARGEST_LOG).split(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise GitError(f"{path} could not be read: {error.strerror}", "repair or remove it") from error
    grafts = [line.split()[0].decode("utf-8", "replace") for line in lines if line.strip() and line[:1] != b"#"]
    if grafts:
        what = f"grafts hide parents of {format_names(grafts, 'commit')}"
        yield Skip(".", f"{what}; they were not followed, but what they hide may be gone: remove {path}", OF_HISTORY)


def report_missing_objects(repository: Git, missing: Sequence[str]) -> Iterator[Skip]:
    """Each object that git lacks, or where there are many one line for all; raises GitError."""
    if not missing:
        return
    partial = is_partial(repository)
    cure = "run `git fetch --refetch` without a filter" if partial else "run `git fsck`, and fetch it again"
    if len(missing) > _MOST_OBJECTS:
        words = f"{format_names(missing, 'object')} of the history missing or corrupt; {cure}"
        yield Skip(".", words, OF_HISTORY)
        return
    for oid in missing:
        yield Skip(f"object {oid}", f"missing or corrupt in the history; {cure}", OF_HISTORY)


def report_misnamed(oids: Sequence[str]) -> Iterator[Skip]:
    """Words for objects that are not what their names say."""
    if oids:
        what = f"{format_names(oids, 'object')} of the history with a hash that is not the name"
        yield Skip(
            ".", f"{what}: scanned as it is, but git may read another; run `git fsck`, and fetch again", OF_HISTORY
        )


def report_store_errors(words: Sequence[str]) -> Iterator[Skip]:
    """Words for packs that nobody can read, and for what git said of the object store."""
    for word in words[:_NAMED]:
        yield Skip(
            ".", f"the object store is not whole: {word}; run `git fsck`, and fetch what is lost again", OF_HISTORY
        )
    if len(words) > _NAMED:
        yield Skip(".", f"{len(words) - _NAMED} more of the like in the object store", OF_HISTORY)


def is_partial(repository: Git) -> bool:
    """True for a clone that leaves objects to be fetched when they are needed."""
    names = r"^(remote\..*\.promisor|extensions\.partialclone)$"
    return bool(repository.run("config", "--get-regexp", names, ok=(0, 1)))


def format_names(names: Sequence[str], what: str) -> str:
    """`1 object (abc…)`, or how many and the first of them."""
    more = ", …" if len(names) > _NAMED else ""
    return f"{len(names)} {what}{'s' if len(names) > 1 else ''} ({', '.join(names[:_NAMED])}{more})"
