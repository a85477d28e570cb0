"""What an audit remembers of a history: only who has the key can read or make it, and what is damaged is no past."""

from __future__ import annotations

from collections import Counter

from credguard.history.memory import ObjectMemory, load_memory

KEY, OTHER = b"k" * 32, b"o" * 32
OIDS = [f"{number:040x}" for number in range(1, 6)]


def make_memory() -> ObjectMemory:
    memory = ObjectMemory(KEY)
    memory.prepare("rules")
    memory.update(OIDS, {OIDS[1]: ("blob", 7)}, Counter(blob=5), 35)
    memory.note_walk(OIDS[2:4], OIDS[3:4], OIDS[1:2])
    memory.quiet = frozenset((b"12345678",))
    return memory


def test_what_is_kept_is_what_was_known() -> None:
    kept = load_memory(make_memory().serialize(), KEY)
    assert kept == make_memory()
    assert kept.select_unread([*OIDS, "f" * 40]) == sorted([OIDS[1], "f" * 40])
    assert kept.select_unread(OIDS[:4]) is None  # one is gone
    assert kept.select_unwalked([*OIDS[2:4], "f" * 40], OIDS[1:2]) == [OIDS[3], "f" * 40]
    assert kept.select_unwalked(OIDS[2:4], OIDS[:1]) == OIDS[2:4]  # nobody asked where this one came from


def test_other_rules_have_no_past() -> None:
    kept = load_memory(make_memory().serialize(), KEY)
    kept.prepare("other rules")
    assert not (kept.known or kept.walked or kept.quiet) and kept.select_unread(OIDS) is None


def test_nobody_reads_or_makes_one_without_the_key() -> None:
    data = make_memory().serialize()
    assert data == make_memory().serialize()
    assert not any(bytes.fromhex(oid) in data or oid.encode() in data for oid in OIDS)
    assert not load_memory(data, OTHER).known
    for place in (0, 20, len(data) // 2, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 1
        assert not load_memory(bytes(damaged), KEY).known
    assert not load_memory(b"", KEY).known and not load_memory(data[:-8], KEY).known
