"""The user's AWS credentials file: one profile's key read and replaced, all else left as it is."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode
from credguard.model.secret import Secret
from credguard.system import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID, _SECRET, _TOKEN = "aws_access_key_id", "aws_secret_access_key", "aws_session_token"
_SECTION = re.compile(r"[ \t]*\[([^\]\r\n]*)\]")
_SETTING = re.compile(r"[ \t]*([A-Za-z_]\w*)[ \t]*[=:][ \t]*([^\r\n]*?)[ \t]*(?=\r?\n|\Z)")
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class ProfileKey:
    """The key of a profile."""

    id: str
    secret: Secret


class CredentialsFile:
    """The file that AWS's tools read keys from (`AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`)."""

    def __init__(self) -> None:
        named = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.join("~", ".aws", "credentials")
        self.path = os.path.realpath(os.path.expanduser(named))

    def read_key(self, profile: str) -> ProfileKey | None:
        """The profile's key, None where the file has none; raises CredguardError for a temporary one, for one that is
        written twice, and for a file that cannot be read."""
        found: dict[str, list[str]] = {}
        for name, match in _iter_settings(self._read(), profile):
            found.setdefault(name, []).append(match[2])
        if not (_ID in found and _SECRET in found):
            return None
        if _TOKEN in found:
            raise CredguardError(
                f"profile {profile} has temporary credentials, which end by themselves", "nothing is to be rotated"
            )
        if len(found[_ID]) > 1 or len(found[_SECRET]) > 1:
            raise CredguardError(f"profile {profile} has two keys in {self.path}", "remove the one that is not used")
        return ProfileKey(found[_ID][0], Secret(found[_SECRET][0].encode()))

    def replace_key(self, profile: str, key: ProfileKey) -> None:
        """Writes the key in place of the profile's, in one step; raises CredguardError."""
        text = self._read()
        values = {_ID: key.id, _SECRET: key.secret.reveal().decode("ascii")}
        for name, match in reversed(list(_iter_settings(text, profile))):
            if name in values:
                text = text[: match.start(2)] + values[name] + text[match.end(2) :]
        self._write(text)

    def add_profile(self, profile: str, key: ProfileKey) -> None:
        """Writes a further profile at the end; raises CredguardError."""
        text = self._read()
        end = "" if not text or text.endswith("\n") else "\n"
        secret = key.secret.reveal().decode("ascii")
        self._write(f"{text}{end}[{profile}]\n{_ID} = {key.id}\n{_SECRET} = {secret}\n")

    def remove_profile(self, profile: str) -> None:
        """Takes a profile out; raises CredguardError."""
        lines = self._read().splitlines(keepends=True)
        kept, inside = [], False
        for line in lines:
            head = _SECTION.match(line)
            if head:
                inside = head[1].strip() == profile
            if not inside:
                kept.append(line)
        self._write("".join(kept))

    def _read(self) -> str:
        try:
            with open(self.path, "rb") as handle:
                data = handle.read(_LARGEST + 1)
        except OSError as error:
            raise CredguardError(f"{self.path} could not be read: {error.strerror}", "check the file") from error
        if len(data) > _LARGEST:
            raise CredguardError(f"{self.path} is over 1 MiB", "check the file")
        return data.decode("utf-8", "surrogateescape")

    def _write(self, text: str) -> None:
        try:
            mode = stat.S_IMODE(os.stat(self.path).st_mode)
            atomic.replace_file(self.path, text.encode("utf-8", "surrogateescape"), mode, keep_owner=True)
        except OSError as error:
            raise CredguardError(
                f"{self.path} could not be written: {error.strerror}", "check it, then --resume", ExitCode.INCOMPLETE
            ) from error


def _iter_settings(text: str, profile: str) -> Iterator[tuple[str, re.Match[str]]]:
    """The settings of a profile: each name in lower case, and where it stands."""
    inside, position = False, 0
    for line in text.splitlines(keepends=True):
        head = _SECTION.match(line)
        if head:
            inside = head[1].strip() == profile
        elif inside and (match := _SETTING.match(text, position)):
            yield match[1].lower(), match
        position += len(line)
