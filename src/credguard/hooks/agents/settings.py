"""Puts entries into an agent's JSON settings and takes them out again; every other byte stays as it is.

What is put in stands right behind the bracket that opens its place, in a form of its own, so that it can be cut out
again exactly, also where it had to bring its place along.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, UnreadableError
from credguard.hooks.agents.targets import is_own_command
from credguard.parsers import json as documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.hooks.agents.targets import Agent, SettingsEntry
    from credguard.parsers.node import Node

_STEP = "  "


def make_document(agent: Agent, command: str) -> str:
    """A new file with nothing but credguard's entries; its indentation tells it from a file that was there."""
    hooks = {event: [agent.build(event, command)] for event in agent.events}
    return json.dumps({**agent.top, "hooks": hooks}, indent=3, ensure_ascii=False) + "\n"


def has_entries(text: str, agent: Agent, command: str) -> bool:
    """True if each event has exactly the entry that would be put in; raises CredguardError."""
    if list_commands(text, agent) != dict.fromkeys(agent.events, command):
        return False
    try:
        hooks = json.loads(text.removeprefix("\ufeff"))["hooks"]
    except ValueError:  # with comments, which agents allow: the commands are enough
        return True
    return all(agent.build(event, command) in hooks[event] for event in agent.events)


def put_entries(text: str, agent: Agent, command: str) -> str:
    """The settings with credguard's entries; raises CredguardError for what is no such file."""
    line_end = _find_line_end(text)
    root = _parse(text)
    hooks = _get_member(root, "hooks", "mapping")
    if hooks is None:
        members = ",".join(_format_member(agent, event, command) for event in agent.events)
        return _insert(text, root, f'\n{_STEP}"hooks": {{{members}\n{_STEP}}}', "\n", line_end)
    edits = []
    missing = []
    for event in agent.events:
        there = _get_member(hooks, event, "sequence")
        if there is None:
            missing.append(_format_member(agent, event, command))
        else:
            edits.append((there, _format_entry(agent.build(event, command)), f"\n{_STEP * 2}"))
    if missing:
        edits.append((hooks, ",".join(missing), f"\n{_STEP}"))
    for node, piece, close in sorted(edits, key=lambda edit: (edit[0].line, edit[0].column), reverse=True):
        text = _insert(text, node, piece, close, line_end)
    return text


def take_entries(text: str, agent: Agent) -> str:
    """The settings without credguard's entries; raises CredguardError for what is no such file."""
    line_end = _find_line_end(text)
    for command in sorted(set(_list_own_commands(_parse(text)))):
        members = [_format_member(agent, event, command) for event in agent.events]
        whole = f'\n{_STEP}"hooks": {{{",".join(members)}\n{_STEP}}}'
        pieces = [(whole, "\n")]
        pieces += [(member, f"\n{_STEP}") for member in members]
        pieces += [(_format_entry(agent.build(event, command)), f"\n{_STEP * 2}") for event in agent.events]
        for piece, close in pieces:
            for written in (piece + ",", piece + close):
                text = text.replace(written.replace("\n", line_end), "", 1)
    while (place := next(_find_own_entries(_parse(text)), None)) is not None:
        text = _cut_out(text, _get_offset(text, place))
    return text


def list_commands(text: str, agent: Agent) -> dict[str, str]:
    """credguard's command for each event that has one; raises CredguardError."""
    hooks = _get_member(_parse(text), "hooks", "mapping")
    found: dict[str, str] = {}
    for event in agent.events:
        items = _get_member(hooks, event, "sequence") if hooks else None
        for item in items.items if items else ():
            for command in _list_commands_of(item):
                found[event] = command
    return found


def _format_entry(entry: SettingsEntry) -> str:
    return "\n" + _indent(json.dumps(entry, indent=2, ensure_ascii=False), 3)


def _format_member(agent: Agent, event: str, command: str) -> str:
    entry = _format_entry(agent.build(event, command))
    return f'\n{_STEP * 2}"{event}": [{entry}\n{_STEP * 2}]'


def _indent(text: str, steps: int) -> str:
    return "\n".join(_STEP * steps + line for line in text.split("\n"))


def _insert(text: str, node: Node, piece: str, close: str, line_end: str) -> str:
    """Puts a piece behind the opening bracket of a mapping or a sequence."""
    at = _get_offset(text, node) + 1
    added = piece + ("," if node.pairs or node.items else close)
    return text[:at] + added.replace("\n", line_end) + text[at:]


def _find_line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _parse(text: str) -> Node:
    try:
        values = documents.read(text)
    except UnreadableError as error:
        raise CredguardError(f"the settings are no JSON: {error.message}", "correct the file") from error
    if len(values) != 1 or values[0].kind != "mapping":
        raise CredguardError("the settings are no JSON object", "correct the file")
    return values[0]


def _get_member(node: Node, name: str, kind: str) -> Node | None:
    found = node.get_all(name)
    if len(found) > 1 or (found and found[0].kind != kind):
        raise CredguardError(f"the settings have no single {kind} {name}", "correct the file")
    return found[0] if found else None


def _list_own_commands(root: Node) -> Iterator[str]:
    for entry in _find_own_entries(root):
        yield from _list_commands_of(entry)


def _list_commands_of(entry: Node) -> Iterator[str]:
    for key, value in (pair for one in entry.walk() for pair in one.pairs):
        if key.text in ("command", "bash") and is_own_command(value.text):
            yield value.text


def _find_own_entries(root: Node) -> Iterator[Node]:
    """The entries, or the hooks in one that has others as well, that run credguard."""
    for hooks in root.get_all("hooks"):
        for _, entries in hooks.pairs:
            for entry in entries.items:
                inner = entry.get("hooks")
                of_group = list(inner.items) if inner else [entry]
                own = [one for one in of_group if _runs_credguard(one)]
                yield from [entry] if own and len(own) == len(of_group) else own


def _runs_credguard(hook: Node) -> bool:
    return any(key.text in ("command", "bash") and is_own_command(value.text) for key, value in hook.pairs)


def _get_offset(text: str, node: Node) -> int:
    at = 0
    for _ in range(node.line - 1):
        at = text.index("\n", at) + 1
    return at + node.column - 1


def _cut_out(text: str, begin: int) -> str:
    """The text without the value at an offset, and without one comma beside it."""
    end = _find_end(text, begin)
    after = end + len(text[end:]) - len(text[end:].lstrip())
    if text[after : after + 1] == ",":
        start = len(text[:begin].rstrip())
        return text[:start] + text[after + 1 :]
    start = len(text[:begin].rstrip())
    return text[: start - 1 if text[start - 1] == "," else start] + text[end:]


def _find_end(text: str, begin: int) -> int:
    """Where the mapping that begins there ends."""
    depth, at, quoted = 0, begin, False
    while at < len(text):
        sign = text[at]
        if quoted:
            at += sign == "\\"
            quoted = sign != '"'
        elif sign == '"':
            quoted = True
        elif text.startswith(("//", "/*"), at):
            mark = "\n" if text[at + 1] == "/" else "*/"
            at = text.index(mark, at) + len(mark) - 1
        elif sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return len(text)
