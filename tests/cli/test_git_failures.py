"""When git fails, in whatever way and at whatever question, a hook ends with 2 or 3 and says so, never with 0."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.hooking import commit_leak, which
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="git is replaced by a shell script")
ZERO = "0" * 40
# What a failing git does; {git} is the real one.
FAILURES = {
    "dies": "echo 'fatal: bad thing' >&2; exit 128",
    "is killed": "kill -9 $$",
    "stops in the middle": 'head -n 1 | "{git}" "$@" | head -c 40; exit 141',
    "says nothing and fails": "exit 129",
}
HOOKS = {
    "pre-commit": ([], ""),
    "pre-merge-commit": ([], ""),
    "pre-push": (
        ["origin", "url"],
        "refs/heads/main {tip} refs/heads/main {root}\nrefs/tags/t {tag} refs/tags/t {zero}\n",
    ),
    "pre-receive": ([], "{root} {tip} refs/heads/x\n{zero} {tag} refs/tags/t\n"),
    "post-rewrite": (["amend"], "{root} {tip}\n"),
}


@dataclass(frozen=True)
class Hook:
    """A hook, what it asks git, and its cache."""

    name: str
    questions: list[str]
    cache: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Clean work of every kind: what a hook says of it is known to be 0."""
    repo = Repository(tmp_path_factory.mktemp("failures") / "repo")
    files = {"a.py": "from dotenv import load_dotenv\nload_dotenv()\n", ".gitignore": ".env\n.env.*\n!.env.example\n"}
    repo.commit("begin", {**files, ".env.example": "A=\n"})
    repo.commit("more", {"b.txt": "b\n", "message": "fine\n", ".env.example": "A=\nB=\n"})
    repo.git("tag", "-a", "-m", "t", "t")
    repo.write({"c.txt": "c\n", ".gitignore": ".env\n.env.*\n!.env.example\n*.pyc\n"})
    repo.add()
    return repo


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put before PATH, with a git that notes what it is asked and fails at $FAIL."""
    folder = tmp_path_factory.mktemp("tools")
    lines = [
        "#!/bin/sh",
        "asked=; skip=",
        'for word in "$@"; do',
        '  if [ -n "$skip" ]; then skip=; continue; fi',
        '  case "$word" in -c) skip=1;; -*) ;; *) asked=$word; break;; esac',
        "done",
        '[ -z "$LOG" ] || echo "$asked" >>"$LOG"',
        'if [ "$asked" = "$FAIL" ]; then case "$HOW" in',
        *(f'  "{how}") {action.format(git=which("git"))};;' for how, action in FAILURES.items()),
        "esac; fi",
        f'exec "{which("git")}" "$@"',
    ]
    (folder / "git").write_text("\n".join(lines) + "\n")
    (folder / "git").chmod(0o755)
    return folder


def run(place: Repository, name: str, path: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    arguments, text = HOOKS[name]
    tip, root, tag = place.git("rev-parse", "HEAD", "HEAD~1", "t").split()
    own = {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "LOG": "", "FAIL": "-"}
    return processes.run(
        ["hook", name, *arguments],
        cwd=place.folder,
        env=clean_environment() | own | environment,
        stdin=text.format(tip=tip, root=root, tag=tag, zero=ZERO).encode(),
    )


@pytest.fixture(scope="module", params=HOOKS)
def hook(
    request: pytest.FixtureRequest, place: Repository, tools: Path, tmp_path_factory: pytest.TempPathFactory
) -> Hook:
    """A hook, and what it asks git: without a cache, and then in the quick way."""
    folder = tmp_path_factory.mktemp("asked")
    for _ in range(2):
        done = run(place, request.param, tools, LOG=str(folder / "log"), XDG_CACHE_HOME=str(folder / "cache"))
        assert done.returncode == 0, done.stderr
    return Hook(request.param, list(dict.fromkeys((folder / "log").read_text().split())), folder / "cache")


@pytest.mark.parametrize("how", FAILURES)
def test_every_question(place: Repository, tools: Path, hook: Hook, how: str) -> None:
    assert len(hook.questions) >= 4
    for question in hook.questions:
        done = run(place, hook.name, tools, FAIL=question, HOW=how, XDG_CACHE_HOME=str(hook.cache))
        assert done.returncode in (2, 3), (question, done.returncode, done.stderr)
        assert done.stderr and b"Traceback" not in done.stderr


@pytest.mark.parametrize("name", HOOKS)
def test_no_git(place: Repository, tmp_path: Path, name: str) -> None:
    done = run(place, name, tmp_path, PATH=str(tmp_path))
    assert done.returncode in (2, 3), done.stderr
    assert b"install git" in done.stderr


def no_head(git: Path) -> None:
    (git / "HEAD").unlink()


def garbled_head(git: Path) -> None:
    (git / "HEAD").write_text("garbage\n")


def head_of_nothing(git: Path) -> None:
    (git / "HEAD").write_text("1" * 40 + "\n")


def branch_of_nothing(git: Path) -> None:
    (git / "refs" / "heads" / "main").write_text("1" * 40 + "\n")


def garbled_branch(git: Path) -> None:
    (git / "refs" / "heads" / "main").write_text("garbage\n")


def garbled_index(git: Path) -> None:
    (git / "index").write_bytes(b"DIRC" + bytes(100))


def cut_index(git: Path) -> None:
    (git / "index").write_bytes((git / "index").read_bytes()[:100])


def garbled_config(git: Path) -> None:
    (git / "config").write_text("[core\n")


def unknown_extension(git: Path) -> None:
    with (git / "config").open("a") as handle:
        handle.write("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tfromTheFuture = true\n")


def no_objects(git: Path) -> None:
    for folder in (git / "objects").iterdir():
        if len(folder.name) == 2:
            for file in folder.iterdir():
                file.unlink()


def cut_objects(git: Path) -> None:
    for file in (git / "objects").glob("??/*"):
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[:-5])


def exchanged_objects(git: Path) -> None:
    """Every object is a tree that does not fit its name."""
    files = sorted((git / "objects").glob("??/*"))
    for file in files:
        file.chmod(0o644)
        file.write_bytes(b"no zlib stream at all")


BROKEN: list[Callable[[Path], None]] = [
    no_head, garbled_head, head_of_nothing, branch_of_nothing, garbled_branch, garbled_index, cut_index, garbled_config,
    unknown_extension, no_objects, cut_objects, exchanged_objects,
]  # fmt: skip


@pytest.mark.parametrize("breaks", BROKEN, ids=lambda breaks: breaks.__name__)
def test_a_broken_repository(tmp_path: Path, breaks: Callable[[Path], None]) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"a.txt": "a\n"})
    repo.write({"b.txt": "b\n"})
    repo.add()
    breaks(repo.folder / ".git")
    for _ in range(2):
        done = processes.run(["hook", "pre-commit"], cwd=repo.folder, env=clean_environment())
        assert done.returncode in (2, 3), (done.returncode, done.stderr)
        assert done.stderr and b"Traceback" not in done.stderr


def test_outside_a_repository(tmp_path: Path) -> None:
    nowhere = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    for name in ("pre-commit", "pre-push", "pre-receive"):
        done = processes.run(
            ["hook", name], cwd=tmp_path, env=clean_environment() | nowhere, stdin=f"{ZERO} {'1' * 40} x\n".encode()
        )
        assert done.returncode in (2, 3), (name, done.stderr)


@pytest.mark.parametrize("before", ["absent", "broken"])
def test_what_stood_there_before_cannot_be_read(tmp_path: Path, before: str) -> None:
    """Then nothing is known: what is found counts as new."""
    repo = Repository(tmp_path / "repo")
    commit_leak(repo)
    oid = repo.git("rev-parse", "HEAD:c.ini").strip()
    repo.write({"c.ini": "# above\n" + (repo.folder / "c.ini").read_text()})
    repo.add()
    file = repo.folder / ".git" / "objects" / oid[:2] / oid[2:]
    file.chmod(0o644)
    file.write_bytes(b"") if before == "broken" else file.unlink()
    done = processes.run(["hook", "pre-commit"], cwd=repo.folder, env=clean_environment())
    assert done.returncode in (1, 3), done.stderr
