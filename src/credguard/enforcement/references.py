"""The entries of settings that name credguard, what they run, and the names by which other entries use them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.enforcement import jenkinsfile
from credguard.enforcement.make_targets import MAKEFILES, Targets
from credguard.enforcement.settings_files import is_hook
from credguard.enforcement.settings_shape import (
    SHAPES,
    format_trail,
    iter_scalars,
    resolve_trail,
    strip_script_comments,
    trim_to_unit,
)
from credguard.enforcement.shell import SCRIPT_SUFFIXES, Call, find_calls, is_install_only, iter_code_lines
from credguard.enforcement.tree_diff import LINES
from credguard.lazy_re import compile_lazily
from credguard.parsers.document import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.enforcement.settings_shape import Shape, Trail

    Place = tuple[int, Trail]
    """A document's number, and the trail in it."""

ONE_WORD = compile_lazily(r"[\w.-]+")
_RESULTS = compile_lazily(
    r"credguard[\w-]{0,60}\.(?:xml|json|sarif|csv|html|txt|log|md|ya?ml|py)\b"
    r"|\b(?:steps|needs|jobs|stages|dependencies)[.\[]+['\"]?credguard[\w.-]*|--(?:name|label|title)[ =]credguard"
)
_LABELS = frozenset(
    "name displayName label title description context key stage needs dependsOn depends_on requires group job path "
    "paths artifacts artifact_paths identifier alias owner team category".split()
)
NEVER_FOLLOWED = _LABELS.union(
    "paths-ignore restore-keys files changes exists glob exclude only except branches hash".split()
)
"""Keys for the names of files that nothing runs."""
_USES = frozenset("uses include template component file project remote local extends image repo id entry ref".split())
SETS_UP = frozenset(("prepare", "postinstall", "preinstall", "install", "scripts"))
"""Scripts of package.json that set up hooks."""


@dataclass(slots=True)
class File:
    """A file with its documents, if any, and its calls by trail."""

    path: str
    text: str
    documents: tuple[Node, ...] | None
    problem: str = ""
    shape: Shape = field(default_factory=lambda: SHAPES["github"])
    own: dict[Place, tuple[Call, ...]] = field(default_factory=dict)
    through: dict[Place, str] = field(default_factory=dict)
    executable: bool = True
    odd_lines: bool = False
    """Whether a shell reads carriage returns, or a byte order mark, as part of its commands."""
    comments: bool = True
    """Whether `#` begins a comment in its scripts."""


def extract_code(one: File) -> str:
    """A file's text without what is certainly a comment."""
    return "\n".join(line for _, line in _list_code_lines(one.path, one.text))


_MERGE = compile_lazily(r"(?:^[ \t-]*|[{,][ \t]*)[\"']?<<[\"']?[ \t]*:", re.MULTILINE)
_HASHED = (".sh", ".bash", ".zsh", ".py", ".mk", ".toml", ".ini", ".cfg", ".yml", ".yaml", ".rb")
_MAKES = (*MAKEFILES, "rakefile")
_INTERPRETER = compile_lazily(r"#![^\n]*\b(?:sh|bash|dash|zsh|ksh|python[\d.]*)\b")


def _drop_other_environments(text: str) -> str:
    """tox's settings without environments that do not name credguard and that no other uses."""
    parts = _ENVIRONMENT.split(text)
    kept = parts[:1]
    for head, body in zip(parts[1::2], parts[2::2], strict=True):
        name = head.strip().strip("[]")
        counts = "credguard" in body or ":" not in name or f"{{[{name}]" in text
        kept += (head, body) if counts else "\n" * (head + body).count("\n")
    return "".join(kept)


_ENVIRONMENT = compile_lazily(r"(^\[[^\]\n]+\][^\n]*)", re.MULTILINE)
_INLINE = compile_lazily(r"#[^\n]*(?:credguard|index|url|source)")


def _has_hash_comments(path: str, text: str) -> bool:
    """True if `#` begins a comment."""
    name = path.rpartition("/")[2].lower()
    if name.endswith(_HASHED) or name in _MAKES:
        return True
    if "." in name and not is_hook(path):
        return False
    return _INTERPRETER.match(text) is not None or (is_hook(path) and not text.startswith("#!"))


def _list_code_lines(path: str, text: str) -> list[tuple[int, str]]:
    """The lines of a text by number, without comments."""
    name = path.rpartition("/")[2]
    if name.startswith("Jenkinsfile") or name.endswith((".groovy", ".jenkins")):
        return jenkinsfile.extract_call_lines(text)
    if name == "tox.ini":
        text = _drop_other_environments(text)
    found = list(iter_code_lines(text, comments=_has_hash_comments(path, text), first=2 if name.endswith(".py") else 0))
    if name.endswith(".py") and "# /// script" in text:  # PEP 723
        found += [(number, line) for number, line in enumerate(text.split("\n")) if _INLINE.match(line)]
    if name.endswith((".js", ".mjs", ".cjs", ".ts")):
        return [(number, line) for number, line in found if not line.startswith("//")]
    return found


