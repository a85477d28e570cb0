"""Finds faults in written AWS credentials; reports lines and lengths, never values."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credguard.aws.settings_files import ID, SECRET, SETTINGS_LIMIT, TOKEN, parse_profiles, parse_variables
from credguard.heuristics.display_names import sanitize_display_name
from credguard.heuristics.placeholders import is_example, is_placeholder
from credguard.heuristics.secret_key_shape import is_secret_shaped
from credguard.model.findings import Severity
from credguard.parsers.utf16 import has_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.aws.settings_files import Profiles, SettingsGroup, WrittenValue

_REFERENCE = rb"\$|\{\{|<[^>]{0,80}>|%\(|\A[\"']?(?:op|vault|ssm|awssm|sops|secret|arn|file|ref):|ENC\[|\A!"
_ID_LIKE = rb"A?(?:KIA|SIA)[0-9A-Za-z]{8,30}"
_ID = rb"A(?:KIA|SIA)[A-Z2-7]{16}"
_SECRET = rb"[A-Za-z0-9/+]{40}"
_COMMENT = rb"[ \t][#;].*"
_ATTEMPTS = {
    "access_key_id": _ID_LIKE,
    "secret_access_key": rb"[A-Za-z0-9/+=]{30,60}",
    "session_token": rb"[A-Za-z0-9/+=]{100,}",
}
_JUNK = rb"[\s\"'`\x00-\x1f\x7f-\xff]"
_CONFIG_SECTIONS = ("profile ", "sso-session ", "services ")
_OTHER_SECTIONS = ("default", "preview", "plugins", "toplevel")
_CALLED = {ID: "access key ID", SECRET: "secret access key", TOKEN: "session token"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its line, a stable identifier, and a sentence."""

    line: int
    topic: str
    said: str
    severity: Severity | None = None
    about: str = ""
    """The subject, to distinguish it from similar ones: hashed, never shown."""


def find_env_faults(data: bytes) -> Iterator[Fault]:
    """The faults of the AWS credentials in dotenv text."""
    groups = parse_variables(data)
    if groups or (has_mark(data) and b"A\0W\0S\0_" in data[:SETTINGS_LIMIT]):
        yield from _check_file(data)
    for group in groups:
        yield from _label_faults(group, _check_duplicates(group, "most programs use the later one"))
        for one in group.values:
            yield from _label_faults(one, _check_env_value(one))
        yield from _label_faults(group, _check_shapes(group, ""))


def find_settings_faults(data: bytes) -> Iterator[Fault]:
    """The faults of the keys in a program's own ini file: shapes alone, for its reader decides about all else."""
    if has_mark(data):
        return
    for group in parse_profiles(data).groups:
        yield from _label_faults(group, _check_shapes(group, f" of {_describe_group(group)}"))


def find_profile_faults(data: bytes, *, config: bool = False) -> Iterator[Fault]:
    """The faults of an AWS credentials file, or with `config` of the configuration file: also what prevents tools from
    reading it, and placeholders that were never replaced."""
    yield from _check_file(data)
    if has_mark(data):
        return
    found = parse_profiles(data)
    yield from _check_structure(found, config=config)
    for group in found.groups:
        of = _describe_group(group)
        faults = [
            *_check_duplicates(group, "the AWS CLI then reads nothing from the file"),
            *_check_shapes(group, f" of {of}"),
        ]
        for one in group.values:
            if one.role:
                faults += _label_faults(one, _check_ini_value(one, of, own_store=group.has_endpoint))
        yield from _label_faults(group, (*faults, *_check_missing_half(group)))


def _label_faults(what: SettingsGroup | WrittenValue, faults: Iterable[Fault]) -> Iterator[Fault]:
    name = what.name or "\n".join(one.name for one in getattr(what, "values", ()))
    return (replace(fault, about=f"{name}\n{fault.about}") for fault in faults)


def _check_file(data: bytes) -> Iterator[Fault]:
    if has_mark(data):
        yield Fault(1, "utf-16", "the file is UTF-16, which the programs that read it do not support; save it as UTF-8")
        return
    if data.startswith(b"\xef\xbb\xbf"):
        yield Fault(
            1, "byte-order-mark", "the file begins with a byte order mark, which becomes part of its first name"
        )
    if b"\r\n" in data and os.name != "nt":
        line = data.count(b"\n", 0, data.index(b"\r\n")) + 1
        said = (
            "the file has Windows line endings: a shell, or `docker --env-file`, adds the carriage return to the value"
        )
        yield Fault(line, "windows-line-ends", said, Severity.LOW)


