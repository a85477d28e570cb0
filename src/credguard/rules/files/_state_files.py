"""State and variable files of Terraform, OpenTofu and Pulumi: how they are recognized, and the secrets in them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from credguard.heuristics.real_values import SecretConfidence, classify_value
from credguard.lazy_re import compile_lazily
from credguard.parsers.assignments import locate_line, parse_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATE_NAME = compile_lazily(r".*\.tfstate(?:\.backup|\.\d+(?:\.backup)?|\.bak|\.old|~)?")
_VARIABLES = (".tfvars", ".tfvars.json")
_STACK_WORDS = ("stack", "export", "checkpoint", "pulumi")
STATE_HEAD = 1024
# Pulumi marks a secret with this key; next to it is `ciphertext`, or `plaintext` after `--show-secrets`.
_PLAINTEXT = compile_lazily(rb"\"4dabf18193072939515e22adb298388d\"[^{}]{0,400}\"plaintext\"\s{0,20}:\s{0,20}\"")
_PLAINTEXT_FIRST = compile_lazily(
    rb"\"plaintext\"\s{0,20}:\s{0,20}\"(?:[^\"\\]|\\.){1,4000}\"[^{}]{0,400}\"4dabf18193072939515e22adb298388d\""
)
_ITEM = compile_lazily(rb"\"([A-Za-z_][\w.-]{0,120})\"\s{0,20}:\s{0,20}\"((?:[^\"\\\n]|\\.){1,4000})\"")
# Attributes of resources whose names suggest a secret and whose values are none.
_HARMLESS = frozenset(b"token_type user_data_hash password_hash secret_id secret_name key_id".split())


def is_state(low: str) -> bool:
    """True for the name of a Terraform state or one of its backups, lower-cased."""
    return ".tfstate" in low and _STATE_NAME.fullmatch(low) is not None


def is_variables(low: str) -> bool:
    """True for the name of a Terraform variable file that is not an example, lower-cased."""
    return low.endswith(_VARIABLES) and not re.search(r"example|sample|template|dist\b", low)


def is_stack(path: str, low: str) -> bool:
    """True for a name that a Pulumi checkpoint or stack export usually has."""
    if not low.endswith((".json", ".json.bak")):
        return False
    return "/.pulumi/" in f"/{path}" or any(word in low for word in _STACK_WORDS)


def is_stack_head(head: bytes) -> bool:
    """True for the beginning of a Pulumi checkpoint or stack export."""
    return b'"deployment"' in head or b'"checkpoint"' in head


def has_resources(data: bytes) -> bool:
    """True for an unencrypted Terraform state that contains a resource or an output."""
    try:
        state = json.loads(data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(state, dict) or "encrypted_data" in state:
        return False
    if state.get("resources") or state.get("outputs"):
        return True
    modules = state.get("modules")
    known = [one for one in modules if isinstance(one, dict)] if isinstance(modules, list) else []
    return any(one.get("resources") or one.get("outputs") for one in known)


def find_first_secret(data: bytes) -> tuple[str, int] | None:
    """The name and line of the first value of JSON or tfvars text that looks like a generated or chosen secret."""
    for name, value, start in _iter_named_values(data):
        if name.lower() not in _HARMLESS and classify_value(name, value) >= SecretConfidence.CHOSEN:
            return name.decode("ascii", "replace"), locate_line(data, start)
    return None


def find_first_plaintext(data: bytes) -> int | None:
    """The line of the first secret that a Pulumi export contains in plain text."""
    match = _PLAINTEXT.search(data) or _PLAINTEXT_FIRST.search(data)
    return locate_line(data, match.start()) if match else None


def _iter_named_values(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    if data.lstrip()[:1] in (b"{", b"["):
        for match in _ITEM.finditer(data):
            yield match[1], match[2], match.start(2)
    else:
        for one in parse_pairs(data):
            yield one.name, one.value, one.start
