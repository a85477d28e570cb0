"""Ways to commit, names of files and forms of messages that a key could slip through with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.hooking import KEY_ID, LEAK, commit_leak, git, hook, hooked, leak, stopped, which
from tests.keys import Filler
from tests.repos import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.repos import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return hooked(tmp_path / "repo")


def only(repo: Repository) -> list[str]:
    repo.write({"README.md": LEAK, "staged.txt": "x\n"})
    repo.git("add", "staged.txt")
    return ["--only", "README.md"]


def include(repo: Repository) -> list[str]:
    repo.write({"README.md": LEAK, "staged.txt": "x\n"})
    repo.git("add", "staged.txt")
    return ["--include", "README.md"]


def from_a_list(repo: Repository) -> list[str]:
    repo.write({"README.md": LEAK, "list": "README.md\n"})
    return ["--pathspec-from-file=list"]


def assumed_unchanged(repo: Repository) -> list[str]:
    leak(repo)
    repo.git("update-index", "--assume-unchanged", "c.ini")
    return []


def skipped_work_tree(repo: Repository) -> list[str]:
    leak(repo)
    repo.git("update-index", "--skip-worktree", "c.ini")
    (repo.folder / "c.ini").unlink()
    return []


def index_alone(repo: Repository) -> list[str]:
    oid = repo.git("hash-object", "-w", "--stdin", stdin=LEAK).strip()
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{oid},c.ini")
    return []


def ignored_and_forced(repo: Repository) -> list[str]:
    leak(repo, ".gitignore", "*\n")
    leak(repo)
    return []


def fixup(repo: Repository) -> list[str]:
    leak(repo)
    return ["--fixup", "HEAD"]


def reused_message(repo: Repository) -> list[str]:
    leak(repo)
    return ["-C", "HEAD"]


def split_index(repo: Repository) -> list[str]:
    repo.git("update-index", "--split-index")
    leak(repo)
    return []


def old_index(repo: Repository) -> list[str]:
    leak(repo)
    repo.git("update-index", "--index-version", "4")
    return []


def popped_stash(repo: Repository) -> list[str]:
    leak(repo)
    repo.git("stash")
    repo.git("stash", "pop", "--index")
    return []


def picked_without_commit(repo: Repository) -> list[str]:
    commit = commit_leak(repo)
    repo.git("reset", "-q", "--hard", "HEAD^")
    repo.git("cherry-pick", "-n", commit)
    return []


def reverted_without_commit(repo: Repository) -> list[str]:
    commit_leak(repo)
    repo.git("rm", "-q", "c.ini")
    repo.git("commit", "-qm", "gone", "--no-verify")
    repo.git("revert", "-n", "HEAD")
    return []


def squashed(repo: Repository) -> list[str]:
    repo.git("checkout", "-qb", "side")
    commit_leak(repo)
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--squash", "side")
    return []


def subtree(repo: Repository) -> list[str]:
    commit = commit_leak(repo)
    repo.git("reset", "-q", "--hard", "HEAD^")
    repo.git("read-tree", "--prefix=vendor/", commit)
    return []


def in_the_place_of_a_folder(repo: Repository) -> list[str]:
    leak(repo, "d/x.txt", "x\n")
    repo.git("commit", "-qm", "d", "--no-verify")
    repo.git("rm", "-qr", "d")
    leak(repo, "d")
    return []


def executable(repo: Repository) -> list[str]:
    leak(repo, "run.sh")
    repo.git("update-index", "--chmod=+x", "run.sh")
    return []


def resolved_conflict(repo: Repository) -> list[str]:
    repo.git("checkout", "-qb", "side")
    leak(repo, "README.md", "side\n")
    repo.git("commit", "-qm", "side", "--no-verify")
    repo.git("checkout", "-q", "main")
    leak(repo, "README.md", "main\n")
    repo.git("commit", "-qm", "main", "--no-verify")
    git(repo.folder, "merge", "--no-edit", "side")
    leak(repo, "README.md")
    return []


def moved_between_files(repo: Repository) -> list[str]:
    """Two known files exchange their keys: each value is new where it stands now."""
    other = Filler("other").fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
    commit_leak(repo, "a.ini")
    commit_leak(repo, "b.ini", other)
    leak(repo, "a.ini", other)
    leak(repo, "b.ini")
    return []


def a_second_value(repo: Repository) -> list[str]:
    commit_leak(repo)
    leak(repo, "c.ini", LEAK + Filler("other").fill("AWS_SECRET_ACCESS_KEY={{SECRET}}\n"))
    return []


WAYS: list[Callable[[Repository], list[str]]] = [
    only, include, from_a_list, assumed_unchanged, skipped_work_tree, index_alone, ignored_and_forced, fixup,
    reused_message, split_index, old_index, popped_stash, picked_without_commit, reverted_without_commit, squashed,
    subtree, in_the_place_of_a_folder, executable, resolved_conflict, moved_between_files, a_second_value,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_way_to_commit(repo: Repository, way: Callable[[Repository], list[str]]) -> None:
    args = way(repo)
    message = [] if {"--fixup", "-C"} & set(args) else ["-m", "x"]
    assert stopped(repo, "commit", "-q", *message, *args)


NAMES = [
    "a\nb.ini", "a\tb.ini", "a b.ini", " .ini", "-n", "--", "--cached", ":(top)c.ini", ":x", "*.ini", "[a].ini",
    "a\\b.ini", '"quoted".ini', "'", "$(id).ini", "`id`.ini", "\x01\x02\x7f.ini", "\x1b[2Ja.ini", "\u202egpj.ini",
    "a\u2028b.ini", "\u00e9\u0301.ini", "\U0001f511.ini", os.fsdecode(b"\xff\xfe\xe9.ini"), os.fsdecode(b"\xc3.ini"),
    "a" * 251 + ".ini", "/".join(["d" * 200] * 15) + "/c.ini", "HEAD", "main", "refs/heads/main", ".gitmodules",
    ".gitattributes", ".mailmap", "c.ini\r", "CON", "100644 blob", ":100644 100644 a b M", "{}.ini", "%s.ini",
    "credguard", "node_modules/.bin/x", "vendor/c.py", "dist/bundle.min.js", "tests/fixtures/c.json", "x.png",
    "x.pdf", "x.lock", "docs/example.md", "x.sample", "c.ini.orig", "c.ini~", ".#c.ini", "LICENSE", "go.sum",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name(repo: Repository, name: str) -> None:
    leak(repo, name)
    done = git(repo.folder, "commit", "-qm", "x")
    assert done.returncode == 1 and "CG" in done.stderr
    assert "\x1b" not in done.stderr  # a name must not steer a terminal
    leak(repo, name, "nothing\n")
    if name != ".gitmodules":  # git reads that one
        assert not stopped(repo, "commit", "-qm", "clean")


def test_many_files(repo: Repository) -> None:
    """Objects are asked for without long argument lists, and every one is looked at, wherever it stands."""
    files = {f"src/{'long' * 20}/{number:05}.py": f"x = {number}\n" for number in range(6000)}
    repo.write(files)
    repo.add()
    assert not stopped(repo, "commit", "-qm", "many")
    for name in ("src/0.py", f"src/{'long' * 20}/03000.py", "src/z.py"):
        leak(repo, name)
        assert stopped(repo, "commit", "-qm", "one of many")
        repo.git("reset", "-q", "--hard")


def test_processes_do_not_grow_with_files(repo: Repository, tmp_path: Path) -> None:
    seen = []
    for count in (3, 300):
        log = tmp_path / f"log{count}"
        tools = log.with_suffix(".d")
        hook(tools, "git", f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{log}"\nexec "{which("git")}" "$@"\n')
        repo.write({f"f{number}.cfg": f"{number} {count}\n" for number in range(count)})
        repo.add()
        done = processes.run(
            ["hook", "pre-commit"],
            cwd=repo.folder,
            env=clean_environment() | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        )
        assert done.returncode == 0, done.stderr
        seen.append(sorted(log.read_text().splitlines()))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("message", "stops"),
    [
        (f"use {KEY_ID}", True),
        (f"# {KEY_ID}", True),  # given by -m: git keeps such a line
        (f"x\n\n#{KEY_ID}\n", True),
        (f"x\n# ------------------------ >8 ------------------------\n{LEAK}", True),
        (f"x\n\nSigned-off-by: {KEY_ID} <a@example.com>", True),
        (f"x\r# {LEAK}", True),
        ("x\n\n" + LEAK.encode("utf-16-le").decode("latin-1").replace("\0", ""), True),
        ("use the role", False),
        ("AKIAIOSFODNN7EXAMPLE", False),
        ("secret access key: gone\n\naws_secret_access_key is read from the environment", False),
    ],
    ids=repr,
)
def test_a_message_given(repo: Repository, message: str, stops: bool) -> None:
    assert stopped(repo, "commit", "-q", "--allow-empty", "-m", message) == stops
    (repo.folder / "m").write_text(message, newline="")
    assert stopped(repo, "commit", "-q", "--allow-empty", "-F", "m") == stops


@pytest.fixture
def editor(tmp_path: Path) -> Callable[[str], str]:
    """Makes an editor that puts a text before what git wrote."""

    def make(text: str) -> str:
        (tmp_path / "text").write_text(text)
        path = hook(
            tmp_path, "editor", f'#!/bin/sh\ncat "{tmp_path}/text" "$1" >"{tmp_path}/new"\ncat "{tmp_path}/new" >"$1"\n'
        )
        return str(path)

    return make


def test_a_message_from_an_editor(repo: Repository, editor: Callable[[str], str]) -> None:
    (repo.folder / f"{KEY_ID}.untracked").write_text("git names it in a comment\n")
    empty = ("commit", "-q", "--allow-empty")
    assert not stopped(repo, *empty, GIT_EDITOR=editor("fine\n"))
    assert KEY_ID not in repo.git("log", "-1", "--format=%B")
    assert stopped(repo, *empty, GIT_EDITOR=editor(f"fine\n\n{KEY_ID}\n"))
    assert stopped(repo, *empty, GIT_EDITOR=editor(f"fine\n# {KEY_ID}\n"))


def test_the_diff_below_the_scissors_is_not_the_message(repo: Repository, editor: Callable[[str], str]) -> None:
    commit_leak(repo)
    repo.git("rm", "-q", "c.ini")
    assert not stopped(repo, "commit", "-q", "--verbose", GIT_EDITOR=editor("take it away\n"))
    assert repo.git("log", "-1", "--format=%B").strip() == "take it away"


def test_a_merge_message(repo: Repository, editor: Callable[[str], str]) -> None:
    repo.git("checkout", "-qb", "side")
    repo.git("commit", "-q", "--allow-empty", "-m", "side", "--no-verify")
    repo.git("checkout", "-q", "main")
    assert stopped(repo, "merge", "--no-ff", "-m", f"# {KEY_ID}", "side")
    repo.git("merge", "--abort")
    assert stopped(repo, "merge", "--no-ff", "--edit", "side", GIT_EDITOR=editor(f"{KEY_ID}\n"))
