"""Finds the statements of IAM policies in documents: what they allow, to whom, on what, and where they are used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from credguard.lazy_re import compile_lazily
from credguard.parsers.document import Node, parse_embedded
from credguard.rules.infrastructure._iam_values import UNKNOWN_VALUE, locate_strings, read_strings

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = {
    "permissionsboundary", "permissionboundary", "rolepermissionsboundary", "responsemetadata", "metadata", "outputs",
}  # fmt: skip
_RECORDED = {
    "eventSource", "eventName", "ResponseMetadata", "status_code", "PolicyVersionList", "IsDefaultVersion",
    "recorded-date", "terraform_version", "AttachmentCount", "UserDetailList", "GroupDetailList", "RoleDetailList",
    "RolePolicyList", "UserPolicyList", "GroupPolicyList",
}  # fmt: skip
_PLACES = {
    "AWS::Organizations::Policy": "guardrail",
    "aws_organizations_policy": "guardrail",
    "AWS::EC2::VPCEndpoint": "endpoint",
    "aws_vpc_endpoint": "endpoint",
    "aws_vpc_endpoint_policy": "endpoint",
    "aws_cloudformation_stack": "guardrail",
}
_GUARDRAIL = compile_lazily(
    r"(?:^|[^a-z])(?:scps?|rcps?|(?:service|resource)[-_ ]?control|guard[-_ ]?rails?|boundar(?:y|ies)"
    r"|vpc[-_ ]?(?:end[-_ ]?point|e)s?|end[-_ ]?point[-_ ]?polic(?:y|ies)|full[-_ ]?aws[-_ ]?access"
    r"|stack[-_ ]?polic(?:y|ies)(?:[-_ ]?body)?)(?:$|[^a-z])",
    re.IGNORECASE,
)
_CAMEL = compile_lazily(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ELEMENTS = {
    "effect": "effect", "sid": "sid", "action": "action", "actions": "action", "addactions": "action",
    "notaction": "notaction", "notactions": "notaction", "addnotactions": "notaction",
    "resource": "resource", "resources": "resource", "addresources": "resource",
    "notresource": "notresource", "notresources": "notresource", "addnotresources": "notresource",
    "principal": "principal", "principals": "principal",
    "notprincipal": "notprincipal", "notprincipals": "notprincipal",
    "condition": "condition", "conditions": "condition", "addallresources": "allresources",
}  # fmt: skip
_WORD = compile_lazily(r"(?:[\w.]+[._])?(Allow|Deny|ALLOW|DENY)")
_FARTHEST = 400  # lines below an element's key in which its values are
_SPREAD = compile_lazily(r"\.\s*\.\s*\.|\*\s*\*|\*\*")
_ADDED = compile_lazily(r"add(?:[a-z]+principal|condition)s?\Z")


@dataclass(frozen=True, slots=True)
class Context:
    """What contains a statement: `name` for messages, the resource's `type`, the `place` (`guardrail`, `endpoint` or
    nothing), and the `document` that its statements share."""

    name: str = ""
    type: str = ""
    place: str = ""
    document: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator and key of a condition; both in lower case."""

    operator: str
    key: str
    values: tuple[str, ...]


class Spot(NamedTuple):
    """Where a value is: the line to show, which is that of its element if it comes from elsewhere, and its place."""

    line: int
    place: tuple[int, int]


_UNKNOWN = Condition(UNKNOWN_VALUE, UNKNOWN_VALUE, (UNKNOWN_VALUE,))


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that allows something, or denies it to some of those whom others allow.

    Unknown values are `…`; `lines` has the line of each element, `spots` where its values are. Principals are (kind,
    value), the kind in lower case.
    """

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: tuple[tuple[str, str], ...] = ()
    not_principal: bool = False
    conditions: tuple[Condition, ...] = ()
    sid: str = ""
    denies: bool = False
    context: Context = field(default_factory=Context)
    lines: tuple[tuple[str, int], ...] = ()
    spots: tuple[tuple[str, tuple[Spot, ...]], ...] = ()

    def locate(self, element: str, index: int) -> tuple[int, object]:
        """The line of an element's value with that index, and what tells whether two values are one."""
        spots = dict(self.spots).get(element, ())
        spot = spots[index] if index < len(spots) else None
        return (spot.line, spot.place) if spot else (self.find_line(element), (self.find_line(element), index))

    def find_line(self, *elements: str) -> int:
        """The line of the first of these elements that it has."""
        known = dict(self.lines)
        return next((known[name] for name in (*elements, "effect") if name in known), 1)


def find_statements(documents: tuple[Node, ...], path: str) -> Iterator[Statement]:
    """Every statement that allows something, including policies written as JSON text inside other documents."""
    place = "guardrail" if is_guardrail_name(path) else ""
    for document in documents:
        if not is_recorded(document):
            yield from _find_below(document, Context(place=place, document=document.line))


