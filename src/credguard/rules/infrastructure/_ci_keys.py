"""What the readers of all CI systems share: uses of stored access keys, and settings in shell lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.aws.static_keys import Binding, KeyPart, classify_binding, is_foreign, match_key_part
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.parsers.document import Node


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A use of a stored key: its line, the job or step, what gets the key, and the names of the stored variables."""

    line: int
    where: str
    taker: str
    names: tuple[str, ...]
    region: str = ""


@dataclass(frozen=True, slots=True)
class KeySetting:
    """One name that a text or mapping sets: which half of the key, at which line, to which value."""

    half: KeyPart
    line: int
    text: str
    given: Binding


# NAME=value (also `NAME = value` of an ini file that is printed), `configure set NAME value`, `--option value`.
_SETS = compile_lazily(
    r"(?:(?:configure[ \t]{1,4}set|setenv|setx|set[ \t]{1,4}-\w{1,3})[ \t]{1,4}"
    r"(?:--profile[ \t=]\S{1,60}[ \t]{1,4})?(?P<verb>[\w.\-]{3,100})[ \t]{1,8}"
    r"|(?<![\w\-])(?P<option>--[a-z][a-z\-]{1,40})(?:[ \t]{1,4}|=)(?!-)"
    r"|(?<![\w])(?P<name>[A-Za-z][\w.\-]{2,100})[\"']?[ \t]{0,4}=[ \t]{0,4})"
    r"(?P<value>\"[^\"\n]{0,400}|'[^'\n]{0,400}|[^\s\"';&|]{1,400})"
)
_DERIVED = compile_lazily(r"[\"']?(?:\$\((?![A-Za-z_][\w.]{0,80}\))|`|\$\(\()")
_VARIABLE = compile_lazily(
    r"\$\{\{[^}]{0,200}?(?:\.|\[['\"])(\w[\w\-]*)['\"]?\]?[^}\w]{0,8}\}\}|\$(?:env:|\{|\()?([A-Za-z_]\w{0,80})|%(\w{2,80})%"
)
_ROLE = compile_lazily(
    r"assume[-_]role|role[-_]arn|role-to-assume|web[-_]?identity|id_tokens|oidc|get-session-token|get-federation-token"
    r"|sts[ \t]+assume|vault[ \t]+read|aws-vault|AWS_ROLE",
    re.IGNORECASE,
)


def parse_shell_settings(text: str, line: int) -> Iterator[KeySetting]:
    """What shell lines set of access keys, by variable, option, `aws configure set` or a printed ini file.

    The output of a command (`$(aws sts …)`) is not a stored key and is left out.
    """
    if "aws" not in text.lower():
        return
    for number, one in enumerate(text.split("\n")):
        if len(one) > 4000 or one.lstrip().startswith(("#", "//", "REM ", "rem ")):
            continue
        for found in _SETS.finditer(one):
            value = found["value"].strip("\"'")
            half = match_key_part((found["verb"] or found["option"] or found["name"]).lstrip("-"))
            if half is None and found["option"]:
                half = next((match_key_part(name) for name in find_variables(value)), None)
            if half and not _DERIVED.match(found["value"]):
                yield KeySetting(half, line + number, value, classify_binding(half, value))


def find_variables(text: str) -> tuple[str, ...]:
    """The names that a text refers to: `$NAME`, `${NAME}`, `$(NAME)`, `%NAME%`, `${{ secrets.NAME }}`."""
    return tuple(next(filter(None, found.groups())) for found in _VARIABLE.finditer(text))


def read_mapping_settings(node: Node) -> Iterator[KeySetting]:
    """What a mapping's own keys set of access keys."""
    for key, value in node.pairs:
        half = match_key_part(key.text)
        if half:
            told = value if value.kind == "scalar" else value.get("value")
            text = told.text if told and told.kind == "scalar" else ""
            yield KeySetting(half, key.line, text, classify_binding(half, text))


def is_temporary(settings: list[KeySetting]) -> bool:
    """True if a session token is set too: the key belongs to a session."""
    return any(setting.half is KeyPart.TOKEN for setting in settings)


def has_role_reference(text: str) -> bool:
    """True for a text about assuming a role or an identity token."""
    return _ROLE.search(text) is not None


def list_stored_names(settings: list[KeySetting]) -> tuple[str, ...]:
    """The names of the stored variables, each once."""
    names = (name for setting in settings for name in find_variables(setting.text) if not is_foreign(name))
    return tuple(dict.fromkeys(names))


def find_text_line(node: Node) -> int:
    """The line of the first line of a scalar's text."""
    return node.line + 1 if node.literal else node.line


def flatten_node(node: Node) -> str:
    """Keys and scalars of a node as `key: value` lines, to search for words."""
    lines = []
    for one in node.walk():
        if one.kind == "mapping":
            lines += [f"{key.text}: {value.text if value.kind == 'scalar' else ''}" for key, value in one.pairs]
        elif one.kind == "sequence":
            lines += [item.text for item in one.items if item.kind == "scalar"]
    return "\n".join(lines)
