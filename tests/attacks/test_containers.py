"""What a file holds that is packed, listed or laid out for a program is looked at as if it lay there as text; what is
known for a container and cannot be read is named, and the run is incomplete (exit 3). Nothing passes in silence.

Each entry of READ hides one pair in a container of its kind; each of CLOSED is a container that nothing here opens.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import os
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from credguard.model.findings import Blob
from credguard.scanning.scanner import Scanner
from tests.auditing import Audit, begun, found
from tests.containers import (
    FRAME,
    ar,
    cpio,
    database,
    deflated,
    lzip,
    lzw,
    pax,
    pdf,
    row,
    rows_of_png,
    rpm,
    tarred,
    unlisted,
    with_base256_size,
    with_wrong_sum,
    without_magic,
    zip_entry,
    zipped,
    zstd,
)  # fmt: skip
from tests.hooking import git, set_hooks
from tests.keys import Filler
from tests.pace import PACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILLER = Filler("all kinds")
AKID, SECRET = FILLER.fill("{{AKID}}"), FILLER.fill("{{SECRET}}")
PAIR = f"AWS_ACCESS_KEY_ID={AKID}\nAWS_SECRET_ACCESS_KEY={SECRET}\n".encode()
PACKED = gzip.compress(PAIR)
ONE_LINE = PAIR.decode().replace("\n", " ")
PAGE = (
    f"BT /F1 12 Tf 72 700 Td [(AWS_ACCESS_KEY_ID=)-10({AKID[:3]})12({AKID[3:9]})-10({AKID[9:]})]TJ "
    f"0 -14 Td (AWS_SECRET_ACCESS_KEY=) Tj <{SECRET.encode().hex()}> Tj ET"
).encode()
UTF16 = "PRAGMA encoding = 'UTF-16le'"
OWN_PROPERTIES = [{"id": lzma.FILTER_LZMA1, "lc": 0, "lp": 2, "pb": 0, "dict_size": 1 << 20}]
READ: dict[str, bytes] = {
    "lzma": lzma.compress(PAIR, lzma.FORMAT_ALONE),
    "lzma with properties of its own": lzma.compress(PAIR, lzma.FORMAT_ALONE, filters=OWN_PROPERTIES),
    "xz with padding between streams": lzma.compress(b"one\n") + bytes(8) + lzma.compress(PAIR),
    "bzip2 of two streams": bz2.compress(b"one\n") + bz2.compress(PAIR),
    "gzip of two members": gzip.compress(b"one\n") + PACKED,
    "gzip behind something behind gzip": gzip.compress(b"one\n") + b"junk" + PACKED,
    "gzip with a comment": b"\x1f\x8b\x08\x10" + bytes(6) + PAIR + b"\0" + gzip.compress(b"x")[10:],
    "gzip with a zip behind it": gzip.compress(b"one\n") + zipped(PAIR),
    "lzip": lzip(PAIR),
    "lzip of two members": lzip(b"one\n") + lzip(PAIR),
    "compress": lzw(PAIR * 8),
    "zlib": zlib.compress(PAIR),
    "zstd behind a skippable frame": FRAME + zstd.compress(PAIR),
    "zstd of several frames": zstd.compress(b"one\n") + FRAME + zstd.compress(PAIR) + FRAME,
    "tar of Unix V7": without_magic(PACKED),
    "tar of Unix V7 in gzip": gzip.compress(without_magic(PAIR)),
    "volume label with data": gzip.compress(tarred(PAIR, b"V")),
    "member of an unknown type": gzip.compress(tarred(PAIR, b"q")),
    "part of a member of another volume": gzip.compress(tarred(PAIR, b"M")),
    "hard link with data": gzip.compress(tarred(PAIR, b"1")),
    "folder with data": gzip.compress(tarred(PAIR, b"5")),
    "PAX comment": gzip.compress(pax(ONE_LINE)),
    "global PAX comment": gzip.compress(pax(ONE_LINE, b"g")),
    "GNU long name": gzip.compress(tarred(b"x", name="d/" * 99 + ONE_LINE.strip())),
    "size in base 256": gzip.compress(with_base256_size(PAIR)),
    "tar with a wrong sum": gzip.compress(with_wrong_sum(PAIR)),
    "tar behind the end of a tar": gzip.compress(tarred(b"x") + bytes(4096) + tarred(PACKED)),
    "zip": zipped(PAIR),
    "zip entry named as a folder": zipped(PAIR, "x/"),
    "zip entry named as a folder and listed as empty": zip_entry(PAIR, 8, deflated(PAIR), listed=0),
    "zip entry named as a folder without a directory": zipped(PAIR, "x/")[:-60],
    "zip behind a program": b"MZ" + bytes(700) + zipped(PAIR),
    "zip before 100 kB of something": zipped(PAIR) + b"x" * 100_000,
    "zip behind a script": b"#!/bin/sh\nexit\n" + zipped(PAIR),
    "comment of a zip": zipped(b"x", comment=PAIR),
    "extra field of a zip": zipped(b"x", extra=struct.pack("<HH", 0xCAFE, len(PAIR)) + PAIR),
    "zip member that is not listed": unlisted(PAIR),
    "two zips one behind the other": zipped(PAIR, "one") + zipped(b"x", "two"),
    "streamed zip": zip_entry(PAIR, 8, deflated(PAIR), flags=8),
    "zip member that is called encrypted and is not": zip_entry(PAIR, 8, deflated(PAIR), flags=1),
    "zip by bzip2": zipped(PAIR, method=zipfile.ZIP_BZIP2),
    "zip by LZMA": zipped(PAIR, method=zipfile.ZIP_LZMA),
    "zip by zstd": zip_entry(PAIR, 93, zstd.compress(PAIR)),
    "zip by xz": zip_entry(PAIR, 95, lzma.compress(PAIR)),
    "zip in a zip": zipped(zipped(PAIR, "word/document.xml"), "x.docx"),
    "Debian package": ar((b"debian-binary", b"2.0\n"), (b"data.tar.xz", lzma.compress(tarred(PAIR)))),
    "Debian package by zstd": ar((b"debian-binary/", b""), (b"control.tar.zst/", zstd.compress(tarred(PAIR)))),
    "cpio": cpio(PAIR),
    "RPM package": rpm(PAIR),
    "self-extracting script": b"#!/bin/sh\ntail -n +3 $0 | tar xz\nexit\n" + gzip.compress(tarred(PAIR)),
    "Android backup": b"ANDROID BACKUP\n5\n1\nnone\n" + zlib.compress(tarred(PAIR)),
    "PDF": pdf(b"BT (" + PAIR.replace(b"\n", b") Tj T* (") + b") Tj ET"),
    "PDF with text in pieces": pdf(PAGE),
    "PDF with text in pieces and no filter": pdf(PAGE, b"", PAGE),
    "PDF that sets each letter by itself": pdf(
        b"BT" + b"".join(b" 1 0 0 1 %d 9 Tm (%c) Tj" % (at, one) for at, one in enumerate(ONE_LINE.encode())) + b" ET"
    ),
    "form of a PDF in UTF-16": pdf(
        b"5 0 << /V <FEFF" + ONE_LINE.encode("utf-16-be").hex().encode() + b"> >>", b"/Type/ObjStm/Filter/FlateDecode"
    ),
    "PDF with a comment before the filter": pdf(PAIR, b"/Filter % one\n /FlateDecode"),
    "PDF with the filter's name escaped": pdf(PAIR, b"/Filter /Fl#61teDecode"),
    "PDF by Flate in ASCII85": pdf(
        PAIR, b"/Filter [/ASCII85Decode /FlateDecode]", base64.a85encode(zlib.compress(PAIR)) + b"~>"
    ),
    "PDF by Flate in hexadecimal": pdf(PAIR, b"/Filter[/AHx/Fl]", zlib.compress(PAIR).hex().encode() + b">"),
    "PDF by LZW": pdf(PAIR, b"/Filter /LZWDecode", lzw(PAIR, for_pdf=True)),
    "PDF by run lengths": pdf(PAIR, b"/Filter/RunLengthDecode", bytes((len(PAIR) - 1,)) + PAIR + b"\x80"),
    "PDF with a predictor": pdf(
        rows_of_png(PAIR), b"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 40 >>"
    ),
    "object stream of a PDF": pdf(f"5 0 6 99 << /V ({ONE_LINE}) >>".encode(), b"/Type /ObjStm /Filter /FlateDecode"),
    "file embedded in a PDF": pdf(zipped(PAIR), b"/Type /EmbeddedFile /Filter /FlateDecode"),
    "PDF behind other bytes": bytes(200) + pdf(PAIR),
    "columns of a database": database(
        "CREATE TABLE users (aws_access_key_id, aws_secret_access_key)", row("users", AKID, SECRET)
    ),
    "columns of few words": database(
        "CREATE TABLE users (login, secret)", row("users", AKID, SECRET)
    ),
    "rows of names and values": database(
        "CREATE TABLE settings (id INTEGER PRIMARY KEY, key TEXT, value TEXT, updated TEXT)",
        row("settings", 1, "AWS_ACCESS_KEY_ID", AKID, "2020-01-01"),
        row("settings", 2, "AWS_SECRET_ACCESS_KEY", SECRET, "2020-01-02"),
    ),
    "rows of a table without row ids": database(
        "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
        row("settings", "aws.accessKeyId", AKID), row("settings", "aws.secretAccessKey", SECRET),
    ),
    "database in UTF-16": database(
        "CREATE TABLE users (aws_access_key_id, aws_secret_access_key)",
        row("users", AKID, SECRET), setting=UTF16,
    ),
    "database with a log beside it": database(
        "CREATE TABLE settings (name, value)",
        row("settings", "AWS_ACCESS_KEY_ID", AKID), row("settings", "AWS_SECRET_ACCESS_KEY", SECRET),
        setting="PRAGMA journal_mode = WAL",
    ),
    "row that was deleted": database(
        "CREATE TABLE t (access, secret)", row("t", AKID, SECRET), "DELETE FROM t", setting="PRAGMA secure_delete = 0"
    ),
    "name and value that were deleted": database(
        "CREATE TABLE t (k, v)", row("t", "x", "y"), row("t", "AWS_ACCESS_KEY_ID", AKID),
        row("t", "AWS_SECRET_ACCESS_KEY", SECRET), "DELETE FROM t WHERE k > 'A'", setting="PRAGMA secure_delete = 0",
    ),
    "log of a database": b"\x37\x7f\x06\x82" + bytes(90) + f"\x03\x35\x5d{AKID}{SECRET}".encode() + bytes(90),
    "packed value in a database": database("CREATE TABLE t (x)", row("t", PACKED)),
    "value of JSON in a database": database(
        "CREATE TABLE t (x)",
        row("t", json.dumps({"aws_access_key_id": AKID, "aws_secret_access_key": SECRET})),
    ),
    "database in gzip": gzip.compress(
        database("CREATE TABLE t (access_key, secret_key)", row("t", AKID, SECRET))
    ),
    "PDF in base64": b'{"file": "' + base64.b64encode(pdf(PAIR)) + b'"}',
    "database in base64": base64.b64encode(database("CREATE TABLE t (x)", row("t", PACKED))),
}  # fmt: skip
SEVEN = b"7z\xbc\xaf\x27\x1c\0\4"
CLOSED: dict[str, bytes] = {
    "7z": SEVEN + bytes(60),
    "RAR 4": b"Rar!\x1a\x07\0\xcf\x90s" + bytes(60), "RAR 5": b"Rar!\x1a\x07\1\0" + bytes(60),
    "lz4": b"\x04\x22\x4d\x18\x64\x40" + bytes(60),
    "lz4 behind a skippable frame": FRAME + b"\x04\x22\x4d\x18\x64\x40" + bytes(60),
    "early lz4": b"\x02\x21\x4c\x18" + bytes(60), "early zstd": b"\x27\xb5\x2f\xfd" + bytes(60),
    "lzop": b"\x89LZO\0\r\n\x1a\n" + bytes(60), "snappy": b"\xff\x06\0\0sNaPpY" + bytes(60),
    "pack": b"\x1f\x1e" + bytes(60),
    "cabinet": b"MSCF" + bytes(4) + b"\x99\0\0\0" + bytes(4) + bytes(60),
    "ISO image": bytes(32_768) + b"\1CD001\1" + bytes(60),
    "squashfs": b"hsqs" + bytes(16) + b"\1\0" + bytes(6) + b"\4\0\0\0" + bytes(60),
    "disk image of macOS": bytes(600) + b"koly\0\0\0\4" + bytes(504),
    "xar": b"xar!\0\x1c\0\1" + bytes(60), "LHA": b"\x20\x00-lh5-" + bytes(60),
    "ARJ": b"\x60\xea\x2a\0\x22" + bytes(60), "ACE": bytes(7) + b"**ACE**" + bytes(60),
    "git pack": b"PACK\0\0\0\2" + bytes(60), "git bundle": b"# v2 git bundle\n" + bytes(60),
    "Parquet": b"PAR1" + bytes(60) + b"PAR1",
    "PostgreSQL": b"PGDMP\x01" + bytes(60), "Redis": b"REDIS0009" + bytes(60),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(60), "MATLAB": b"MATLAB 5.0 MAT-file, " + bytes(60),
    "Arrow": b"ARROW1\0\0" + bytes(60), "Mercurial": b"HG10GZ" + bytes(60), "Mercurial 2": b"HG20\0\0" + bytes(60),
    "Subversion": b"SVN\1" + bytes(60), "thin ar": b"!<thin>\n" + bytes(60), "AIX ar": b"<bigaf>\n" + bytes(60),
    "book": bytes(60) + b"BOOKMOBI" + bytes(60), "Hyper-V": b"vhdxfile" + bytes(60),
    "program with a 7z in it": b"MZ" + bytes(900) + SEVEN + struct.pack("<I", zlib.crc32(bytes(20))) + bytes(60),
    "zip by Deflate64": zip_entry(PAIR, 9, b"\x01" * 40),
    "7z in a zip": zipped(SEVEN + bytes(60)),
    "7z in base64": base64.b64encode(SEVEN + bytes(60)),
    "encrypted PDF": pdf(b"x", b"/Filter /FlateDecode", b"\x01\x02\x03") + b"trailer << /Encrypt 9 0 R >>\n",
    "cut PDF": pdf(os.urandom(999))[:700],
    "cut lzma": lzma.compress(os.urandom(9999), lzma.FORMAT_ALONE)[:4000],
    "cut database": database("CREATE TABLE t (x)", row("t", "1"))[:-100],
    "damaged database": database("CREATE TABLE t (x)").replace(b"CREATE TABLE", b"CREATE\0TABLE"),
}  # fmt: skip
HARMLESS: dict[str, bytes] = {
    **{name: beginning + bytes(60) for name, beginning in (
        ("PNG", b"\x89PNG\r\n\x1a\n"), ("JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF\0"), ("font", b"wOF2"),
        ("class file", b"\xca\xfe\xba\xbe\0\0\0\x34"), ("program", b"\x7fELF\2\1\1"), ("bytecode", b"\xa7\r\r\n"),
    )},
    "text that begins with x": b"x\x01 is the first\n",
    "source that knows signatures": b'MAGIC = "PK\\x03\\x04", "7z", "Rar!", "%PDF-1.7", "!<arch>"\n',
    "zeros": bytes(2000),
    "a list of words": b"ARC\nARJ\nPARTS\nPAR1\nORC\nObj\nxar!\nREDIS\nSVN\nMATLAB\nARROW\n",
    "program that knows 7z": b"MZ" + bytes(99) + b"7z\xbc\xaf\x27\x1c\0Rar!\x1a\x07" + bytes(60),
}  # fmt: skip


@pytest.fixture
def audit(capfd: pytest.CaptureFixture[str]) -> Audit:
    return Audit(capfd, FILLER)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of one scan of a folder with all of them."""
    folder = tmp_path_factory.mktemp("all")
    for kinds in (READ, CLOSED, HARMLESS):
        for name, data in kinds.items():
            (folder / name).write_bytes(data)
    words = [sys.executable, "-m", "credguard", "scan", str(folder), "--format", "json", "--no-progress"]
    done = subprocess.run(words, capture_output=True, check=False, timeout=300)
    assert SECRET.encode() not in done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def belongs(path: str, name: str) -> bool:
    return path.partition("!")[0].rpartition("/")[2] == name


