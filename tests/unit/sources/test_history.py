"""Objects of a history as they are streamed, and the hits that are carried from one version to the next."""

from __future__ import annotations

import itertools
import random
import re
import sys
import zlib
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.git.repository import Git, GitError
from credguard.history import objects as history
from credguard.history.incremental import HitCache, measure_common, update_hits
from credguard.history.objects import History
from credguard.history.prefilter import Sieve
from credguard.matching.database import Matcher
from credguard.matching.pattern import REACH, Pattern
from credguard.model.findings import Blob
from credguard.rules import load_rules
from credguard.scanning.scanner import _EVERYWHERE, Scanner
from credguard.system.forks import ShareQueue
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from credguard.history.objects import Batch

LIMIT = 1 << 30
_PARSER = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
PATTERNS = (
    Pattern("word", rb"\bkey\b"),
    Pattern("named", rb"secret.{0,300}[A-Z0-9]{20}"),
    Pattern("end", rb"token.{0,9}\z"),
    Pattern("line", rb"^begin", multiline=True),
    Pattern("run", rb"token.{0,20}[a-z0-9]{30,}[^a-z0-9]"),
    Pattern(
        "choosy", rb"token|\n", is_worth=lambda data, end: data[max(0, end - REACH) : end + REACH].count(b"A") % 5 < 2
    ),
)


def batches(history: History) -> Iterator[Batch]:
    """All of them."""
    with closing(history):
        for share in history.list_shares():
            yield from history.iter_batches(share)
        yield from history.iter_rest()


def objects(history: History) -> dict[str, bytes]:
    """The contents by object ID."""
    found: dict[str, bytes] = {}
    for batch in batches(history):
        assert sum(map(len, batch.contents)) == batch.size
        for key, content in zip(batch.keys, batch.contents, strict=True):
            kind, oid = batch.named(key)
            assert (kind == "tree") == batch.is_trees
            assert oid not in found
            found[oid] = content
    return found


def filled(tmp_path: Path) -> Repository:
    """A repository with objects of all kinds and sizes, packed and loose."""
    repo = Repository(tmp_path / "repo")
    seeded = random.Random(1)
    text = "".join(f"line {seeded.random()}\n" for _ in range(4000))
    for number in range(5):
        repo.commit(f"c{number}", {"big.txt": text[number * 100 :], f"d{number}/small": str(number), "empty": ""})
    repo.git("tag", "-a", "v1", "-m", "tag")
    repo.git("repack", "-q", "-a", "-d")
    repo.commit("loose", {"loose.txt": "loose\n", "big.txt": text + "more\n"})
    return repo


def test_every_object_comes_once_and_whole(tmp_path: Path) -> None:
    repo = filled(tmp_path)
    looked = History(Git(repo.folder), LIMIT)
    found = objects(looked)
    listed = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").split("\n")
    assert sorted(found) == sorted(line.split()[0] for line in listed if line)
    for name, kind in (line.split() for line in listed if line):
        assert found[name] == next(Git(repo.folder).read_blobs([name], LIMIT))
        assert looked.kinds[kind]
    assert looked.bytes == sum(map(len, found.values()))
    assert sum(looked.kinds.values()) == len(found)


def test_narrowed_to_some_commits(tmp_path: Path) -> None:
    repo = filled(tmp_path)
    found = objects(History(Git(repo.folder), LIMIT, ["HEAD~1..HEAD", "--"]))
    assert sorted(found) == sorted(repo.git("rev-list", "--objects", "--no-object-names", "HEAD~1..HEAD").split())


def test_what_is_over_the_limit_is_passed_over(tmp_path: Path) -> None:
    repo = filled(tmp_path)
    looked = History(Git(repo.folder), 50_000)
    found = objects(looked)
    assert all(len(content) <= 50_000 for content in found.values())
    assert len(looked.over) == 6
    assert {kind for kind, _, _ in looked.over} == {"blob"}
    assert not looked.broken


