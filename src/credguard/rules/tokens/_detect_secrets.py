"""detect-secrets' plugins: run only on lines where a pattern says that one may find something, and imported only then.

The patterns are written by tools/plugin_patterns.py from the plugins' own expressions; a plugin decides by its
`analyze_string`, which asks no network. What it finds is given as places. A digit, a blank and the letters of a name
are ASCII's for it: a service writes no others, and a search for them costs more than all the rest.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._detect_secrets_patterns import PLUGINS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from credguard.matching.pattern import Hits

    Plugin = tuple[str, str, tuple[Pattern, ...], tuple[re.Pattern[bytes], ...]]


class Detector(Protocol):
    """What is asked of a plugin."""

    denylist: Sequence[re.Pattern[str]]

    def analyze_string(self, string: str) -> Iterable[str]:
        """The values in a line."""


LONGEST_LINE = 8192
"""Of a longer line a plugin is given what stands around the place: its expressions may take quadratic time."""
_AROUND = 2048
_MOST = 2_000
"""Lines of one file that a plugin is given."""


@cache
def list_plugins(rule_id: str) -> tuple[Plugin, ...]:
    """The plugins whose finds a rule speaks of: name, module, the patterns that say where to look, and the plugin's
    expressions for bytes."""
    return tuple(
        (
            name,
            module,
            tuple(Pattern(f"plugin-{name}-{n}", e, multiline=True) for n, e in enumerate(some)),
            tuple(compile_lazily(e, flags) for e, flags in expressions),
        )
        for name, module, rule, some, expressions in PLUGINS
        if rule == rule_id
    )


def list_plugin_patterns(rule_id: str) -> tuple[Pattern, ...]:
    """All patterns of the rule's plugins."""
    return tuple(pattern for _, _, some, _ in list_plugins(rule_id) for pattern in some)


def find_plugin_values(
    rule_id: str, data: bytes, hits: Hits, wanted: Callable[[int, int], object] = lambda *_: True
) -> Iterator[tuple[int, int]]:
    """The places of what the rule's plugins find, where their patterns were seen; a line may be left out that holds
    no `wanted` place, so that a plugin is imported only for the others."""
    for name, module, some, expressions in list_plugins(rule_id):
        ends = sorted(end for pattern in some for end in hits.get(pattern.name, ()))
        for start, stop in _iter_lines(data, ends):
            if data[start:stop].isascii() and not any(
                wanted(start + left, start + right) for left, right in _find_candidates(expressions, data[start:stop])
            ):
                continue
            line = data[start:stop].decode("utf-8", "surrogateescape")
            for left, right in locate_values(load_plugin(name, module), line):
                before = start + len(line[:left].encode("utf-8", "surrogateescape"))
                yield before, before + len(line[left:right].encode("utf-8", "surrogateescape"))


def _iter_lines(data: bytes, ends: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The lines in which the offsets lie, or what stands around them in long ones, each once."""
    done = given = 0
    for end in ends:
        if end <= done or given >= _MOST:
            continue
        given += 1
        start, stop = data.rfind(b"\n", 0, end - 1) + 1, data.find(b"\n", end - 1)
        stop = len(data) if stop < 0 else stop
        if stop - start > LONGEST_LINE:
            start, stop = max(start, end - _AROUND), min(stop, end + _AROUND)
        done = stop + data.startswith(b"\n", stop)  # a pattern may take the byte that ends the line
        yield start, stop - (data[stop - 1 : stop] == b"\r")


def _find_candidates(expressions: Iterable[re.Pattern[bytes]], line: bytes) -> Iterator[tuple[int, int]]:
    """All places in a line of ASCII that the plugin with these expressions may find."""
    for expression in expressions:
        for match in expression.finditer(line):
            yield match.span()
            yield from (match.span(n) for n in range(1, expression.groups + 1) if match[n])


@cache
def load_plugin(name: str, module: str) -> Detector:
    """The plugin of that name, its classes and cases ASCII's."""
    made = cast("Detector", getattr(import_module(module), name)())
    made.denylist = [re.compile(one.pattern, one.flags & ~re.UNICODE | re.ASCII) for one in made.denylist]
    return made


def locate_values(detector: Detector, line: str) -> list[tuple[int, int]]:
    """Where the values stand that the plugin finds in a line; of a value that is only a token's prefix, the token."""
    values = set(detector.analyze_string(line))
    places = {
        _pick_span(match, value)
        for expression in (detector.denylist if values else ())
        for match in expression.finditer(line)
        for value in values
        if value in (match[0], *match.groups())
    }
    return sorted(places)


def _pick_span(match: re.Match[str], value: str) -> tuple[int, int]:
    groups: Sequence[str | None] = match.groups()
    if value not in groups:
        return match.span()
    left, right = match.span(groups.index(value) + 1)
    return match.span() if left == match.start() else (left, right)