def build_lines_node(one: File) -> Node:
    """A text as its relevant lines."""
    found = parse_targets(one).list_lines() if _has_targets(one.path) else _list_code_lines(one.path, one.text)
    items = tuple(Node("scalar", number + 1, 1, text=line) for number, line in found)
    notes = [*([] if one.executable else ["not executable"]), *(["carriage returns"] if one.odd_lines else [])]
    first = (Node("scalar", 1, 1, text=note) for note in notes)
    return Node("sequence", 1, 1, tag=LINES, items=(*first, *items))


def _has_targets(path: str) -> bool:
    return path.rpartition("/")[2].lower() in MAKEFILES


def parse_targets(one: File) -> Targets:
    """The targets of a Makefile or justfile."""
    return Targets(_list_code_lines(one.path, one.text), one.text)


def may_run_calls(one: File, text: str) -> bool:
    """False if a command runs only other targets or scripts of a file than those that lead to credguard."""
    if _has_targets(one.path):
        return parse_targets(one).is_requested_by(text)
    names = set()
    for number, trail in (*one.own, *one.through):
        words = format_trail((one.documents or ())[number], trail).split(".", 1)
        names.add(words[1] if words[0] in ("scripts", "tasks") and len(words) > 1 else words[0])
    if not names.isdisjoint(SETS_UP) and compile_lazily(r"\b(?:ci|i|install)\b|yarn[ \t]*$").search(text):
        return True
    return not names.isdisjoint(compile_lazily(r"[\w:.-]+").findall(text))


def find_text_calls(path: str, text: str) -> dict[Place, tuple[Call, ...]]:
    """The calls in an unstructured text."""
    plain = "\n".join(line for _, line in _list_code_lines(path, text))
    if "credguard" not in _RESULTS.sub("", plain):
        return {}
    found = find_calls(plain)
    if not found and not is_shell(path, text):
        if _PROGRAM.search(plain):
            return {(0, ()): (Call("credguard"),)}
        if path.endswith(_PROGRAMS):
            return {}  # it is only named
    return {(0, ()): tuple(found) or (Call("credguard", muted=True),)}


