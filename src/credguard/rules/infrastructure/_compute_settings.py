"""Settings of access keys in the environments of documents: maps, lists of name and value, blocks, start scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credguard.aws.static_keys import (
    Binding,
    KeyPart,
    classify_binding,
    has_foreign_endpoint,
    is_foreign,
    is_foreign_endpoint,
    match_key_part,
)
from credguard.lazy_re import compile_lazily
from credguard.parsers.document import Node, parse_embedded
from credguard.rules.infrastructure._ci_keys import KeySetting, find_text_line, parse_shell_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class SettingGroup:
    """Settings that belong together; `script` if a start script sets them."""

    settings: tuple[KeySetting, ...]
    script: bool = False

    @property
    def line(self) -> int:
        """The first setting's line."""
        return min(one.line for one in self.settings)

    @property
    def worst(self) -> Binding:
        """The most exposed binding of the group."""
        return max(one.given for one in self.settings)

    @property
    def temporary(self) -> bool:
        """True if a session token is set too."""
        return any(one.half is KeyPart.TOKEN for one in self.settings)


# The names of mappings that become a process's environment.
_MAPS = frozenset(
    "environment variables environmentvariables environment_variables runtime_environment_variables "
    "runtimeenvironmentvariables default_arguments defaultarguments env envs vars environment_vars secrets "
    "runtime_environment_secrets aws:elasticbeanstalk:application:environment container_environment extra_env "
    "extraenv task_environment lambda_environment_variables env_vars environment_secrets".split()
)
_NAMES = ("name", "Name", "OptionName", "option_name")
_VALUES = ("value", "Value")
_FROM = ("valueFrom", "ValueFrom", "value_from")
_SCRIPTS = frozenset(("userdata", "user_data", "user_data_base64", "user_data_replace", "userdatabase64"))
_JSON = frozenset(("container_definitions", "containerdefinitions", "container_properties", "containerproperties"))
_EMULATOR = compile_lazily(
    r"localstack|minio|(?:^|/)moto|dynamodb-local|elasticmq|seaweedfs|sqs-local|s3mock|s3ninja|amazon/dynamodb|garage",
    re.IGNORECASE,
)
_STORES = compile_lazily(
    r"secretsmanager|secrets_manager|ssm[._]parameter|aws_ssm_parameter|FromSsm|fromSsm|vault", re.IGNORECASE
)
_NO_VALUE = "AWS::NoValue"
_MOST_TEXT = 200_000


def find_setting_groups(root: Node, *, on_aws: bool) -> Iterator[SettingGroup]:
    """Every group of settings below a node that sets a secret, or an issued key ID; made-up values and endpoints that
    do not belong to AWS are left out."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        image = node.get("image", "Image") if node.pairs else None
        if image and _EMULATOR.search(image.text):
            continue
        for found in _find_in_node(node, on_aws):
            if _is_relevant(found):
                yield found
        children = [*(value for _, value in node.pairs), *node.items]
        waiting.extend(reversed(children))


def _is_relevant(found: SettingGroup) -> bool:
    told = [one for one in found.settings if one.given]
    return any(
        one.half is KeyPart.SECRET or one.given is Binding.LITERAL for one in told if one.half is not KeyPart.TOKEN
    )


def _find_in_node(node: Node, on_aws: bool) -> Iterator[SettingGroup]:
    """The groups formed by a mapping's values or a list's items."""
    blocks = [value for key, value in node.pairs if value.tag == "block" and key.text.lower() in _BLOCKS]
    for entries in (node.items, blocks):
        yield from _build_group(_read_entries(entries), on_aws)
    for key, value in node.pairs:
        low = key.text.lower()
        if low in _MAPS and value.pairs:
            yield from _build_group([(name.text, one, name.line) for name, one in value.pairs], on_aws)
        elif low in _SCRIPTS:
            yield from find_in_script(value, key.line)
        elif low in _JSON or value.tag == "jsonencode":
            for document in parse_embedded(value) if value.kind == "scalar" else ():
                yield from find_setting_groups(document, on_aws=on_aws)


_BLOCKS = frozenset(("environment_variable", "setting", "env", "environment", "set", "set_sensitive", "variable"))


def _read_entries(entries: Sequence[Node]) -> list[tuple[str, Node, int]]:
    """Name, value and line of entries such as `{name: X, value: Y}`."""
    found = []
    for entry in entries:
        name = entry.get(*_NAMES) if entry.pairs else None
        value = entry.get(*_VALUES) or entry.get(*_FROM) if name else None
        if name and value and name.kind == "scalar":
            stored = value is entry.get(*_FROM)
            found.append((name.text, _make_store_node(value) if stored else value, name.line))
    return found


def _make_store_node(value: Node) -> Node:
    """The node for a value from a store; its words if they refer to another vendor's."""
    foreign = next((one.text for one in value.walk() if is_foreign(one.text)), "")
    return Node("call", value.line, value.column, text=foreign or "vault")


