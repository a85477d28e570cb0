"""Objects of S3 and plain parameters of Systems Manager that hold the secret of an access key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws.static_keys import Binding, KeyPart
from credguard.lazy_re import compile_lazily
from credguard.parsers.literals import parse_group
from credguard.rules.infrastructure._ci_keys import KeySetting
from credguard.rules.infrastructure._compute_groups import SettingGroup
from credguard.rules.infrastructure._compute_scripts import match_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.parsers.document import Node

_OBJECTS = ("aws_s3_object", "aws_s3_bucket_object", "aws_s3_object_copy")
_CONTENTS = ("content", "content_base64", "value", "insecure_value")
_PLACEHOLDER = compile_lazily(r"\$\{\s*([^{}]{1,200}?)\s*\}")
_CALLS = compile_lazily(
    r"(?:StringParameter|\bput_parameter|PutParameter(?:Command)?|\bssm\.Parameter|\bS3?(?:BucketObject|Object)(?:v2)?"
    r"|\bs3\.BucketObject(?:v2)?)\s{0,4}\("
)
_ENCRYPTED = compile_lazily(r"SecureString|SECURE_STRING")
_SECRET_VALUE = compile_lazily(r"secret_?access_?key|\baccessKey\.secret\b|\bkey\.secret\b", re.IGNORECASE)
_VALUES = frozenset("stringvalue value content source".split())
_FAR = 1500
_GIVEN = compile_lazily(r"[A-Za-z0-9]{1,200}\.SecretAccessKey")


def find_in_terraform(kind: str, body: Node) -> Iterator[SettingGroup]:
    """The secret in an object or in a parameter that is not encrypted."""
    named = body.get("type")
    if kind not in _OBJECTS and not (
        kind == "aws_ssm_parameter" and named is not None and named.text != "SecureString"
    ):
        return
    for key, value in body.pairs:
        if key.text in _CONTENTS and any(_is_secret(one) for one in value.walk()):
            yield _build_group(key)


def _is_secret(node: Node) -> bool:
    texts = _PLACEHOLDER.findall(node.text) if node.kind == "scalar" else (node.text,)
    return any(match_reference(text) is KeyPart.SECRET for text in texts)


def find_in_template(kind: str, body: Node) -> Iterator[SettingGroup]:
    """The secret in a parameter of CloudFormation, which can make none that are encrypted."""
    properties = body.get("Properties") if kind == "AWS::SSM::Parameter" else None
    named = properties.get("Type") if properties else None
    for key, value in properties.pairs if properties and named and named.text.startswith("String") else ():
        if key.text == "Value" and any(_is_attribute(one) for one in value.walk()):
            yield _build_group(key)


def _is_attribute(node: Node) -> bool:
    """True for `!GetAtt Key.SecretAccessKey` in any notation."""
    listed = ".".join(one.text for one in node.items) if node.kind == "sequence" and len(node.items) == 2 else node.text
    return _GIVEN.search(listed) is not None


def find_in_calls(text: str, ends: Sequence[int]) -> Iterator[SettingGroup]:
    """The secret in a parameter or an object that a call of program text makes, around the offsets."""
    done = 0
    for end in ends:
        if end <= done:
            continue
        calls = list(_CALLS.finditer(text, max(done, end - _FAR), end))
        line = text.count("\n", 0, calls[-1].start()) + 1 if calls else 0
        read = parse_group(text, calls[-1].end() - 1, line) if calls else None
        if read and read[1] >= end:
            done = read[1]
            yield from _read_call(read[0], text[calls[-1].end() : done])


def _read_call(node: Node, words: str) -> Iterator[SettingGroup]:
    if _ENCRYPTED.search(words):
        return
    for one in node.walk():
        for key, value in one.pairs:
            shown = " ".join(part.text for part in value.walk() if part.kind == "call" or part is value)
            given = _SECRET_VALUE.search(" ".join((shown, *(part.text for part in value.walk()))))
            if key.text.lower().replace("_", "") in _VALUES and value.kind != "scalar" and given:
                yield _build_group(key)
                return


def _build_group(key: Node) -> SettingGroup:
    return SettingGroup((KeySetting(KeyPart.SECRET, key.line, "", Binding.REFERENCE),), kept=True)
