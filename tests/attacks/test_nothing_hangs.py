"""Whatever stands in the place of a file of git's, a run ends: with one line that names it, and never with 0.

But for one thing: a commit whose staged content git gave whole, without a look at that file, passes as it would.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from credguard.git.timeout import LIMIT_NAME
from tests import processes
from tests.auditing import PAIR
from tests.hooking import ZERO
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HANG = 60
"""Seconds after which a run hangs."""
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
SCAN, AUDIT = ("scan", "."), ("audit", ".", "--no-progress")
STAGED, COMMIT = ("scan", "--staged"), ("hook", "pre-commit")
ALWAYS_READ = [
    "HEAD", "config", "index", "packed-refs", "shallow", "commondir", "refs/heads/main", "refs/heads/deep/er",
    "objects/info/alternates", "objects/pack/pack-1.idx", "objects/pack/multi-pack-index", "objects/info/commit-graph",
    "objects/info/commit-graphs/commit-graph-chain", "config.worktree", "info/sparse-checkout",
]  # fmt: skip
NOT_NEEDED = [
    "refs/heads/deep/er", "objects/pack/pack-1.idx", "objects/info/commit-graph",
    "objects/info/commit-graphs/commit-graph-chain", "config.worktree", "info/sparse-checkout",
]  # fmt: skip
"""What git does not look at for a commit of a few files."""
READ_FOR_HISTORY = [
    *ALWAYS_READ, "info/grafts", "info/attributes", "logs/HEAD", "logs/refs/heads/main", "refs/tags/v1", "refs/stash",
    "objects/pack/pack-1.pack", "objects/12/34567890123456789012345678901234567890", "ORIG_HEAD",
    "worktrees/other/HEAD", "worktrees/other/index", "modules/inner/HEAD", "modules/inner/config",
]  # fmt: skip


def ended(folder: Path, *words: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own, which must end, and with no children that hold its streams."""
    return processes.run_text(words, cwd=folder, env=os.environ | variables, stdin=stdin, timeout=HANG)


def replaced(path: Path, make: Callable[[Path], None]) -> Path:
    """Puts something else in the place of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    make(path)
    return path


def pipe(path: Path) -> None:
    os.mkfifo(path)


def aside(path: Path) -> Path:
    """A place outside the repository."""
    return next(folder for folder in path.parents if folder.name == "repo").with_name("elsewhere")


def link_to_a_pipe(path: Path) -> None:
    os.mkfifo(aside(path))
    path.symlink_to(aside(path))


def endless(path: Path) -> None:
    """A link to a device like /dev/zero, made where tests may."""
    node = aside(path)
    try:
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(1, 5))
        node.open("rb").close()
    except PermissionError:
        pytest.skip("only root makes devices")
    path.symlink_to(node)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"README.md": "hello\n", "src/a.py": "a = 1\n"})
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    shutil.copytree(Repository(tmp_path / "module").folder / ".git", repo.folder / ".git/modules/inner")
    repo.write({"b.txt": "staged\n"})
    repo.add("b.txt")
    return repo


def is_named(done: subprocess.CompletedProcess[str], name: str) -> bool:
    """True where the run says of the path that it stands in git's way."""
    assert done.returncode in {2, 3}, (done.returncode, done.stdout, done.stderr)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    return any(name in line and ("pipe" in line or "device" in line) for line in said.splitlines())


@pytest.mark.parametrize("name", ALWAYS_READ)
@pytest.mark.parametrize("words", [SCAN, STAGED], ids=" ".join)
def test_a_pipe_in_a_repository_is_named_at_once(repo: Repository, name: str, words: Sequence[str]) -> None:
    replaced(repo.folder / ".git" / name, pipe)
    assert is_named(ended(repo.folder, *words), name)