@pytest.mark.parametrize("revisions", [[], ["--all", "--"]])
def test_corrupt_objects_are_named_and_all_others_come(tmp_path: Path, revisions: list[str]) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("all", {f"f{number:03}": f"content {number}\n" for number in range(200)})
    every = set(objects(History(Git(repo.folder), LIMIT, revisions)))
    bad = {repo.git("rev-parse", f"HEAD:f{number:03}").strip() for number in (0, 7, 8, 199)}
    for oid in bad:
        path = repo.folder / ".git" / "objects" / oid[:2] / oid[2:]
        path.chmod(0o644)
        data = bytearray(path.read_bytes())
        data[-6] ^= 0xFF
        path.write_bytes(data)
    looked = History(Git(repo.folder), LIMIT, revisions)
    found = objects(looked)
    assert set(found) | bad >= every
    assert set(looked.broken) == bad - set(found)
    assert looked.broken


def test_a_corrupt_pack_never_looks_whole(tmp_path: Path) -> None:
    repo = filled(tmp_path)
    pack = next((repo.folder / ".git" / "objects" / "pack").glob("*.pack"))
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    for place in range(200, len(data) - 100, 997):
        data[place] ^= 0x55
    pack.write_bytes(data)
    looked = History(Git(repo.folder), LIMIT)
    try:
        objects(looked)
    except GitError:
        return
    assert looked.broken


def test_too_much_that_is_corrupt_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("all", {f"f{number}": f"content {number}\n" for number in range(9)})
    for number in range(9):
        oid = repo.git("rev-parse", f"HEAD:f{number}").strip()
        path = repo.folder / ".git" / "objects" / oid[:2] / oid[2:]
        path.chmod(0o644)
        path.write_bytes(zlib.compress(b"blob 900\0short"))
    monkeypatch.setattr(history, "_MOST_BROKEN", 3)
    with pytest.raises(GitError, match="corrupt"):
        objects(History(Git(repo.folder), LIMIT))


def test_any_count_of_shares_is_dealt_out_once() -> None:
    """More than a pipe has room for."""
    queue = ShareQueue(20_000)
    with closing(queue):
        assert [*itertools.islice(queue, 5), *queue] == list(range(20_000))


def test_a_bad_revision_is_an_error(tmp_path: Path) -> None:
    repo = filled(tmp_path)
    with pytest.raises(GitError):
        objects(History(Git(repo.folder), LIMIT, ["nothing", "--"]))


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    """Patterns with all that may go wrong at an edge."""
    return Matcher(PATTERNS, cache=False)


WORDS = (
    "key",
    "secret",
    "token",
    "begin",
    " ",
    "\n",
    "A" * 20,
    "b" * 35,
    "x" * 700,
    "plain text of some length ",
    "x\ny\n" * 60,
)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=60).map(lambda words: "".join(words).encode())


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_carried_hits_are_those_of_a_whole_pass(matcher: Matcher, data: st.DataObject) -> None:
    common_head, common_tail = data.draw(TEXTS) * 4, data.draw(TEXTS) * 4
    old = common_head + data.draw(TEXTS) + common_tail
    new = common_head + data.draw(TEXTS) + common_tail
    expected = {name: list(ends) for name, ends in matcher.find_hits(new).items()}
    got = update_hits(matcher, new, old, matcher.find_hits(old))
    assert {name: list(ends) for name, ends in got.items()} == expected


