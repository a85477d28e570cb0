"""Where the system lacks a name that Python has on POSIX, a cache cannot be used, or a locale knows no UTF-8, every
answer is the same: the full way is taken, and neither its speed nor a cache decides the exit code.

The whole suite runs so with `tests/without_posix.py`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from credguard.system import compat
from credguard.system.compat import decode_path, encode_path
from tests import without_posix
from tests.hooking import LEAK, SECRET, git
from tests.other_systems import START, without
from tests.repos import Repository, write

ASKED = re.findall(r'getattr\(os, "(\w+)"', Path(compat.__file__).read_text(encoding="utf-8"))


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.commit("begin", {"a.py": "print('one')\n", ".gitignore": ".env\n"})
    return made


def test_names_are_taken_away() -> None:
    """Else the rest of this file would say nothing."""
    code = "import os; from tests import without_posix as w; w.take_away()\n"
    code += "print(*(hasattr(os, n) for n in w.NAMES['os']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"False"}
    assert {"O_NOFOLLOW", "posix_spawnp", "geteuid"} <= {*ASKED} <= {*without_posix.NAMES["os"], "O_BINARY"}


@pytest.mark.parametrize("names", ["all", *ASKED])
def test_hooks(repo: Repository, tmp_path: Path, names: str) -> None:
    """The first run fills the cache, the second finds it there; without a single name, the run with the key does."""
    for _ in range(2 if names == "all" else 1):
        repo.write({"a.py": "print('two')\n"})
        repo.add()
        (tmp_path / "message").write_text("a change\n")
        for words in (("pre-commit",), ("commit-msg", str(tmp_path / "message"))):
            done = without(repo.folder, "hook", *words, names=names, XDG_CACHE_HOME=str(tmp_path / "cache"))
            assert done.returncode == 0, done.stderr
            assert not done.stderr
    repo.write({"c.ini": LEAK})
    repo.add()
    done = without(repo.folder, "hook", "pre-commit", names=names, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 1 and b"CG103" in done.stderr and SECRET.encode() not in done.stderr


def test_files(repo: Repository, tmp_path: Path) -> None:
    """Links are not followed and pipes not waited for, also where the system cannot be asked for that."""
    write(tmp_path, {"away.ini": LEAK, "away/c.ini": LEAK})
    (repo.folder / "link.ini").symlink_to(tmp_path / "away.ini")
    (repo.folder / "folder").symlink_to(tmp_path / "away")
    mkfifo = getattr(os, "mkfifo", None)
    if mkfifo:
        mkfifo(repo.folder / "pipe.ini")
        mkfifo(tmp_path / "pipe")
        (repo.folder / ".credguard.yml").symlink_to(tmp_path / "pipe")
        done = without(repo.folder, "scan")
        assert done.returncode == 2 and b"symbolic link" in done.stderr
        (repo.folder / ".credguard.yml").unlink()
    done = without(repo.folder, "scan", "--format", "json")
    assert done.returncode == 0, done.stderr
    repo.commit("leak", {"deep/c.ini": LEAK})
    done = without(repo.folder, "scan", "--format", "json")
    assert done.returncode == 1
    assert [one["locations"][0]["path"] for one in json.loads(done.stdout)["findings"]] == ["deep/c.ini"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("audit", "--jobs", "4"), 1), (("scan", "--history"), 1), (("scan", "--staged"), 0), (("doctor",), None),
        (("fix", "--apply"), None), (("baseline", "create", "--reason", "known"), 0), (("install",), 0),
        (("rules",), 0), (("explain", "CG101"), 0), (("practices",), 0), (("init",), 1),
        (("scan", "--output", "r.txt", "--report", "html=r.html"), 1),
    ],
)  # fmt: skip
def test_commands(repo: Repository, words: tuple[str, ...], code: int | None) -> None:
    repo.commit("leak", {"c.ini": LEAK, ".env": LEAK})
    for number in range(3):
        repo.commit(f"more {number}", {f"f{number}.txt": "x\n" * number})
    repo.git("gc", "-q")
    done = without(repo.folder, *words)
    assert done.returncode == code or (code is None and done.returncode in (0, 1, 3)), done.stderr
    assert b"a bug" not in done.stderr and SECRET.encode() not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["file", "folder", "not there", "cannot be made", "relative"])
def test_a_cache_that_cannot_be_used(repo: Repository, tmp_path: Path, kind: str) -> None:
    cache = tmp_path / "cache"
    if kind == "file":
        cache.write_text("x")
    elif kind == "folder":
        for name in ("quick.db", *(f"{n:032x}.db" for n in range(2))):
            (cache / "credguard" / name).mkdir(parents=True)
    elif kind == "cannot be made":
        cache = Path(os.devnull, "x")
    repo.write({"a.py": "print('two')\n", ".credguard.yaml": "fail-on: low\n"})
    repo.add()
    for _ in range(2):
        for names in ("all", "none"):
            place = "cache" if kind == "relative" else str(cache)
            home = str(tmp_path / "nowhere" / "home")
            done = without(repo.folder, "hook", "pre-commit", names=names, XDG_CACHE_HOME=place, HOME=home)
            assert done.returncode == 0, done.stderr


NAMES = [
    b"\xff.ini", b"\xc3.ini", b"caf\xe9.ini", "caf\u00e9.ini".encode(), "cafe\u0301.ini".encode(), b"a\nb.ini",
    b"a\tb.ini", b"\x1b[2J.ini", b"a\\b.ini", b"-n.ini", b":(top)c.ini", b"c.ini ", b"c.ini.", b" c.ini",
    "\U0001f511.ini".encode(), b"\xed\xa0\x80.ini", b"\xf4\x90\x80\x80.ini", b"%ff.ini", b"C:\\c.ini",
    b"d" * 251 + b".ini", b"d\xff/e\xfe/c.ini", b"~", b"#.ini", b"a b.ini", b"'\".ini", b"\xc2\x85.ini",
    b"\xe2\x80\xa8.ini",
]  # fmt: skip
LOCALES: list[dict[str, str]] = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "cp437:strict"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-16"},
]


@pytest.fixture
def named(tmp_path: Path) -> Repository:
    """A pair under each of the names, in two commits."""
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"README.md": "hello\n", ".gitignore": ".env\n"})
    for name in NAMES:
        path = os.path.join(os.fsencode(repo.folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as handle:
            handle.write(LEAK.encode())
    repo.git("add", "-f", ".")
    return repo


def found(done: subprocess.CompletedProcess[bytes]) -> set[tuple[str, str, str]]:
    """Rule, path and fingerprint of each finding in a JSON report."""
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode == 1, done.stderr
    return {
        (one["rule_id"], place["path"], one["fingerprint"]) for one in report["findings"] for place in one["locations"]
    }


@pytest.mark.parametrize("words", [("scan",), ("scan", "--staged"), ("audit",)])
def test_names_of_files_in_every_locale(named: Repository, words: tuple[str, ...]) -> None:
    usual = found(without(named.folder, *words, "--format", "json", names="none"))
    assert len({path for rule, path, _ in usual if rule == "CG103"}) == len(NAMES)
    for number, locale in enumerate(LOCALES):
        for names in ("none", "all") if number < 2 else ("none",):  # without owners of files no database is kept
            assert found(without(named.folder, *words, "--format", "json", names=names, **locale)) == usual, locale


@pytest.mark.parametrize("locale", LOCALES, ids=lambda locale: "-".join(locale.values()))
def test_commands_in_every_locale(named: Repository, locale: dict[str, str]) -> None:
    done = without(named.folder, "hook", "pre-commit", **locale)
    told = done.stderr.replace(b"\0", b"")  # for UTF-16
    assert done.returncode == 1 and b"CG103" in told and b"a bug" not in told, done.stderr
    named.git("commit", "-qm", "leak")
    for words in (("explain", "CG302"), ("practices",), ("rules",), ("fix",), ("init",), ("doctor",)):
        done = without(named.folder, *words, names="none", **locale)
        assert done.returncode in (0, 1, 3), (words, done.stderr)
    done = without(named.folder, "baseline", "create", "--reason", "d\u00e9j\u00e0 vu", names="none", **locale)
    assert done.returncode == 0, done.stderr
    for other in ({}, LOCALES[LOCALES.index(locale) - 1]):
        done = without(named.folder, "scan", "--format", "json", names="none", **other)
        assert done.returncode == 0, (other, done.stderr)


@pytest.mark.parametrize("locale", LOCALES[:2], ids=["C", "POSIX"])
def test_a_policy_names_a_file_that_is_not_ascii(repo: Repository, locale: dict[str, str]) -> None:
    repo.write(
        {
            ".credguard.yaml": "extends: caf\u00e9/p.yaml\nbaseline: caf\u00e9/known\n",
            "caf\u00e9/p.yaml": "fail-on: low\n",
        }
    )
    repo.add()
    for words in (("scan",), ("hook", "pre-commit")):
        done = without(repo.folder, *words, names="none", **locale)
        assert done.returncode == 0, done.stderr


def test_git_commits_with_such_a_python(named: Repository, tmp_path: Path) -> None:
    """What git calls is a shell script: the names reach it as they are."""
    hook = named.folder / ".git" / "hooks" / "pre-commit"
    root = Path(__file__).parent.parent.parent
    (tmp_path / "start.py").write_text(START)
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path}/start.py" "{root}" all hook pre-commit\n')
    hook.chmod(0o755)
    done = git(named.folder, "commit", "-qm", "leak", **LOCALES[0])
    assert done.returncode == 1 and "CG103" in done.stderr
    named.git("reset", "-q", "--hard")
    assert git(named.folder, "commit", "-q", "--allow-empty", "-m", "clean", **LOCALES[0]).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_path_survives(name: bytes) -> None:
    assert encode_path(decode_path(name)) == name
