"""Finds what git would hang on in a repository: pipes and devices in place of its own files, and endless files.

git opens these as they come (strbuf_read_file, xopen): a pipe without a writer blocks it forever. They are detected
before git is started, by names and types only.
"""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

from credguard.git.spawn import FIRST_READ
from credguard.lazy_re import compile_lazily
from credguard.system import regular_files
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHORT, _LONG = 1 << 20, 1 << 27
_OWN = (
    *FIRST_READ, "config.worktree", "gitdir", "sharedindex", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "MERGE_MSG",
    "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "BISECT_LOG", "AUTO_MERGE", "description", "COMMIT_EDITMSG",
)  # fmt: skip
"""Files of a repository's own folder, and of that of a linked work tree."""
_FOLDERS = {"refs": _SHORT, "logs": 0, "worktrees": 0, "reftable": 0, "info": _LONG}
"""The most bytes that such a file may have; 0 if git does not read it completely."""
_IGNORES = (".gitignore", ".gitattributes", ".gitmodules")
_FOLLOWED = compile_lazily(
    rb"(?im)^\s*(?:\[[^\]\n]*\]\s*)?(?:path|excludesfile|attributesfile)\s*=\s*\"?([^\"\n;#]{1,4096})"
)
"""Settings that name another file to read: include.path, core.excludesFile, core.attributesFile."""
_POINTER = b"gitdir: "
_DEEPEST = 5
_FRESH = 5.0
_known: dict[tuple[str, ...], float] = {}


def find_repository_obstacle(folder: str, variables: Mapping[str, str]) -> str:
    """The obstacle for git in the repository that it uses for a folder, with these environment variables: the path and
    what it is, or nothing. The result is cached for some seconds."""
    given = variables.get("GIT_DIR")
    own = os.path.join(folder, given) if given else _locate_git_dir(os.path.abspath(folder))
    if not own:
        return ""
    objects = variables.get("GIT_OBJECT_DIRECTORY", "")
    key = (own, objects, variables.get("GIT_INDEX_FILE", ""))
    if _known.get(key, 0.0) > time.monotonic():
        return ""
    obstacle = next(filter(None, _iter_obstacles(folder, own, objects, variables.get("GIT_INDEX_FILE", ""))), "")
    if not obstacle:
        _known[key] = time.monotonic() + _FRESH
    return obstacle


def find_work_tree_obstacle(root: str, folders: Iterable[str] = ("",)) -> str:
    """The same for the files with ignore rules and attributes in folders of a work tree."""
    paths = (os.path.join(root, folder, name) for folder in folders for name in _IGNORES)
    return next(filter(None, (_check_file(path, _LONG) for path in paths)), "")


def find_nested_obstacle(root: str) -> str:
    """The same for those in all folders of a work tree: used after git has hung."""
    for folder, _, names in os.walk(root):
        for name in _IGNORES:
            if name in names and (obstacle := _check_file(os.path.join(folder, name), _LONG)):
                return obstacle
    return ""


def _locate_git_dir(folder: str) -> str:
    """The `.git` of the folder or of the nearest parent that has one, or a folder that is a repository itself."""
    while True:
        inner = os.path.join(folder, ".git")
        if os.path.isdir(inner):
            return inner
        if os.path.isfile(inner):
            pointer = _read_file(inner, 1 << 16)
            return os.path.join(folder, decode_path(pointer[len(_POINTER) :].rstrip(b"\n"))) if pointer else ""
        if os.path.isdir(os.path.join(folder, "objects")) and os.path.lexists(os.path.join(folder, "HEAD")):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above


def _iter_obstacles(folder: str, own: str, objects: str, index: str) -> Iterator[str]:
    for name in _OWN:
        yield _check_file(os.path.join(own, name), _get_size_limit(name))
    if index:
        yield _check_file(os.path.join(folder, index))
    shared = decode_path(_read_file(os.path.join(own, "commondir"), 1 << 16).rstrip(b"\n"))
    common = os.path.join(own, shared) if shared else own
    if shared:
        for name in _OWN:
            yield _check_file(os.path.join(common, name), _get_size_limit(name))
    for name, largest in _FOLDERS.items():
        for place in dict.fromkeys((own, common)):
            yield from _scan_folder(os.path.join(place, name), largest)
    for name in ("config", "config.worktree"):
        for place in dict.fromkeys((own, common)):
            yield from _scan_settings(os.path.join(place, name), place, _DEEPEST)
    yield from _scan_object_store(
        os.path.join(folder, objects) if objects else os.path.join(common, "objects"), _DEEPEST
    )


def _get_size_limit(name: str) -> int:
    """The most bytes that a file of this name may have; 0 if git does not read it completely."""
    return (
        0 if name in {"index", "packed-refs"} else _LONG if name.startswith(("config", "info", "shallow")) else _SHORT
    )


def _scan_folder(folder: str, largest: int) -> Iterator[str]:
    """The obstacles below a folder; links to folders are not followed."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        if not entry.is_symlink():
                            waiting.append(entry.path)
                    elif largest or not entry.is_file():
                        yield _check_file(entry.path, largest)
        except OSError:  # noqa: PERF203 - git will say so
            continue


def _scan_object_store(objects: str, depth: int) -> Iterator[str]:
    """The obstacles in a folder of objects, and in its alternates."""
    yield from _scan_folder(objects, 0)
    alternates = os.path.join(objects, "info", "alternates")
    for line in _read_file(alternates, _SHORT).split(b"\n") if depth else ():
        if line and line[:1] != b"#":
            path = os.path.join(objects, decode_path(line))
            if os.path.isdir(path) and os.path.realpath(path) != os.path.realpath(objects):
                yield from _scan_object_store(path, depth - 1)


def _scan_settings(settings: str, folder: str, depth: int) -> Iterator[str]:
    """The obstacles among the files that a settings file names."""
    for found in _FOLLOWED.finditer(_read_file(settings, _SHORT)):
        path = os.path.join(folder, os.path.expanduser(decode_path(found[1].strip())))
        obstacle = _check_file(path, _LONG)
        yield obstacle
        if depth and not obstacle and os.path.isfile(path):
            yield from _scan_settings(path, os.path.dirname(path), depth - 1)


def _read_file(path: str, most: int) -> bytes:
    """The content of a regular file; empty for anything else, or if it has more bytes."""
    try:
        return regular_files.read(path, most)
    except (OSError, ValueError):
        return b""


def _check_file(path: str, largest: int = 0) -> str:
    """Why git would not finish reading a file, or nothing."""
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(info.st_mode):
        return f"{path} is too large ({info.st_size >> 20} MiB)" if largest and info.st_size > largest else ""
    if stat.S_ISFIFO(info.st_mode):
        return f"{path} is a pipe"
    if (stat.S_ISCHR(info.st_mode) and not _is_null(info)) or stat.S_ISBLK(info.st_mode):
        return f"{path} is a device"
    return ""


def _is_null(info: os.stat_result) -> bool:
    """True for the null device, which settings name to have no such file."""
    return info.st_rdev == os.stat(os.devnull).st_rdev
