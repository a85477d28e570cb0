"""Openings outside of policy statements: Lambda permissions for everyone, CDK principals of roles and grants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Severity
from credguard.parsers.document import is_structured
from credguard.parsers.literals import parse_group
from credguard.rules.infrastructure._iam_constants import Constants
from credguard.rules.infrastructure._iam_policies import iter_offset_lines, merge_windows, parse_documents
from credguard.rules.infrastructure._iam_statements import (
    Condition,
    Context,
    Statement,
    derive_context,
    normalize_key,
    read_conditions,
)
from credguard.rules.infrastructure._iam_trust import Opening, find_trust_opening
from credguard.rules.infrastructure._iam_values import UNKNOWN_VALUE, read_strings

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.parsers.document import Node

PERMISSION = Pattern(
    "open-permission",
    rb"principal[\"'\\]{0,3}\s{0,20}(?:=>|:=|[:=(,]|)\s{0,20}(?:[\w.]{1,20}\()?[\"'\\]{0,3}\*(?:[\"'\\\s]|$)",
    caseless=True,
)
PRINCIPAL = Pattern(
    "cdk-principal", rb"\b(?:New)?(?:Any|Star|Arn|Account|WebIdentity|Federated|OpenIdConnect)Principal\b"
)
GRANTED = (PERMISSION, PRINCIPAL)

_TYPES = (
    "aws_lambda_permission", "aws_lambda_layer_version_permission", "AWS::Lambda::Permission",
    "AWS::Lambda::LayerVersionPermission",
)  # fmt: skip
_PERMISSIONS = compile_lazily(rb"aws_lambda_(?:layer_version_)?permission|AWS::Lambda::(?:LayerVersion)?Permission")
_BOUND = {
    "sourcearn", "sourceaccount", "principalorgid", "organizationid", "eventsourcetoken", "functionurlauthtype",
    "invokedviafunctionurl",
}  # fmt: skip
_CALL = compile_lazily(r"(?i)(?<![a-z])add_?(?:layer_?version_?)?permission(?:Command|Request|Input)?\s{0,10}[({]")
_COMMAND = compile_lazily(r"\blambda\s{1,5}add-(?:layer-version-)?permission\b((?:[^\n;|&\\]|\\\n|\\.){0,800})")
_STAR = compile_lazily(r"--principal[ =]{1,4}[\"']?\*[\"'\s]?")
_NARROW = compile_lazily(r"--(?:source-(?:arn|account)|principal-org-id|organization-id|function-url)")
_ASSUMED = compile_lazily(
    r"(?i)(?:assumed_?by|\bgrant_?(?!read\b|_?public)\w{0,40}\s{0,10}\(|\bgrant_?principal)\s{0,10}[:=(]{0,2}\s{0,40}"
    r"(?:\w{1,20}\s{0,4}[:=]\s{0,4})?(?:new\s{1,10})?(?:\w{1,30}\.)?(?:New)?"
    r"(?:(?:Any|Star)Principal\b|(?:Arn|Account)Principal\(\s{0,10}[\"']\*[\"'])"
)
_FEDERATED = compile_lazily(r"\b(?:New)?(?:WebIdentity|Federated|OpenIdConnect)Principal\s{0,10}\(")
_EVERYONE = Opening("everyone", Severity.MEDIUM, "gives access to everyone (Principal *)", "principal")


class Grant(NamedTuple):
    """An opening, its source if known, and the line."""

    opening: Opening
    holder: str
    line: int


def find_grants(blob: Blob, hits: Hits) -> Iterator[Grant]:
    """Every such opening of a blob. Raises UnreadableError for a document that cannot be read."""
    text = blob.data.decode("latin-1")  # so that offsets match
    structured = is_structured(blob.path)
    ends = hits.get(PERMISSION.name, ())
    if ends:
        found = parse_documents(blob) if _PERMISSIONS.search(blob.data) else ()
        for document in found or ():
            yield from _find_permissions(document, Context())
        yield from _find_commands(text, ends)
        if not structured:
            yield from _find_calls(text, ends)
    if not structured and PRINCIPAL.name in hits:
        yield from _find_principals(text, hits[PRINCIPAL.name])


def _find_permissions(node: Node, context: Context) -> Iterator[Grant]:
    """The Lambda permissions of a document that give access to everyone."""
    if node.kind == "mapping" and context.type in _TYPES:
        keys = {normalize_key(key.text) for key, _ in node.pairs}
        principal = node.get("principal", "Principal")
        if principal and "*" in read_strings(principal) and not keys & _BOUND:
            yield Grant(_EVERYONE, context.name.rstrip("."), principal.line)
    for item in node.items:
        yield from _find_permissions(item, context)
    for key, value in node.pairs:
        yield from _find_permissions(value, derive_context(context, key, value))


def _find_commands(text: str, ends: Sequence[int]) -> Iterator[Grant]:
    for found, line in _find_matches(_COMMAND, text, ends):
        star = _STAR.search(found[1])
        if star and not _NARROW.search(found[1]):
            yield Grant(_EVERYONE, "", line + found[1].count("\n", 0, star.start()))


def _find_calls(text: str, ends: Sequence[int]) -> Iterator[Grant]:
    for found, line in _find_matches(_CALL, text, ends):
        read = parse_group(text, found.end() - 1, line)
        for node in read[0].walk() if read else ():
            keys = {normalize_key(key.text) for key, _ in node.pairs}
            principal = node.get("principal", caseless=True)
            if principal and "*" in read_strings(principal) and not keys & _BOUND:
                yield Grant(_EVERYONE, "", principal.line)


def _find_principals(text: str, ends: Sequence[int]) -> Iterator[Grant]:
    """Principals of CDK programs."""
    for found, line in _find_matches(_ASSUMED, text, ends):
        yield Grant(_EVERYONE, "", line + found[0].count("\n"))
    constants = Constants(text)
    for found, line in _find_matches(_FEDERATED, text, ends):
        read = parse_group(text, found.end() - 1, line)
        if read:
            filled = tuple(constants.fill(item) if item.kind == "mapping" else item for item in read[0].items)
            yield from _read_federated(replace(read[0], items=filled), line)


def _find_matches(pattern: re.Pattern[str], text: str, ends: Sequence[int]) -> Iterator[tuple[re.Match[str], int]]:
    """Every match around the offsets, with its line."""
    found = {
        one.start(): one for low, high in merge_windows(ends, 1000, 300) for one in pattern.finditer(text, low, high)
    }
    for start, line in iter_offset_lines(text, sorted(found)):
        yield found[start], line


def _read_federated(node: Node, line: int) -> Iterator[Grant]:
    """A principal of an identity provider, with its conditions."""
    given = node.items + tuple(value for _, value in node.pairs)
    provider = next(
        (one.text for one in given if one.kind == "scalar" and not one.text.startswith("sts:")), UNKNOWN_VALUE
    )
    conditions: tuple[Condition, ...] = ()
    for one in given:
        if one.kind == "mapping":
            conditions += tuple(read_conditions(one))
        elif one.kind == "call" and one is not given[0]:
            conditions += (Condition(UNKNOWN_VALUE, UNKNOWN_VALUE, (UNKNOWN_VALUE,)),)
    if not conditions and len(given) < 2:
        return  # they may be added later
    statement = Statement(
        ("sts:AssumeRoleWithWebIdentity",), principals=(("federated", provider),), conditions=conditions
    )
    found = find_trust_opening(statement)
    if found:
        yield Grant(found, "", line)
