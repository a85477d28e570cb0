"""The kind of value that a custom rule is: what it may say, and that it does what its examples say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from credguard.model.findings import Severity
from credguard.policy.custom_rules.compile import find_pattern_problem, find_rule_values, find_uncompilable
from credguard.policy.custom_rules.spec import CustomRule
from credguard.policy.path_types import Glob
from credguard.policy.value_types import Choice, Key, ListOf, Table, Text, ValueType
from credguard.rule import CUSTOM_ID

if TYPE_CHECKING:
    from credguard.policy.strict_yaml import Value
    from credguard.policy.value_types import ReadingContext, Schema

_LONGEST_PATTERN = 8_000
_ID = "an ID such as ACME1 (3 to 16 capitals and digits, a capital first, a digit last; not CG in front)"


class Bits(ValueType):
    """A number of bits a character."""

    words = "a number from 0 to 8"

    def _read(self, value: Value, reading: ReadingContext, at: str) -> float:
        number = float(value.text) if re.fullmatch(r"[0-9](\.[0-9]{1,6})?", value.text) else 9.0
        if value.kind != "text" or number > 8:
            raise reading.make_error(value, at, f"wants {self.words}")
        return number

    def _build_schema(self) -> Schema:
        return {"type": "number", "minimum": 0, "maximum": 8}


class CaptureGroup(Text):
    """A group's number or name."""

    def __init__(self) -> None:
        super().__init__("a group's number or name", r"[0-9]{1,2}|[A-Za-z_][A-Za-z0-9_]{0,31}")

    def _build_schema(self) -> Schema:
        name: Schema = {"type": "string", "pattern": r"^([0-9]{1,2}|[A-Za-z_][A-Za-z0-9_]{0,31})$"}
        return {"anyOf": [name, {"type": "integer", "minimum": 0, "maximum": 99}]}


class Expression(Text):
    """A pattern that can be followed in linear time."""

    def __init__(self) -> None:
        super().__init__("a pattern in hyperscan's syntax", r"[^\n]*\S[^\n]*")

    def _read(self, value: Value, reading: ReadingContext, at: str) -> str:
        text = str(super()._read(value, reading, at))
        problem = (
            f"it has more than {_LONGEST_PATTERN} characters"
            if len(text) > _LONGEST_PATTERN
            else find_pattern_problem(text)
        )
        if problem:
            raise reading.make_error(value, at, f"the pattern cannot be used: {problem}")
        return text


class Keywords(ListOf):
    """At least one word, of two characters or more."""

    def __init__(self) -> None:
        super().__init__(Text("two characters or more in one line", r"[^\n]*\S[^\n]*\S[^\n]*"))

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        words = cast("list[str]", super()._read(value, reading, at))
        if not words:
            raise reading.make_error(value, at, "needs at least one keyword", "name what is near every such value")
        return words

    def _build_schema(self) -> Schema:
        return {"type": "array", "minItems": 1, "items": self.item.build_schema()}


_EXAMPLES = ListOf(Text("text", r"[\s\S]*\S[\s\S]*"))


