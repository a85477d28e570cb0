"""A group of settings of one access key, and how each is given: as a literal, a reference, or from a store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.aws.static_keys import Binding, KeyPart, classify_binding, is_foreign
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from credguard.parsers.document import Node
    from credguard.rules.infrastructure._ci_keys import KeySetting

_STORES = compile_lazily(
    r"secretsmanager|secrets_manager|ssm[._]parameter|aws_ssm_parameter|FromSsm|fromSsm|vault", re.IGNORECASE
)
_NO_VALUE = "AWS::NoValue"


@dataclass(frozen=True, slots=True)
class SettingGroup:
    """Settings that belong together; `script` if a script sets them, `kept` if an object or parameter holds them."""

    settings: tuple[KeySetting, ...]
    script: bool = False
    kept: bool = False

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


def is_relevant(found: SettingGroup) -> bool:
    """True for a group that sets a secret, or an issued key ID."""
    told = [one for one in found.settings if one.given]
    return any(
        one.half is KeyPart.SECRET or one.given is Binding.LITERAL for one in told if one.half is not KeyPart.TOKEN
    )


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
        if value.text.startswith("aws_iam_access_key."):
            return Binding.REFERENCE  # whatever its name is
        return Binding.STORED if _STORES.search(told) else Binding.REFERENCE
    return classify_binding(half, value.text) if value.kind == "scalar" else Binding.NOTHING
