"""Converts a gitleaks rule file (TOML) to custom rules, and lists what cannot be converted."""

from __future__ import annotations

import re
import sys
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from credguard.policy.custom_rules.compile import find_pattern_problem, find_uncompilable
from credguard.policy.custom_rules.dialect import DialectError, translate_to_python
from credguard.policy.custom_rules.syntax_tree import PatternError, parse_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    Table = dict[str, Any]

_TOML: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
LARGEST_CONFIG = 8 << 20
"""The most bytes of a rule file that are read."""
_SHORTEST = 3
_MOST_PATHS = 20


def convert_rules(data: bytes) -> tuple[list[Table], list[str]]:
    """The rules as entries of `custom-rules`, and a line for each thing that is left out; raises ValueError for an
    invalid rule file."""
    if len(data) > LARGEST_CONFIG:
        raise ValueError(f"it is larger than {LARGEST_CONFIG >> 20} MiB")
    try:
        return _convert_tree(_TOML.loads(data.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (TypeError, AttributeError, LookupError, ArithmeticError):
        raise ValueError("a value in it does not have the type that gitleaks uses there") from None


def _convert_tree(tree: Table) -> tuple[list[Table], list[str]]:
    rules = tree.get("rules")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) and "id" in rule for rule in rules):
        raise ValueError("it has no [[rules]] with an id")
    left = list(_iter_global_leftovers(tree))
    kept: dict[str, Table] = {}
    for rule in rules:
        entry = _convert_rule(rule, left)
        if entry:
            kept[_pick_free_id(str(rule["id"]), kept)] = entry
    return [{"id": number} | entry for number, entry in kept.items()], left


def format_rules_file(rules: list[Table], name: str) -> str:
    """The file of custom rules."""
    import yaml

    head = f"# Imported from {name} by `credguard init --import-gitleaks`.\n"
    return head + str(yaml.safe_dump({"custom-rules": rules}, sort_keys=False, width=10_000))


def _pick_free_id(name: str, taken: Table) -> str:
    """An ID derived from the rule's name, so that it stays the same when the file grows."""
    number = zlib.crc32(name.encode()) % 1_000_000
    while f"GL{number:06}" in taken:
        number = (number + 1) % 1_000_000
    return f"GL{number:06}"


def _iter_global_leftovers(tree: Table) -> Iterator[str]:
    if "extend" in tree:
        yield "[extend]: other files are not read; import them as well"
    lists = [*tree.get("allowlists", []), *([tree["allowlist"]] if "allowlist" in tree else [])]
    for one in lists:
        yield from (f"global allowlist: {kind} {text}" for kind, text in _iter_allowlist(one))


def _iter_allowlist(one: Table) -> Iterator[tuple[str, str]]:
    for key, kind in (("paths", "path"), ("regexes", "pattern"), ("stopwords", "word"), ("commits", "commit")):
        yield from ((kind, str(text)) for text in one.get(key, ()))


def _convert_rule(rule: Table, left: list[str]) -> Table | None:
    """The entry of a rule, None if it cannot be converted; what is left out of it goes to `left`."""
    name = str(rule["id"])
    if rule.get("skipReport") is True:
        left.append(f"{name}: it only serves other rules (skipReport)")
        return None
    wrong = [key for key in ("id", "regex", "path") if not isinstance(rule.get(key, ""), str)]
    pattern = "" if wrong else str(rule.get("regex", "")).replace("\n", "")
    capture = str(rule.get("secretGroup") or "")
    problem = f"its {wrong[0]} is not text" if wrong else _find_problem(pattern, capture, str(rule.get("path", "")))
    keywords = [str(word) for word in rule.get("keywords", ()) if len(str(word)) > 1]
    keywords = keywords or ([] if problem else _find_longest_word(pattern))
    if not problem and not keywords:
        problem = "it has no keyword, and its pattern has no fixed word"
    if problem:
        left.append(f"{name}: {problem}")
        return None
    summary = " ".join(str(rule.get("description", name)).split()) or name
    entry: Table = {"name": _normalize_name(name), "summary": summary, "keywords": keywords, "pattern": pattern}
    entry |= {"capture": capture} if capture else {}
    entry |= {"entropy": min(float(rule["entropy"]), 8.0)} if rule.get("entropy") else {}
    entry |= _convert_path(name, str(rule.get("path", "")), left)
    left += [f"{name}: it also applies where {one} finds nothing (required)" for one in _list_required(rule)]
    return entry | _convert_allowlists(name, rule, left)