def test_versions_in_turn(matcher: Matcher) -> None:
    seeded = random.Random(2)
    lines = [f"line {number} {seeded.choice(WORDS)}\n".encode() for number in range(1000)]
    earlier = HitCache(matcher)
    for _ in range(60):
        at = seeded.randrange(len(lines))
        lines[at : at + seeded.randrange(3)] = [f"{seeded.choice(WORDS)} new {seeded.random()}\n".encode()]
        data = b"".join(lines)
        got = {name: list(ends) for name, ends in earlier.find_hits(data).items()}
        assert got == {name: list(ends) for name, ends in matcher.find_hits(data).items()}


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_common_parts_are_common_and_never_overlap(head: bytes, old: bytes, new: bytes, tail: bytes) -> None:
    first, second = head * 50 + old + tail * 50, head * 50 + new + tail * 50
    start, end = measure_common(first, second)
    assert start + end <= min(len(first), len(second))
    assert first[:start] == second[:start]
    assert not end or first[-end:] == second[-end:]


def _endless(tree: object) -> Iterator[object]:
    """The outermost things that are repeated without end in a parsed expression."""
    if isinstance(tree, tuple) and len(tree) == 2 and str(tree[0]) in ("MAX_REPEAT", "MIN_REPEAT"):
        _, high, item = tree[1]
        yield from [item] if high == _PARSER.MAXREPEAT else _endless(item)
    elif isinstance(tree, (list, tuple, _PARSER.SubPattern)):
        for inner in tree:
            yield from _endless(inner)


def _takes_line_breaks(tree: object) -> bool:
    """False where every character is a literal or of a class of literals and ranges, none a line break."""
    if isinstance(tree, tuple) and len(tree) == 2 and not isinstance(tree[0], (tuple, list)):
        kind, value = str(tree[0]), tree[1]
        if kind == "LITERAL":
            return bool(value == ord("\n"))
        if kind == "RANGE":
            return bool(value[0] <= ord("\n") <= value[1])
        if kind in ("NOT_LITERAL", "ANY", "CATEGORY", "NEGATE"):
            return True
        return _takes_line_breaks(value)
    if isinstance(tree, (list, tuple, _PARSER.SubPattern)):
        return any(_takes_line_breaks(inner) for inner in tree)
    return False


def test_no_pattern_reaches_further_than_what_is_carried_allows() -> None:
    for pattern in (*_EVERYWHERE, *(pattern for rule in load_rules() for pattern in rule.patterns)):
        tree = _PARSER.parse(pattern.expression.replace(rb"\z", rb"\Z"), re.DOTALL)
        low, high = tree.getwidth()
        if high < REACH:
            continue
        endless = list(_endless(tree))
        assert low < REACH
        if pattern.name.startswith("plugin-"):
            continue  # made from others' expressions: may repeat blanks, but reports every end, the near ones too
        assert not any(map(_takes_line_breaks, endless)), pattern
        assert len(endless) == 1 or not _takes_line_breaks(tree), pattern


def test_the_sieve_finds_what_a_scan_object_by_object_finds(tmp_path: Path) -> None:
    filler = Filler("sieve")
    repo = Repository(tmp_path / "repo")
    seeded = random.Random(3)
    text = [f"line {seeded.random()}\n" for _ in range(3000)]
    for number in range(30):
        text.insert(seeded.randrange(len(text)), filler.fill(f"aws_access_key_id = {{{{AKID.{number + 1}}}}}\n"))
        if number % 3 == 2:
            del text[seeded.randrange(len(text) // 2) : len(text) // 2 + 5]
        repo.commit(
            filler.fill(f"message {{{{AKID.{number + 100}}}}}"), {"a.txt": "".join(text), f"s{number}": str(number)}
        )
    scanner = Scanner([rule for rule in load_rules() if rule.id in ("CG101", "CG102", "CG103")])
    sieve = Sieve(scanner.matcher, scanner.matcher)
    got, expected = {}, {}
    for batch in batches(History(Git(repo.folder), LIMIT)):
        for one in sieve.find_candidates(batch):
            found = scanner.scan_blob(Blob(one.data, "x"), hits=one.hits)
            if found:
                got[one.oid] = found
    for oid, data in objects(History(Git(repo.folder), LIMIT)).items():
        found = scanner.scan_blob(Blob(data, "x"))
        if found:
            expected[oid] = found
    assert got == expected
    assert len(got) == 60
