"""No repository and no other user can supply the compiled patterns or the notes on policies: a cache is read only where
this user or root alone can have put it, and never out of what is scanned. It may cost time, never an answer."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import hyperscan
import pytest

from credguard import ownership
from tests.hooking import LEAK, SECRET, credguard
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OTHER = 65534
posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="files of others: root's tests")


def never() -> bytes:
    """A database that finds nothing, as the engine writes it."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[b"never q{9}ever"], ids=[0], elements=1, flags=[0])
    return bytes(hyperscan.dumpb(database))


def blind(stored: bytes) -> bytes:
    """The same cache file, all its sums right, with a database in which nothing is found."""
    start = stored.index(b"\n") + 1
    if stored.startswith(b"credguard quick"):
        head, body = stored[:start], bytes(4) + never()
        return head + zlib.crc32(head + body).to_bytes(4, "big") + body
    return stored[: start + 32] + blake2b(never(), digest_size=32).digest() + never()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with all that scan, audit, ci and the hooks keep, each file of it blind."""
    folder = tmp_path_factory.mktemp("planted")
    repo = Repository(folder / "repo")
    repo.commit("begin", {"README.md": "hello\n"})
    repo.commit("more", {"a.py": "x = 1\n"})
    for words in (("scan",), ("audit",), ("ci",), ("hook", "pre-commit")):
        done = credguard(*words, cwd=repo.folder, XDG_CACHE_HOME=str(folder / "cache"))
        assert done.returncode in (0, 3), done.stderr
    for path in (folder / "cache/credguard").iterdir():
        path.write_bytes(blind(path.read_bytes()))
    assert (folder / "cache/credguard/quick.db").exists()
    return folder / "cache/credguard"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository with a key that is staged, and committed before."""
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"README.md": "hello\n"})
    repo.commit("leak", {"c.ini": LEAK})
    repo.write({"d.py": LEAK})
    repo.add()
    return repo


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users can reach."""
    folder = Path(tempfile.mkdtemp(prefix="credguard-attack-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def plant(planted: Path, base: Path) -> Path:
    """Puts the blind cache where credguard would look for its own; gives that folder."""
    shutil.copytree(planted, base / "credguard")
    for path in (base, base / "credguard"):
        path.chmod(0o700)
    return base / "credguard"


def found(cwd: Path, *words: str, **environment: str) -> bool:
    """Whether credguard finds the key; else it must have said that there is none."""
    done = credguard(*words, cwd=cwd, **environment)
    assert done.returncode in (0, 1), done.stderr
    assert SECRET[4:] not in done.stdout + done.stderr
    return done.returncode == 1


def test_the_attack_is_real_where_the_cache_is_our_own(planted: Path, repo: Repository, tmp_path: Path) -> None:
    """What the following tests refuse would blind every command: the sums in the files do not protect."""
    plant(planted, tmp_path / "cache")
    for words in (("scan",), ("hook", "pre-commit")):
        assert not found(repo.folder, *words, XDG_CACHE_HOME=str(tmp_path / "cache"))


def in_the_checkout(repo: Repository) -> str:
    return str(repo.folder / ".cache")


def by_a_link(repo: Repository) -> str:
    (repo.folder.parent / "link").symlink_to(repo.folder / ".cache")
    return str(repo.folder.parent / "link")


def by_dots(repo: Repository) -> str:
    (repo.folder.parent / "x").mkdir()
    return f"{repo.folder.parent}/x/..//repo/./.cache"


PLACES: dict[str, Callable[[Repository], str]] = {
    "in the checkout": in_the_checkout, "by a link": by_a_link, "by dots": by_dots,
}  # fmt: skip


@posix
@pytest.mark.parametrize("words", ["scan", "scan c.ini", "audit", "ci --mode tree", "hook pre-commit"])
@pytest.mark.parametrize("where", PLACES)
def test_a_committed_cache_finds_what_there_is(planted: Path, repo: Repository, words: str, where: str) -> None:
    folder = plant(planted, repo.folder / ".cache")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    if words != "hook pre-commit":
        repo.add(force=True)
        repo.git("commit", "-qm", "cache")
    assert found(repo.folder, *words.split(), XDG_CACHE_HOME=PLACES[where](repo))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before  # nor is anything written there


@posix
def test_from_elsewhere_and_of_several(planted: Path, repo: Repository, tmp_path: Path) -> None:
    plant(planted, repo.folder / ".cache")
    other = Repository(tmp_path / "other")
    other.commit("begin", {"README.md": "hello\n"})
    cache = str(repo.folder / ".cache")
    assert found(tmp_path, "scan", "repo", XDG_CACHE_HOME=cache)
    assert found(tmp_path, "scan", str(repo.folder / "c.ini"), XDG_CACHE_HOME=cache)
    assert found(other.folder, "audit", "../repo", ".", "--jobs", "2", XDG_CACHE_HOME=cache)
    assert found(other.folder, "audit", repo.folder.as_uri(), XDG_CACHE_HOME=cache)


@posix
def test_home_is_the_checkout(planted: Path, repo: Repository) -> None:
    plant(planted, repo.folder / ".cache")
    assert found(repo.folder, "scan", HOME=str(repo.folder), XDG_CACHE_HOME="")
    assert found(repo.folder, "hook", "pre-commit", HOME=str(repo.folder), XDG_CACHE_HOME="")


@posix
def test_a_folder_without_git(planted: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    plant(planted, tree / "x/cache")
    (tree / "c.ini").write_text(LEAK)
    cache = str(tree / "x/cache")
    assert found(tree, "scan", XDG_CACHE_HOME=cache)
    assert found(tree / "x", "scan", "..", XDG_CACHE_HOME=cache)
    (tree / "x/cache/credguard/sub").mkdir()
    (tree / "x/cache/credguard/sub/c.ini").write_text(LEAK)
    assert found(tmp_path, "scan", "tree/x/cache/credguard/sub", XDG_CACHE_HOME=cache)


@posix
def test_in_the_folder_of_git_and_in_a_repository_around(planted: Path, repo: Repository) -> None:
    plant(planted, repo.folder / ".git/cache")
    assert found(repo.folder, "hook", "pre-commit", XDG_CACHE_HOME=str(repo.folder / ".git/cache"))
    inner = Repository(repo.folder / "inner")
    inner.commit("begin", {"README.md": "hello\n"})
    inner.write({"d.py": LEAK})
    inner.add()
    plant(planted, repo.folder / ".cache")
    assert found(inner.folder, "hook", "pre-commit", XDG_CACHE_HOME=str(repo.folder / ".cache"))
    assert found(inner.folder, "scan", XDG_CACHE_HOME=str(repo.folder / ".cache"))


@posix
def test_a_bare_repository_that_receives(planted: Path, repo: Repository, tmp_path: Path) -> None:
    bare = Repository(tmp_path / "bare.git", bare=True)
    plant(planted, bare.folder / "cache")
    hook = bare.folder / "hooks/pre-receive"
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m credguard hook pre-receive\n')
    hook.chmod(0o755)
    environment = os.environ | {"XDG_CACHE_HOME": str(bare.folder / "cache")}
    done = subprocess.run(
        ["git", "push", "-q", str(bare.folder), "main"], cwd=repo.folder, env=environment, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode and "CG103" in done.stderr


@posix
def test_a_message(planted: Path, repo: Repository) -> None:
    plant(planted, repo.folder / ".cache")
    (repo.folder / ".git/MSG").write_text(LEAK)
    assert found(repo.folder, "hook", "commit-msg", ".git/MSG", XDG_CACHE_HOME=str(repo.folder / ".cache"))


def others_file(folder: Path) -> None:
    for path in folder.iterdir():
        os.chown(path, OTHER, OTHER)


def others_folder(folder: Path) -> None:
    os.chown(folder, OTHER, OTHER)


def others_parent(folder: Path) -> None:
    os.chown(folder.parent, OTHER, OTHER)


def open_folder(folder: Path) -> None:
    folder.chmod(0o777)


def sticky_folder(folder: Path) -> None:
    folder.chmod(0o1777)


def open_parent(folder: Path) -> None:
    folder.parent.chmod(0o777)


def open_files(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o666)


def group_files(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o620)


def link_of_another(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))
    folder.symlink_to("moved")
    os.chown(folder, OTHER, OTHER, follow_symlinks=False)


def linked_files(folder: Path) -> None:
    folder.rename(folder.with_name("moved"))
    folder.mkdir()
    for path in folder.with_name("moved").iterdir():
        (folder / path.name).symlink_to(path)


WAYS = (
    others_file, others_folder, others_parent, open_folder, sticky_folder, open_parent, open_files, group_files,
    link_of_another, linked_files,
)  # fmt: skip


@as_root
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_cache_that_another_user_can_have_made_is_not_read(
    planted: Path, repo: Repository, place: Path, way: Callable[[Path], None]
) -> None:
    way(plant(planted, place / "cache"))
    assert found(repo.folder, "hook", "pre-commit", XDG_CACHE_HOME=str(place / "cache"))
    assert found(repo.folder, "scan", XDG_CACHE_HOME=str(place / "cache"))


@as_root
@pytest.mark.parametrize("way", [others_folder, others_parent, open_folder, sticky_folder, open_parent])
def test_nor_is_anything_written_there(place: Path, way: Callable[[Path], None]) -> None:
    (place / "cache/credguard").mkdir(parents=True)
    way(place / "cache/credguard")
    with pytest.raises(ownership.NotBelieved):
        ownership.write(str(place / "cache/credguard/x"), b"")
    assert not list((place / "cache/credguard").iterdir())


@posix
def test_our_own_folder_below_a_sticky_one_is_as_good(place: Path) -> None:
    place.chmod(0o1777)
    ownership.write(str(place / "a/credguard/x"), b"ours")
    assert ownership.read(str(place / "a/credguard/x")) == b"ours"
    with pytest.raises(ownership.NotBelieved):
        ownership.write(str(place / "x"), b"")  # others can put files beside it


@posix
@pytest.mark.parametrize("mask", [0, 0o002, 0o077])
def test_with_any_mask_nobody_else_may_write_what_is_kept(place: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        ownership.write(str(place / "a/b/credguard/x"), b"ours")
    finally:
        os.umask(before)
    for path in (place / "a", place / "a/b/credguard", place / "a/b/credguard/x"):
        assert not path.stat().st_mode & 0o077
    assert ownership.read(str(place / "a/b/credguard/x")) == b"ours"


@posix
@pytest.mark.parametrize("kind", ["pipe", "folder", "link to itself", "link into the dark"])
def test_what_is_no_regular_file_is_left_alone(place: Path, kind: str) -> None:
    path = place / "x"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("x" if kind == "link to itself" else "nowhere")
    before = path.lstat()
    with pytest.raises(OSError):  # noqa: PT011 - whichever it is, the cache is not used
        ownership.read(str(path))
    with pytest.raises(OSError):  # noqa: PT011
        ownership.write(str(path), b"")
    assert path.lstat() == before and not (place / "nowhere").exists()


def account_with_a_group() -> tuple[int, int]:
    """User and group of an account that has a group for itself alone."""
    import grp
    import pwd

    for one in pwd.getpwall():
        with contextlib.suppress(KeyError):
            group = grp.getgrgid(one.pw_gid)
            if one.pw_uid and (group.gr_name, [*group.gr_mem]) == (one.pw_name, []):
                return one.pw_uid, one.pw_gid
    pytest.skip("no account has a group for itself alone")


@as_root
@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="access lists of Linux")
def test_the_group_that_an_account_has_for_itself_is_that_account(place: Path) -> None:
    user, group = account_with_a_group()
    folder = place / "home"
    folder.mkdir()
    os.chown(folder, user, group)
    folder.chmod(0o775)
    assert ownership._walked(str(folder), user, make=False) == os.path.realpath(folder)
    with pytest.raises(ownership.NotBelieved):
        ownership._walked(str(folder), user + 1 if user != OTHER - 1 else 1, make=False)
    entries = ((1, 7, -1), (2, 7, OTHER), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    listed = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(folder, "system.posix_acl_access", listed)
    except OSError:
        pytest.skip("the file system has no access lists")
    with pytest.raises(ownership.NotBelieved):
        ownership._walked(str(folder), user, make=False)


@as_root
def test_groups_of_others_and_that_of_root_are_others(place: Path) -> None:
    for group in (0, 1, OTHER):
        os.chown(place, 0, group)
        place.chmod(0o775)
        with pytest.raises(ownership.NotBelieved):
            ownership.write(str(place / "x"), b"")


@as_root
def test_a_folder_that_another_user_swaps_all_the_time_is_never_believed(place: Path) -> None:
    """One thread plays the other user: the place is now ours, now a link to a folder of theirs."""
    (place / "open").mkdir()
    (place / "open").chmod(0o777)
    (place / "theirs").mkdir()
    (place / "theirs/x").write_bytes(b"theirs")
    (place / "ours").mkdir()
    (place / "ours/x").write_bytes(b"ours")
    ended = threading.Event()

    def swap() -> None:
        turn = 0
        while not ended.is_set():
            turn += 1
            os.symlink(place / ("ours" if turn % 2 else "theirs"), place / "open/new")
            os.replace(place / "open/new", place / "open/credguard")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(2000):
            with pytest.raises(OSError):  # noqa: PT011 - it may be missing for an instant
                ownership.read(str(place / "open/credguard/x"))
    finally:
        ended.set()
        thread.join()


def interpreter(folder: Path) -> list[str]:
    """How another user starts Python with this credguard: with ours, or the system's of the same version."""
    here = [path for path in sys.path if path.endswith("site-packages")]
    paths = os.pathsep.join([str(Path(ownership.__file__).parents[1]), *here])
    for python in (sys.executable, "/usr/bin/python3"):
        start = f"import sys; assert sys.version_info[:2] == {sys.version_info[:2]}; import hyperscan, credguard.cli"
        with_paths = ["env", f"PYTHONPATH={paths}", "PYTHONDONTWRITEBYTECODE=1", python]
        try:
            done = subprocess.run(
                [*with_paths, "-c", start], cwd=folder, user=OTHER, group=OTHER, extra_groups=[], capture_output=True,
                check=False,
            )  # fmt: skip
        except OSError:
            continue
        if done.returncode == 0:
            return with_paths
    pytest.skip("another user cannot start this Python")


