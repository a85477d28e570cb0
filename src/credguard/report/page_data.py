"""The findings as the HTML page holds them: every text once, and rows of numbers that refer to it. A page of 10,000
findings stays small enough to send around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from credguard.report import json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.model.findings import Verdict

_KEY, _PATH = 0, 1
"""What stands for the finding's key ID and path in a text, which is then the list of its parts."""
_SHORTEST = 4
_SEVERITIES = ("critical", "high", "medium", "low")
_SAID = ("also", "access_key_id", "account")
_STATES = (
    ("pushed", True, "pushed"),
    ("pushed", False, "not pushed as far as this repository knows"),
    ("in_head", True, "still in HEAD"),
    ("in_head", False, "no longer in the files"),
    ("unreachable", True, "no branch or tag leads to it"),
    ("reflog", True, "the reflog leads to it"),
    ("over_rotation_limit", True, "older than the rotation limit"),
    ("alive", False, "cannot work any more"),
)
_PUSHED, _IN_HEAD, _NOT_IN_HEAD = 1, 2, 4


def build_page_data(verdicts: Iterable[Verdict]) -> dict[str, object]:
    """`texts`; `lists` of numbers of texts; and `findings`, a row each, whose columns `report_data.js` names."""
    texts, lists = _Table(), _Table()
    rows = [_build_row(json.build_finding_entry(verdict), texts, lists) for verdict in verdicts]
    parts = [one if isinstance(one, str) else list(one) for one in texts.values]
    return {"texts": parts, "lists": [list(one) for one in lists.values], "findings": rows}


class _Table:
    """Values in order of appearance, each once."""

    def __init__(self) -> None:
        self._places: dict[Any, int] = {}

    def add(self, value: object) -> int:
        """The number of the value."""
        return self._places.setdefault(value, len(self._places))

    @property
    def values(self) -> list[Any]:
        """All values; their places are their numbers."""
        return list(self._places)


def _build_row(entry: dict[str, Any], texts: _Table, lists: _Table) -> list[object]:
    places, attributes, exposure = entry["locations"], entry["attributes"], entry["exposure"]
    key, path = str(attributes.get("access_key_id", "")), places[0]["path"]

    def add(text: str) -> int:  # not for messages, by which `aws.own_report` knows a report again
        return texts.add(_generalize(text, key, path))

    def add_list(found: Iterable[str]) -> int:
        return lists.add(tuple(map(add, found)))

    flags = _PUSHED if exposure.get("pushed") is True else 0
    if "in_head" in exposure:
        flags |= _IN_HEAD if exposure["in_head"] is True else _NOT_IN_HEAD
    return [
        texts.add(entry["rule_id"]), texts.add(entry["rule_name"]), _SEVERITIES.index(entry["severity"]),
        texts.add(entry["confidence"]), texts.add(entry["outcome"]), texts.add(entry["outcome_reason"]),
        texts.add(entry["message"]), entry["fingerprint"], add_list(entry["practices"]), add_list(entry["remediation"]),
        [number for line in entry["context"] for number in (line["line"], add(line["text"]))],
        [number for place in places for number in _build_place(place, texts)],
        add_list(word for fact in _list_facts(attributes, exposure) for word in fact),
        texts.add(key), texts.add(str(attributes.get("account") or "")), texts.add(str(exposure.get("author") or "")),
        texts.add(str(exposure.get("first_seen") or "")), flags,
    ]  # fmt: skip


def _generalize(text: str, key: str, path: str) -> str | tuple[str | int, ...]:
    """The text, or its parts where it names the key or the path; other findings may have the same then."""
    parts: list[str | int] = [text]
    for word, sign in ((key, _KEY), (path, _PATH)):
        if len(word) >= _SHORTEST and word in text:
            parts = [one for part in parts for one in _split(part, word, sign)]
    return text if parts == [text] else tuple(parts)


def _split(part: str | int, word: str, sign: int) -> Iterator[str | int]:
    if isinstance(part, int):
        yield part
        return
    for number, one in enumerate(part.split(word)):
        if number:
            yield sign
        if one:
            yield one


def _build_place(place: dict[str, Any], texts: _Table) -> tuple[int, ...]:
    role, commit = texts.add(place["role"].replace("_", " ")), texts.add(place["commit"] or "")
    return texts.add(place["path"]), place["line"], place["column"], role, commit


def _list_facts(attributes: dict[str, Any], exposure: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a reader asks of a finding: names and words, nothing that the entry says elsewhere or that is empty."""
    for one in attributes.get("also", ()):
        yield "also", f"{one['rule_id']} {one['rule_name']}: {one['message']}"
    for name, value in attributes.items():
        if name not in _SAID and name not in exposure and value not in ("", None, False, [], {}):
            yield name.replace("_", " "), _format_fact(value)
    if exposure:
        yield from _list_exposure(exposure)


def _list_exposure(exposure: dict[str, Any]) -> Iterator[tuple[str, str]]:
    seen, days, author = (exposure.get(name) for name in ("first_seen", "age_days", "author"))
    if seen:
        yield "since", str(seen)[:10] + (f", {days} days" if days else "") + (f", by {author}" if author else "")
    if exposure.get("first_commit"):
        cut = " (the history ends there: it may be older)" if exposure.get("cut_off") else ""
        yield "first commit", f"{exposure['first_commit']}{cut}"
    states = [words for name, wanted, words in _STATES if exposure.get(name) is wanted]
    if states:
        yield "exposure", "; ".join(states)
    refs = exposure.get("refs") or {}
    held = [f"{use} {_format_fact(names)}" for use, names in refs.items() if use != "counts" and names]
    if held:
        yield "held by", "; ".join(held)
    if exposure.get("path_count", 1) > 1:
        yield "paths", _format_fact(exposure["paths"])
    if exposure.get("versions", 1) > 1:
        yield "versions", str(exposure["versions"])


def _format_fact(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_format_fact, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{str(name).replace('_', ' ')}: {_format_fact(one)}" for name, one in value.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