def is_recorded(node: Node) -> bool:
    """True for AWS responses and logs, states, plans and a service's published examples: they configure nothing."""
    keys = {key.text for key, _ in node.pairs}
    absent = node.get("state")  # of a task that removes something
    return bool(_RECORDED & keys) or {"version", "examples"} == keys or (absent is not None and absent.text == "absent")


def is_guardrail_name(name: str) -> bool:
    """True for names of policies that only limit what others grant."""
    return _GUARDRAIL.search(_CAMEL.sub("-", name)) is not None


def _find_below(node: Node, context: Context) -> Iterator[Statement]:
    if node.kind == "scalar":
        if "Effect" in node.text:
            for inner in parse_embedded(node):
                yield from _find_below(inner, replace(context, document=node.line))
        return
    for item in node.items:
        yield from _find_below(item, context)
    if node.kind != "mapping" or is_recorded(node):
        return
    found = parse_statement(node, context)
    if found:
        yield found
    if found or _read_elements(node).keys() >= {"effect", "action"}:
        return
    inside = _enter_policy(node, context)
    for key, value in node.pairs:
        if normalize_key(key.text) not in _SKIPPED:
            yield from _find_below(value, derive_context(inside, key, value))


def _enter_policy(node: Node, context: Context) -> Context:
    """The context inside a policy document: its statements are checked together."""
    if any(normalize_key(key.text) in {"statement", "statements", "iamrolestatements"} for key, _ in node.pairs):
        return replace(context, document=node.line)
    return context


def derive_context(context: Context, key: Node, value: Node) -> Context:
    """The context below a key: CloudFormation's logical names, Terraform's types and names."""
    kind = value.get("Type", "type") if value.kind == "mapping" else None
    if kind and kind.kind == "scalar" and kind.text.lower().startswith(("aws::", "aws:")):
        return _update_context(context, key.text, kind.text)
    if context.type.startswith("aws_") and context.name.endswith("."):
        return _update_context(context, context.name + key.text, context.type)
    if key.text.startswith("aws_") and value.kind == "mapping" and value.tag != "block":
        return replace(context, name=key.text + ".", type=key.text)
    if key.text.startswith("aws_") and value.kind == "sequence":
        return replace(context, name=key.text + ".", type=key.text)
    if not context.type and is_guardrail_name(key.text):
        return replace(context, place="guardrail")
    return context


def _update_context(context: Context, name: str, kind: str) -> Context:
    place = _PLACES.get(kind) or ("guardrail" if is_guardrail_name(name.partition(".")[2] or name) else context.place)
    return replace(context, name=name, type=kind, place=place)


def normalize_key(key: str) -> str:
    """A key without case and separators."""
    return key.replace("_", "").replace("-", "").lower()


def _read_elements(node: Node) -> dict[str, Node]:
    elements: dict[str, Node] = {}
    for key, value in node.pairs:
        name = _ELEMENTS.get(normalize_key(key.text))
        empty = (value.kind in {"sequence", "mapping"} and not value.items and not value.pairs) or value.type == "null"
        if name and name not in elements and (not empty or name == "allresources"):
            elements[name] = value
    return elements


def parse_statement(node: Node, context: Context, *, effect: str = "") -> Statement | None:
    """The mapping as a statement, if it allows something or denies it with a condition.

    `effect` is used if the mapping has none.
    """
    elements = _read_elements(node)
    if not {"action", "notaction"} & elements.keys():
        return None
    if "effect" not in elements and not effect and not _is_block(node, context):
        return None
    said = _read_effect(elements["effect"]) if "effect" in elements else "allow"
    denies = said == "deny" and {"principal", "condition"} <= elements.keys()
    if not (said == "allow" or denies) or (not effect and not _is_policy(elements, context)):
        return None
    located = [(name, value, _locate_values(node, value)) for name, value in elements.items()]
    principals = tuple(pair for value in _list_values(node, elements, "principal") for pair in _read_principals(value))
    return Statement(
        read_strings(elements.get("action")),
        read_strings(elements.get("notaction")),
        ("*",) if "allresources" in elements else read_strings(elements.get("resource")),
        read_strings(elements.get("notresource")),
        principals,
        "notprincipal" in elements,
        (*(found for value in _list_values(node, elements, "condition") for found in read_conditions(value)),
         *((_UNKNOWN,) if has_spread(node) else ())),
        elements["sid"].text if "sid" in elements else "",
        denies,
        context,
        tuple((name, spots[0].line if spots else value.line) for name, value, spots in located),
        tuple((name, spots) for name, _, spots in located if name in {"action", "notaction", "resource"}),
    )  # fmt: skip