class CustomRuleValue(ValueType):
    """One entry of `custom-rules`."""

    words = "mappings"
    table = Table({
        "id": Key(Text(_ID, CUSTOM_ID), "the rule's ID, as findings and exceptions name it; needed"),
        "name": Key(Text("small letters, digits and dashes", r"[a-z0-9][a-z0-9.-]{0,63}"), "its name; needed"),
        "summary": Key(Text(), "what it finds, in a few words", "its name"),
        "severity": Key(Choice(*(one.label for one in Severity)), "the severity of its findings", "high"),
        "keywords": Key(Keywords(), "only files that contain one of them, in any case, are scanned; required"),
        "pattern": Key(
            Expression(), "what a value looks like; without backreferences and lookaround, and in ASCII; needed"
        ),
        "capture": Key(CaptureGroup(), "the group that holds the value", "the first, or the whole match"),
        "entropy": Key(Bits(), "the least randomness of a value, in bits a character", "0"),
        "paths": Key(ListOf(Glob()), "where it applies", "everywhere"),
        "except": Key(ListOf(Expression()), "patterns of values that do not count"),
        "stop-words": Key(ListOf(Text()), "words of values that do not count, in any case"),
        "match": Key(_EXAMPLES, "examples in which it finds something; their values are no findings"),
        "no-match": Key(_EXAMPLES, "examples in which it finds nothing"),
    }, required=("id", "name", "keywords", "pattern"))  # fmt: skip

    def _read(self, value: Value, reading: ReadingContext, at: str) -> CustomRule:
        read = cast("dict[str, Any]", self.table.read(value, reading, at))
        capture = str(read.get("capture", ""))
        problem = find_pattern_problem(read["pattern"], capture)
        if problem:
            raise reading.make_error(_find_value(value, "capture"), f"{at}.capture", problem)
        rule = CustomRule(
            read["id"], read["name"], read.get("summary", read["name"]), tuple(read["keywords"]), read["pattern"],
            Severity[read.get("severity", "high").upper()], capture, read.get("entropy", 0.0),
            tuple(read.get("paths", ())), tuple(read.get("except", ())),
            tuple(word.lower() for word in read.get("stop-words", ())), source=(reading.path, value.line),
        )  # fmt: skip
        reading.lines[f"{at}.{rule.id}"] = (reading.path, value.line)
        return _add_examples(rule, value, reading, at)

    def _build_schema(self) -> Schema:
        return self.table.build_schema()


def _find_value(value: Value, name: str) -> Value:
    """The value of one key of a mapping."""
    return next((inner for key, inner in value.pairs if key.text == name), value)


def _add_examples(rule: CustomRule, value: Value, reading: ReadingContext, at: str) -> CustomRule:
    """The rule with the values of its examples; raises PolicyError for an example that it judges otherwise."""
    from dataclasses import replace

    known: dict[bytes, None] = {}
    for example in _find_value(value, "match").items if _has(value, "match") else ():
        found = find_rule_values(rule, example.text.encode("utf-8", "surrogateescape"))
        if not found:
            raise reading.make_error(
                example, f"{at}.match", f"{rule.id} finds nothing in this example", _explain_no_match(rule, example)
            )
        known.update(dict.fromkeys(found))
    for example in _find_value(value, "no-match").items if _has(value, "no-match") else ():
        if find_rule_values(rule, example.text.encode("utf-8", "surrogateescape")):
            raise reading.make_error(example, f"{at}.no-match", f"{rule.id} finds something in this example")
    return replace(rule, examples=tuple(known))


def _has(value: Value, name: str) -> bool:
    return any(key.text == name for key, _ in value.pairs)


def _explain_no_match(rule: CustomRule, example: Value) -> str:
    if not any(word.lower() in example.text.lower() for word in rule.keywords):
        return "none of its keywords is in it"
    return "check its pattern, its entropy and its exceptions"


class CustomRules(ListOf):
    """All custom rules of a file, whose patterns hyperscan takes."""

    def __init__(self) -> None:
        super().__init__(CustomRuleValue())

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        rules = cast("list[CustomRule]", super()._read(value, reading, at))
        seen: set[str] = set()
        for rule, item in zip(rules, value.items, strict=False):
            if rule.id in seen:
                raise reading.make_error(
                    _find_value(item, "id"), at, f"there are two rules {rule.id}", "give each its own ID"
                )
            seen.add(rule.id)
        bad = find_uncompilable([rule.pattern for rule in rules]) if rules else None
        if bad:
            number, reason = bad
            where = _find_value(value.items[number], "pattern")
            raise reading.make_error(where, f"{at}.pattern", f"hyperscan cannot compile the pattern: {reason}")
        return rules
