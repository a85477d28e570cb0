"""The structure of settings: which parts of a document a job depends on, and which belong to others."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from credguard.enforcement import gitlab_stages
from credguard.enforcement.shell import SCRIPT_SUFFIXES, iter_code_lines
from credguard.enforcement.tree_diff import ONE_OF
from credguard.lazy_re import compile_lazily
from credguard.parsers.document import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Path = tuple[str, ...]
    Trail = tuple[int, ...]
    """Positions from the root down: of pairs in a mapping, of items in a sequence."""

_HOOKS = (
    "pre-commit pre-merge-commit prepare-commit-msg commit-msg post-commit pre-push pre-rebase post-rewrite post-merge "
    "post-checkout applypatch-msg pre-applypatch post-applypatch pre-receive update post-receive pre-auto-gc"
)
GIT_HOOKS = frozenset(_HOOKS.split())
_GATES = frozenset(
    "trigger condition wait block input if when dependsOn depends_on fields prompt branches continue_on_failure".split()
)
_NAMES = ("job", "deployment", "stage", "key", "id", "repo", "name", "label", "identifier")
_WINDOWS = compile_lazily(r"windows|pwsh|powershell|\bcmd\b|\bvs20\d\d", re.IGNORECASE)
_UNIX = compile_lazily(r"ubuntu|macos|linux|/bin/", re.IGNORECASE)
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Shape:
    """The structure of one kind of document. Paths may contain `*` for any key or number.

    `collections` are nodes whose entries do not depend on each other, `kept` the keys there that all of them depend on;
    `references` the keys (and tags) whose words name other entries, `*` for all; `gates` are sequences of jobs that
    wait for each other, `selectors` mappings of which only the keys matter, `dropped` what cannot affect whether
    something runs.
    """

    collections: tuple[Path, ...] = ()
    kept: frozenset[str] = frozenset()
    references: frozenset[str] = frozenset()
    gates: tuple[Path, ...] = ()
    selectors: tuple[Path, ...] = ()
    dropped: tuple[Path, ...] = ()


def _parse_paths(text: str) -> tuple[Path, ...]:
    return tuple(tuple(word.split(".")) if word != "/" else () for word in text.split())


_GITLAB_KEPT = "default variables workflow stages image services before_script after_script cache include spec types"
_PACKAGE_KEPT = "husky simple-git-hooks lint-staged gitHooks pre-commit pre-push ghooks config pre-commit.run lefthook"
SHAPES = {
    "github": Shape(
        _parse_paths("jobs"), references=frozenset(("needs",)),
        dropped=_parse_paths("name run-name description author branding jobs.*.steps.*.name runs.steps.*.name"),
    ),
    "gitlab": Shape(
        _parse_paths("/"), frozenset(_GITLAB_KEPT.split()),
        frozenset(("extends", "needs", "dependencies", "reference")),
    ),
    "circleci": Shape(
        _parse_paths("jobs commands executors orbs workflows workflows.*.jobs"), references=frozenset("*"),
        dropped=_parse_paths(
            "jobs.*.steps.*.run.name commands.*.steps.*.run.name jobs.*.description commands.*.description"
        ),
    ),
    "azure": Shape(
        _parse_paths("jobs stages.*.jobs"), references=frozenset(("dependsOn",)), gates=_parse_paths("stages"),
        dropped=_parse_paths(
            "name steps.*.displayName jobs.*.steps.*.displayName stages.*.jobs.*.steps.*.displayName "
            "stages.*.displayName jobs.*.displayName stages.*.jobs.*.displayName"
        ),
    ),
    "bitbucket": Shape(
        _parse_paths(
            "pipelines.*.*.*.parallel pipelines.*.*.parallel "
            "pipelines.*.*.*.parallel.steps pipelines.*.*.parallel.steps"
        ),
        gates=_parse_paths("pipelines.default pipelines.*.*"), selectors=_parse_paths("pipelines pipelines.*"),
        dropped=_parse_paths("definitions.steps pipelines.default.*.step.name pipelines.*.*.*.step.name"),
    ),
    "buildkite": Shape(
        references=frozenset(("depends_on",)), gates=_parse_paths("steps steps.*.steps"),
        dropped=_parse_paths("steps.*.label steps.*.steps.*.label"),
    ),
    "cirrus": Shape(_parse_paths("/"), frozenset(("env", "container", "task_template")), frozenset(("depends_on",))),
    "pre-commit": Shape(
        _parse_paths("repos repos.*.hooks"),
        dropped=_parse_paths("repos.*.hooks.*.name repos.*.hooks.*.description minimum_pre_commit_version"),
    ),
    "lefthook": Shape(
        _parse_paths("/ *.commands *.jobs *.scripts *.jobs.*.group.jobs"),
        frozenset(
            "extends remotes remote skip_lfs source_dir source_dir_local rc no_auto_install assert_lefthook_installed "
            "min_version templates lefthook no_tty glob_matcher install_non_git_hooks".split()
        ),
    ),
    "overcommit": Shape(_parse_paths("/ *"), frozenset(("ALL", "plugin_directory", "gemfile", "verify_signatures"))),
    "package": Shape(_parse_paths("/ scripts"), frozenset(_PACKAGE_KEPT.split())),
    "taskfile": Shape(_parse_paths("tasks"), references=frozenset(("deps", "task", "cmds"))),
    "pyproject": Shape(_parse_paths("/ tool")),
}  # fmt: skip
"""By the name of a CI system or of a program; what is not listed here counts completely, up to the step."""


@dataclass(slots=True)
class Pruner:
    """Reduces documents of one shape to what an entry depends on: `names` are entries referenced there."""

    shape: Shape
    names: set[str] = field(default_factory=set)
    own: frozenset[str] = frozenset()
    """The name of the entry itself."""
    comments: bool = True
    """Whether `#` begins a comment in its scripts, which it does not for every shell."""
    before: frozenset[str] = frozenset()
    """The stages of GitLab that come before the entry's own."""
    stage: str = ""

    def prune_around(self, document: Node, trail: Trail) -> Node:
        """The part of the document on which the entry at the end of the trail depends."""
        if self.shape is SHAPES["gitlab"] and trail and document.pairs:
            self.stage, self.before = gitlab_stages.find_stages_before(document, document.pairs[trail[0]][1])
        return self._prune_until_stable(lambda: self._prune_node(document, (), trail))

    def prune_beside(self, document: Node) -> Node:
        """The relevant part of a document that is merged with the entry's own."""
        return self._prune_until_stable(lambda: self._prune_node(document, (), None))

    def _prune_until_stable(self, make: Callable[[], Node | None]) -> Node:
        kept = Node("mapping", 1, 1)
        for _ in range(_ROUNDS):
            kept = make() or Node("mapping", 1, 1)
            more = set(_iter_references(kept, self.shape.references)) - self.names
            if not more:
                break
            self.names |= more
        return kept

    def _prune_node(self, node: Node, path: Path, trail: Trail | None) -> Node | None:
        if any(_matches_pattern(path, one) for one in self.shape.dropped):
            return None
        at = trail[0] if trail else None
        rest = trail[1:] if trail else None
        if trail == ():
            at, rest = None, None  # the entry itself: all of it
        if node.kind == "mapping":
            return replace(node, pairs=tuple(self._prune_pairs(node, path, at, rest)))
        if node.kind == "sequence":
            return self._prune_sequence(node, path, at, rest)
        key = next((word for word in reversed(path) if not word.isdigit()), "")
        if self.comments and (key in SCRIPT_SUFFIXES or node.literal):
            return replace(node, text=strip_script_comments(node.text))
        return node

    def _prune_pairs(self, node: Node, path: Path, at: int | None, rest: Trail | None) -> Iterator[tuple[Node, Node]]:
        collection = any(_matches_pattern(path, one) for one in self.shape.collections)
        selector = at is not None and any(_matches_pattern(path, one) for one in self.shape.selectors)
        taken = node.pairs[at][0].text if at is not None else None
        for index, (key, value) in enumerate(node.pairs):
            inner = (*path, key.text)
            if index == at or (key.text == taken and collection):
                kept = self._prune_node(value, inner, rest if index == at else None)
            elif collection and key.text not in self.names and key.text not in self.shape.kept:
                kept = (
                    self._prune_workflow(value, inner)
                    if path == ("workflows",)
                    else gitlab_stages.extract_gate(value, self.before)
                )
            elif self.shape is SHAPES["pre-commit"] and inner == ("ci",):
                kept = self._prune_skip(value)
            elif inner == ("stages",) and self.stage:
                kept = replace(value, items=tuple(one for one in value.items if one.text in (self.stage, *self.before)))
            elif selector:
                kept = Node("scalar", key.line, key.column, type="null")
            else:
                kept = self._prune_node(value, inner, None)
            if kept is not None:
                yield key, kept

    def _prune_workflow(self, value: Node, path: Path) -> Node | None:
        """A workflow of CircleCI, if it starts the job."""
        jobs = value.get("jobs")
        if not jobs or not any(get_entry_name(item) in self.own for item in jobs.items):
            return None
        return self._prune_node(value, path, None)

    def _prune_skip(self, value: Node) -> Node | None:
        """From the settings of pre-commit.ci, whether the hook is skipped."""
        skip = value.get("skip")
        items = tuple(item for item in skip.items if item.text in self.own) if skip else ()
        return replace(value, pairs=(), items=items, kind="sequence") if items else None

    def _prune_sequence(self, node: Node, path: Path, at: int | None, rest: Trail | None) -> Node:
        inner = [(*path, str(index)) for index in range(len(node.items))]
        if any(_matches_pattern(path, one) for one in self.shape.collections):
            items = [
                self._prune_node(item, inner[index], rest if index == at else None)
                for index, item in enumerate(node.items)
                if index == at or get_entry_name(item) in self.names
            ]
            return replace(node, tag=(node.tag + ONE_OF), items=tuple(item for item in items if item))
        if at is None or all(item.kind == "scalar" for item in node.items):
            items = [self._prune_node(item, inner[index], None) for index, item in enumerate(node.items)]
        elif any(_matches_pattern(path, one) for one in self.shape.gates):
            before = [_prune_gate(item) for item in node.items[:at] if get_entry_name(item) not in self.names]
            named = [item for item in node.items if get_entry_name(item) in self.names]
            items = [*before, *named, self._prune_node(node.items[at], inner[at], rest)]
            return replace(node, tag=(node.tag + ONE_OF), items=tuple(item for item in items if item))
        else:
            items = [self._prune_node(item, inner[index], None) for index, item in enumerate(node.items[:at])]
            items.append(self._prune_node(node.items[at], inner[at], rest))
        return replace(node, items=tuple(item for item in items if item))


