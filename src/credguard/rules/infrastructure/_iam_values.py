"""Resolves the strings in a value of an IAM policy, through functions of CloudFormation and Terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.parsers.document import Node

UNKNOWN_VALUE = "…"  # a value that is unknown until deployment
_FILLED = compile_lazily(r"[$#]\{[^{}]*\}")
_REFERENCE = compile_lazily(r"[$#%]?\{\{?[^{}\-]{0,200}\}?\}|<[\w .\-]{1,60}>|%[sv]|\$[A-Za-z_]\w*")
_EACH = compile_lazily(r"(?:\A|[\s.])map\b|\Afor \w+ in\b")
_FIELD = compile_lazily(r"\$?\{\w{1,60}\}")
_MOST_EACH = 100
_STARS = compile_lazily(r"[*?]*\*[*?]*")
_ALL = compile_lazily(r"\*+|arn:[^:]*:\*(?::\*){0,4}(?:[:/]\*)?")
_OF_SERVICE = compile_lazily(r"arn:[^:]*:([a-z0-9*-]+):")
_ALSO = {"sts": ("iam",), "ssm": ("ec2",), "sso": ("iam", "identitystore"), "elasticmapreduce": ("emr",)}
_KINDS = (
    "user role group policy instance-profile mfa saml-provider oidc-provider table function layer instance secret key "
    "alias parameter log-group cluster service task task-definition repository domain stream deliverystream stack "
    "stackset project volume snapshot image security-group network-interface subnet vpc db topic rule event-bus "
    "execution stateMachine document notebook-instance training-job endpoint model userpool identitypool crawler "
    "database catalog job workgroup certificate loadbalancer targetgroup build application environment fleet"
)
_KIND = compile_lazily(
    rf"arn:[^:]*:[a-z0-9*-]+:[^:]*:[^:]*:(?:\*/)?(?:(?:{'|'.join(_KINDS.split())})[/:])?\*(?::\*|/\*)?"
)
_FLAT = {"concat", "tolist", "toset", "flatten", "distinct", "compact", "coalesce", "setunion", "list", "tuple", "set"}
_MAKERS = compile_lazily(
    r"(?:new )?(?:List\.of|Set\.of|(?:[\w.]+\.)?asList|ImmutableList\.of|[\w.]*singletonList|jsii\.Strings?"
    r"|aws\.Strings?"
    r"|pulumi\.(?:ToStringArray|String(?:Array)?)|string \[\]|\[\] interface(?: \[\])?|\[\] (?:\* )?string|\[\]"
    r"|List < string >(?: \[\])?|array|str)"
)


def read_strings(node: Node | None) -> tuple[str, ...]:
    """The strings of a scalar or a list of them; `?` for each that is unknown until deployment."""
    return () if node is None else tuple(text for text, _ in locate_strings(node))


def locate_strings(node: Node) -> Iterator[tuple[str, Node]]:
    """Every such string with its node."""
    if node.kind == "scalar":
        yield (node.text.strip() if node.tag in {"", "Sub"} else UNKNOWN_VALUE), node
    elif node.kind == "sequence":
        if node.tag == "Sub" and node.items:
            yield from locate_strings(node.items[0])
        elif node.tag == "Join":
            yield _join_strings(node), node
        elif node.tag == "Split":
            yield from _split_strings(node)
        elif node.tag == "If":
            for item in node.items[1:]:
                yield from locate_strings(item)
        elif node.tag:
            yield UNKNOWN_VALUE, node
        else:
            for item in node.items:
                yield from locate_strings(item)
    elif node.kind == "mapping":
        yield from _read_function(node)
    else:
        yield from _read_expression(node)


def _read_function(node: Node) -> Iterator[tuple[str, Node]]:
    """The value of CloudFormation's long form of a function."""
    if len(node.pairs) != 1:
        yield UNKNOWN_VALUE, node
        return
    name, value = node.pairs[0]
    if name.text == "Fn::Join":
        yield _join_strings(value), node
    elif name.text == "Fn::Sub":
        first = value.items[0] if value.items else value
        yield first.text or UNKNOWN_VALUE, first
    elif name.text == "Fn::Split":
        yield from _split_strings(value)
    elif name.text == "Fn::If":
        for item in value.items[1:]:
            yield from locate_strings(item)
    else:
        yield UNKNOWN_VALUE, node


