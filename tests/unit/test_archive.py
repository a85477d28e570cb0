"""Credentials inside archives are found at their member and line; bombs stop at the budget; nothing raises."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credguard.decoders.archives import iter_members
from credguard.decoders.decompress import UnpackBudget
from credguard.model.findings import Blob, Skip
from credguard.scanning.scanner import Scanner
from tests.containers import zstd
from tests.keys import Filler
from tests.scanners import load_scanner

FILL = Filler("archives").fill
SECRET = FILL("# one\nAWS_ACCESS_KEY_ID={{AKID}}\nAWS_SECRET_ACCESS_KEY={{SECRET}}\n").encode()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


FILES = {"readme.txt": b"hello\n", "b/.env": SECRET}
KINDS = {
    "zip": ("a.zip", zipped(FILES), "a.zip!b/.env"),
    "jar behind a script": ("a.jar", b"#!/bin/sh\nexec java -jar $0\n" + zipped(FILES), "a.jar!b/.env"),
    "tar": ("a.tar", tarred(FILES), "a.tar!b/.env"),
    "tar.gz": ("x/a.tar.gz", tarred(FILES, "w:gz"), "x/a.tar.gz!b/.env"),
    "tar.bz2": ("a.tbz", tarred(FILES, "w:bz2"), "a.tbz!b/.env"),
    "tar.xz": ("a.txz", tarred(FILES, "w:xz"), "a.txz!b/.env"),
    "gz": ("x/dump.sql.gz", gzip.compress(SECRET), "x/dump.sql.gz!dump.sql"),
    "two gz streams": ("d.gz", gzip.compress(b"x\n") + gzip.compress(SECRET), "d.gz!d"),
    "bz2": ("d.bz2", bz2.compress(SECRET), "d.bz2!d"),
    "xz": ("d.xz", lzma.compress(SECRET), "d.xz!d"),
    "zstd": ("d.zst", zstd.compress(SECRET), "d.zst!d"),
    "zip in a tar.gz": ("a.tgz", tarred({"in.zip": zipped(FILES)}, "w:gz"), "a.tgz!in.zip!b/.env"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_inside_is_found_at_its_member_and_line(kind: str) -> None:
    path, data, where = KINDS[kind]
    # zstd leaves so short a text as it is, in which a generic rule finds a secret of its own
    (finding,) = (one for one in Scanner().scan_blob(Blob(data, path)) if one.rule_id != "CG190")
    assert finding.rule_id == "CG103"
    assert (finding.locations[0].path, finding.locations[0].line) == (where, 3 if kind == "two gz streams" else 2)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_told_and_nothing_raises(kind: str) -> None:
    path, data, _ = KINDS[kind]
    for cut in (len(data) // 2, len(data) - 9, 40):
        found = list(iter_members(Blob(data[:cut], path), UnpackBudget()))
        assert all(isinstance(item, Blob | Skip | str) for item in found)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_any_damaged_byte_of_a_zip_is_survived(method: int) -> None:
    data = zipped(FILES, method)
    for place in range(len(data)):
        damaged = data[:place] + bytes((data[place] ^ 0x55,)) + data[place + 1 :]
        assert all(isinstance(item, Blob | Skip | str) for item in iter_members(Blob(damaged, "a.zip"), UnpackBudget()))


@pytest.mark.slow
def test_a_bomb_stops_at_the_budget_and_says_so() -> None:
    bomb = b"\0" * (80 << 20)
    for data in (gzip.compress(bomb, 9), zipped({"x": bomb}), lzma.compress(bomb, preset=0), zstd.compress(bomb)):
        tracemalloc.start()
        found = [item for item in iter_members(Blob(data, "bomb"), UnpackBudget()) if not isinstance(item, Blob)]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found) == 1 and isinstance(found[0], Skip) and "limit" in found[0].reason
        assert peak < 150 << 20
    scanner = Scanner()
    scanner.scan_blob(Blob(gzip.compress(bomb, 9), "bomb.gz"))
    assert "limit" in scanner.unread["bomb.gz"]


def test_depth_stops_at_the_limit_and_says_so() -> None:
    data = SECRET
    for number in range(8):
        data = zipped({f"{number}": data})
    scanner = Scanner()
    assert not scanner.scan_blob(Blob(data, "deep.zip"))
    assert any("limits.depth" in reason for reason in scanner.unread.values())


def test_many_small_members_share_the_budget() -> None:
    budget = UnpackBudget(left=1 << 20)
    found = list(iter_members(Blob(zipped({str(n): b"x" * 300_000 for n in range(9)}), "a.zip"), budget))
    assert sum(isinstance(item, Blob) for item in found) == 3 and isinstance(found[-1], Skip)


def test_an_encrypted_member_is_a_note() -> None:
    data = bytearray(zipped(FILES))
    for start in (data.find(b"PK\x03\x04") + 6, data.find(b"PK\x01\x02") + 8):
        data[start] |= 1
    notes = [item for item in iter_members(Blob(bytes(data), "a.zip"), UnpackBudget()) if isinstance(item, str)]
    assert len(notes) == 1 and "encrypted" in notes[0]


def test_links_in_a_tar_are_looked_at_and_not_followed() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    (link,) = iter_members(Blob(out.getvalue(), "a.tar"), UnpackBudget())
    assert isinstance(link, Blob) and (link.data, link.kind) == (b"/etc/passwd", "symlink")


@given(st.sampled_from([data for _, data, _ in KINDS.values()]), st.data())
def test_no_change_of_bytes_makes_it_raise(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 6))):
        changed[draw.draw(st.integers(0, len(changed) - 1))] = draw.draw(st.integers(0, 255))
    load_scanner().scan_blob(Blob(bytes(changed), "a.zip"))
    assert not load_scanner().failures


def many_lines(first: str) -> bytes:
    return (first + "".join(f"line {number} {number * number}\n" for number in range(20_000))).encode()


LONG = many_lines(FILL("AWS_ACCESS_KEY_ID={{AKID}}\nAWS_SECRET_ACCESS_KEY={{SECRET}}\n"))
WRONG_CRC = bytearray(gzip.compress(LONG))
WRONG_CRC[-6] ^= 1
SHORT_CRC = bytearray(bz2.compress(SECRET))
SHORT_CRC[-3] ^= 1
DAMAGED = {
    "gz less 20 bytes": gzip.compress(LONG)[:-20],
    "half a gz": gzip.compress(LONG)[: len(gzip.compress(LONG)) // 2],
    "gz with a wrong sum": bytes(WRONG_CRC),
    "short gz with a wrong sum": gzip.compress(SECRET)[:-8] + b"\1" * 8,
    "cut bz2": bz2.compress(LONG, 1)[: len(bz2.compress(LONG, 1)) * 3 // 4],
    "short bz2 with a wrong sum": bytes(SHORT_CRC),
    "cut xz": lzma.compress(LONG)[: len(lzma.compress(LONG)) // 2],
    "cut zstd": zstd.compress(LONG)[:-9],
    "damaged zstd": zstd.compress(LONG)[:-9] + b"\xff" * 9,
    "cut zip": zipped({"a.env": LONG, "b": b"x" * 99})[:-200],
    "half a zip": zipped({"a.env": LONG})[:20_000],
    "cut tar": tarred({"a.env": LONG})[:99_999],
    "cut tar.gz": tarred({"a.env": LONG}, "w:gz")[:20_000],
    "tar with a damaged header": tarred({"0": b"x"})[:1024] + b"?" * 512 + tarred({"a.env": SECRET})[512:],
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_comes_out_of_a_damaged_archive_is_looked_at_and_the_rest_told(kind: str) -> None:
    scanner = Scanner()
    found = scanner.scan_blob(Blob(DAMAGED[kind], "a.zip"))
    assert [finding.rule_id for finding in found] == ["CG103"]
    assert any("damaged" in reason for reason in scanner.unread.values())


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_what_follows_a_whole_stream_is_a_note(pack: object) -> None:
    scanner = Scanner()
    found = scanner.scan_blob(Blob(pack(LONG) + b"junk\n", "a.gz"))  # type: ignore[operator]
    assert [finding.rule_id for finding in found] == ["CG103"]
    assert not scanner.unread and len(scanner.notes) == 1
    scanner = Scanner()
    assert scanner.scan_blob(Blob(pack(LONG) + b"\0" * 64, "a.gz"))  # type: ignore[operator]
    assert not scanner.unread and not scanner.notes


def test_tars_one_after_the_other_are_looked_at() -> None:
    scanner = Scanner()
    found = scanner.scan_blob(Blob(gzip.compress(tarred({"x": b"y"}) + tarred(FILES)), "a.tgz"))
    assert [finding.locations[0].path for finding in found] == ["a.tgz!rest!b/.env"]
    assert not scanner.unread and len(scanner.notes) == 1


def test_a_damaged_member_is_looked_at_and_told() -> None:
    data = bytearray(zipped({"a": LONG, "b": SECRET}))
    data[20_000] ^= 0xFF
    scanner = Scanner()
    assert len(scanner.scan_blob(Blob(bytes(data), "a.zip"))) == 2
    assert list(scanner.unread) == ["a.zip!a"]


def test_too_large_a_window_is_over_a_limit() -> None:
    window = zstd.CompressionParameter.window_log
    packer = zstd.ZstdCompressor(options={window: window.bounds()[1]})
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29}]
    for data in (packer.compress(SECRET) + packer.flush(), lzma.compress(SECRET, filters=filters)):
        scanner = Scanner()
        assert not [one for one in scanner.scan_blob(Blob(data, "a")) if one.rule_id == "CG103"]
        assert "limit" in scanner.unread["a"]


@pytest.mark.parametrize(
    "start",
    [b"\x1f\x9d", b"\x1f\x9d\x90", b"LZIP\x01", b"!<arch>\n", b"\xed\xab\xee\xdb\x03", b"%PDF-", b"x\x9c", b"070701"],
)
def test_a_beginning_alone_raises_nothing(start: bytes) -> None:
    for more in (b"", b"\0", b"\0" * 600):
        assert all(
            isinstance(item, Blob | Skip | str) for item in iter_members(Blob(start + more, "a"), UnpackBudget())
        )
