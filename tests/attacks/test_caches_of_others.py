"""No other user can supply the compiled patterns or the notes on policies: a cache is read only where this user or root
alone can have put it. It may cost time, never an answer."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from credguard.system import ownership
from tests.hooking import LEAK, SECRET
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

from tests.caches import OTHER, as_root, found, owners, plant, posix


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
        ownership.write_owned(str(place / "cache/credguard/x"), b"")
    assert not list((place / "cache/credguard").iterdir())


@owners
def test_our_own_folder_below_a_sticky_one_is_as_good(place: Path) -> None:
    place.chmod(0o1777)
    ownership.write_owned(str(place / "a/credguard/x"), b"ours")
    assert ownership.read(str(place / "a/credguard/x")) == b"ours"
    with pytest.raises(ownership.NotBelieved):
        ownership.write_owned(str(place / "x"), b"")  # others can put files beside it


@owners
@pytest.mark.parametrize("mask", [0, 0o002, 0o077])
def test_with_any_mask_nobody_else_may_write_what_is_kept(place: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        ownership.write_owned(str(place / "a/b/credguard/x"), b"ours")
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
        ownership.write_owned(str(path), b"")
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
    assert ownership._walk_to_folder(str(folder), user, make=False) == os.path.realpath(folder)
    with pytest.raises(ownership.NotBelieved):
        ownership._walk_to_folder(str(folder), user + 1 if user != OTHER - 1 else 1, make=False)
    entries = ((1, 7, -1), (2, 7, OTHER), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    listed = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(folder, "system.posix_acl_access", listed)
    except OSError:
        pytest.skip("the file system has no access lists")
    with pytest.raises(ownership.NotBelieved):
        ownership._walk_to_folder(str(folder), user, make=False)


@as_root
def test_groups_of_others_and_that_of_root_are_others(place: Path) -> None:
    for group in (0, 1, OTHER):
        os.chown(place, 0, group)
        place.chmod(0o775)
        with pytest.raises(ownership.NotBelieved):
            ownership.write_owned(str(place / "x"), b"")


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
    paths = os.pathsep.join([str(Path(ownership.__file__).parents[2]), *here])
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
    ownership.write_owned(str(old), policy.encode())
    for _ in range(2):
        assert not found(repo.folder, "hook", "pre-commit", XDG_CACHE_HOME=str(cache))
    assert list((cache / "credguard").glob("quick-policy-*")) and not old.exists()
    repo.write({"c.ini": LEAK, ".credguard.yaml": f"{policy}custom-rules:\n{custom}"})
    assert found(repo.folder, "audit", XDG_CACHE_HOME=str(cache))
    for path in (cache / "credguard").iterdir():
        assert not [name for name, mark in marks.items() if mark.encode() in path.read_bytes()]
