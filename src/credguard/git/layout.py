"""The folders of a repository: its own, of its objects and of its work tree, read from git in one call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_QUESTIONS = (
    ("--git-dir",), ("--git-common-dir",), ("--git-path", "objects"), ("--git-path", "shallow"),
    ("--is-bare-repository",), ("--show-object-format",), ("--show-prefix",),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Absolute paths without links: this work tree's own folder (`git_dir`), the shared one (`common_dir`); as git
    returns them, those of the objects and of the file of shallow commits. `width` is that of an object ID in bytes,
    `prefix` is the path from the work tree's root to the folder that was asked about."""

    git_dir: str
    common_dir: str
    objects: str
    shallow: str
    is_bare: bool
    width: int
    prefix: str


def read_layout(folder: Path, ask: Callable[..., bytes]) -> Layout:
    """The layout as git reports it in `folder`; raises what `ask` raises."""
    answers = ask("rev-parse", *(word for question in _QUESTIONS for word in question)).split(b"\n")[:-1]
    if len(answers) != len(_QUESTIONS):  # there is a line break in a path
        answers = [ask("rev-parse", *question).removesuffix(b"\n") for question in _QUESTIONS]
    git_dir, common, objects, shallow = (os.path.join(folder, decode_path(answer)) for answer in answers[:4])
    bare, width, prefix = answers[4] == b"true", 32 if answers[5] == b"sha256" else 20, decode_path(answers[6])
    return Layout(os.path.realpath(git_dir), os.path.realpath(common), objects, shallow, bare, width, prefix)