def get_entry_name(item: Node) -> str:
    """The name of an entry of a sequence: its name, or the key that contains all of it."""
    if item.kind == "scalar":
        return item.text
    named = item.get(*_NAMES)
    if named and named.kind == "scalar":
        return named.text
    return item.pairs[0][0].text if len(item.pairs) == 1 else ""


def trim_to_unit(document: Node, trail: Trail, shape: Shape) -> Trail:
    """The trail up to the step, job or hook that contains a location."""
    node, end = document, 0
    path: Path = ()
    for depth, index in enumerate(trail):
        if node.kind == "mapping":
            if any(_matches_pattern(path, one) for one in shape.collections):
                end = depth + 1
            path, node = (*path, node.pairs[index][0].text), node.pairs[index][1]
        else:
            if not all(item.kind == "scalar" for item in node.items):
                end = depth + 1
            path, node = (*path, str(index)), node.items[index]
    return trail[:end]


def format_trail(document: Node, trail: Trail) -> str:
    """The trail in words: `jobs.scan.steps[2]`."""
    words, node = "", document
    for index in trail:
        if node.kind == "mapping":
            words += ("." if words else "") + node.pairs[index][0].text
            node = node.pairs[index][1]
        else:
            words += f"[{index}]"
            node = node.items[index]
    return words