@as_root
def test_a_cache_that_root_baked_into_an_image_is_used(planted: Path, place: Path) -> None:
    """Shown by a blind one: the unprivileged user believes root."""
    folder = plant(planted, place / "cache")
    for path in (folder.parent, folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o444)
    tree = place / "tree"
    tree.mkdir()
    (tree / "c.ini").write_text(LEAK)
    start = [*interpreter(place), "-m", "credguard", "scan", "tree"]
    for readable, code in ((True, 0), (False, 1)):
        folder.chmod(0o755 if readable else 0o777)
        done = subprocess.run(
            start, cwd=place, env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(folder.parent)}, user=OTHER,
            group=OTHER, extra_groups=[], capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == code, done.stderr


@posix
def test_a_database_of_other_patterns_is_not_taken_under_this_name(repo: Repository, tmp_path: Path) -> None:
    """Our own databases, swapped by name by whoever could: none is taken for another."""
    cache = tmp_path / "cache"
    for words in (("scan",), ("audit",), ("hook", "pre-commit")):
        assert found(repo.folder, *words, XDG_CACHE_HOME=str(cache))
    files = sorted((cache / "credguard").iterdir())
    contents = [path.read_bytes() for path in files]
    assert len(files) > 2
    for path, content in zip(files, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)
    for words in (("scan",), ("audit",), ("hook", "pre-commit")):
        assert found(repo.folder, *words, XDG_CACHE_HOME=str(cache))


