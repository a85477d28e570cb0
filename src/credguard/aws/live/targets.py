"""Which accounts a run asks: profiles named, and a file of them, one a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_ACCOUNT = re.compile(r"\d{12}")
_PATTERN_PLACE = "{account}"
_LARGEST = 1 << 20
_SHAPES = "a line is a profile, the ARN of a role to assume, or an account ID with --role"


@dataclass(frozen=True, slots=True)
class AccountTarget:
    """A caller: a `profile` (empty for the usual chain), and the `role` that it assumes, if any."""

    profile: str = ""
    role: str = ""


def list_targets(profiles: Sequence[str], file: str, role: str) -> list[AccountTarget]:
    """The callers named on the command line and in the file, each once; the usual chain where there are none.

    `role` is the ARN of the role to assume in the accounts of the file, with `{account}` for the account's ID. Raises
    CredguardError for a file that cannot be read, and for a line that names no caller.
    """
    if role and (not _ROLE.fullmatch(role.replace(_PATTERN_PLACE, "1" * 12)) or _PATTERN_PLACE not in role):
        raise CredguardError(
            f"--role {role} is no ARN with {_PATTERN_PLACE}", f"arn:aws:iam::{_PATTERN_PLACE}:role/NAME"
        )
    base = profiles[0] if file and len(profiles) == 1 else ""
    found = [AccountTarget(profile) for profile in profiles if not base]
    if file:
        found += _read_lines(file, role, base)
    return list(dict.fromkeys(found)) or [AccountTarget()]


def _read_lines(file: str, role: str, base: str) -> Iterator[AccountTarget]:
    try:
        with Path(file).open("rb") as handle:
            data = handle.read(_LARGEST + 1)
    except OSError as error:
        raise CredguardError(f"{file} could not be read: {error.strerror}", "check the name") from error
    if len(data) > _LARGEST:
        raise CredguardError(f"{file} is over 1 MiB", _SHAPES)
    count = 0
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        count += 1
        if _ROLE.fullmatch(word):
            yield AccountTarget(base, word)
        elif _ACCOUNT.fullmatch(word):
            if not role:
                raise CredguardError(f"{file}:{number}: an account ID needs a role to assume", "add --role ARN")
            yield AccountTarget(base, role.replace(_PATTERN_PLACE, word))
        elif re.fullmatch(r"[^\s:/]{1,128}", word):
            yield AccountTarget(word)
        else:
            raise CredguardError(f"{file}:{number} names no account", _SHAPES)
    if not count:
        raise CredguardError(f"{file} names no account", _SHAPES)
