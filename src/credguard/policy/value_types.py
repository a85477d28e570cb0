"""The kinds of values that a policy may hold: each reads, refuses and describes its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING

from credguard.errors import PolicyError
from credguard.lazy_re import compile_lazily
from credguard.policy.strict_yaml import find_duplicate_key
from credguard.rules import EXAMPLE_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.policy.strict_yaml import Value

    Schema = dict[str, object]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SIZE = compile_lazily(r"(\d{1,15})([KMG]?)(?:i?B)?", re.IGNORECASE)


@dataclass(slots=True)
class ReadingContext:
    """What it takes to read one file: its name, the names of all rules by ID, and where each key
    stands (filled as it is read)."""

    path: str
    rules: Mapping[str, str]
    lines: dict[str, tuple[str, int]] = field(default_factory=dict)
    patterns: dict[str, int] = field(default_factory=dict)
    """Path patterns of this file and those that were read for it, with what each of them takes to compile."""

    def make_error(self, value: Value, at: str, text: str, hint: str = "") -> PolicyError:
        """An error about the value of the key `at`."""
        return PolicyError(self.path, value.line, value.column, f"{at}: {text}" if at else text, hint)


def suggest_nearest(word: str, words: object) -> str:
    """`did you mean X?`, or what there is."""
    known = [str(one) for one in words]  # type: ignore[attr-defined]
    close = get_close_matches(word.lower().replace("_", "-"), [one.lower() for one in known], 1, 0.6)
    if close:
        return f"did you mean {next(one for one in known if one.lower() == close[0])}?"
    return f"there are {', '.join(known)}" if len(known) <= 20 else ""


def parse_size(text: str) -> int | None:
    """Bytes that `256M`, `1G`, `500` mean; None where the text is no size."""
    match = _SIZE.fullmatch(text.strip())
    return int(match[1]) * _UNITS[match[2].upper()] if match else None


class ValueType:
    """A kind of value; `words` say in the reference page what one looks like."""

    words = ""

    def read(self, value: Value, reading: ReadingContext, at: str) -> object:
        """What the value means; raises PolicyError. `at` is the dotted path of its key."""
        return self._read(value, reading, at)

    def build_schema(self) -> Schema:
        """The JSON Schema of the values that `read` takes; `#/$defs/rule` are the IDs of all rules."""
        return self._build_schema()

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        raise NotImplementedError

    def _build_schema(self) -> Schema:
        raise NotImplementedError


class Text(ValueType):
    """Words in one line; `pattern` (also in the schema) limits them, `wanted` says what belongs there."""

    def __init__(self, wanted: str = "text in one line", pattern: str = r"[^\n]*\S[^\n]*") -> None:
        self.words = self.wanted = wanted
        self._pattern = pattern

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        if value.kind != "text":
            raise reading.make_error(value, at, f"wants {self.wanted}")
        if not re.fullmatch(self._pattern, value.text):
            raise reading.make_error(value, at, f"wants {self.wanted}, not {value.excerpt}")
        return value.text

    def _build_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^{self._pattern}$"}


class Choice(ValueType):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self._choices = words
        self.words = ", ".join(words)

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        if value.kind == "text" and value.text == "false" and "off" in self._choices:
            return next(word for word in self._choices if word == "off")  # what programs that write YAML make of it
        if value.kind != "text" or value.text not in self._choices:
            hint = suggest_nearest(value.text, self._choices) if value.kind == "text" else ""
            raise reading.make_error(value, at, f"wants one of {self.words}, not {_describe_value(value)}", hint)
        return next(word for word in self._choices if word == value.text)

    def _build_schema(self) -> Schema:
        return {
            "enum": [_convert_to_yaml(word) for word in self._choices] + (["off"] if "off" in self._choices else [])
        }


class Switch(ValueType):
    """`on` or `off`."""

    words = "on, off"

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        if value.kind != "text" or value.text not in ("on", "off", "true", "false"):
            raise reading.make_error(value, at, f"wants on or off, not {_describe_value(value)}")
        return value.text in ("on", "true")

    def _build_schema(self) -> Schema:
        return {"enum": ["on", "off", True, False]}


class WholeNumber(ValueType):
    """A whole number between two bounds."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high
        self.words = f"a whole number from {low} to {high}" if high > low else f"the number {low}"

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        number = int(value.text) if value.kind == "text" and re.fullmatch(r"[0-9]{1,9}", value.text) else -1
        if not self._low <= number <= self._high:
            raise reading.make_error(value, at, f"wants {self.words}, not {_describe_value(value)}")
        return number

    def _build_schema(self) -> Schema:
        return {"type": "integer", "minimum": self._low, "maximum": self._high}


class Size(ValueType):
    """A number of bytes."""

    words = "bytes, or a number with K, M or G"

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        number = parse_size(value.text) if value.kind == "text" else None
        if not number:
            raise reading.make_error(value, at, f"wants {self.words}, not {_describe_value(value)}")
        return number

    def _build_schema(self) -> Schema:
        text = {"type": "string", "pattern": "^0*[1-9][0-9]{0,14}([KMGkmg]?)([iI]?[bB])?$"}
        return {"anyOf": [{"type": "integer", "minimum": 1}, text]}