def _check_structure(found: Profiles, *, config: bool) -> Iterator[Fault]:
    for number in found.loose[:1]:
        yield Fault(number, "no-section", "a setting is above the first [profile]: the file cannot be read")
    for number in found.stray[:1]:
        yield Fault(number, "stray-line", "a line is not a section, a setting or a comment: the file cannot be read")
    seen: dict[str, int] = {}
    for group in found.groups:
        first = seen.setdefault(group.name, group.line)
        if first != group.line:
            said = (
                f"{_describe_group(group)} occurs twice, first in line {first}: the AWS CLI then reads nothing"
                " from the file"
            )
            yield Fault(group.line, "profile-twice", said, about=group.name)
        prefixed = group.name.lower().startswith("profile ")
        if prefixed and not config:
            yield Fault(
                group.line,
                "profile-word",
                f"{_describe_group(group)}: a credentials file has profile names without the word",
                about=group.name,
            )
        if config and group.values and not group.name.startswith((*_CONFIG_SECTIONS, *_OTHER_SECTIONS)):
            yield Fault(
                group.line,
                "no-profile-word",
                f"{_describe_group(group)} is not read: config requires [profile NAME]",
                about=group.name,
            )


def _describe_group(group: SettingsGroup) -> str:
    name = sanitize_display_name(group.name)
    return f"[{name}]" if name else f"the section in line {group.line}"


def _check_duplicates(group: SettingsGroup, then: str) -> Iterator[Fault]:
    seen: dict[str, WrittenValue] = {}
    for one in group.values:
        first = seen.setdefault(one.name, one)
        if first is not one and one.role and first.raw.strip() and one.raw.strip():
            yield Fault(one.line, "name-twice", f"{one.name} is set twice, first in line {first.line}: {then}")


def _check_env_value(one: WrittenValue) -> Iterator[Fault]:
    value = _strip_comment(one.raw)
    if _is_left_open(value) or not _is_attempt(one.role, value):
        return
    bare = value.strip(b" \t")
    if one.blank or value[:1] in (b" ", b"\t"):
        yield Fault(one.line, "blank-at-sign", f"{one.name} has a space at its `=`, which a shell does not accept")
    opened, closed = bare[:1] in (b'"', b"'"), bare[-1:] in (b'"', b"'")
    if opened != closed or (opened and bare[:1] != bare[-1:]):
        yield Fault(one.line, "open-quote", f"the quotes around the value of {one.name} do not match")
    inside = _unquote(bare)
    if inside != inside.strip(b" \t") or one.raw[-1:] in (b" ", b"\t") or b" " in inside or b"\t" in inside:
        yield Fault(one.line, "blank", f"{one.name} has a stray space in or around its value")
    yield from _check_characters(one, inside)


def _check_ini_value(one: WrittenValue, of: str, *, own_store: bool) -> Iterator[Fault]:
    value = one.raw.strip(b" \t")
    if one.exported:
        yield Fault(one.line, "export", f"{one.name} of {of} is written with `export`, as in a shell: it is not read")
    if one.continued:
        yield Fault(one.line, "continued", f"the value of {one.name} of {of} continues in the next line")
    plain = _unquote(_strip_comment(value))
    if _is_left_open(plain) or is_example(plain) or (one.role != TOKEN and is_placeholder(plain)):
        if plain and not own_store:
            said = f"{one.name} of {of} is still a placeholder, a reference or a documentation key"
            yield Fault(one.line, "placeholder", said, Severity.LOW)
        return
    if value[:1] in (b'"', b"'", b"`") or value[-1:] in (b'"', b"'", b"`"):
        yield Fault(one.line, "quotes", f"{one.name} of {of} is quoted: the quotes become part of the value")
    if re.search(_COMMENT, value):
        yield Fault(one.line, "comment", f"{one.name} of {of} has a comment after it, which becomes part of the value")
        value = _strip_comment(value)
    if one.raw[-1:] in (b" ", b"\t") or b" " in value.strip(b"\"' ") or b"\t" in value:
        yield Fault(one.line, "blank", f"{one.name} of {of} has a stray space in or after its value")
    yield from _check_characters(one, value)


def _check_characters(one: WrittenValue, value: bytes) -> Iterator[Fault]:
    if any(byte >= 0x80 for byte in value):
        what = "a non-breaking space" if b"\xc2\xa0" in value else "a non-ASCII character"
        yield Fault(one.line, "not-ascii", f"{one.name} has {what} in its value")
    elif any(byte < 0x20 and byte != 9 for byte in value) or b"\x7f" in value:
        yield Fault(one.line, "control", f"{one.name} has a control character, such as a carriage return, in its value")


def _is_attempt(role: str, value: bytes) -> bool:
    """True for a value that is almost shaped like one of AWS's: not from another store, not a placeholder."""
    value = re.sub(_JUNK, b"", value)
    return re.fullmatch(_ATTEMPTS[role], value, re.IGNORECASE) is not None and not is_placeholder(value[:60])


