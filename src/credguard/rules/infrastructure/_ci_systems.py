"""Locates stored AWS access keys in the jobs of CI systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.static_keys import Binding, KeyPart, has_foreign_endpoint, is_foreign, match_key_part
from credguard.lazy_re import compile_lazily
from credguard.parsers.document import Node
from credguard.rules.infrastructure._ci_keys import (
    KeySetting,
    KeyUse,
    find_text_line,
    flatten_node,
    has_role_reference,
    is_temporary,
    list_stored_names,
    parse_shell_settings,
    read_mapping_settings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP_KEYS = ("script", "bash", "pwsh", "powershell", "task")
_DEFINED = compile_lazily(r"[A-Z][A-Z0-9_]{2,80}")
_PARAMETER = compile_lazily(r"<<\s{0,4}parameters\.")
_LABEL = compile_lazily(r"[\w.\- ]{1,60}")
_STORES = ("parameter-store", "secrets-manager", "secrets")


def find_key_uses(document: Node, system: str) -> Iterator[KeyUse]:
    """Every part of the document where a job gets a stored key; the same part once."""
    seen: set[int] = set()
    for label, scope in _iter_scopes(document, system):
        for use in _find_in_scope(scope, label, system, document):
            if use.line not in seen:
                seen.add(use.line)
                yield use


def _iter_scopes(document: Node, system: str) -> Iterator[tuple[str, Node]]:
    """The parts of a document that each have their own role or none, with their names."""
    if system == "circleci":
        yield from _iter_circle_scopes(document)
    elif system in {"bitbucket", "azure"}:
        yield from _iter_steps(document)
    elif system == "codebuild":
        yield "the build", document
    else:
        steps = document.get("steps")
        for number, step in enumerate(steps.items if steps else (), 1):
            yield f"step {number}", step
        for key, value in document.pairs:
            if key.text != "steps":
                yield _match_label(key), _wrap_pair(key, value)


def _iter_circle_scopes(document: Node) -> Iterator[tuple[str, Node]]:
    """Jobs, commands and executors by name; each job of a workflow; the steps within are checked with them."""
    for kind in ("commands", "jobs", "executors"):
        for key, value in _get_pairs(document.get(kind)):
            yield f"{kind[:-1]} {_match_label(key)}", value
    for key, workflow in _get_pairs(document.get("workflows")):
        jobs = workflow.get("jobs")
        for item in jobs.items if jobs else ():
            yield f"workflow {_match_label(key)}", item


def _iter_steps(document: Node) -> Iterator[tuple[str, Node]]:
    """Mappings that run something, then what is outside of them."""
    outside: list[tuple[Node, Node]] = []
    waiting = [document]
    number = 0
    while waiting:
        one = waiting.pop()
        if one.kind == "mapping" and one.get(*_STEP_KEYS):
            number += 1
            yield f"step {number}", one
            continue
        for key, value in one.pairs:
            if key.text == "variables":
                outside.append((key, value))
        waiting.extend(value for _, value in reversed(one.pairs))
        waiting.extend(reversed(one.items))
    for key, value in outside:
        yield "variables", _wrap_pair(key, value)


def _get_pairs(node: Node | None) -> tuple[tuple[Node, Node], ...]:
    return node.pairs if node else ()


def _wrap_pair(key: Node, value: Node) -> Node:
    return Node("mapping", key.line, key.column, pairs=((key, value),))


def _match_label(key: Node) -> str:
    found = _LABEL.match(key.text)
    return found[0] if found else "?"


def _find_in_scope(scope: Node, label: str, system: str, document: Node) -> Iterator[KeyUse]:
    words = flatten_node(scope)
    if has_foreign_endpoint(words) or (has_role_reference(words) and system not in {"circleci", "codebuild", "gitlab"}):
        return
    by_role = has_role_reference(words)
    if system == "circleci":
        yield from _find_setups(scope, label, _find_aliases(document))
    for one in scope.walk():
        if one.kind == "mapping":
            yield from _find_in_mapping(one, label, system, by_role)
        for text in _iter_scalars(one):
            yield from _find_in_shell(text, label, by_role)


def _iter_scalars(node: Node) -> Iterator[Node]:
    """The scalars that a mapping or sequence contains directly."""
    yield from (value for _, value in node.pairs if value.kind == "scalar")
    yield from (item for item in node.items if item.kind == "scalar")


def _find_in_mapping(node: Node, label: str, system: str, by_role: bool) -> Iterator[KeyUse]:
    """The settings of a mapping, or of its entries of `name` and `value`, that come from a store."""
    settings = [one for one in read_mapping_settings(node) if _is_stored(one, system)]
    for kind in _STORES:
        settings += _find_stored_keys(node.get(kind))
    name, value = node.get("name", "key"), node.get("value")
    half = match_key_part(name.text) if name and name.kind == "scalar" and value and value.kind == "scalar" else None
    if half and name and value:
        told = next(iter(read_mapping_settings(_wrap_pair(name, value))), None)
        settings += [told] if told and told.given >= Binding.STORED else []
    if settings and not is_temporary(settings) and not (by_role and system == "circleci"):
        yield KeyUse(settings[0].line, label, "its variables", _list_names(settings, node))


def _find_stored_keys(node: Node | None) -> list[KeySetting]:
    """Names of keys that CodeBuild or Buildkite fetch from a store."""
    found: list[KeySetting] = []
    for key, _ in node.pairs if node else ():
        half = match_key_part(key.text)
        if half and half is not KeyPart.TOKEN:
            found.append(KeySetting(half, key.line, f"${{{key.text}}}", Binding.STORED))
    for item in node.items if node else ():
        half = match_key_part(item.text)
        if half and half is not KeyPart.TOKEN:
            found.append(KeySetting(half, item.line, f"${{{item.text}}}", Binding.STORED))
    return found


def _is_stored(one: KeySetting, system: str) -> bool:
    """True for a value that comes from a variable; CircleCI's parameters contain only the variable's name."""
    if system == "circleci":
        if _PARAMETER.search(one.text) or is_foreign(one.text):
            return False
        if _DEFINED.fullmatch(one.text):
            return True
    return one.given in {Binding.STORED, Binding.REFERENCE}


def _list_names(settings: list[KeySetting], node: Node) -> tuple[str, ...]:
    keys = [key.text for key, _ in node.pairs if match_key_part(key.text)]
    return list_stored_names(settings) or tuple(dict.fromkeys(keys))


def _find_in_shell(text: Node, label: str, by_role: bool) -> Iterator[KeyUse]:
    settings = list(parse_shell_settings(text.text, find_text_line(text)))
    stored = [one for one in settings if one.given in {Binding.STORED, Binding.REFERENCE}]
    if stored and not by_role and not is_temporary(settings):
        yield KeyUse(stored[0].line, label, "a script", list_stored_names(stored))


def _find_aliases(document: Node) -> tuple[str, ...]:
    """The names that a CircleCI file gives to the AWS CLI orb."""
    found = [key.text for key, value in _get_pairs(document.get("orbs")) if value.text.startswith("circleci/aws-cli@")]
    return (*found, "aws-cli") if found else ()


def _find_setups(scope: Node, label: str, aliases: tuple[str, ...]) -> Iterator[KeyUse]:
    """Uses of the orb's `setup` without a role: it reads AWS_ACCESS_KEY_ID and its secret from the context."""
    steps = {f"{alias}/setup" for alias in aliases}
    for one in scope.walk():
        for item in one.items:
            if item.kind == "scalar" and item.text in steps:
                yield KeyUse(item.line, label, item.text, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        for key, value in one.pairs:
            if key.text in steps and not value.get("role-arn", "role_arn"):
                told = [setting for setting in read_mapping_settings(value) if setting.text]
                foreign = any(is_foreign(setting.text) for setting in told)
                names = tuple(
                    dict.fromkeys(setting.text.strip("${}") for setting in told if _DEFINED.search(setting.text))
                )
                if not foreign and not has_role_reference(flatten_node(value)):
                    yield KeyUse(key.line, label, key.text, names or ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