@pytest.mark.parametrize("name", READ)
def test_a_pair_in_it_is_found_whole(everything: dict[str, Any], name: str) -> None:
    pairs = [finding["locations"] for finding in everything["findings"] if finding["rule_id"] == "CG103"]
    assert any(belongs(place["path"], name) for places in pairs for place in places), [
        one for one in everything["coverage"]["skipped"] if belongs(one["path"], name)
    ]


@pytest.mark.parametrize("name", CLOSED)
def test_what_cannot_be_read_is_named(everything: dict[str, Any], name: str) -> None:
    assert [one for one in everything["coverage"]["skipped"] if belongs(one["path"], name)]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_container_passes(everything: dict[str, Any], name: str) -> None:
    assert not [one for one in everything["coverage"]["skipped"] if belongs(one["path"], name)]


KINDS = ("lzma", "Debian package", "PDF with text in pieces", "rows of names and values", "tar of Unix V7 in gzip")


@pytest.mark.parametrize("name", [*KINDS, "zstd behind a skippable frame", "lzip", "cpio", "zlib"])
def test_a_commit_is_stopped(tmp_path: Path, name: str) -> None:
    """Also in a file whose name says that it is code, which the hook only glances at."""
    repo = begun(tmp_path / "repo")
    set_hooks(repo, "pre-commit")
    repo.write({"kept.py": READ[name]})
    repo.add()
    done = git(repo.folder, "commit", "-qm", "pack")
    assert done.returncode == 1
    assert "CG103" in done.stderr


