"""Locates attachments of managed policies: in documents by key and resource, in program text by the call's words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from credguard.lazy_re import compile_lazily
from credguard.model.findings import Severity
from credguard.rules.infrastructure._iam_managed import (
    ManagedPolicy,
    find_managed_policy,
    is_arn,
    parse_policy_constant,
)
from credguard.rules.infrastructure._iam_names import find_named_policies
from credguard.rules.infrastructure._iam_policies import iter_offset_lines, merge_windows
from credguard.rules.infrastructure._iam_prose import find_instructions, is_warned_against
from credguard.rules.infrastructure._iam_statements import Context, derive_context, is_recorded, normalize_key
from credguard.rules.infrastructure._iam_values import locate_strings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.parsers.document import Node

_ATTACHING = {
    "managedpolicyarns", "managedpolicyarn", "managedpolicies", "managedpolicy", "policyarn", "policyarns",
    "attachpolicyarns", "iammanagedpolicies", "iamrolemanagedpolicies", "additionalmanagedpolicies", "rolepolicyarns",
    "iamroleadditionalpolicies", "policyattachments", "iampolicyarns", "additionalpolicyarns", "managedpolicyname",
}  # fmt: skip
_NEVER = {
    "condition", "conditions", "resource", "resources", "notresource", "notresources", "permissionsboundary",
    "permissionsboundaryarn", "permissionboundary", "rolepermissionsboundary", "description", "attachedpolicies",
    "attachedmanagedpolicies", "values", "output", "outputs", "errormessage", "excludedpolicies", "deniedpolicies",
}  # fmt: skip
_TERRAFORM = {"resource", "data", "module", "variable", "locals"}
_ARN = r"arn:(?:aws[\w-]*|[$#%]?\{[^{}\s]{1,60}\}|\*)?:iam::aws:policy/[\w+=,.@/-]{3,128}"
_Q = r"\\?[\"'`]"
_CODE = compile_lazily(
    rf"(?P<cdk>(?:from_?aws_?managed_?policy_?name|ManagedPolicy_FromAwsManagedPolicyName)\s{{0,20}}\(\s{{0,80}}"
    rf"(?:jsii\.String\(\s{{0,20}})?(?:managed_?policy_?name\s{{0,5}}[:=]\s{{0,5}})?{_Q}(?P<name>[\w+=,.@/-]{{3,128}}){_Q})"
    rf"|(?P<arn>(?:managed_?)?polic(?:y|ies)_?arns?{_Q}?\]?\s{{0,20}}(?:=>|:=|[:=(](?!=))\s{{0,80}}(?:\[\s{{0,80}})?"
    rf"(?:[\w.]{{0,40}}\(\s{{0,20}})?[fru]?{_Q}(?P<value>{_ARN}){_Q})"
    rf"|(?P<call>from_?managed_?policy_?arn\s{{0,20}}\([^()\"'`]{{0,120}}{_Q}[^\"'`]{{0,120}}{_Q}\s{{0,20}},[^\"'`()]{{0,120}}{_Q}(?P<given>{_ARN}){_Q})"
    rf"|(?P<attach>(?<!de)attach_?\w{{0,16}}?_?polic(?:y|ies)\s{{0,20}}\([^()\"'`]{{0,200}}[fru]?{_Q}(?P<direct>{_ARN}){_Q})"
    rf"|(?P<flag>(?:--(?:attach-)?policy-arn|-PolicyArn)[ =\t]{{1,20}}[\"']?(?P<option>{_ARN}))"
    rf"|(?P<enum>(?-i:\bManagedPolic(?:y|ies)\.(?P<constant>[A-Z][A-Za-z_0-9]{{3,100}})))\b",
    re.IGNORECASE,
)
_LISTED = compile_lazily(
    rf"managed_?policy_?arns?{_Q}?\s{{0,20}}(?:=>|:=|[:=])\s{{0,40}}\[([^\[\]]{{0,3000}})\]", re.IGNORECASE
)
_QUOTED = compile_lazily(rf"{_Q}({_ARN}){_Q}")
_VERB = compile_lazily(
    r"(?<![a-z])(?:(?P<undo>detach|delete|remove|simulate|revoke|unregister)|attach|register)(?![a-z])", re.IGNORECASE
)
_ATTACHES = compile_lazily(r"(?i)attach(?!ed|ment)")
_GRANTS = compile_lazily(r"(?i)attach(?!ed)|managed_?polic(?:y|ies)_?arns\b|permission_?set")
_NAMES = {"managedpolicies", "managedpolicy", "managedpolicyname"}
_GROUPS = ("name", "value", "given", "option", "constant", "direct")
_ITEM = compile_lazily(r"\{\{\s{0,4}item\s{0,4}\}\}")
_LOOP_DEPTH = 3
_BY_ARN, _BY_NAME = 1, 2


class Attachment(NamedTuple):
    """A policy, what it is attached to if known, and the place; `told` for instructions and loops of a script, which
    may never be followed."""

    policy: ManagedPolicy
    holder: str
    line: int
    column: int = 0
    told: bool = False


def find_document_attachments(documents: tuple[Node, ...]) -> Iterator[Attachment]:
    """Every attachment that the documents make."""
    for document in documents:
        keys = {key.text for key, _ in document.pairs}
        if keys & _TERRAFORM and "Resources" not in keys and not is_recorded(document):
            yield from _find_in_terraform(document, Context())
        else:
            yield from _find_below(document, Context(), 0)


def _find_in_terraform(node: Node, context: Context) -> Iterator[Attachment]:
    """Every ARN of a managed policy counts as attached, unless it is a boundary or only mentioned."""
    policy = find_managed_policy(node.text) if node.kind == "scalar" and is_arn(node.text) else None
    if policy:
        yield Attachment(policy, context.name.rstrip("."), node.line, node.column)
    for item in node.items:
        yield from _find_in_terraform(item, context)
    for key, value in node.pairs:
        if key.text == "name" and context.type == "aws_iam_policy" and not node.get("policy"):  # looked up by name
            policy = find_managed_policy(value.text)
            if policy:
                yield Attachment(policy, context.name, value.line, value.column)
        elif not _is_spoken_of(key, value, context):
            yield from _find_in_terraform(value, derive_context(context, key, value))


def _fill_loop(node: Node) -> Node:
    """A task of Ansible with what its loop goes through in place of `{{ item }}`."""
    listed = node.get("loop", "with_items")
    if listed is None or listed.kind != "sequence":
        return node
    return replace(node, pairs=tuple((key, _fill_item(value, listed, 0)) for key, value in node.pairs))


def _fill_item(node: Node, listed: Node, depth: int) -> Node:
    if node.kind == "scalar":
        return listed if _ITEM.fullmatch(node.text) else node
    if depth > _LOOP_DEPTH or node is listed:
        return node
    items = tuple(_fill_item(one, listed, depth + 1) for one in node.items)
    pairs = tuple((key, _fill_item(value, listed, depth + 1)) for key, value in node.pairs)
    return replace(node, items=items, pairs=pairs)


def _find_below(node: Node, context: Context, attaching: int) -> Iterator[Attachment]:
    node = _fill_loop(node)
    if attaching:
        for text, place in locate_strings(node):
            policy = find_managed_policy(text) if is_arn(text) or attaching == _BY_NAME else None
            if policy:
                yield Attachment(policy, context.name.rstrip("."), place.line, place.column)
    if is_recorded(node):
        return
    for item in node.items:
        if not attaching or item.kind == "mapping":
            yield from _find_below(item, context, 0)
    for key, value in node.pairs:
        if not _is_spoken_of(key, value, context):
            inside = derive_context(context, key, value)
            yield from _find_below(value, inside, _classify_key(normalize_key(key.text), context))


def _is_spoken_of(key: Node, value: Node, context: Context) -> bool:
    """True below keys that attach nothing; `Resources` may also be a template's section."""
    word = normalize_key(key.text)
    return word in _NEVER and not (word in {"resource", "resources"} and not context.type and value.kind == "mapping")