def _list_required(rule: Table) -> list[str]:
    """The rules that have to match nearby for this one to apply."""
    required = rule.get("required", ())
    listed = required if isinstance(required, list | tuple) else [required]
    return [str(one.get("id", "another rule")) if isinstance(one, dict) else "another rule" for one in listed]


def _find_problem(pattern: str, capture: str, path: str) -> str:
    if not pattern.strip():
        return "it matches only file names" if path.strip() else "it has neither a regex nor a path"
    if pattern.isascii() and not (problem := find_pattern_problem(pattern, capture)):
        bad = find_uncompilable([pattern])
        return f"hyperscan cannot compile its pattern: {bad[1]}" if bad else ""
    return problem if pattern.isascii() else "its pattern has non-ASCII characters"


def _normalize_name(name: str) -> str:
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:64] or "rule"


def _find_longest_word(pattern: str) -> list[str]:
    """The longest word that every match contains."""
    runs: list[list[str]] = [[]]

    def walk(tree: Any) -> None:  # noqa: ANN401 - Python's parse trees have no public type
        for operation, argument in tree:
            if str(operation) == "LITERAL" and chr(argument).isprintable():
                runs[-1].append(chr(argument))
            elif str(operation) == "SUBPATTERN":
                walk(argument[3])
            elif str(operation) != "AT":
                runs.append([])

    walk(parse_pattern(translate_to_python(pattern))[0])
    best = max(map("".join, runs), key=len)
    return [best.lower()] if len(best.strip()) >= _SHORTEST else []


def _convert_path(name: str, pattern: str, left: list[str]) -> Table:
    """Globs for a path pattern that matches how names end."""
    if not pattern:
        return {}
    try:
        ends = _expand_strings(parse_pattern(translate_to_python(pattern.removeprefix("(?i)").removesuffix("$")))[0])
    except (DialectError, PatternError):
        ends = []
    plain = bool(ends) and len(ends) <= _MOST_PATHS and not any(set(end) & set("*?[/\\!") for end in ends)
    if pattern.endswith("$") and plain:
        return {"paths": [f"*{end}" for end in ends]}
    left.append(f"{name}: it applies to every path, not only to {pattern}")
    return {}


def _expand_strings(tree: Any) -> list[str]:  # noqa: ANN401 - as above
    """All texts that a simple pattern matches, none if there are many."""
    texts = [""]
    for operation, argument in tree:
        kind = str(operation)
        if kind == "LITERAL":
            more = [chr(argument)]
        elif kind == "SUBPATTERN":
            more = _expand_strings(argument[3])
        elif kind == "BRANCH":
            more = [text for branch in argument[1] for text in _expand_strings(branch)]
        elif kind == "IN" and all(str(one) == "LITERAL" for one, _ in argument):
            more = [chr(value) for _, value in argument]
        elif kind == "MAX_REPEAT" and argument[:2] == (0, 1):
            more = [*_expand_strings(argument[2]), ""]
        else:
            return []
        texts = [text + end for text in texts for end in more]
        if len(texts) > _MOST_PATHS:
            return []
    return texts


def _convert_allowlists(name: str, rule: Table, left: list[str]) -> Table:
    """The patterns and words of a rule's allowlists that are only about the value."""
    patterns: list[str] = []
    words: list[str] = []
    for one in [*rule.get("allowlists", []), *([rule["allowlist"]] if "allowlist" in rule else [])]:
        alone = one.get("condition", "OR").upper() in ("OR", "||") or sum(key in one for key in _CONDITIONS) < 2
        for kind, text in _iter_allowlist(one):
            if (
                kind == "pattern"
                and alone
                and one.get("regexTarget", "secret") in ("", "secret")
                and not find_pattern_problem(text)
            ):
                patterns.append(text)
            elif kind == "word" and alone:
                words.append(text.lower())
            else:
                left.append(f"{name}: allowlist: {kind} {text}")
    return ({"except": patterns} if patterns else {}) | ({"stop-words": words} if words else {})


_CONDITIONS = ("paths", "regexes", "stopwords", "commits")
