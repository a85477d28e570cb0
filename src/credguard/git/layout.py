"""Where a repository is: the folders of its own, of its objects and of its work tree, asked of git in one go."""

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
    """Absolute paths without links: what is this work tree's own (`git_dir`), what all share (`common_dir`); as git
    gives them, those of the objects and of the file of shallow commits. `width` is that of an object ID in bytes,
    `prefix` leads from the work tree's root to where git was asked."""

    git_dir: str
    common_dir: str
    objects: str
    shallow: str
    is_bare: bool
    width: int
    prefix: str


def read_layout(folder: Path, ask: Callable[..., bytes]) -> Layout:
    """The layout as git has it when asked in `folder`; raises what `ask` raises."""
    answers = ask("rev-parse", *(word for question in _QUESTIONS for word in question)).split(b"\n")[:-1]
    if len(answers) != len(_QUESTIONS):  # there is a line break in a path
        answers = [ask("rev-parse", *question).removesuffix(b"\n") for question in _QUESTIONS]
    git_dir, common, objects, shallow = (os.path.join(folder, decode_path(answer)) for answer in answers[:4])
    bare, width, prefix = answers[4] == b"true", 32 if answers[5] == b"sha256" else 20, decode_path(answers[6])
    return Layout(os.path.realpath(git_dir), os.path.realpath(common), objects, shallow, bare, width, prefix)
