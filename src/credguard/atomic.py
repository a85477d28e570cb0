"""Writes files so that nobody ever meets half of one, and never puts a file in the place of a device."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from credguard import system

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW = ".credguard-new"
_STALE = 60.0  # seconds after which a file that was begun beside its place belongs to a dead run
_OWN_DESCRIPTOR = re.compile(r"/(?:proc/(?:self|thread-self|\d+)(?:/task/\d+)?|dev)/fd/(\d{1,9})")
_CANNOT_REPLACE = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS)


def write_output(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes what a user asked for at `path`, whatever is there already; raises OSError.

    A device, a pipe or a terminal is opened and written. The target of a link is replaced, not the link. A new file
    gets mode 0666 less the umask; one that was there keeps its mode, and its owner where that can be kept.
    """
    name = os.fspath(path)
    own = _own_descriptor(name)
    if own is not None:
        _write_all(own, data)
        return
    try:
        there: os.stat_result | None = os.stat(name)
    except FileNotFoundError:
        there = None
    if there is not None and not stat.S_ISREG(there.st_mode):
        _write_in_place(name, data)
        return
    place = os.path.realpath(name)
    if there is not None and there.st_nlink > 1:  # its other names are to show the new report as well
        _write_in_place(place, data)
        return
    try:
        replace_file(place, data, stat.S_IMODE(there.st_mode) if there else None, keep_owner=True)
    except OSError as error:
        if there is None or error.errno not in _CANNOT_REPLACE:
            raise
        _write_in_place(place, data)  # a file that is mounted by itself, or in a folder of somebody else


def replace_file(
    path: str | os.PathLike[str], data: bytes, mode: int | None = None, *, keep_owner: bool = False
) -> None:
    """Puts a file with `data` at `path` in one step: at every instant the old or the new one is there, whole.

    `mode` None stands for 0666 less the umask; with `keep_owner` root leaves the file to whom it belonged. What is
    no regular file (a link, too) is refused. Raises OSError.
    """
    place = Path(path)
    with contextlib.suppress(FileNotFoundError):
        there = os.lstat(place)
        if not stat.S_ISREG(there.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(place))
    with new_file(place, data, mode, keep_owner=keep_owner) as fresh:
        os.replace(fresh, place)


@contextlib.contextmanager
def new_file(path: Path, data: bytes, mode: int | None = None, *, keep_owner: bool = False) -> Iterator[Path]:
    """A file with `data` beside `path`, on disk, to be renamed or linked to it; gone afterwards where it was not.

    Raises OSError. A run that is killed leaves at most one such file, which the next run takes away.
    """
    descriptor, name = _begin(path)
    try:
        _write_all(descriptor, data)
        if keep_owner:
            _keep_owner(descriptor, path)
        if mode is not None:
            system.set_mode(descriptor, name, mode)
        os.fsync(descriptor)
        name = name or _link(descriptor, path)
        os.close(descriptor)
        descriptor = -1
        yield Path(name)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        if name:
            with contextlib.suppress(OSError):
                os.unlink(name)


def _begin(path: Path) -> tuple[int, str]:
    """A new file of the folder and its name; without one where the system can do that, so that a kill leaves none."""
    if system.UNNAMED and os.path.exists("/proc/self/fd"):
        with contextlib.suppress(OSError):
            return os.open(path.parent, system.UNNAMED | os.O_RDWR, 0o666), ""
    name = _free_name(path)
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | system.BINARY | system.NO_LINK
    return os.open(name, flags, 0o666), name


def _link(descriptor: int, path: Path) -> str:
    """Gives the file a name."""
    name = _free_name(path)
    os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=descriptor, follow_symlinks=True)
    return name


def _free_name(path: Path) -> str:
    """A name beside `path` that nobody uses; what a dead run left is taken away."""
    name = str(path.with_name(f".{path.name[:200]}{_NEW}"))
    with contextlib.suppress(FileNotFoundError):
        age = time.time() - os.lstat(name).st_ctime
        if 0 <= age < _STALE:
            return f"{name}-{os.getpid()}-{time.monotonic_ns():x}"
        os.unlink(name)
    return name


def _keep_owner(descriptor: int, path: Path) -> None:
    """Gives the new file the owner of the one that is there, as root may: another user goes on using it."""
    with contextlib.suppress(OSError):
        there, fresh = os.lstat(path), os.fstat(descriptor)
        if (there.st_uid, there.st_gid) != (fresh.st_uid, fresh.st_gid):
            system.set_owner(descriptor, there.st_uid, there.st_gid)


def _own_descriptor(name: str) -> int | None:
    """The descriptor of this process that `name` leads to (`/dev/stdout`, `/dev/fd/3`), None for other names."""
    for _ in range(40):
        match = _OWN_DESCRIPTOR.fullmatch(os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name)))
        if match:
            return int(match[1]) if _is_own(match[0]) else None
        try:
            name = os.path.join(os.path.dirname(name), os.readlink(name))
        except OSError:
            return None
    return None


def _is_own(place: str) -> bool:
    return place.startswith(("/proc/self/", "/proc/thread-self/", "/dev/", f"/proc/{os.getpid()}/"))


def _write_in_place(name: str, data: bytes) -> None:
    """Opens what is there and writes it; a regular file is emptied first."""
    flags = os.O_WRONLY | os.O_TRUNC | system.NO_TERMINAL | system.BINARY
    descriptor = os.open(name, flags)
    try:
        _write_all(descriptor, data)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
