"""Managed policies that a script or program attaches by a name: a variable, an array, or what a loop goes through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from credguard.lazy_re import compile_lazily
from credguard.rules.infrastructure._iam_managed import ManagedPolicy, find_managed_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_USES = 200
_MOST_NAMES = 40
_MOST_PLACES = 50
_DEEPEST = 3
_LONGEST = 1 << 18
_ARN = r"arn:(?:aws[\w-]{0,20}|\$\{?\w{1,40}\}?)?:iam::aws:policy/(?:[\w-]{1,40}/)?"
_USE = compile_lazily(
    # the aws command line, also over several lines
    rf"\battach-(?:role|user|group)-policy\b(?:[^\n;|&\\]|\\\n){{0,400}}?--policy-arn[ =\t]{{1,8}}[\"']?"
    rf"(?P<flag>{_ARN})?\${{1,2}}\{{?(?P<shell>\w{{1,60}})\}}?"
    rf"|\bRegister-IAM(?:Role|User|Group)Policy\b[^\n;|]{{0,200}}?-PolicyArn\s{{1,4}}[\"']?(?P<dash>{_ARN})?\$(?P<power>\w{{1,60}})"
    # an argument of a call, and a name of the CDK
    rf"|\bpolicy_?arn[\"']?\s{{0,8}}[:=]\s{{0,8}}(?:[frFR]?[\"'`](?P<text>{_ARN})\$?\{{)?(?P<argument>[A-Za-z_]\w{{0,60}})\b"
    rf"|from_?aws_?managed_?policy_?name\s{{0,8}}\(\s{{0,40}}(?P<cdk>[A-Za-z_]\w{{0,60}})\s{{0,8}}[,)]",
    re.IGNORECASE,
)
_ATTACHES = compile_lazily(r"(?i)attach_?(?:role|user|group)_?policy|register_IAM|from_?aws_?managed_?policy_?name")
_LOOPS = compile_lazily(r"\bfor(?:each)?\s{1,4}\(?(?:(?:const|let|var)\s{1,4}|\$)?(?:\[?\w{1,40}\s{0,4},\s{0,4})?\Z")
_READS = compile_lazily(r"\bwhile\b[^\n]{0,40}\bread\s{1,4}(?:-\w{1,4}\s{1,4})?\Z")
_LINES = compile_lazily(
    r"[^\0]{0,2000}?\bdone\s{0,4}<<-?\s{0,4}[\"']?(?P<end>\w{1,30})[\"']?\n([^\0]{0,2000}?)\n\s{0,40}(?P=end)\b"
)
_MAPS = compile_lazily(r"(\]|\b[A-Za-z_]\w{0,60})\s{0,20}\.\s{0,4}(?:map|forEach)\s{0,4}\(\s{0,4}\(?\s{0,4}\Z")
_WORDS = compile_lazily(r"\s{1,4}in\s{1,8}((?:[^;\n\\]|\\\n){1,2000}?)\s{0,20}(?:;|\n)\s{0,20}do\b")
_THROUGH = compile_lazily(
    r"\s{1,4}(?:in|of)\s{1,8}(?:\$|Object\.\w{1,10}\()?(\[[^\[\]]{0,3000}\]|@?[('\"][^()\n]{0,2000}|[A-Za-z_]\w{0,60})"
)
_ASSIGNED = compile_lazily(
    r"\s{0,8}(?::[^=\n]{1,40})?=\s{0,8}(\([^()]{0,3000}\)|\{[^{}]{0,3000}\}|\[[^\[\]]{0,3000}\]|\"[^\"\n]{0,400}\"|'[^'\n]{0,400}'"
    r"|[^\s\"'(\[;=]{1,200})"
)
_ANOTHER = compile_lazily(r"[\"']?\$\{?(\w{1,60})(?:\[[@*]\])?\}?[\"']?|([A-Za-z_]\w{0,60})")
_WORD = compile_lazily(r"[\w+=,.@/:$*{}-]{3,200}")


class NamedPolicy(NamedTuple):
    """A policy that a name stands for, the offset where it is written, and whether a shell's loop attaches it."""

    policy: ManagedPolicy
    offset: int
    looped: bool


def find_named_policies(text: str) -> Iterator[NamedPolicy]:
    """The policies that the names in commands and calls which attach one stand for; the nearest definition counts."""
    if len(text) > _LONGEST or not _ATTACHES.search(text.replace("-", "_")):
        return
    asked: set[tuple[str, str]] = set()
    for count, use in enumerate(_USE.finditer(text)):
        if count >= _MOST_USES or len(asked) >= _MOST_NAMES:
            return
        name = use["shell"] or use["power"] or use["argument"] or use["cdk"]
        before = use["flag"] or use["dash"] or use["text"] or ""
        if (name, before) not in asked:
            asked.add((name, before))
            yield from _find_values(text, name, before, use.start(), by_name=bool(use["cdk"] or before))


def _find_values(text: str, name: str, before: str, end: int, *, by_name: bool) -> Iterator[NamedPolicy]:
    for span, looped in _locate_values(text, name, end, 0):
        for word in _WORD.finditer(text, *span):
            policy = find_managed_policy(before + word[0]) if by_name or ":policy/" in word[0] else None
            if policy:
                yield NamedPolicy(policy, word.start(), looped)


def _locate_values(text: str, name: str, end: int, depth: int) -> Iterator[tuple[tuple[int, int], bool]]:
    """Where the values of a name are written, the nearest above its use, or else the first below (a comprehension);
    True for those of a shell's loop."""
    places = [one.start() for one in re.finditer(rf"(?<![\w.]){re.escape(name)}\b", text)]
    above = [place for place in places if place <= end][-_MOST_PLACES:]
    below = [place for place in places if place > end][:_MOST_PLACES]
    for place in (*reversed(above), *below):
        found = _locate_definition(text, place, place + len(name))
        if found is None:
            continue
        (start, stop), looped = found
        other = _ANOTHER.fullmatch(text[start:stop])
        if other and depth < _DEEPEST and (other[1] or not looped):
            for span, _ in _locate_values(text, other[1] or other[2], place, depth + 1):
                yield span, looped
        else:
            yield (start, stop), looped
        return


def _locate_definition(text: str, start: int, end: int) -> tuple[tuple[int, int], bool] | None:
    """Where the values of a name are that stands here, if this defines it: by a loop, a map, or an assignment."""
    before = text[max(0, start - 120) : start]
    if _LOOPS.search(before):
        words = _WORDS.match(text, end)
        through = words or _THROUGH.match(text, end)
        shell = words is not None or text[start - 1] == "$"
        return (through.span(1), shell) if through else None
    lines = _LINES.match(text, end) if _READS.search(before) else None
    if lines:
        return lines.span(2), True
    mapped = _MAPS.search(before)
    if mapped:
        stop = start - len(before) + mapped.end(1)
        low = text.rfind("[", max(0, stop - 3000), stop) if mapped[1] == "]" else stop - len(mapped[1])
        return ((low, stop), False) if low >= 0 else None
    assigned = _ASSIGNED.match(text, end)
    return (assigned.span(1), False) if assigned and before[-1:] != "$" else None