def _build_group(entries: list[tuple[str, Node, int]], on_aws: bool) -> Iterator[SettingGroup]:
    settings = []
    for name, value, line in entries:
        half = match_key_part(_normalize_name(name), on_aws=on_aws)
        how = classify_node(half, value) if half else Binding.NOTHING
        if half and how:
            settings.append(KeySetting(half, line, name, how))
    if settings and not any(is_foreign_endpoint(name, _get_text(value)) for name, value, _ in entries):
        yield SettingGroup(tuple(settings))


def _normalize_name(name: str) -> str:
    """The name without the dashes of a job's argument, and without the path of a Helm value."""
    return name.lstrip("-").rpartition(".")[2]


def _get_text(value: Node) -> str:
    return value.text if value.kind in {"scalar", "call"} else "${}"


def classify_node(half: KeyPart, value: Node) -> Binding:
    """Classifies a value: a literal, a reference, or something from a store."""
    if value.kind == "mapping":
        told = next((one.text for one in value.walk() if one.kind == "scalar"), "")
        known = value.pairs and value.pairs[0][0].text.startswith(("Ref", "Fn::"))
        return Binding.REFERENCE if known and not is_foreign(told) else Binding.NOTHING
    if value.kind == "call" or value.tag:
        if value.text == _NO_VALUE or is_foreign(value.text) or value.text in {"null", "None", "undefined"}:
            return Binding.NOTHING
        told = " ".join((value.text, *(item.text for item in value.items if item.kind != "scalar")))
        return Binding.STORED if _STORES.search(told) else Binding.REFERENCE
    return classify_binding(half, value.text) if value.kind == "scalar" else Binding.NOTHING


def find_in_script(value: Node, line: int) -> Iterator[SettingGroup]:
    """What a start script (user data) sets, as one text or joined from pieces."""
    text = "".join(_iter_pieces(value))
    whole = next((one for one in value.walk() if one.kind == "scalar" and one.text == text), None)
    for found in find_in_shell_text(text, find_text_line(whole) if whole else line):
        settings = found.settings if whole else tuple(replace(one, line=line) for one in found.settings)
        yield replace(found, settings=settings)


def find_in_shell_text(text: str, line: int) -> Iterator[SettingGroup]:
    """What the shell lines of a script set, unless it connects to something other than AWS."""
    settings = [one for one in parse_shell_settings(text[:_MOST_TEXT], line) if one.given]
    if settings and not any(one.half is KeyPart.TOKEN for one in settings) and not has_foreign_endpoint(text):
        found = SettingGroup(tuple(settings), script=True)
        if _is_relevant(found):
            yield found


def _iter_pieces(value: Node) -> Iterator[str]:
    """The text of Fn::Join, Fn::Sub, base64encode and the like, with `${…}` for references."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if one.kind == "scalar":
            yield f"${{{one.text}}}" if one.tag in {"Ref", "GetAtt", "ImportValue"} else one.text
        elif one.pairs and one.pairs[0][0].text in {"Ref", "Fn::GetAtt", "Fn::ImportValue"}:
            yield "${reference}"
        else:
            waiting.extend(reversed([*(child for _, child in one.pairs), *one.items]))
