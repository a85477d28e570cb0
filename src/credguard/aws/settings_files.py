"""AWS credentials as written in settings files: every raw value with its line, in groups that belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.model.findings import PartRole

if TYPE_CHECKING:
    from collections.abc import Iterator

ID, SECRET, TOKEN = PartRole.ACCESS_KEY_ID, PartRole.SECRET_ACCESS_KEY, PartRole.SESSION_TOKEN
SETTINGS_LIMIT = 1 << 20
"""The most bytes of a file that are read: hand-written files are far smaller."""
_MOST_LINES, _LONGEST_LINE = 20_000, 16_000
_INI_ROLES = {
    "aws_access_key_id": ID, "aws_secret_access_key": SECRET, "aws_session_token": TOKEN, "aws_security_token": TOKEN,
    "access_key": ID, "secret_key": SECRET, "access_token": TOKEN,
    "access_key_id": ID, "secret_access_key": SECRET, "session_token": TOKEN,
}  # fmt: skip
_VARIABLE = (
    rb"[ \t]{0,40}(?P<export>export[ \t]{1,8})?(?P<name>(?P<before>[A-Za-z0-9_]{0,60}?)AWS_"
    rb"(?P<role>ACCESS_KEY_ID|ACCESS_KEY|SECRET_ACCESS_KEY|SECRET_KEY|SESSION_TOKEN|SECURITY_TOKEN)"
    rb"(?P<after>[A-Za-z0-9_]{0,60}))(?P<blank>[ \t]{0,40})=(?P<raw>.*)"
)
_WORDS = rb"(?:[A-Z0-9]{1,16}_){1,8}[A-Z0-9]{1,16}"
_SECTION = rb"[ \t]{0,40}\[([^\n]{1,200})\]"
_SETTING = rb"[ \t]{0,200}(?P<name>[^\s=:\[#;][^=:\n]{0,200})[=:](?P<raw>[^\n]*)"


@dataclass(frozen=True, slots=True)
class WrittenValue:
    """One value: its name, its line, and the text between the `=` and the end of the line. `blank` is true for spaces
    before the `=`, `exported` after the word `export`, `continued` if an indented line follows."""

    role: str
    name: str
    line: int
    raw: bytes
    blank: bool = False
    exported: bool = False
    continued: bool = False


@dataclass(slots=True)
class SettingsGroup:
    """The values of one profile, or of one prefix of variables; a duplicate role is there twice."""

    name: str
    line: int
    values: list[WrittenValue] = field(default_factory=list)
    has_endpoint: bool = False


@dataclass(slots=True)
class Profiles:
    """An ini file: its sections in order, and the lines that are not a section, setting, comment or blank."""

    groups: list[SettingsGroup] = field(default_factory=list)
    stray: list[int] = field(default_factory=list)
    loose: list[int] = field(default_factory=list)


def iter_short_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and text of each line short enough for a credential; a carriage return before the line end is not
    included."""
    for number, line in enumerate(data[:SETTINGS_LIMIT].split(b"\n", _MOST_LINES)[:_MOST_LINES], 1):
        if len(line) <= _LONGEST_LINE:
            yield number, line.removesuffix(b"\r")


def parse_variables(data: bytes) -> list[SettingsGroup]:
    """The AWS variables of dotenv text, grouped by what is before and after AWS's own names."""
    groups: dict[tuple[bytes, bytes], SettingsGroup] = {}
    for number, line in iter_short_lines(data.removeprefix(b"\xef\xbb\xbf")):
        match = re.fullmatch(_VARIABLE, line, re.DOTALL)
        if match:
            role = ID if match["role"].startswith(b"ACCESS") else SECRET if b"SECRET" in match["role"] else TOKEN
            group = groups.setdefault((match["before"], match["after"]), SettingsGroup("", number))
            plain = re.fullmatch(_WORDS, match["name"])  # anything but a plain name could be a value
            name = (match["name"] if plain else b"AWS_" + match["role"]).decode("ascii")
            group.values.append(WrittenValue(role, name, number, match["raw"], bool(match["blank"])))
    return list(groups.values())


def parse_profiles(data: bytes) -> Profiles:
    """The sections of an ini file as AWS's tools parse it."""
    found = Profiles()
    group: SettingsGroup | None = None
    indent: int | None = None
    for number, line in iter_short_lines(data.removeprefix(b"\xef\xbb\xbf")):
        text = line.strip(b" \t")
        if not text or text.startswith((b"#", b";")):
            continue
        deep = len(line) - len(line.lstrip(b" \t"))
        if indent is not None and deep > indent:
            _continue(group)
        elif match := re.match(_SECTION, line):
            group, indent = SettingsGroup(match[1].strip().decode("utf-8", "replace"), number), None
            found.groups.append(group)
        elif match := re.fullmatch(_SETTING, line):
            indent = deep
            if group is None:
                found.loose.append(number)
            else:
                _add(group, number, match)
        else:
            found.stray.append(number)
    return found


def _continue(group: SettingsGroup | None) -> None:
    if group and group.values:
        last = group.values[-1]
        group.values[-1] = WrittenValue(
            last.role, last.name, last.line, last.raw, last.blank, last.exported, continued=True
        )


def _add(group: SettingsGroup, number: int, match: re.Match[bytes]) -> None:
    words = match["name"].decode("utf-8", "replace").strip().lower().split()
    exported = len(words) > 1 and words[0] in ("export", "set")
    name = words[-1] if words else ""
    role = _INI_ROLES.get(name, "")
    group.has_endpoint |= name in ("endpoint_url", "endpoint", "host_base", "host_bucket", "provider")
    # Settings of other names are kept too: a continuation line belongs to the last one.
    group.values.append(WrittenValue(role, name, number, match["raw"], exported=exported))