def _strip_comment(raw: bytes) -> bytes:
    bare = raw.lstrip(b" \t")
    if bare[:1] in (b'"', b"'"):
        close = bare.find(bare[:1], 1)
        return raw[: len(raw) - len(bare) + close + 1] if close > 0 else raw
    return re.sub(_COMMENT, b"", raw)


def _unquote(value: bytes) -> bytes:
    value = value.strip(b" \t")
    return value[1:-1] if len(value) > 1 and value[:1] in (b'"', b"'") and value[-1:] == value[:1] else value


def _is_left_open(value: bytes) -> bool:
    """True for a value that is empty or a reference."""
    return not value.strip() or re.search(_REFERENCE, value) is not None


def _clean_value(one: WrittenValue | None) -> bytes:
    """The value without quotes, spaces and stray characters at its ends; empty for references and placeholders."""
    if one is None:
        return b""
    value = _unquote(_strip_comment(one.raw)).strip(b" \t\r\"'`\xc2\xa0\xe2\x80\x8b\xef\xbb\xbf")
    if _is_left_open(value) or is_example(value) or (one.role != TOKEN and is_placeholder(value)):
        return b""
    return value


def _check_shapes(group: SettingsGroup, of: str) -> Iterator[Fault]:
    """Lengths, alphabets, swapped values, a missing or superfluous token; only if the ID or the secret is AWS's."""
    last = {one.role: one for one in group.values if one.role}
    key_id, secret = _clean_value(last.get(ID)), _clean_value(last.get(SECRET))
    if ID in last and (re.fullmatch(_SECRET, key_id) and is_secret_shaped(key_id, named=True)):
        swapped = SECRET in last and re.fullmatch(_ID_LIKE, secret)
        also = f", and the ID in {last[SECRET].name}: the two are swapped" if swapped else ""
        yield Fault(last[ID].line, "swapped", f"{last[ID].name}{of} contains a secret{also}")
        return
    if SECRET in last and re.fullmatch(_ID, secret):
        yield Fault(last[SECRET].line, "swapped", f"{last[SECRET].name}{of} contains an access key ID")
        return
    if not re.fullmatch(_ID_LIKE, key_id, re.IGNORECASE) or (group.has_endpoint and not re.match(rb"A[KS]IA", key_id)):
        return
    yield from _check_id(last[ID], key_id, of)
    if SECRET in last and secret:
        yield from _check_secret(last[SECRET], secret, of)
    yield from _check_token(last, key_id, of)


def _check_id(one: WrittenValue, value: bytes, of: str) -> Iterator[Fault]:
    if len(value) != 20:
        yield Fault(one.line, "length", f"{one.name}{of} has {len(value)} characters: an access key ID has 20")
    elif value != value.upper():
        yield Fault(one.line, "case", f"{one.name}{of} has small letters: an access key ID has none")
    elif not re.fullmatch(_ID, value):
        yield Fault(one.line, "alphabet", f"{one.name}{of} has a character that no access key ID has (A-Z and 2-7)")


def _check_secret(one: WrittenValue, value: bytes, of: str) -> Iterator[Fault]:
    odd = set(value) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    if len(value) != 40:
        yield Fault(one.line, "length", f"{one.name}{of} has {len(value)} characters: a secret access key has 40")
    elif odd and not odd & set(b" \t") and max(odd) < 0x80:
        yield Fault(one.line, "alphabet", f"{one.name}{of} has a character that no secret access key has")


def _check_token(last: dict[str, WrittenValue], key_id: bytes, of: str) -> Iterator[Fault]:
    written = TOKEN in last and last[TOKEN].raw.strip(b" \t\"'")
    one = last[ID]
    if key_id.startswith(b"ASIA") and not written:
        said = f"{one.name}{of} belongs to temporary credentials, and their session token is missing"
        yield Fault(one.line, "no-token", said)
    if key_id.startswith(b"AKIA") and _clean_value(last.get(TOKEN)):
        said = f"{last[TOKEN].name}{of} is set with a long-lived key, which has no token: AWS rejects the combination"
        yield Fault(last[TOKEN].line, "needless-token", said)


def _check_missing_half(group: SettingsGroup) -> Iterator[Fault]:
    """A profile with only one half of a key: tools reject it."""
    present = {one.role: one for one in group.values if one.role and one.raw.strip()}
    for role, other in ((ID, SECRET), (SECRET, ID)):
        if role in present and other not in present:
            said = f"{_describe_group(group)} has {present[role].name} and no {_CALLED[other]}"
            yield Fault(present[role].line, "half", said)