def _is_policy(elements: dict[str, Node], context: Context) -> bool:
    """An effect and an action alone may be anything; a policy has a resource or a principal, or is a trust policy with
    neither."""
    return bool({"resource", "notresource", "principal", "notprincipal"} & elements.keys()) or bool(context.type)


def _is_block(node: Node, context: Context) -> bool:
    return context.type == "aws_iam_policy_document" and node.kind == "mapping"


def _read_effect(node: Node) -> str:
    """`allow`, `deny`, or something else: a parameter, or another tool's spelling."""
    found = _WORD.fullmatch(node.text) if node.tag in {"", "word"} else None
    return found[1].lower() if found and (node.kind == "scalar") != bool(found[0] != found[1]) else UNKNOWN_VALUE


def _locate_values(node: Node, value: Node) -> tuple[Spot, ...]:
    """Where the values of an element are; of a mapping or a call, where it begins."""
    above = next(key.line for key, one in node.pairs if one is value)
    below = min((key.line for key, _ in node.pairs if key.line > above), default=above + _FARTHEST)
    places = [place for _, place in locate_strings(value)] if value.kind == "sequence" else []
    return tuple(
        Spot(one.line if above <= one.line <= below else above, (one.line, one.column)) for one in places or (value,)
    )


def _list_values(node: Node, elements: dict[str, Node], name: str) -> list[Node]:
    """An element as often as it occurs: HCL repeats its blocks, builders their calls."""
    if name not in elements:
        return [
            value
            for key, value in node.pairs
            if _ADDED.match(normalize_key(key.text)) and name in normalize_key(key.text)
        ]
    found = [value for key, value in node.pairs if _ELEMENTS.get(normalize_key(key.text)) == name]
    return [one for value in found for one in (value.items if _is_list_of_blocks(value) else (value,))]


def _is_list_of_blocks(value: Node) -> bool:
    return value.kind == "sequence" and bool(value.items) and all(one.kind == "mapping" for one in value.items)


def _read_principals(node: Node) -> Iterator[tuple[str, str]]:
    """Kind and value of every principal of one element."""
    if node.kind == "mapping":
        kind, names = node.get("type"), node.get("identifiers")
        if kind and names:  # a block of aws_iam_policy_document
            yield from ((kind.text.lower(), text) for text in read_strings(names))
            return
        for key, value in node.pairs:
            yield from ((key.text.lower(), text) for text in read_strings(value))
        return
    if node.kind == "scalar":
        yield "*" if node.text == "*" else "aws", read_strings(node)[0]
        return
    for item in node.items or (node,):
        yield from _read_code_principal(item)


_EVERYONE = compile_lazily(r"\b(?:Any|Star)Principal\b|\bNew(?:Any|Star)Principal\b")


def _read_code_principal(node: Node) -> Iterator[tuple[str, str]]:
    """A principal as program text writes it."""
    if node.kind == "scalar":
        yield "aws", read_strings(node)[0]
    elif _EVERYONE.search(node.text):
        yield "*", "*"
    elif re.search(r"(?:Arn|Account)Principal\b", node.text):
        first = node.items[0] if node.items else None
        yield "aws", first.text if first and first.kind == "scalar" else UNKNOWN_VALUE
    elif re.search(r"(?:WebIdentity|Federated|OpenIdConnect|SamlConsole|Saml)Principal\b", node.text):
        yield "federated", next((item.text for item in node.items if item.kind == "scalar"), UNKNOWN_VALUE)
    else:
        yield "service", UNKNOWN_VALUE


def read_conditions(node: Node) -> Iterator[Condition]:
    """Every operator and key of one element; an unknown one for what is spread into it."""
    if node.kind != "mapping":
        yield _UNKNOWN
        return
    test, variable = node.get("test"), node.get("variable")
    if test and variable:  # a block of aws_iam_policy_document
        yield Condition(test.text.lower(), variable.text.lower(), read_strings(node.get("values")))
        return
    if has_spread(node):
        yield _UNKNOWN
    for operator, keys in node.pairs:
        if not keys.pairs or has_spread(keys):
            yield Condition(operator.text.lower(), UNKNOWN_VALUE, (UNKNOWN_VALUE,))
        for key, value in keys.pairs:
            yield Condition(operator.text.lower(), _get_key_text(key), read_strings(value) or (UNKNOWN_VALUE,))


def has_spread(node: Node) -> bool:
    """True if the values of something else are put into the mapping: `...base`, `**base`."""
    return node.kind == "mapping" and any(one.kind == "call" and _SPREAD.match(one.text) for one in node.items)


def _get_key_text(key: Node) -> str:
    """The key in lower case; that of `[name]: …` in program text if it is a literal."""
    inner = key.items[0] if key.kind == "sequence" and len(key.items) == 1 else key
    return inner.text.lower() if inner.kind == "scalar" or inner is key else UNKNOWN_VALUE