class Day(Text):
    """A date, the last day on which something counts."""

    def __init__(self) -> None:
        super().__init__("a date such as 2027-01-31", r"\d{4}-\d{2}-\d{2}")

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        text = str(super()._read(value, reading, at))
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise reading.make_error(value, at, f"there is no day {text}") from None

    def _build_schema(self) -> Schema:
        return super()._build_schema() | {"format": "date"}


class AccountId(Text):
    """An AWS account ID, quoted or not."""

    def __init__(self) -> None:
        super().__init__("an account ID of 12 digits", r"\d{12}")

    def _build_schema(self) -> Schema:
        return {"anyOf": [super()._build_schema(), {"type": "integer", "minimum": 10**11, "maximum": 10**12 - 1}]}


class RuleId(Text):
    """The ID of a rule, less those that cannot be meant here."""

    def __init__(self, refused: tuple[str, ...] = (), why: str = "") -> None:
        super().__init__(f"a rule ID such as {EXAMPLE_ID}")
        self._refused, self._why = refused, why

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        text = str(super()._read(value, reading, at))
        if text in self._refused:
            raise reading.make_error(value, at, f"{text} {self._why}")
        if text not in reading.rules:
            by_name = {name: rule_id for rule_id, name in reading.rules.items()}
            near = by_name.get(text) or next(iter(get_close_matches(text.upper(), reading.rules, 1, 0.6)), "")
            hint = f"did you mean {near} ({reading.rules[near]})?" if near else "`credguard rules` lists them"
            raise reading.make_error(value, at, f"there is no rule {value.excerpt}", hint)
        return text

    def _build_schema(self) -> Schema:
        rule: Schema = {"$ref": "#/$defs/rule"}
        return rule | ({"not": {"enum": list(self._refused)}} if self._refused else {})


class ListOf(ValueType):
    """A list; with `single` also one value without the list."""

    def __init__(self, item: ValueType, *, single: bool = False) -> None:
        self.item, self._single = item, single
        self.words = ("one or " if single else "") + f"a list: {item.words}"

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        if value.kind == "nothing":
            return []
        if self._single and value.kind == "text":
            return [self.item.read(value, reading, at)]
        if value.kind != "list":
            raise reading.make_error(value, at, "wants a list", "begin each line with `- `")
        for item in value.items:
            reading.lines.setdefault(f"{at}.{item.text}", (reading.path, item.line))
        return [self.item.read(item, reading, at) for item in value.items]

    def _build_schema(self) -> Schema:
        item = self.item.build_schema()
        array: Schema = {"type": ["array", "null"], "items": item}
        return {"anyOf": [item, array]} if self._single else array


class Entries(ValueType):
    """A mapping whose keys are of one kind and whose values are of another."""

    def __init__(self, key: ValueType, value: ValueType) -> None:
        self.key, self.value = key, value
        self.words = f"{key.words}: {value.words}"

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        read: dict[object, object] = {}
        for key, inner in _read_pairs(value, reading, at):
            name = f"{at}.{key.text}"
            reading.lines[name] = (reading.path, key.line)
            read[self.key.read(key, reading, at)] = self.value.read(inner, reading, name)
        return read

    def _build_schema(self) -> Schema:
        return {
            "type": ["object", "null"], "propertyNames": self.key.build_schema(),
            "additionalProperties": self.value.build_schema(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: the kind of its value, what it does, and what holds without it."""

    kind: ValueType
    meaning: str
    default: str = ""


class Table(ValueType):
    """A mapping with keys that are known, some of them `required`."""

    def __init__(self, keys: Mapping[str, Key], required: tuple[str, ...] = ()) -> None:
        self.keys, self._required = keys, required
        self.words = "a mapping"

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        read: dict[str, object] = {}
        for key, inner in _read_pairs(value, reading, at):
            if key.text not in self.keys:
                raise reading.make_error(
                    key, at, f"there is no key {key.excerpt}", suggest_nearest(key.text, self.keys)
                )
            name = f"{at}.{key.text}" if at else key.text
            reading.lines[name] = (reading.path, key.line)
            read[key.text] = self.keys[key.text].kind.read(inner, reading, name)
        missing = [key for key in self._required if key not in read]
        if missing:
            raise reading.make_error(value, at, f"has no {missing[0]}", f"add a {missing[0]}")
        return read

    def _build_schema(self) -> Schema:
        properties = {name: key.kind.build_schema() | {"description": key.meaning} for name, key in self.keys.items()}
        schema: Schema = {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
        if self._required:
            schema |= {"type": "object", "required": list(self._required)}
        return schema


def _read_pairs(value: Value, reading: ReadingContext, at: str) -> list[tuple[Value, Value]]:
    if value.kind == "nothing":
        return []
    if value.kind != "mapping":
        raise reading.make_error(value, at, "wants a mapping", "write `key: value` below it")
    doubled = find_duplicate_key(value)
    if doubled:
        raise reading.make_error(doubled, at, f"the key {doubled.excerpt} is here twice", "keep one of them")
    return value.pairs


def _describe_value(value: Value) -> str:
    return value.excerpt if value.kind == "text" else {"nothing": "nothing"}.get(value.kind, f"a {value.kind}")


def _convert_to_yaml(word: str) -> object:
    """`off` is false to the YAML readers that editors and validators use."""
    return False if word == "off" else word
