"""What `credguard init` proposes: a starter policy, the entry for pre-commit, and a CI step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from credguard.enforcement import inventory
from credguard.errors import CredguardError, UnreadableError
from credguard.fixes.edit import Edit, RefusedError, append_lines, detect_line_ending, load_text
from credguard.hooks.events import DEFAULT
from credguard.hooks.locate import find_manager, locate_hooks
from credguard.hooks.package_source import UNKNOWN_SOURCE, PackageSource
from credguard.parsers.document import parse_document
from credguard.policy import load as config
from credguard.rules import EXAMPLE_ID
from credguard.rules.files import env_file_not_ignored
from credguard.sources.snapshots import FolderSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAMEWORK_FILE = ".pre-commit-config.yaml"
_TYPES_KEY = "default_install_hook_types"
HOOK_TYPES = f"{_TYPES_KEY}: [pre-commit, pre-merge-commit, commit-msg, pre-push]"
"""The line with which one `pre-commit install` puts every hook in place."""
WORKFLOW_FILE = ".github/workflows/credguard.yml"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
_POLICY = f"""\
# What credguard enforces in this repository, in hooks and in CI. Every key: docs/policy.md of credguard.
version: 1
extends: recommended

# Our AWS accounts: a key of theirs is critical, one of a stranger's at most high.
# accounts:
#   own: ["111122223333"]

# The lowest severity that blocks, and the age in days at which a key has to be replaced.
# fail-on: medium
# rotation-days: 90

# Rules on and off, or another severity; what a stage does with findings: block, warn or off.
# rules:
#   {env_file_not_ignored.RULE.id}: low
# stages:
#   audit: warn

# Paths whose findings do not count; whole credentials are reported there all the same.
# paths:
#   exclude: ["third_party/**"]

# What may stay, by the fingerprint that reports show. A reason is needed; a date is good.
# allow:
#   - rule: {EXAMPLE_ID}
#     fingerprint: 00000000000000000000000000000000
#     reason: a key of the training account, deactivated
#     expires: 2030-01-31
"""
_WORKFLOW = """\
# Written by `credguard init`: scans every change, and once a night the whole history.
name: credguard
on:
  push:
  pull_request:
  merge_group:
  schedule:
    - cron: "17 3 * * *"
  workflow_dispatch:
permissions:
  contents: read
jobs:
  credguard:
    name: AWS credential safety
    runs-on: ubuntu-latest
    steps:
      - uses: {checkout}
        with:
          fetch-depth: 0
          persist-credentials: false
      - {step}
