"""The content of tracked files as git stores it, and the commands to remove one from git."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from credguard.git.repository import GitError
from credguard.lazy_re import compile_lazily
from credguard.sources.worktree import RULE_READ_LIMIT
from credguard.system.compat import open_to_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.sources.worktree import WorkTree

_PLAIN_NAME = compile_lazily(r"[^\s\x00-\x1f\x7f\udc80-\udcff]+")
_LFS_POINTER = b"version https://git-lfs"
_ENCRYPTED = (
    b"\x00GITCRYPT\x00", b"Salted__", b"U2FsdGVkX1", b"$ANSIBLE_VAULT;", b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"age-encryption.org/v1", b"-----BEGIN PGP MESSAGE-----", b"# Encrypted rclone configuration File",
)  # fmt: skip
_ENCRYPTED_VALUE = compile_lazily(rb"[=:]\s{0,4}[\"']?(?:encrypted:[A-Za-z0-9+/]{20}|ENC\[AES256_GCM,)")
_HEAD = 1 << 16


def read_tracked_contents(tree: WorkTree, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
    """Each tracked path, without symbolic links, with its content in git's index; one git process.

    So files that a filter decrypts on disk (git-crypt) are read as others see them. The file on disk is used if the
    index cannot be read; None if neither can.
    """
    if tree.reader:
        yield from ((path, tree.read(path)) for path in paths)
        return
    wanted = [path for path in paths if not os.path.islink(tree.resolve_path(path) or "")]
    if not wanted:
        return
    askable = [path for path in wanted if _PLAIN_NAME.fullmatch(path)]
    held: dict[str, bytes] = {}
    if tree.repository is not None and askable:
        try:
            found = tree.repository.read_blobs((f":./{path}" for path in askable), RULE_READ_LIMIT)
            held = {path: data for path, data in zip(askable, found, strict=False) if isinstance(data, bytes)}
        except GitError:
            held = {}
    for path in wanted:
        data = held.get(path)
        yield path, tree.read(path) if data is None or data.startswith(_LFS_POINTER) else data


def is_encrypted(data: bytes) -> bool:
    """True for files completely encrypted by git-crypt, transcrypt, Ansible Vault, age, gpg or rclone, and value by
    value by SOPS or dotenvx."""
    return data.startswith(_ENCRYPTED) or _ENCRYPTED_VALUE.search(data, 0, _HEAD) is not None


def format_untrack_command(path: str) -> str:
    """The command that removes a file from git and leaves it on disk."""
    return f"git rm --cached {shlex.quote(path)}"


def format_erase_command(path: str) -> str:
    """The command that removes a file from the whole history."""
    command = f"git filter-repo --sensitive-data-removal --invert-paths --path {shlex.quote(path)}"
    return f"{command}  # only after that, in a fresh clone"


def format_ignore_line(path: str) -> str:
    """The .gitignore line for exactly this path, with git's special characters escaped."""
    escaped = re.sub(r"([\\*?\[])", r"\\\1", path)
    return "/" + (escaped[:-1] + "\\ " if escaped.endswith(" ") else escaped)


def read_first_bytes(tree: WorkTree, path: str, size: int) -> bytes:
    """The first bytes of a file on disk, empty if there are none."""
    if tree.reader:
        return (tree.read(path) or b"")[:size]
    location = tree.resolve_path(path)
    if location is None:
        return b""
    try:
        descriptor = open_to_read(location)
    except OSError:
        return b""
    try:
        return os.read(descriptor, size)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
