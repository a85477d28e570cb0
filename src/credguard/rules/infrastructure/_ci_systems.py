"""Where the jobs of a CI system take stored AWS access keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.static_keys import Given, Half, half_of, has_foreign_endpoint, is_foreign
from credguard.lazy_re import regex
from credguard.parsers.document import Node
from credguard.rules.infrastructure._ci_keys import (
    Setting,
    Use,
    all_text,
    is_temporary,
    mapping_settings,
    shell_settings,
    stored_names,
    takes_role,
    text_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP_KEYS = ("script", "bash", "pwsh", "powershell", "task")
_DEFINED = regex(r"[A-Z][A-Z0-9_]{2,80}")
_PARAMETER = regex(r"<<\s{0,4}parameters\.")
_LABEL = regex(r"[\w.\- ]{1,60}")
_STORES = ("parameter-store", "secrets-manager", "secrets")


def uses(document: Node, system: str) -> Iterator[Use]:
    """Every place of the document where a job is given a stored key; the same place once."""
    seen: set[int] = set()
    for label, scope in _scopes(document, system):
        for use in _in_scope(scope, label, system, document):
            if use.line not in seen:
                seen.add(use.line)
                yield use


def _scopes(document: Node, system: str) -> Iterator[tuple[str, Node]]:
    """The parts of a document that take a role, or do not, for themselves; their names."""
    if system == "circleci":
        yield from _circle_scopes(document)
    elif system in {"bitbucket", "azure"}:
        yield from _steps(document)
    elif system == "codebuild":
        yield "the build", document
    else:
        steps = document.get("steps")
        for number, step in enumerate(steps.items if steps else (), 1):
            yield f"step {number}", step
        for key, value in document.pairs:
            if key.text != "steps":
                yield _name(key), _alone(key, value)


def _circle_scopes(document: Node) -> Iterator[tuple[str, Node]]:
    """Jobs, commands and executors by name; each job of a workflow; the steps within are judged with them."""
    for kind in ("commands", "jobs", "executors"):
        for key, value in _pairs(document.get(kind)):
            yield f"{kind[:-1]} {_name(key)}", value
    for key, workflow in _pairs(document.get("workflows")):
        jobs = workflow.get("jobs")
        for item in jobs.items if jobs else ():
            yield f"workflow {_name(key)}", item


def _steps(document: Node) -> Iterator[tuple[str, Node]]:
    """Mappings that run something, then what stands outside of them."""
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
        yield "variables", _alone(key, value)


def _pairs(node: Node | None) -> tuple[tuple[Node, Node], ...]:
    return node.pairs if node else ()


def _alone(key: Node, value: Node) -> Node:
    return Node("mapping", key.line, key.column, pairs=((key, value),))


def _name(key: Node) -> str:
    found = _LABEL.match(key.text)
    return found[0] if found else "?"


def _in_scope(scope: Node, label: str, system: str, document: Node) -> Iterator[Use]:
    words = all_text(scope)
    if has_foreign_endpoint(words) or (takes_role(words) and system not in {"circleci", "codebuild", "gitlab"}):
        return
    by_role = takes_role(words)
    if system == "circleci":
        yield from _setups(scope, label, _aliases(document))
    for one in scope.walk():
        if one.kind == "mapping":
            yield from _in_mapping(one, label, system, by_role)
        for text in _texts(one):
            yield from _in_shell(text, label, by_role)


def _texts(node: Node) -> Iterator[Node]:
    """The scalars that a mapping or sequence holds itself."""
    yield from (value for _, value in node.pairs if value.kind == "scalar")
    yield from (item for item in node.items if item.kind == "scalar")


def _in_mapping(node: Node, label: str, system: str, by_role: bool) -> Iterator[Use]:
    """The settings of a mapping, or of its entries of `name` and `value`, that are given by a store."""
    settings = [one for one in mapping_settings(node) if _is_stored(one, system)]
    for kind in _STORES:
        settings += _from_store(node.get(kind))
    name, value = node.get("name", "key"), node.get("value")
    half = half_of(name.text) if name and name.kind == "scalar" and value and value.kind == "scalar" else None
    if half and name and value:
        told = next(iter(mapping_settings(_alone(name, value))), None)
        settings += [told] if told and told.given >= Given.STORED else []
    if settings and not is_temporary(settings) and not (by_role and system == "circleci"):
        yield Use(settings[0].line, label, "its variables", _names(settings, node))


def _from_store(node: Node | None) -> list[Setting]:
    """Names of keys that CodeBuild or Buildkite fetch from a store."""
    found: list[Setting] = []
    for key, _ in node.pairs if node else ():
        half = half_of(key.text)
        if half and half is not Half.TOKEN:
            found.append(Setting(half, key.line, f"${{{key.text}}}", Given.STORED))
    for item in node.items if node else ():
        half = half_of(item.text)
        if half and half is not Half.TOKEN:
            found.append(Setting(half, item.line, f"${{{item.text}}}", Given.STORED))
    return found


def _is_stored(one: Setting, system: str) -> bool:
    """True for a value that a variable gives; CircleCI's parameters name the variable alone."""
    if system == "circleci":
        if _PARAMETER.search(one.text) or is_foreign(one.text):
            return False
        if _DEFINED.fullmatch(one.text):
            return True
    return one.given in {Given.STORED, Given.REFERENCE}


def _names(settings: list[Setting], node: Node) -> tuple[str, ...]:
    keys = [key.text for key, _ in node.pairs if half_of(key.text)]
    return stored_names(settings) or tuple(dict.fromkeys(keys))


def _in_shell(text: Node, label: str, by_role: bool) -> Iterator[Use]:
    settings = list(shell_settings(text.text, text_lines(text)))
    stored = [one for one in settings if one.given in {Given.STORED, Given.REFERENCE}]
    if stored and not by_role and not is_temporary(settings):
        yield Use(stored[0].line, label, "a script", stored_names(stored))


def _aliases(document: Node) -> tuple[str, ...]:
    """The names that a CircleCI file gives to the AWS CLI orb."""
    found = [key.text for key, value in _pairs(document.get("orbs")) if value.text.startswith("circleci/aws-cli@")]
    return (*found, "aws-cli") if found else ()


def _setups(scope: Node, label: str, aliases: tuple[str, ...]) -> Iterator[Use]:
    """Uses of the orb's `setup` without a role: it takes AWS_ACCESS_KEY_ID and its secret from the context."""
    steps = {f"{alias}/setup" for alias in aliases}
    for one in scope.walk():
        for item in one.items:
            if item.kind == "scalar" and item.text in steps:
                yield Use(item.line, label, item.text, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
        for key, value in one.pairs:
            if key.text in steps and not value.get("role-arn", "role_arn"):
                told = [setting for setting in mapping_settings(value) if setting.text]
                foreign = any(is_foreign(setting.text) for setting in told)
                names = tuple(
                    dict.fromkeys(setting.text.strip("${}") for setting in told if _DEFINED.search(setting.text))
                )
                if not foreign and not takes_role(all_text(value)):
                    yield Use(key.line, label, key.text, names or ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
