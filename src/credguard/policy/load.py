"""Reads a policy: the file, what it extends, and the whole as a Policy."""

from __future__ import annotations

import contextlib
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from credguard.errors import PolicyError
from credguard.policy.merge import merge_layer
from credguard.policy.model import POLICY_FILE, Policy
from credguard.policy.schema_keys import POLICY_TABLE
from credguard.policy.strict_yaml import parse_strict
from credguard.policy.value_types import ReadingContext, suggest_nearest
from credguard.rule import CUSTOM_ID
from credguard.sources.snapshots import FolderSnapshot
from credguard.system.containment import is_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.policy.merge import Layer
    from credguard.policy.strict_yaml import Value
    from credguard.sources.snapshots import Snapshot

POLICY_NAME = POLICY_FILE
MISTAKEN = ".credguard.yml"
PACKAGED = ("recommended", "strict")
_PACKAGE = FolderSnapshot(Path(__file__).parent)
_MOST_FILES = 20


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy that was read: the file and its content, where each key stands (by its dotted path; an
    exception knows its place itself), and the files of the repository that it extends."""

    policy: Policy
    path: str
    content: bytes = b""
    lines: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    extends: tuple[str, ...] = ()


def find_policy(place: Snapshot, rules: Mapping[str, str]) -> LoadedPolicy | None:
    """The policy at the root of `place`, None where there is none; `rules` are all rules' names by ID.

    Raises PolicyError for a policy that cannot be followed, or is misnamed.
    """
    data = place.read(POLICY_NAME)
    if data is not None:
        return _PolicyReader(place, rules).read_policy(data, POLICY_NAME)
    if place.read(MISTAKEN) is not None:
        raise PolicyError(MISTAKEN, 0, 0, f"is not read: the policy's name is {POLICY_NAME}", "rename it")
    return None


def load_policy(place: Snapshot, path: str, rules: Mapping[str, str]) -> LoadedPolicy:
    """The policy at `path`; raises PolicyError, also where there is no such file."""
    data = place.read(path)
    if data is None:
        raise PolicyError(path, 0, 0, "there is no such policy file", "check the name")
    return _PolicyReader(place, rules).read_policy(data, path)


class _PolicyReader:
    """Reads one policy with all that it extends."""

    def __init__(self, place: Snapshot, rules: Mapping[str, str]) -> None:
        self._place, self._rules = place, dict(rules)
        self._policy = Policy()
        self._lines: dict[str, tuple[str, int]] = {}
        self._files: list[str] = []
        self._patterns: dict[str, int] = {}

    def read_policy(self, data: bytes, path: str) -> LoadedPolicy:
        """The policy whose file `path` holds `data`."""
        self._read_file(data, path, (path,))
        beside = tuple(dict.fromkeys(name for name in self._files if name not in PACKAGED and name != path))
        return LoadedPolicy(self._policy, path, data, self._lines, beside)

    def _read_file(self, data: bytes, path: str, chain: tuple[str, ...]) -> None:
        self._files.append(path)
        if len(self._files) > _MOST_FILES:
            raise PolicyError(path, 0, 0, f"the policy extends more than {_MOST_FILES} files", "extend fewer")
        tree = parse_strict(data, path)
        reading = ReadingContext(path, self._rules | self._find_custom_names(tree, path), patterns=self._patterns)
        layer = cast("Layer", POLICY_TABLE.read(tree, reading, ""))
        for name in layer.get("extends", ()):
            line = reading.lines.get(f"extends.{name}", reading.lines["extends"])[1]
            self._read_base(name, path, line, chain)
        self._policy = merge_layer(self._policy, layer)
        self._lines.update(reading.lines)

    def _find_custom_names(self, tree: Value, path: str, depth: int = 0) -> dict[str, str]:
        """Names by ID of the custom rules in a file and in what it extends, read ahead, so that the rest of it may
        name them; what is wrong with them shows later."""
        found: dict[str, str] = {}
        for key, value in tree.pairs if depth < _MOST_FILES else ():
            if key.text == "custom-rules":
                words = ({name.text: one.text for name, one in item.pairs} for item in value.items)
                found |= {one["id"]: one.get("name", "") for one in words if re.fullmatch(CUSTOM_ID, one.get("id", ""))}
            for name in (value, *value.items) if key.text == "extends" else ():
                target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name.text))
                with contextlib.suppress(PolicyError):
                    if name.text.endswith((".yaml", ".yml")) and is_plain(target) and target != path:
                        found |= self._find_custom_names(
                            parse_strict(self._place.read(target) or b"", target), target, depth + 1
                        )
        return found

    def _read_base(self, name: str, path: str, line: int, chain: tuple[str, ...]) -> None:
        def make_error(text: str, hint: str) -> PolicyError:
            return PolicyError(path, line, 1, f"extends: {text}", hint)

        if name in PACKAGED:
            self._read_file(_PACKAGE.read(f"{name}.yaml") or b"", name, (*chain, name))
            return
        if "/" not in name and not name.endswith((".yaml", ".yml")):
            raise make_error("there is no packaged policy of this name", suggest_nearest(name, PACKAGED))
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        if name.startswith("~") or "\\" in name or not is_plain(target):
            raise make_error("the file lies outside of the repository", "copy it into the repository")
        if target in chain:
            raise make_error(f"{' extends '.join((*chain, target))}", "break the circle")
        data = self._place.read(target)
        if data is None:
            raise make_error(f"there is no file {target}", "check the name")
        self._read_file(data, target, (*chain, target))