def _classify_key(word: str, context: Context) -> int:
    if word in _NAMES:
        return _BY_NAME
    if word == "policies" and context.type.startswith("AWS::Serverless::"):
        return _BY_NAME
    return _BY_ARN if word in _ATTACHING else 0


def find_code_attachments(text: str, ends: Sequence[int], *, commands_only: bool = False) -> Iterator[Attachment]:
    """Every attachment that program text makes around the offsets, or only those of command lines in it.

    Raises UnreadableError if there are too many to check.
    """
    named_at: dict[int, ManagedPolicy] = {}
    looped: set[int] = set()
    for low, high in merge_windows(ends, 500, 100):
        for found in _CODE.finditer(text, low, high):
            group = next(name for name in _GROUPS if found[name])
            policy = parse_policy_constant(found[group]) if group == "constant" else find_managed_policy(found[group])
            if policy and (group == "option" or not commands_only) and _is_meant(text, found, group):
                named_at.setdefault(found.start(group), policy)
        if not commands_only:
            named_at.update(_find_in_lists(text, low, high))
    for one in () if commands_only else find_named_policies(text):
        if one.looped and one.offset not in named_at:
            looped.add(one.offset)
        named_at.setdefault(one.offset, one.policy)
    for start, line in iter_offset_lines(text, sorted(named_at)):
        yield Attachment(named_at[start], "", line, start, told=start in looped)


def find_told_attachments(text: str, ends: Sequence[int]) -> Iterator[Attachment]:
    """Every attachment of an administrator's policy that documentation tells its readers to make, by a command, in
    code, or in words."""
    shown = find_code_attachments(text, ends)
    serious = (one for one in shown if one.policy.severity >= Severity.HIGH)
    told = {one.column: one for one in serious if not is_warned_against(text, one.column)}
    line = counted = 0
    for policy, start in find_instructions(text, ends):
        line += text.count("\n", counted, start)
        counted = start
        told.setdefault(start, Attachment(policy, "", line + 1, start))
    yield from (one._replace(told=True) for one in told.values())


def _find_in_lists(text: str, low: int, high: int) -> Iterator[tuple[int, ManagedPolicy]]:
    """Offset and policy of every ARN in the lists passed as arguments."""
    for listed in _LISTED.finditer(text, low, high):
        for inner in _QUOTED.finditer(listed[1]):
            policy = find_managed_policy(inner[1])
            if policy:
                yield listed.start(1) + inner.start(1), policy


def _is_meant(text: str, found: re.Match[str], group: str) -> bool:
    """True unless the words around only mention the policy, or remove it."""
    if group == "value":
        longer = text[max(0, found.start() - 1) : found.start()].replace("_", "a").isalnum()  # X_POLICY_ARN
        return (_ATTACHES if longer else _GRANTS).search(text) is not None and _find_verb(text, found.start()) != "undo"
    return group != "option" or "attach" in found[0] or _find_verb(text, found.start()) == "attach"


def _find_verb(text: str, offset: int) -> str:
    """What the nearest verb before it does: `attach`, `undo`, or nothing."""
    verbs = list(_VERB.finditer(text, max(0, offset - 250), offset))
    return "" if not verbs else "undo" if verbs[-1]["undo"] else "attach"
