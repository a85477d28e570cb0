"""Whatever surrounds a hook (home, locale, streams, variables, files of the repository, a bad cache), it looks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from credguard.hooks import fast_path
from tests import processes
from tests.hooking import IDENTITY, LEAK, hook, leak, which
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shells, streams and rights of POSIX")
AS_ROOT = not hasattr(os, "geteuid") or os.geteuid() == 0
PYTHON = "{python}"
CLEAN, STOPPED = (0, ""), (1, "CG103")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"a.txt": "a\n"})
    return repo


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def run(repo: Repository, shell: str = "", /, **environment: str | None) -> tuple[int, str]:
    """Exit code of pre-commit and the rule that spoke; `shell` is what a shell does before and around it: `{}`, or
    `{python}` where it must be a Python that starts."""
    forked, started = processes.format_command(), f'"{sys.executable}" -m credguard'
    spoken = (shell or "{}").replace("{}", f"{forked} hook pre-commit").replace(PYTHON, f"{started} hook pre-commit")
    env = clean_environment()
    for name, value in environment.items():
        env.pop(name, None)
        if value is not None:
            env[name] = value
    done = subprocess.run(
        ["sh", "-c", spoken], cwd=repo.folder, env=env, capture_output=True,
        check=False, timeout=120, errors="replace",
    )  # fmt: skip
    assert "Traceback" not in done.stderr and "a bug" not in done.stderr, done.stderr
    return done.returncode, "CG103" if "CG103" in done.stderr else ""


def looks(repo: Repository, shell: str = "", stopped: tuple[int, str] = STOPPED, /, **environment: str | None) -> None:
    """Clean work passes, in the full way and in the quick one; a key is stopped. A Python starts at least once."""
    leak(repo, "b.txt", f"b in {shell}\n")
    assert run(repo, (shell or "{}").replace("{}", PYTHON), **environment) == CLEAN
    assert run(repo, shell, **environment) == CLEAN
    leak(repo)
    assert run(repo, shell, **environment) == stopped
    repo.git("reset", "-q", "--hard")


@pytest.mark.parametrize("name", ["HOME", "XDG_CACHE_HOME", "LC_ALL", "LANG", "USER", "TMPDIR"])
def test_without_a_variable(repo: Repository, name: str, tmp_path: Path) -> None:
    looks(repo, **({name: None} | ({} if name == "HOME" else {"HOME": str(tmp_path)})))


def test_with_nothing_but_a_path(repo: Repository) -> None:
    looks(repo, 'exec env -i PATH="$PATH" {}')


@pytest.mark.parametrize("home", ["/nowhere", "/dev/null", "relative", "/proc/self/nothing", "\udcff/x", ""])
def test_homes(repo: Repository, home: str) -> None:
    looks(repo, "{}", HOME=home, XDG_CACHE_HOME=None)
    looks(repo, "{}", HOME=None, XDG_CACHE_HOME=home)
    assert sorted(path.name for path in repo.folder.iterdir()) == [".git", "a.txt"]


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o500)
    looks(repo, HOME=str(tmp_path / "home"), XDG_CACHE_HOME=None)


def test_a_full_disk(repo: Repository, cache: Path) -> None:
    # Files of 512 bytes at most. Python would leave byte code cut off at that in the sources of this checkout.
    looks(repo, "ulimit -f 1; trap '' XFSZ; {python}", XDG_CACHE_HOME=str(cache), PYTHONDONTWRITEBYTECODE="1")
    assert not list(cache.rglob("*.db"))
    assert not list(cache.rglob("tmp*"))


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "de_DE.ISO-8859-1", "nonsense"])
def test_locales(repo: Repository, locale: str) -> None:
    repo.commit("odd", {os.fsdecode(b"caf\xe9 \xff.txt"): "x\n", "caf\u00e9.txt": "x\n"})
    looks(repo, PYTHON, LC_ALL=locale)
    looks(repo, PYTHON, LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    leak(repo, os.fsdecode(b"caf\xe9\n\xff.txt"))
    assert (
        run(repo, PYTHON, LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="ascii") == STOPPED
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_closed_streams(repo: Repository, closed: str) -> None:
    looks(repo, f"{{}} {closed}")


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full 2>&1"])
def test_nowhere_to_tell(repo: Repository, closed: str) -> None:
    looks(repo, f"{{}} {closed}", (1, ""))


def test_a_reader_that_went_away(repo: Repository) -> None:
    leak(repo)
    done = subprocess.run(
        ["sh", "-c", f'{{ "{sys.executable}" -m credguard hook pre-commit 2>&1; echo $? >&3; }} 3>code | true'],
        cwd=repo.folder, env=clean_environment(), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert (repo.folder / "code").read_text() != "0\n"


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONOPTIMIZE": "2"}, {"PYTHONDONTWRITEBYTECODE": "1"}, {"PYTHONSAFEPATH": "1"}, {"PYTHONUNBUFFERED": "1"},
        {"PYTHONHASHSEED": "0"}, {"PYTHONWARNINGS": "error"}, {"PYTHONDEVMODE": "1"}, {"PYTHONNOUSERSITE": "1"},
        {"CREDGUARD_RAISE": "1"}, {"COLUMNS": "1"}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_pythons_variables(repo: Repository, variables: dict[str, str]) -> None:
    looks(repo, **variables)


def own_modules(folder: Path) -> None:
    """Modules of the names that the hook imports, each of which would let everything pass."""
    for name in ("re", "os", "zlib", "hyperscan", "yaml", "json", "enum", "sitecustomize", "usercustomize", "typing",
                 "encodings", "subprocess", "dataclasses"):  # fmt: skip
        (folder / f"{name}.py").write_text("raise SystemExit(0)\n")
    (folder / "credguard").mkdir()
    (folder / "credguard" / "__init__.py").write_text("")
    (folder / "credguard" / "cli.py").write_text("def main():\n    return 0\n")
    (folder / "pyvenv.cfg").write_text("home = .\n")
    (folder / "setup.cfg").write_text("[install]\nprefix=\n")


@pytest.mark.parametrize("path", [None, ".", "", ":", "{repo}", "src:."])
def test_modules_of_the_repository(repo: Repository, path: str | None) -> None:
    """With the hook that `credguard install` writes; `python -m` would look in the current folder first."""
    environment = clean_environment() | IDENTITY
    environment |= {} if path is None else {"PYTHONPATH": path.format(repo=repo.folder), "PYTHONSTARTUP": "re.py"}
    done = processes.run(["install", "--hooks", "pre-commit"], cwd=repo.folder, env=clean_environment())
    assert done.returncode == 0, done.stderr
    own_modules(repo.folder)
    leak(repo)
    done = subprocess.run(
        ["git", "commit", "-m", "x"], cwd=repo.folder, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 1 and b"CG103" in done.stderr, done.stderr


def test_programs_of_the_repository(repo: Repository) -> None:
    """A `git` or `python3` in the current folder is not taken, where PATH does not lead there."""
    for name in ("git", "python3", "credguard", "sh"):
        hook(repo.folder, name, "#!/bin/sh\nexit 0\n")
    looks(repo)


@pytest.mark.parametrize("mask", ["000", "777", "077"])
def test_masks(repo: Repository, cache: Path, mask: str) -> None:
    cache.mkdir()
    looks(repo, f"umask {mask}; {{}}", XDG_CACHE_HOME=str(cache))
    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert {path.suffix for path in kept} >= {".db"}
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert (cache / "credguard").stat().st_mode & 0o777 == 0o700 & ~int(mask, 8)


def cached(repo: Repository, cache: Path) -> Path:
    """The file that the quick way reads, made by a run."""
    leak(repo, "b.txt", "b\n")
    assert run(repo, "{}", XDG_CACHE_HOME=str(cache)) == CLEAN
    path = cache / "credguard" / "quick.db"
    assert path.exists()
    return path


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def head_flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def writable(path: Path) -> None:
    """As if anybody could have written it; what it holds would find nothing."""
    blind(path)
    path.chmod(0o666)


def blind(path: Path) -> None:
    """A database that finds nothing, in a file that somebody without the checksum has written."""
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[b"never seen"], ids=[0], elements=1, flags=[0])
    head = fast_path.compute_cache_key().encode()
    path.write_bytes(head + bytes(4) + bytes(4) + hyperscan.dumpb(database))


DAMAGES: list[Callable[[Path], None]] = [
    emptied, cut, flipped, head_flipped, a_folder, a_pipe, a_loop, writable, blind,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_cache(repo: Repository, cache: Path, damage: Callable[[Path], None]) -> None:
    damage(cached(repo, cache))
    looks(repo, "{}", XDG_CACHE_HOME=str(cache))


@pytest.mark.skipif(not AS_ROOT, reason="needs a file of somebody else's")
def test_a_cache_of_somebody_else(repo: Repository, cache: Path) -> None:
    path = cached(repo, cache)
    os.chown(path, 12345, -1)
    looks(repo, "{}", XDG_CACHE_HOME=str(cache))


def test_a_cache_in_the_repository(repo: Repository, tmp_path: Path) -> None:
    """Where no home is known, and the cache's place is no absolute path, what the repository brings is no cache."""
    made = cached(repo, tmp_path / "cache")
    for base in ("~/.cache", "here"):
        (repo.folder / base / "credguard").mkdir(parents=True)
        shutil.copy(made, repo.folder / base / "credguard" / "quick.db")
    seen = f'strace -f -e trace=openat -o "{tmp_path}/trace" {PYTHON}' if shutil.which("strace") else PYTHON
    for variables in ({"HOME": "", "XDG_CACHE_HOME": None}, {"HOME": "here", "XDG_CACHE_HOME": "here"}):
        run(repo, seen, **variables)
        if shutil.which("strace"):
            assert "quick.db" not in "".join(
                line for line in (tmp_path / "trace").read_text().splitlines() if '"/' not in line
            )


def test_many_at_a_time(tmp_path: Path, cache: Path) -> None:
    """All begin without a cache, and write it at the same time."""
    repos = [Repository(tmp_path / f"r{number}") for number in range(6)]
    for number, repo in enumerate(repos):
        leak(repo, "c.ini", LEAK if number % 2 else "nothing\n")
    with ThreadPoolExecutor(6) as pool:
        for _ in range(3):
            codes = list(pool.map(lambda repo: run(repo, "{}", XDG_CACHE_HOME=str(cache)), repos))
            assert codes == [CLEAN, STOPPED] * 3
    assert sorted(path.name for path in (cache / "credguard").iterdir() if path.name.startswith("tmp")) == []


def test_the_tools_are_here() -> None:
    assert Path(which("sh")).is_absolute()