"""


@dataclass(slots=True)
class Proposal:
    """The files to write, what already exists, the manual steps, and what is still needed for the rest."""

    edits: list[Edit] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    framework: bool = False
    """True if hooks are installed by the pre-commit framework."""


def propose(root: Path, kept: PackageSource) -> Proposal:
    """What a repository that starts to use credguard needs, as far as it does not have it."""
    made = Proposal()
    if load_text(root, config.MISTAKEN) is None:
        _add_drafts(made, config.POLICY_NAME, _propose_file(root, config.POLICY_NAME, _POLICY))
    else:
        made.by_hand.append(f"rename {config.MISTAKEN} to {config.POLICY_NAME}: a policy with that name is not read")
    owner = _find_hook_manager(root)
    if owner:
        made.by_hand.append("\n".join((f"{owner[0]} manages the hooks here:", *owner[1])))
    else:
        made.framework = True
        _add_drafts(made, FRAMEWORK_FILE, _propose_framework(root, kept))
    _propose_ci(root, kept, made)
    return made


def _add_drafts(made: Proposal, path: str, drafts: Iterator[Edit | str]) -> None:
    """Adds the proposal for a file: an edit, lines to add by hand, or nothing if it exists."""
    try:
        drafted = list(drafts)
    except RefusedError as error:
        made.refused.append(f"{path} {error}")
        return
    for one in drafted:
        if isinstance(one, Edit):
            made.edits.append(one)
        else:
            made.by_hand.append(one)
    if not drafted:
        made.there.append(path)


def _propose_file(root: Path, path: str, text: str) -> Iterator[Edit]:
    """A file to create; an existing one stays."""
    if load_text(root, path) is None:
        yield Edit(path, None, text.encode())


def _find_hook_manager(root: Path) -> tuple[str, tuple[str, ...]] | None:
    """Another program than pre-commit that manages the hooks, and what to write for it."""
    try:
        found = find_manager(locate_hooks(root), DEFAULT)
    except CredguardError:
        return None
    return (found.name, found.advice) if found and found.files[0].name != FRAMEWORK_FILE else None


def _propose_framework(root: Path, kept: PackageSource) -> Iterator[Edit | str]:
    data = load_text(root, FRAMEWORK_FILE)
    if data is not None and has_hooks(data):
        return
    after = add_hook_entry(data or b"", kept)
    if after is None or kept is UNKNOWN_SOURCE:
        yield "\n".join((f"in {FRAMEWORK_FILE}, under `repos`:", *kept.list_hooks()))
    else:
        yield Edit(FRAMEWORK_FILE, data, after)


def has_hooks(data: bytes) -> bool:
    """True if pre-commit's settings contain one of credguard's hooks."""
    repos = _load_settings(data).get("repos")
    hooks = [hook for repo in repos or () if isinstance(repo, dict) for hook in repo.get("hooks") or ()]
    return any(isinstance(hook, dict) and str(hook.get("id", "")).startswith("credguard") for hook in hooks)


def _load_settings(data: bytes) -> dict[str, Any]:
    try:
        parse_document(data, FRAMEWORK_FILE)  # which limits the expansion of aliases
        loaded = yaml.load(data, yaml.BaseLoader)  # noqa: S506 - plain strings alone
    except (UnreadableError, yaml.YAMLError, RecursionError) as error:
        raise RefusedError(error.message if isinstance(error, UnreadableError) else "is not YAML") from error
    if loaded is not None and not isinstance(loaded, dict):
        raise RefusedError("is not the settings of pre-commit")
    return loaded or {}


def add_hook_entry(data: bytes, kept: PackageSource) -> bytes | None:
    """pre-commit's settings with credguard's entry at the end of its repositories, and the hook types to install if
    none are set; the rest is unchanged.

    None if they have an unsupported form. Raises RefusedError for invalid YAML.
    """
    before = _load_settings(data)
    entry = kept.list_hooks()
    after = _insert_entry(data, entry, before)
    types = {} if _TYPES_KEY in before else yaml.safe_load(HOOK_TYPES)
    if types and after is not None:
        after = _insert_types(after)
    expected = {
        **before,
        **types,
        "repos": [*(before.get("repos") or []), *yaml.safe_load("\n".join(entry))],
    }
    if after is None:
        return None
    try:
        return after if _load_settings(after) == expected else None
    except RefusedError:
        return None


def _insert_entry(data: bytes, entry: list[str], before: dict[str, Any]) -> bytes | None:
    if "repos" not in before:
        return append_lines(data, ["repos:", *entry])
    root = yaml.compose(data, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - it has been loaded
    repos = next(value for key, value in root.value if key.value == "repos")
    end = detect_line_ending(data)
    lines = data.split(b"\n")
    line = repos.start_mark.line
    if not before["repos"]:
        bare = re.sub(rb"\[\s*\]", b"", lines[line]).rstrip()
        lines[line] = end.join([bare, *(one.encode() for one in entry)]) + end.removesuffix(b"\n")
        return b"\n".join(lines)
    if not isinstance(repos, yaml.SequenceNode) or repos.flow_style:
        return None
    last = _find_last_line(repos)
    indented = [b" " * repos.start_mark.column + one.encode() + end.removesuffix(b"\n") for one in entry]
    if last + 1 >= len(lines):
        return append_lines(data, [one.decode().rstrip("\r") for one in indented])
    return b"\n".join([*lines[: last + 1], *indented, *lines[last + 1 :]])


def _insert_types(data: bytes) -> bytes:
    """The settings with the types of hooks on the line before `repos`."""
    end = detect_line_ending(data)
    return re.sub(rb"(?m)^(?=repos\s*:)", HOOK_TYPES.encode() + end, data, count=1)


def _find_last_line(node: yaml.Node) -> int:
    """The last line of a value that has content."""
    while isinstance(node, (yaml.MappingNode, yaml.SequenceNode)) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return int(node.end_mark.line) - (1 if block and node.end_mark.column == 0 else 0)


def _propose_ci(root: Path, kept: PackageSource, made: Proposal) -> None:
    """The step for the existing CI, for GitHub's if there is none."""
    place = FolderSnapshot(root)
    found = inventory.find_file_enforcement(place)
    if set(found.ci) - set(found.loose):  # a step that a change could disable does not count
        made.there += [path for path in found.ci if path not in found.loose]
        return
    if WORKFLOW_FILE in inventory.read_ci_files(place):
        made.by_hand.append(f"{WORKFLOW_FILE} exists and does not check changes: it should run {kept.step}")
        return
    others = [path for path in inventory.read_ci_files(place) if not path.startswith(".github/")]
    workflows = [path for path in inventory.read_ci_files(place) if path.startswith(".github/")]
    if others and not workflows:
        lines = (f"python3 -I -m pip install '{kept.pip}'", "credguard ci")
        made.by_hand.append("\n".join((f"in {others[0]}, a job that fetches the whole history and runs:", *lines)))
        return
    text = _WORKFLOW.format(checkout=CHECKOUT, step=kept.step)
    if kept is UNKNOWN_SOURCE:
        made.by_hand.append(f"{WORKFLOW_FILE}, with\n{text.rstrip()}")
    else:
        _add_drafts(made, WORKFLOW_FILE, _propose_file(root, WORKFLOW_FILE, text))
