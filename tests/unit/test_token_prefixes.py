"""A token that begins with a known prefix is found for every provider, also in pieces and in UTF-16."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

import pytest

from credguard.heuristics.token_prefixes import PREFIX_SERVICES, list_prefixes
from credguard.model.findings import Blob
from tests.cases import read_cases
from tests.keys import Filler
from tests.scanners import load_scanner

TABLE = read_cases(Path(__file__).parent.parent / "token_lengths.yaml")
PREFIX = re.compile(b"|".join(sorted(list_prefixes(), reverse=True)))
BINARY = bytes(range(128, 160))
"""No text in any encoding."""


@cache
def tokens() -> dict[str, bytes]:
    """The shortest token of each kind that begins with one of the prefixes."""
    filled = {
        called.split()[0]: Filler(f"prefixes {called}").fill(texts[0]).encode()
        for kinds in TABLE.values()
        for called, texts in kinds.items()
    }
    return {kind: text for kind, text in filled.items() if PREFIX.match(text) and b"\n" not in text}


def kinds_in(data: bytes) -> set[object]:
    return {finding.attributes.get("kind") for finding in load_scanner().scan_blob(Blob(data, "file.bin"))}


def cut(kind: str) -> tuple[bytes, bytes]:
    """The token in two pieces, cut anywhere behind its prefix."""
    token = tokens()[kind]
    prefix = PREFIX.match(token)
    assert prefix
    place = random.Random(kind).randrange(prefix.end(), len(token) - 1)
    return token[:place], token[place:]


def test_every_service_with_a_prefix_is_tried_here() -> None:
    assert len(tokens()) > len({service for service, *_ in PREFIX_SERVICES}) + 40


@pytest.mark.parametrize("kind", sorted(tokens()))
def test_a_token_in_two_literals_is_found(kind: str) -> None:
    assert kind in kinds_in(b'x = "%s" + "%s"\n' % cut(kind))


@pytest.mark.parametrize("kind", sorted(tokens()))
def test_a_token_on_two_lines_is_found(kind: str) -> None:
    assert kind in kinds_in(b"x = %s\\\n%s\n" % cut(kind))


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("kind", sorted(tokens()))
def test_a_token_in_utf16_amid_a_binary_file_is_found(kind: str, codec: str) -> None:
    text = tokens()[kind].decode("latin-1").encode(codec)
    for before in (BINARY, BINARY[1:]):
        assert kind in kinds_in(before + b"\0\0" + text + b"\0\0" + BINARY)