_PROGRAM = compile_lazily(
    r"credguard\S*\s+(?:ci|scan|hook|audit)\b|credguard(?:\.exe)?[\"'][\s,+)\]]{1,40}[\"'](?:ci|scan|hook|audit)\b"
    r"|\b(?:run_?|start_?|call_?)credguard\b|\b(?:from|import)[ \t]+credguard\b"
    r"|[\"'\[(]credguard[\"'][ \t]*(?:[\])]|,[ \t]*\*)"
)
"""What starts credguard in a program that is not a shell script."""
_PROGRAMS = (".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".go", ".rs")


def is_shell(path: str, text: str) -> bool:
    """True for a script of a POSIX shell."""
    return (
        is_hook(path)
        or path.endswith((".sh", ".bash", ".zsh"))
        or text.startswith(("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash"))
    )


def find_document_calls(one: File) -> Iterator[tuple[Place, tuple[Call, ...]]]:
    """The entries of documents that name credguard, with what they run: calls without words for entries that only name
    it."""
    found: dict[Place, tuple[Call, ...]] = {}
    for number, document in enumerate(one.documents or ()):
        definitions = [i for i, (key, _) in enumerate(document.pairs) if key.text == "definitions"]
        for trail, key, node in (*iter_scalars(document), *_iter_orb_keys(document)):
            text = strip_script_comments(node.text) if key in SCRIPT_SUFFIXES and one.comments else node.text
            if key == "id" and one.shape is not SHAPES["pre-commit"]:
                continue  # the name of a step
            said = text if key in _USES else _RESULTS.sub("", text)
            if "credguard" not in said or key in _LABELS or trail[:1] in [(i,) for i in definitions]:
                continue
            if ONE_WORD.fullmatch(text.strip()) and key in ("jobs", "steps") and "/" not in text:
                continue
            if one.shape is SHAPES["pre-commit"] and key == "repo":
                found |= {(number, hook): (Call(text.strip()),) for hook in _iter_hooks(document, trail[:-1])}
                continue
            place = (number, trim_to_unit(document, trail, one.shape))
            found[place] = (*found.get(place, ()), *_parse_calls(key, text))
    yield from found.items()


def _iter_hooks(document: Node, trail: Trail) -> Iterator[Trail]:
    """The hooks of an entry of pre-commit's repositories; the entry itself if it has none."""
    entry = resolve_trail(document, trail)
    number = next((index for index, (key, _) in enumerate(entry.pairs) if key.text == "hooks"), None)
    hooks = entry.pairs[number][1].items if number is not None else ()
    yield from ((*trail, number or 0, index) for index in range(len(hooks)))
    if not hooks:
        yield trail


def _iter_orb_keys(document: Node) -> Iterator[tuple[Trail, str, Node]]:
    """Keys that use credguard as an orb: steps of an orb."""
    waiting: list[tuple[Trail, Node]] = [((), document)]
    while waiting:
        trail, node = waiting.pop()
        for index, (key, value) in enumerate(node.pairs):
            if "credguard/" in key.text and key.text.count("/") == 1:
                yield (*trail, index), "uses", key
            waiting.append(((*trail, index), value))
        waiting.extend(((*trail, index), item) for index, item in enumerate(node.items))


def _parse_calls(key: str, text: str) -> list[Call]:
    found = find_calls(text)
    if found:
        return found
    if (
        (key in _USES and key != "entry")
        or key == "orbs"
        or (" " not in text.strip() and "/" in text and key not in SCRIPT_SUFFIXES)
    ):
        return [Call(text.strip().partition("@")[0])]
    if is_install_only(text) or key in SCRIPT_SUFFIXES or key in ("entry", "steps"):
        return [Call("", muted=True)]
    return [
        Call("credguard" if compile_lazily(r"credguard\S*\s+(?:ci|scan|hook|audit)\b").search(text) else "", muted=True)
    ]


def find_entry_names(document: Node, trail: Trail, shape: Shape) -> set[str]:
    """The names by which others can reference the entries that contain the location."""
    names: set[str] = set()
    words = format_trail(document, trail).replace("[", ".").split(".")
    if shape is SHAPES["circleci"] and len(trail) > 1:
        names.add(document.pairs[trail[0]][1].pairs[trail[1]][0].text if document.pairs[trail[0]][1].pairs else "")
    elif shape is SHAPES["gitlab"]:
        names.add(document.pairs[trail[0]][0].text)
    elif shape is SHAPES["pre-commit"]:
        names |= {value.text for key, value in resolve_trail(document, trail).pairs if key.text in ("id", "alias")}
    elif shape is SHAPES["package"] and words[0] != "scripts":
        names |= SETS_UP
    elif shape is SHAPES["package"] and len(trail) > 1:
        name, value = document.pairs[trail[0]][1].pairs[trail[1]]
        names |= {f"pre{name.text}", f"post{name.text}", *value.text.replace("&&", " ").split()}
    return names


def find_calling_entries(one: File, system: str) -> set[str]:
    """The names of the entries of a file's collections that call credguard."""
    names: set[str] = set()
    for number, trail in (*one.own, *one.through):
        document = (one.documents or ())[number]
        depth = 0 if system == "gitlab" else 1
        if len(trail) > depth:
            node = document if depth == 0 else document.pairs[trail[0]][1]
            if node.pairs and not (depth and document.pairs[trail[0]][0].text == "jobs"):
                names.add(node.pairs[trail[depth]][0].text)
    return names


def iter_entry_uses(document: Node, shape: Shape, system: str) -> Iterator[tuple[Trail, Trail, str]]:
    """References to entries in a document: `extends`, `!reference`, steps that are commands."""
    for trail, key, node in iter_scalars(document):
        if system == "circleci":
            if document.pairs[trail[0]][0].text in ("jobs", "commands") and key in ("steps", "executor"):
                yield trail, trim_to_unit(document, trail, shape), node.text
        elif key == "extends" or resolve_trail(document, trail[:-1]).tag == "reference":
            yield trail, trim_to_unit(document, trail, shape), node.text
    if system == "circleci":
        for trail, name in _iter_step_keys(document):
            yield trail, trim_to_unit(document, trail, shape), name


def iter_script_keys(document: Node, shape: Shape) -> Iterator[tuple[Trail, str, Node]]:
    """Keys of lefthook's settings that are names of scripts."""
    for one, (_, hook) in enumerate(document.pairs if shape is SHAPES["lefthook"] else ()):
        for two, (kind, scripts) in enumerate(hook.pairs):
            for three, (name, _) in enumerate(scripts.pairs if kind.text == "scripts" else ()):
                yield (one, two, three), "run", name


def find_flaws(one: File) -> frozenset[str]:
    """What makes a workflow invalid for GitHub, anywhere in the file."""
    if not one.path.startswith(".github/workflows/"):
        return frozenset()
    found = {"a merge key"} if _MERGE.search(one.text) else set()
    for document in one.documents or ():
        if any(len({key.text for key, _ in node.pairs}) < len(node.pairs) for node in document.walk()):
            found.add("a duplicate key")
        for key, job in _get_pairs(document.get("jobs")):
            if not job.get("uses") and not (job.get("runs-on") and job.get("steps")):
                found.add(f"no job, {key.text[:60]}")
    return frozenset(found)


def _get_pairs(node: Node | None) -> tuple[tuple[Node, Node], ...]:
    return node.pairs if node else ()


def _iter_step_keys(document: Node) -> Iterator[tuple[Trail, str]]:
    for one, (kind, jobs) in enumerate(document.pairs):
        for two, (_, job) in enumerate(jobs.pairs if kind.text in ("jobs", "commands") else ()):
            for three, (key, steps) in enumerate(job.pairs):
                for four, step in enumerate(steps.items if key.text == "steps" else ()):
                    if step.pairs:
                        yield (one, two, three, four, 0), step.pairs[0][0].text
