"""detect-secrets' plugins find behind their patterns exactly what they find alone, line by line."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from detect_secrets.__version__ import VERSION
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credguard.matching.database import Matcher
from credguard.rules.tokens import _detect_secrets
from credguard.rules.tokens._detect_secrets_patterns import PLUGINS
from credguard.rules.tokens._detect_secrets_patterns import VERSION as WRITTEN_FOR

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = sorted({rule for _, _, rule, *_ in PLUGINS})
always = settings(
    derandomize=True, deadline=None, database=None, max_examples=10, suppress_health_check=list(HealthCheck)
)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    """All patterns of all plugins."""
    return Matcher([pattern for rule in RULES for pattern in _detect_secrets.list_plugin_patterns(rule)], cache=False)


def plugins(rule: str) -> list[Any]:
    return [_detect_secrets.load_plugin(name, module) for name, module, *_ in _detect_secrets.list_plugins(rule)]


def as_they_come(rule: str) -> list[Any]:
    return [getattr(import_module(module), name)() for name, module, *_ in _detect_secrets.list_plugins(rule)]


def alone(rule: str, data: bytes) -> set[tuple[int, int]]:
    """What the plugins find when each is given every line."""
    places = set()
    for start, line in lines(data):
        text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
        for plugin in plugins(rule):
            for left, right in _detect_secrets.locate_values(plugin, text):
                places.add(tuple(start + len(text[:end].encode("utf-8", "surrogateescape")) for end in (left, right)))
    return places  # type: ignore[return-value]


def lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    for line in data.split(b"\n"):
        yield start, line
        start += len(line) + 1


def same(matcher: Matcher, rule: str, data: bytes) -> None:
    hits, all_places = matcher.find_hits(data), alone(rule, data)
    assert set(_detect_secrets.find_plugin_values(rule, data, hits)) == all_places
    for place in all_places:
        assert place in set(
            _detect_secrets.find_plugin_values(rule, data, hits, lambda *one, place=place: one == place)
        )


def expressions(rule: str) -> list[re.Pattern[str]]:
    return [expression for plugin in plugins(rule) for expression in plugin.denylist]


def drawn(rule: str) -> st.SearchStrategy[str]:
    """Texts that one of the rule's plugins finds something in, most of them."""
    return st.sampled_from(expressions(rule)).flatmap(st.from_regex)


@pytest.mark.slow
def test_patterns_are_those_of_the_installed_plugins(tmp_path: Path) -> None:
    assert WRITTEN_FOR == VERSION, "run tools/plugin_patterns.py"
    target = tmp_path / "patterns.py"
    subprocess.run([sys.executable, ROOT / "tools" / "plugin_patterns.py", target], check=True)
    written: dict[str, object] = {}
    exec(target.read_text(encoding="utf-8"), written)  # noqa: S102 - what the tool has just written
    assert written["PLUGINS"] == PLUGINS


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "expression"), [(rule, one) for rule in RULES for one in expressions(rule)])
@settings(always, max_examples=20)
@given(data=st.data())
def test_on_text_drawn_from_the_expressions(
    rule: str, expression: re.Pattern[str], data: st.DataObject, matcher: Matcher
) -> None:
    text = data.draw(st.text(max_size=3)) + data.draw(st.from_regex(expression)) + data.draw(st.text(max_size=3))
    same(matcher, rule, text[: _detect_secrets.LONGEST_LINE // 4].encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("rule", RULES)
@always
@given(data=st.data())
def test_in_plain_text_they_find_what_they_find_as_they_come(rule: str, data: st.DataObject) -> None:
    pieces = data.draw(st.lists(drawn(rule) | st.text(max_size=20), min_size=1, max_size=3))
    line = re.sub(r"[^\t\x20-\x7e]", "", "".join(pieces))
    for ours, theirs in zip(plugins(rule), as_they_come(rule), strict=True):
        assert _detect_secrets.locate_values(ours, line) == _detect_secrets.locate_values(theirs, line)


@always
@given(text=st.text(max_size=400) | st.binary(max_size=400))
def test_on_any_text(text: str | bytes, matcher: Matcher) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    for rule in RULES:
        same(matcher, rule, data)


def test_on_this_repository(matcher: Matcher) -> None:
    for path in sorted((ROOT / "tests").rglob("*.py"))[:40]:
        for rule in RULES:
            same(matcher, rule, path.read_bytes())


def test_a_long_line_is_looked_at_in_part(matcher: Matcher) -> None:
    token = b"gh" + b"p_" + bytes(range(65, 91)) + bytes(range(97, 107))
    data = b"x " * 100_000 + token + b" x" * 100_000
    assert list(_detect_secrets.find_plugin_values("CG160", data, matcher.find_hits(data))) == [(200_000, 200_040)]


def test_hostile_lines_take_linear_time(matcher: Matcher) -> None:
    data = b"://a:" * 20_000 + b"eyJ" * 20_000 + b"a@" * 20_000
    hits = matcher.find_hits(data)
    for rule in RULES:
        assert len(list(_detect_secrets.find_plugin_values(rule, data, hits))) < 100_000