def test_a_commit_waits_some_seconds_for_git_and_names_the_pipe(repo: Repository, tmp_path: Path) -> None:
    """All of them at a time, for each waits as long as git has."""

    def commit(name: str) -> tuple[str, subprocess.CompletedProcess[str]]:
        folder = tmp_path / "copies" / str(ALWAYS_READ.index(name))
        shutil.copytree(repo.folder, folder, symlinks=True)
        replaced(folder / ".git" / name, pipe)
        return name, ended(folder, *COMMIT)

    with ThreadPoolExecutor(len(ALWAYS_READ)) as threads:
        for name, done in threads.map(commit, ALWAYS_READ):
            assert is_named(done, name) if done.returncode else name in NOT_NEEDED


def test_a_commit_without_compiled_patterns_leaves_no_git_that_waits(repo: Repository, tmp_path: Path) -> None:
    waited = replaced(repo.folder / ".git/index", pipe)
    ended(repo.folder, *COMMIT, XDG_CACHE_HOME=str(tmp_path / "empty"), LOCALAPPDATA=str(tmp_path / "empty"))
    with pytest.raises(OSError, match="No such device or address"):  # nobody has it open, or waits to open it
        os.open(waited, os.O_WRONLY | os.O_NONBLOCK)


@pytest.mark.parametrize("name", READ_FOR_HISTORY)
def test_an_audit_names_a_pipe_wherever_it_is(repo: Repository, name: str) -> None:
    replaced(repo.folder / ".git" / name, pipe)
    assert is_named(ended(repo.folder, *AUDIT), name)


@pytest.mark.parametrize("make", [link_to_a_pipe, endless])
@pytest.mark.parametrize("name", ["HEAD", "config", "index", "packed-refs", "info/exclude", "refs/heads/main"])
def test_links_to_pipes_and_devices_are_named_too(repo: Repository, name: str, make: Callable[[Path], None]) -> None:
    replaced(repo.folder / ".git" / name, make)
    assert is_named(ended(repo.folder, *AUDIT), name)


@pytest.mark.parametrize("name", [".gitignore", "src/.gitignore", ".git/info/exclude"])
@pytest.mark.parametrize("words", [SCAN, AUDIT], ids=" ".join)
def test_a_pipe_for_ignore_rules_is_named_and_the_rest_looked_at(
    repo: Repository, name: str, words: Sequence[str]
) -> None:
    replaced(repo.folder / name, pipe)
    assert is_named(ended(repo.folder, *words), name)
    repo.write({"src/leak.ini": Filler("hangs").fill(PAIR)})
    done = ended(repo.folder, *words)
    assert done.returncode == 1
    assert "CG103" in done.stdout


@pytest.mark.parametrize("key", ["include.path", "includeIf.gitdir:/.path", "core.excludesFile", "core.attributesFile"])
def test_a_pipe_that_settings_name(repo: Repository, key: str, tmp_path: Path) -> None:
    repo.git("config", key, str(tmp_path / "named"))
    pipe(tmp_path / "named")
    for words in (SCAN, AUDIT):
        assert is_named(ended(repo.folder, *words), "named")


def test_the_device_without_content_is_allowed(repo: Repository) -> None:
    repo.git("config", "core.excludesFile", os.devnull)
    assert ended(repo.folder, *AUDIT).returncode == 0


@pytest.mark.parametrize("name", [".gitattributes", ".gitmodules", ".credguard.yaml", ".env", "b.txt", ".git/hooks/x"])
def test_a_pipe_elsewhere_holds_nothing(repo: Repository, name: str) -> None:
    replaced(repo.folder / name, pipe)
    for words in (SCAN, AUDIT, STAGED, COMMIT):
        ended(repo.folder, *words)


def test_a_pipe_as_the_repository_itself(tmp_path: Path) -> None:
    pipe(tmp_path / ".git")
    assert ended(tmp_path, *AUDIT).returncode in {2, 3}