def _split_strings(value: Node) -> Iterator[tuple[str, Node]]:
    """The texts that Fn::Split makes."""
    if len(value.items) != 2:
        yield UNKNOWN_VALUE, value
        return
    separator, whole = value.items[0].text or ",", value.items[1]
    for text, place in locate_strings(whole):
        yield from ((part.strip(), place) for part in text.split(separator)[:256])


def _join_strings(value: Node) -> str:
    """The text that Fn::Join makes, with `?` for references."""
    if len(value.items) != 2:
        return UNKNOWN_VALUE
    return value.items[0].text.join(
        one.text if one.kind == "scalar" and not one.tag else UNKNOWN_VALUE for one in value.items[1].items
    )


def _read_expression(node: Node) -> Iterator[tuple[str, Node]]:
    """What a function call or a conditional may return: its literals, and `?` unless it is only a list of them."""
    if node.tag in _FLAT or _MAKERS.fullmatch(node.text):
        for item in node.items:
            yield from locate_strings(item)
        if not node.items:
            yield UNKNOWN_VALUE, node
        return
    if node.tag == "if":
        for item in node.items:
            yield from locate_strings(item)
        return
    if not node.tag and _EACH.search(node.text):
        made = list(_fill_each(node))
        yield from made or [(UNKNOWN_VALUE, node)]
        return
    if not node.tag and "?" in node.text and len(node.items) >= 2:  # condition ? this : that
        for item in node.items[-2:]:
            yield from locate_strings(item)
        return
    yield UNKNOWN_VALUE, node


def _fill_each(node: Node) -> Iterator[tuple[str, Node]]:
    """What a program makes of each literal of a list: `["s3", "sqs"].map((s) => `${s}:*`)`."""
    texts = [one for one in node.walk() if one.kind == "scalar"][:_MOST_EACH]
    forms = [one for one in texts if _FIELD.search(one.text)]
    words = [one for one in texts if not _FIELD.search(one.text)]
    for form in forms[:2]:
        yield from ((word.text.join(_FIELD.split(form.text)), form) for word in words)


def fill_references(text: str) -> str:
    """The text with `…` for every reference: `${var.x}`, `{x}`, `{{ x }}`, `%s`, `$X`, `<x>`."""
    return _REFERENCE.sub(UNKNOWN_VALUE, text) if not text.isalnum() else text


def merge_stars(text: str) -> str:
    """The pattern with `*` for every run of wildcards that has a star: `?*` is no narrower."""
    return _STARS.sub("*", text) if "?" in text or "**" in text else text


def is_everything(resource: str) -> bool:
    """`*`, or an ARN of stars only."""
    return _ALL.fullmatch(merge_stars(_FILLED.sub(UNKNOWN_VALUE, resource))) is not None


def is_every_of_a_kind(resource: str) -> bool:
    """Every resource of a service or of one of its kinds: `arn:aws:s3:::*`, `arn:aws:iam::123456789012:role/*`."""
    filled = merge_stars(_FILLED.sub(UNKNOWN_VALUE, resource))
    return _ALL.fullmatch(filled) is not None or _KIND.fullmatch(filled) is not None


def is_every_for(resource: str, action: str) -> bool:
    """Every resource of a kind that an action is about: all functions say nothing of kms:Decrypt."""
    found = _OF_SERVICE.match(resource)
    service = action.partition(":")[0].lower()
    fits = not found or "*" in found[1] or "*" in service or found[1] in {service, *_ALSO.get(service, ())}
    return fits and is_every_of_a_kind(resource)
