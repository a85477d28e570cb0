"""Files and folders on disk: what there is to scan, and the bytes of each."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from credguard.git.repository import GITLINK, Git, GitError, IndexEntry, find_git
from credguard.lazy_re import compile_lazily
from credguard.model.findings import OF_EVERYTHING, Blob, BlobKind, Skip
from credguard.model.limit_reasons import explain_size
from credguard.sources.worktree import RULE_READ_LIMIT, WorkTree
from credguard.system.compat import encode_path, is_link, open_to_read
from credguard.system.containment import ODD, Root, is_checked_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

DEFAULT_LIMIT = 256 << 20
"""The most bytes of a file that are read; a whole file is kept in memory."""
_CHUNK = 1 << 20
_BARE = frozenset(("HEAD", "objects", "refs"))
# gitrepository-layout(5): the names of a loose object and a pack below `objects`.
_LOOSE = compile_lazily(r"[0-9a-f]{2}/(?:[0-9a-f]{38}|[0-9a-f]{62})")
_PACK = compile_lazily(r"pack/pack-[0-9a-f]{40,64}\.pack")


@dataclass(slots=True)
class Listing:
    """The content of a folder: the tree, index entries by path, the nested repositories `inner`, and what could not be
    listed; `history` is the repository, even if git could not list its files. `odd` are entries of the index that git
    would not write to disk: their contents come only from its objects."""

    tree: WorkTree
    entries: dict[str, IndexEntry] = field(default_factory=dict)
    skipped: list[Skip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    odd: list[IndexEntry] = field(default_factory=list)
    history: Git | None = None


def open_tree(root: Path, *, ignored: bool = False) -> Listing:
    """Lists `root`: by git's index and ignore rules inside a repository, every file elsewhere.

    `ignored` adds the files that git ignores. A repository that git cannot read is listed file by file and reported in
    `skipped`.
    """
    try:
        if is_bare(root):
            return _list_bare(root)
        repository = find_git(root)
        if repository is not None:
            return _list_with_git(root, repository, ignored=ignored)
    except GitError as error:
        listing = _list_plain(root)
        listing.skipped.append(Skip(".", f"{error.message}; files were read without git: {error.hint}"))
        listing.history = Git(root) if os.path.lexists(root / ".git") else None
        return listing
    return _list_plain(root)


def _list_with_git(root: Path, repository: Git, *, ignored: bool) -> Listing:
    tracked = {entry.path: entry for entry in repository.list_tracked()}
    odd = [entry for entry in tracked.values() if not is_checked_out(entry.path)]
    for entry in odd:
        del tracked[entry.path]
    links = [path for path, entry in tracked.items() if entry.mode == GITLINK]
    for path in links:
        del tracked[path]
    others, warning = repository.list_untracked(tracked)
    if ignored:
        more, _ = repository.list_untracked(tracked, ignored=True)
        others += more
    listing = Listing(WorkTree(root, (), frozenset(tracked), repository), tracked, history=repository)
    listing.odd = [entry for entry in odd if entry.mode != GITLINK]
    listing.skipped += [Skip(entry.path, f"{ODD}; remove it from the index") for entry in odd]
    if warning:
        listing.skipped.append(Skip(".", f"git could not list every untracked file: {warning}"))
    nested = [path.rstrip("/") for path in others if path.endswith("/")]
    files = [*tracked, *(path for path in others if not path.endswith("/"))]
    for path in (*links, *nested):
        files += _list_nested(listing, path, submodule=path in links, ignored=ignored)
    listing.tree.files = tuple(sorted(set(files)))
    heads = (path.removesuffix("/HEAD") for path in listing.tree.files if path.endswith("/HEAD"))
    listing.inner += [path for path in heads if is_bare(root / path) and path not in listing.inner]
    return listing


def is_object(blob: Blob, folders: Iterable[str]) -> bool:
    """True for an object or a pack of git in one of the object folders (each with `/` at its end); everything else
    there is an ordinary file."""
    below = next((blob.path.removeprefix(folder) for folder in folders if blob.path.startswith(folder)), "")
    return (_LOOSE.fullmatch(below) is not None and blob.data[:1] == b"x") or (
        _PACK.fullmatch(below) is not None and blob.data[:4] == b"PACK"
    )


def is_bare(root: Path) -> bool:
    """True for a repository without a work tree."""
    return os.path.lexists(root / "HEAD") and (root / "objects").is_dir()


def _list_bare(root: Path) -> Listing:
    """The files of HEAD, which all come from the object store."""
    repository = Git(root)
    head = repository.resolve_head()
    files = repository.read_tree(head) if head else {}
    names = tuple(sorted(files))

    def read_object(path: str) -> bytes | None:
        data = next(repository.read_blobs([files[path]], RULE_READ_LIMIT)) if path in files else None
        return data if isinstance(data, bytes) else None

    tree = WorkTree(root, names, frozenset(names), repository, reader=read_object, bare=True)
    listing = Listing(tree, {path: IndexEntry("100644", oid, path) for path, oid in files.items()}, history=repository)
    listing.notes.append(f"{root} has no work tree: the files of its HEAD were scanned, its ignore rules were not")
    return listing


def _list_nested(listing: Listing, path: str, *, submodule: bool, ignored: bool) -> list[str]:
    """The files of a repository inside the repository, scanned as part of it."""
    folder = listing.tree.root / path
    if submodule and (Root(listing.tree.root).explain_refusal(path) or is_link(folder)):
        listing.skipped.append(Skip(path, "is a symbolic link where git has a submodule, which is not followed"))
        return []
    if submodule and not (folder / ".git").exists():
        listing.notes.append(f"submodule {path} is not checked out: its files were not scanned")
        return []
    inner = _list_broken(folder) or open_tree(folder, ignored=ignored)
    listing.skipped += [Skip(f"{path}/{skip.path}", skip.reason) for skip in inner.skipped]
    listing.notes += inner.notes
    if inner.history is not None:
        listing.inner.append(path)
    listing.inner += [f"{path}/{further}" for further in inner.inner]
    return [f"{path}/{name}" for name in inner.tree.files]


def _list_broken(folder: Path) -> Listing | None:
    """The plain listing of a folder whose `.git` is ignored by git, which uses the repository around it instead."""
    try:
        found = find_git(folder)
        if found is None or os.path.realpath(found.find_toplevel()) == os.path.realpath(folder):
            return None
    except GitError:
        return None  # which is reported when it is opened
    listing = _list_plain(folder)
    listing.skipped.append(Skip(".", "its .git is not readable by git; fix or remove it"))
    return listing


def _list_plain(root: Path) -> Listing:
    files: list[str] = []
    listing = Listing(WorkTree(root, ()))
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                names = set()
                for entry in entries:
                    names.add(entry.name)
                    path = folder + entry.name
                    if not entry.is_dir(follow_symlinks=False):
                        files.append(path)
                    elif entry.name != ".git":
                        folders.append(path + "/")
                if ".git" in names and folder:
                    listing.inner.append(folder.rstrip("/"))
                if names >= _BARE and folder:
                    listing.inner.append(folder.rstrip("/"))
        except OSError as error:
            listing.skipped.append(Skip(folder or ".", _explain_error(error, "folder")))
    listing.tree.files = tuple(sorted(files))
    return listing


def split(listing: Listing, size: int) -> list[Listing]:
    """The listing in parts of so many files; what git would not write to disk is in the last one."""
    paths = listing.tree.files
    starts = range(0, len(paths), size)
    parts = [
        replace(listing, tree=replace(listing.tree, files=paths[start : start + size]), odd=[]) for start in starts
    ]
    if parts:
        parts[-1].odd = listing.odd
    return parts


def read_all(listing: Listing, limit: int = DEFAULT_LIMIT) -> Iterator[Blob | Skip | str]:
    """A Blob for each file of the listing, a Skip for each one that could not be read, or a note.

    Symbolic links give their target's text. Tracked files that are not on disk (deleted, sparse checkout) come from
    git's object store.
    """
    tree = listing.tree
    missing = list(listing.odd)
    root = Root(tree.root)
    for path in tree.files:
        reason = "" if tree.reader else root.explain_refusal(path)
        if reason:
            yield from _handle_missing(path, listing, missing, reason)
            continue
        item = None if tree.reader else read(root.resolve_location(path), path, limit)
        if item is None:
            yield from _handle_missing(path, listing, missing, "vanished before it was read; run again")
        else:
            yield item
    if missing and tree.repository is not None:
        yield from _read_from_objects(listing, missing, limit)


def _handle_missing(path: str, listing: Listing, missing: list[IndexEntry], reason: str) -> Iterator[Skip]:
    entry = listing.entries.get(path)
    if entry is None:
        yield Skip(path, reason)
    else:
        missing.append(entry)


def _read_from_objects(listing: Listing, missing: list[IndexEntry], limit: int) -> Iterator[Blob | Skip]:
    repository = listing.tree.repository
    assert repository is not None  # noqa: S101 - asked by the caller
    try:
        for entry, data in zip(missing, repository.read_blobs([e.oid for e in missing], limit), strict=False):
            if isinstance(data, bytes):
                yield Blob(data, entry.path)
            else:
                yield Skip(entry.path, f"not on disk, and {data}")
    except GitError as error:
        for entry in missing:
            yield Skip(entry.path, f"not on disk, and {error.message}")


def read(location: str, path: str, limit: int) -> Blob | Skip | str | None:
    """One file as a Blob, a Skip, or a note if it is not a regular file; None if it does not exist.

    Never waits for a FIFO, socket or device.
    """
    try:
        descriptor = open_to_read(location)
    except ValueError:
        return Skip(path, "is not a valid file name here; check it")
    except OSError as error:
        return _handle_open_error(error, location, path)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            return f"{path} is not a regular file and has no content to scan"
        if info.st_size > limit:
            return Skip(path, explain_size(info.st_size, limit))
        data = os.read(descriptor, info.st_size + 1)
        if len(data) != info.st_size:
            data = _read_rest(descriptor, data, limit)
        if len(data) > limit:
            return Skip(path, explain_size(len(data), limit))
        return Blob(data, path)
    except OSError as error:
        return Skip(path, _explain_error(error, "file"))
    finally:
        os.close(descriptor)


def _handle_open_error(error: OSError, location: str, path: str) -> Blob | Skip | str | None:
    if error.errno in (errno.ELOOP, errno.EMLINK):
        try:
            return Blob(encode_path(os.readlink(location)), path, BlobKind.SYMLINK)
        except OSError as cause:
            return Skip(path, _explain_error(cause, "symbolic link"))
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return None
    if error.errno in (errno.ENXIO, errno.EOPNOTSUPP, errno.ENODEV):
        return f"{path} is not a regular file and has no content to scan"
    if error.errno == errno.EISDIR or os.path.isdir(location):
        return Skip(path, "is a folder where git has a file; check it in or restore it")
    return Skip(path, _explain_error(error, "file"))


def _read_rest(descriptor: int, data: bytes, limit: int) -> bytes:
    """The remainder of a file that is longer than its reported size, at most one chunk over the limit."""
    chunks = [data]
    size = len(data)
    while size <= limit and (chunk := os.read(descriptor, _CHUNK)):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _explain_error(error: OSError, what: str) -> str:
    if isinstance(error, PermissionError):
        return f"no permission to read this {what}; run as a user who has it, or exclude it"
    return f"this {what} could not be read: {error.strerror or error}"


def read_named_files(paths: Iterable[str], limit: int = DEFAULT_LIMIT) -> Iterator[Blob | Skip | str]:
    """The files given on the command line, each under its given name."""
    for path in paths:
        item = read(path, path, limit)
        yield Skip(path, "does not exist; check the name", OF_EVERYTHING) if item is None else item