@pytest.mark.parametrize("name", KINDS)
def test_a_history_is_searched(tmp_path: Path, audit: Audit, name: str) -> None:
    repo = begun(tmp_path / "repo")
    repo.commit("add", {"kept.bin": READ[name]})
    repo.git("rm", "-q", "kept.bin")
    repo.commit("remove")
    assert found(audit("audit", repo.folder))["locations"][0]["path"].startswith("kept.bin!")


def test_one_that_is_closed_makes_a_history_incomplete(tmp_path: Path, audit: Audit) -> None:
    repo = begun(tmp_path / "repo")
    repo.commit("add", {"a.7z": CLOSED["7z"]})
    repo.git("rm", "-q", "a.7z")
    repo.commit("remove")
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 3
    assert "7z archive" in report["coverage"]["skipped"][0]["reason"]


def test_standard_input_is_unpacked() -> None:
    words = [sys.executable, "-m", "credguard", "scan", "--stdin"]
    done = subprocess.run(words, input=READ["columns of a database"], capture_output=True, check=False, timeout=60)
    assert done.returncode == 1


def test_nothing_of_a_database_runs() -> None:
    """Views, triggers and computed columns are no tables; one that would take for ever is never asked."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    data = database(
        "CREATE TABLE t (a, b GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL)",
        f"CREATE VIEW v AS {endless}",
        "CREATE VIRTUAL TABLE f USING fts5(x)",
        "INSERT INTO t (a) VALUES (1)",
    )
    begin = time.monotonic()
    scanner = Scanner(cache=False)
    assert not scanner.scan_blob(Blob(data, "db.sqlite3"))
    assert not scanner.unread
    assert time.monotonic() - begin < 30 * PACE


BOMBS: dict[str, Callable[[bytes], bytes]] = {
    "PDF": pdf,
    "zlib": lambda data: zlib.compress(data, 9),
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE, preset=0),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_named(name: str) -> None:
    scanner = Scanner(cache=False)
    assert not scanner.scan_blob(Blob(BOMBS[name](bytes(200 << 20)), name))
    assert "limit" in "".join(scanner.unread.values())


def test_many_of_a_kind_are_named_on_one_line(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.7z").write_bytes(CLOSED["7z"])
    words = [sys.executable, "-m", "credguard", "scan", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, check=False, timeout=60)
    assert done.returncode == 3
    assert done.stdout.count(b"7z archive") == 1
    assert b"and 27 more" in done.stdout