def test_a_bare_repository_and_a_file_address(repo: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    repo.git("clone", "-q", "--bare", ".", str(bare))
    replaced(bare / "HEAD", pipe)
    assert is_named(ended(tmp_path, "audit", str(bare), "--no-progress"), "HEAD")
    assert is_named(ended(tmp_path, "audit", f"file://{bare}", "--no-progress"), "HEAD")


def test_hooks_that_read_what_git_gives(repo: Repository) -> None:
    head = repo.git("rev-parse", "HEAD").strip()
    replaced(repo.folder / ".git/packed-refs", pipe)
    pushed = f"refs/heads/main {head} refs/heads/main {ZERO}\n"
    assert is_named(ended(repo.folder, "hook", "pre-push", "origin", "/nowhere", stdin=pushed), "packed-refs")
    received = f"{ZERO} {head} refs/heads/main\n"
    assert is_named(ended(repo.folder, "hook", "pre-receive", stdin=received), "packed-refs")


def test_an_ignore_file_without_end(repo: Repository) -> None:
    (repo.folder / ".gitignore").touch()
    os.truncate(repo.folder / ".gitignore", 1 << 40)
    assert ended(repo.folder, *SCAN).returncode == 3


@pytest.mark.parametrize("words", [SCAN, AUDIT, COMMIT], ids=" ".join)
def test_a_git_that_does_nothing_is_ended_with_its_children(
    repo: Repository, tmp_path: Path, words: Sequence[str]
) -> None:
    """Whatever git waits for: a stand-in that sleeps, with a child that does, in the place of git."""
    (tmp_path / "tools").mkdir()
    git, note = tmp_path / "tools" / "git", tmp_path / "child"
    git.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! >{note}\nwait\n")
    git.chmod(0o755)
    path = f"{git.parent}{os.pathsep}{os.environ['PATH']}"
    done = ended(repo.folder, *words, PATH=path, **{LIMIT_NAME: "1"})
    assert done.returncode == 3
    assert "hung for" in done.stdout + done.stderr
    child = Path("/proc", note.read_text().strip(), "stat")
    assert not child.exists() or " Z " in child.read_text()


def test_a_git_that_works_without_a_word_is_left_to_work(repo: Repository, tmp_path: Path) -> None:
    if not os.path.isdir("/proc/self"):
        pytest.skip("this system does not say whether a process works")
    (tmp_path / "tools").mkdir()
    git, real = tmp_path / "tools" / "git", shutil.which("git")
    busy = "import time\nend = time.time() + 3\nwhile time.time() < end: pass"
    git.write_text(f'#!/bin/sh\ncase "$*" in *ls-files*) {sys.executable} -c "{busy}";; esac\nexec {real} "$@"\n')
    git.chmod(0o755)
    path = f"{git.parent}{os.pathsep}{os.environ['PATH']}"
    assert ended(repo.folder, *SCAN, PATH=path, **{LIMIT_NAME: "1"}).returncode == 0


def test_patterns_on_which_git_takes_for_ever(repo: Repository) -> None:
    repo.write({".gitignore": "**/" * 200 + "b\n", "a/" * 60 + "a": "x\n"})
    done = ended(repo.folder, *SCAN, **{LIMIT_NAME: "0.2"})
    assert done.returncode == 3
    assert "without output" in done.stdout + done.stderr


def test_a_policy_with_patterns_without_end(repo: Repository) -> None:
    patterns = "\n".join(f"    - d{number}/**/x*" for number in range(501))
    repo.write({".credguard.yaml": f"version: 1\npaths:\n  exclude:\n{patterns}\n"})
    done = ended(repo.folder, *SCAN)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "a policy has at most 2000 path patterns" in done.stderr


@pytest.mark.parametrize(("packs", "files"), [(300, 256)])
def test_many_packs(repo: Repository, packs: int, files: int) -> None:
    """Every one of them is listed, and read or verified, however few files a process may have open."""
    repo.git("repack", "-q", "-a", "-d")
    folder = repo.folder / ".git/objects/pack"
    (index,) = folder.glob("*.idx")
    for number in range(packs):
        for path in (index, index.with_suffix(".pack")):
            os.link(path, folder / f"pack-{number:040x}{path.suffix}")
    limited = ("sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", sys.executable, "-m", "credguard")
    done = subprocess.run(
        [*limited, "audit", ".", "--no-progress", "--format", "json"],
        cwd=repo.folder, capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["coverage"]["commits"] == 1
