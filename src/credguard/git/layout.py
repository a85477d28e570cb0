"""The folders of a repository: its own, of its objects and of its work tree, read from git in one call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.system.compat import decode_path, find_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Key = tuple[str, tuple[tuple[str, str], ...], tuple[object, ...]]

_TOPLEVEL = ("--show-toplevel",)
"""Fails where there is no work tree, and is therefore asked first: what was answered before would be mistaken."""
_QUESTIONS = (
    ("--git-dir",), ("--git-common-dir",), ("--git-path", "objects"), ("--git-path", "shallow"),
    ("--is-bare-repository",), ("--is-inside-work-tree",), ("--show-object-format",), ("--show-prefix",),
)  # fmt: skip
_VARIABLES = ("GIT_", "HOME", "XDG_CONFIG_HOME")
_DECIDING = ("", "config", "config.worktree", "commondir")
_MOST_KNOWN = 64
_known: dict[Key, Layout] = {}


@dataclass(frozen=True, slots=True)
class Layout:
    """Absolute paths without links: this work tree's own folder (`git_dir`), the shared one (`common_dir`) and the root
    of the work tree (`toplevel`, empty where there is none); as git returns them, those of the objects and of the file
    of shallow commits. `width` is that of an object ID in bytes, `prefix` is the path from the work tree's root to the
    folder that was asked about, which `is_inside` the work tree or not."""

    toplevel: str
    git_dir: str
    common_dir: str
    objects: str
    shallow: str
    is_bare: bool
    is_inside: bool
    width: int
    prefix: str


def read_layout(folder: Path, environment: Mapping[str, str], ask: Callable[..., bytes]) -> Layout:
    """The layout as git reports it in `folder`; raises what `ask` raises. One process asks it once for all, as long as
    the repository's own files that decide about it are the same."""
    here = os.path.realpath(folder)
    top = find_repository(here)
    variables = tuple(sorted(pair for pair in environment.items() if pair[0].startswith(_VARIABLES)))
    git_dir = os.path.join(here, environment.get("GIT_DIR") or (os.path.join(top, ".git") if top else ""))
    stamps = (_stamp(os.path.join(git_dir, name)) for name in _DECIDING)
    key = (here, variables, (git_dir, os.path.lexists(os.path.join(git_dir, "HEAD")), *stamps))
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = _ask_layout(here, ask, has_work_tree=bool(top) or "GIT_DIR" in environment)
    return _known[key]


def _stamp(path: str) -> tuple[int, ...]:
    """What changes with a file; of a folder, what changes when it is another one."""
    try:
        info = os.stat(path)
    except OSError:
        return ()
    return (info.st_dev, info.st_ino, *(() if os.path.isdir(path) else (info.st_size, info.st_mtime_ns)))


def _ask_layout(here: str, ask: Callable[..., bytes], *, has_work_tree: bool) -> Layout:
    answers = _ask_once(ask, (_TOPLEVEL, *_QUESTIONS), ok=(0, 128)) if has_work_tree else []
    if len(answers) != 1 + len(_QUESTIONS):
        has_top = bool(answers)  # and a line break in a path
        top = ask("rev-parse", *_TOPLEVEL).removesuffix(b"\n") if has_top else b""
        answers = [top, *_ask_each(ask)]
    git_dir, common, objects, shallow = (os.path.join(here, decode_path(answer)) for answer in answers[1:5])
    bare, inside = (answer == b"true" for answer in answers[5:7])
    return Layout(
        decode_path(answers[0]), os.path.realpath(git_dir), os.path.realpath(common), objects, shallow, bare, inside,
        32 if answers[7] == b"sha256" else 20, decode_path(answers[8]),
    )  # fmt: skip


def _ask_each(ask: Callable[..., bytes]) -> list[bytes]:
    answers = _ask_once(ask, _QUESTIONS)
    if len(answers) == len(_QUESTIONS):
        return answers
    return [ask("rev-parse", *question).removesuffix(b"\n") for question in _QUESTIONS]


def _ask_once(ask: Callable[..., bytes], questions: Sequence[Sequence[str]], ok: tuple[int, ...] = (0,)) -> list[bytes]:
    return ask("rev-parse", *(word for question in questions for word in question), ok=ok).split(b"\n")[:-1]
