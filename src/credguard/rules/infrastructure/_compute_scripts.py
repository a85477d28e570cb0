"""Access keys in the scripts of machines: user data, the variables of its template, and Terraform's provisioners."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.aws.static_keys import Binding, KeyPart, has_foreign_endpoint, match_key_part
from credguard.lazy_re import compile_lazily
from credguard.rules.infrastructure._ci_keys import KeySetting, find_text_line, parse_shell_settings
from credguard.rules.infrastructure._compute_groups import SettingGroup, classify_node, is_relevant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.parsers.document import Node

SECRET_ATTRIBUTE = compile_lazily(r"\baws_iam_access_key\.[\w-]{1,100}(?:\[[^\[\]]{0,100}\])?\.secret\b")
"""The attribute of a resource of Terraform that is a key's secret."""
_CREDENTIALS = compile_lazily(
    r"(?:^|[/\\])\.aws[/\\](?:credentials)?$|(?:^|[/\\_])(?:aws_?)?(?:credentials|accessKeys|rootkey)\.csv$"
)
_MOST_TEXT = 200_000


def find_in_script(value: Node, line: int) -> Iterator[SettingGroup]:
    """What a start script (user data) sets, as one text, joined from pieces, or as the variables of its template."""
    text = "".join(_iter_pieces(value))
    whole = next((one for one in value.walk() if one.kind == "scalar" and one.text == text), None)
    for found in find_in_shell_text(text, find_text_line(whole) if whole else line):
        settings = found.settings if whole else tuple(replace(one, line=line) for one in found.settings)
        yield replace(found, settings=settings)
        return
    for one in value.walk():
        settings = tuple(_read_variables(one))
        if any(setting.half is KeyPart.SECRET for setting in settings):
            yield SettingGroup(settings, script=True)


def _read_variables(node: Node) -> Iterator[KeySetting]:
    """The keys among the variables of a template: by the variable's name, or by that of what it is set to."""
    for key, value in node.pairs:
        half = match_key_part(key.text, on_aws=True)
        if not half and value.kind == "call":
            half = match_reference(value.text)
        how = classify_node(half, value) if half else Binding.NOTHING
        if half and how:
            yield KeySetting(half, key.line, key.text, how)


def match_reference(text: str) -> KeyPart | None:
    """The half of a key that a reference of Terraform is: `var.aws_secret_key`, `aws_iam_access_key.x.secret`."""
    if SECRET_ATTRIBUTE.search(text):
        return KeyPart.SECRET
    return match_key_part(text.rpartition(".")[2]) if text.startswith(("var.", "local.", "module.")) else None


def find_in_shell_text(text: str, line: int) -> Iterator[SettingGroup]:
    """What the shell lines of a script set, unless it connects to something other than AWS."""
    settings = [one for one in parse_shell_settings(text[:_MOST_TEXT], line) if one.given]
    if settings and not any(one.half is KeyPart.TOKEN for one in settings) and not has_foreign_endpoint(text):
        found = SettingGroup(tuple(settings), script=True)
        if is_relevant(found):
            yield found


def find_in_provisioners(body: Node) -> Iterator[SettingGroup]:
    """What the provisioners of a resource run on a machine or copy to it; local-exec does neither."""
    for block in body.get_all("provisioner"):
        for kind, inner in block.pairs:
            if kind.text == "remote-exec":
                for lines in inner.get_all("inline"):
                    yield from _find_in_lines(lines)
            elif kind.text == "file":
                yield from _find_in_copy(inner)


def _find_in_lines(lines: Node) -> Iterator[SettingGroup]:
    texts = [one for one in lines.walk() if one.kind == "scalar"]
    if texts:
        yield from find_in_shell_text("\n".join(one.text for one in texts), find_text_line(texts[0]))


def _find_in_copy(inner: Node) -> Iterator[SettingGroup]:
    """The content of a file provisioner, or a credentials file that it copies."""
    content, source = inner.get("content"), inner.get("source")
    if content is not None:
        yield from find_in_script(content, content.line)
    if source is not None and source.kind == "scalar" and _CREDENTIALS.search(source.text):
        yield SettingGroup((KeySetting(KeyPart.SECRET, source.line, "", Binding.LITERAL),), script=True)


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