def resolve_trail(document: Node, trail: Trail) -> Node:
    """The node at the end of the trail."""
    for index in trail:
        document = document.pairs[index][1] if document.kind == "mapping" else document.items[index]
    return document


def iter_scalars(node: Node, key: str = "") -> Iterator[tuple[Trail, str, Node]]:
    """Every scalar below a node, with its trail and its key."""
    waiting: list[tuple[Trail, str, Node]] = [((), key, node)]
    while waiting:
        trail, name, one = waiting.pop()
        if one.kind == "mapping":
            waiting.extend(
                ((*trail, index), k.text, value) for index, (k, value) in reversed(list(enumerate(one.pairs)))
            )
        elif one.kind == "sequence":
            waiting.extend(((*trail, index), name, item) for index, item in reversed(list(enumerate(one.items))))
        else:
            yield trail, name, one


def has_comments(text: str, shape: Shape) -> bool:
    """True if `#` begins a comment in the scripts of a document, which it does not in Windows' own shell."""
    unsure = shape in (SHAPES["azure"], SHAPES["buildkite"]) and not _UNIX.search(text)
    return not unsure and not _WINDOWS.search(text)


def strip_script_comments(text: str) -> str:
    """A script without its comments, line by line."""
    lines = dict(iter_code_lines(text))
    return "\n".join(lines.get(number, "") for number in range(text.count("\n") + 1))


def _prune_gate(item: Node) -> Node | None:
    """The part of an earlier job that may block this one."""
    if item.kind == "scalar":
        return item if item.text in _GATES else None
    pairs = tuple((key, value) for key, value in item.pairs if key.text in _GATES)
    if pairs:
        return replace(item, pairs=pairs)
    inner = item.pairs[0][1] if len(item.pairs) == 1 else None
    return _prune_gate(inner) if inner and inner.kind == "mapping" else None


def _iter_references(node: Node, keys: frozenset[str]) -> Iterator[str]:
    if not keys:
        return
    waiting: list[tuple[str, Node]] = [("", node)]
    while waiting:
        key, one = waiting.pop()
        if one.kind == "mapping":
            waiting.extend(
                (key if key in keys and name.text not in keys else name.text, value) for name, value in one.pairs
            )
            if "*" in keys:
                yield from (name.text.partition("/")[0] for name, _ in one.pairs)
        elif one.kind == "sequence":
            if one.tag in keys and one.items:
                yield one.items[0].text
            waiting.extend((key, item) for item in one.items)
        elif key in keys or "*" in keys:
            yield one.text
            if "/" in one.text:
                yield one.text.partition("/")[0]


def _matches_pattern(path: Path, pattern: Path) -> bool:
    return len(path) == len(pattern) and all(want in ("*", word) for word, want in zip(path, pattern, strict=True))