def test_the_cache_holds_nothing_of_what_was_scanned(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    marks = {"policy": "a-word-of-the-policy", "file": "a-word-of-a-file", "secret": SECRET}
    policy = f"# {marks['policy']} {SECRET}\nversion: 1\n"
    marks["pattern"] = "live_Kx82hd"
    custom = "  - {id: ACME1, name: acme, keywords: [acme], pattern: 'acme_live_Kx82hd[a-z0-9]{8}'}\n"
    repo.commit("begin", {"README.md": "hello\n", ".credguard.yaml": policy})
    repo.write({"d.py": f"# {marks['file']}\n"})
    repo.add()
    cache = tmp_path / "cache"
    old = cache / "credguard/quick-policy-0123abcd"
    ownership.write(str(old), policy.encode())
    for _ in range(2):
        assert not found(repo.folder, "hook", "pre-commit", XDG_CACHE_HOME=str(cache))
    assert list((cache / "credguard").glob("quick-policy-*")) and not old.exists()
    repo.write({"c.ini": LEAK, ".credguard.yaml": f"{policy}custom-rules:\n{custom}"})
    assert found(repo.folder, "audit", XDG_CACHE_HOME=str(cache))
    for path in (cache / "credguard").iterdir():
        assert not [name for name, mark in marks.items() if mark.encode() in path.read_bytes()]
