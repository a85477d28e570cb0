"""Writes files atomically, and never replaces a device with a file."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.system import compat

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW = ".credguard-new-"
_STEM = 16  # characters of the name, so that with all suffixes it is short enough for any system
_TRIES = 100
_READER_SECONDS = 30.0
_OWN_DESCRIPTOR = re.compile(r"/(?:proc/(self|thread-self|\d+)(?:/task/\d+)?|dev)/fd/(\d{1,9})")
_CANNOT_REPLACE = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP)


def write_output(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a user's output to `path`, whatever is there; raises OSError.

    A character device, a pipe or a terminal is opened and written; a disk is refused. The target of a link is replaced,
    not the link, but no link in a repository leads out of it, or into git's own folder. A new file gets mode 0666 less
    the umask; an existing one keeps mode and owner.
    """
    name = os.fspath(path)
    own = find_own_descriptor(name)
    if own is not None:
        _write_all(own, data)
        return
    _check_links(name)
    there = _stat_target(name)
    if there is not None and not stat.S_ISREG(there.st_mode):
        _write_in_place(name, data)
        return
    place = os.path.realpath(name)
    if there is not None and (_is_shared(there) or not _is_same_file(place, there)):
        _write_in_place(name, data)
        return
    try:
        replace_file(place, data, stat.S_IMODE(there.st_mode) if there else None, keep_owner=True)
    except OSError as error:
        if there is None or error.errno not in _CANNOT_REPLACE:
            raise
        _write_in_place(place, data)  # a file that is mounted by itself, or in a folder of another user


def replace_file(
    path: str | os.PathLike[str], data: bytes, mode: int | None = None, *, keep_owner: bool = False
) -> None:
    """Writes a file with `data` to `path` atomically: at every moment the old or the new one is there, complete.

    `mode` None means 0666 less the umask; with `keep_owner`, root keeps the file's owner. Anything but a regular file
    (including a link) is refused. Raises OSError.
    """
    place = Path(path)
    with contextlib.suppress(FileNotFoundError):
        there = os.lstat(place)
        if not stat.S_ISREG(there.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(place))
    with create_temp_file(place, data, mode, keep_owner=keep_owner) as fresh:
        os.replace(fresh, place)


@contextlib.contextmanager
def create_temp_file(path: Path, data: bytes, mode: int | None = None, *, keep_owner: bool = False) -> Iterator[Path]:
    """A file with `data` beside `path`, on disk, to be renamed or linked to it; removed afterwards if it was not.

    Raises OSError. A run that is killed leaves at most one such file, which the next one for `path` removes.
    """
    clear_leftovers(path)
    descriptor, name = _create_filled(path, data, mode, keep_owner=keep_owner)
    try:
        if not compat.can_lock():
            os.close(descriptor)  # Windows cannot rename an open file
            descriptor = -1
        yield Path(name)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(name)


def clear_leftovers(path: Path) -> None:
    """Removes the partial files that killed runs left for `path`; live runs hold a lock on theirs."""
    start = _build_prefix(path)
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(path.parent) if name.startswith(start)]
    for name in names:
        with contextlib.suppress(OSError):
            _remove_unless_held(str(path.parent / name))


def find_own_descriptor(name: str) -> int | None:
    """The descriptor of this process that `name` refers to (`/dev/stdout`, `/dev/fd/3`), None for other names.

    Raises OSError for one that this process did not inherit but opened itself.
    """
    for _ in range(40):
        folder, last = os.path.split(name)
        match = _OWN_DESCRIPTOR.fullmatch(os.path.join(os.path.realpath(folder), last))
        if match:
            return _check_inherited(int(match[2]), name) if _is_own(match[1]) else None
        try:
            name = os.path.join(folder, os.readlink(name))
        except (OSError, ValueError):
            return None
    return None


def _is_own(process: str | None) -> bool:
    return process in (None, "self", "thread-self", str(os.getpid()), _read_own_number())


def _read_own_number() -> str:
    """The number of this process in /proc, which may be that of another container."""
    try:
        return os.readlink("/proc/self")
    except OSError:
        return ""


def _check_inherited(number: int, name: str) -> int:
    """The descriptor, if it was inherited: what Python opens is never passed on."""
    if number > 2 and not os.get_inheritable(number):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), name)
    return number


def _stat_target(name: str) -> os.stat_result | None:
    """The target of the name, None if it does not exist and a file can be created."""
    try:
        return os.stat(name)
    except FileNotFoundError:
        folder, last = os.path.split(name)
        os.stat(folder or os.curdir)
        if last in ("", os.curdir, os.pardir):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name) from None
        return None


def _check_links(name: str) -> None:
    """Raises OSError if a link in a repository, which may have supplied it, leads the report out of it."""
    here, last = os.path.split(os.path.join(os.getcwd(), name))
    end = os.path.realpath(name)
    while True:
        place = os.path.join(here, last)
        repository = compat.find_repository(os.path.realpath(here)) if compat.is_link(place) else None
        if repository and (
            not compat.is_below(end, repository) or compat.is_below(end, os.path.join(repository, ".git"))
        ):
            why = f"{place} is a link in a repository and leads out of it; give the file itself"
            raise OSError(errno.EPERM, why, name)
        above, last = os.path.split(here)
        if above == here:
            return
        here = above


def _is_shared(there: os.stat_result) -> bool:
    """True for a file whose other names should show the new content too, and for one of another user, whose owner would
    change if it was replaced."""
    return there.st_nlink > 1 or (compat.get_user_id() not in (None, 0, there.st_uid))


def _is_same_file(place: str, there: os.stat_result) -> bool:
    """False for a link of /proc to a file without a name, or with another one."""
    try:
        return os.path.samestat(os.lstat(place), there)
    except OSError:
        return False


def _create_filled(path: Path, data: bytes, mode: int | None, *, keep_owner: bool) -> tuple[int, str]:
    """A new file beside `path`, its descriptor and name. If the system supports it, it has no name until it is
    complete, so that a kill leaves none."""
    if compat.UNNAMED and os.path.exists("/proc/self/fd"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path.parent, compat.UNNAMED | os.O_RDWR, 0o666)
            with _close_on_error(descriptor):
                _fill(descriptor, "", path, data, mode, keep_owner=keep_owner)
                return descriptor, _link(descriptor, path)
    descriptor, name = _begin(path)
    try:
        with _close_on_error(descriptor):
            _fill(descriptor, name, path, data, mode, keep_owner=keep_owner)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return descriptor, name


@contextlib.contextmanager
def _close_on_error(descriptor: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        os.close(descriptor)
        raise


def _fill(descriptor: int, name: str, path: Path, data: bytes, mode: int | None, *, keep_owner: bool) -> None:
    _hold(descriptor)
    _write_all(descriptor, data)
    if keep_owner:
        _keep_owner(descriptor, path)
    if mode is not None:
        compat.set_mode(descriptor, name, mode)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def _begin(path: Path) -> tuple[int, str]:
    """A new file with a name, locked."""
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | compat.BINARY | compat.NO_LINK
    for _ in range(_TRIES):
        name = _generate_name(path)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(name, flags, 0o666)
            _hold(descriptor)
            if os.path.lexists(name):  # otherwise it was removed as a leftover before it was locked
                return descriptor, name
            os.close(descriptor)
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _link(descriptor: int, path: Path) -> str:
    """Gives the file a name."""
    name = _generate_name(path)
    os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=descriptor, follow_symlinks=True)
    return name


def _build_prefix(path: Path) -> str:
    return f".{path.name[:_STEM]}{_NEW}"


def _generate_name(path: Path) -> str:
    """An unused name beside `path`."""
    return str(path.with_name(f"{_build_prefix(path)}{os.urandom(8).hex()}"))


def _hold(descriptor: int) -> None:
    """Locks the file for as long as this process lives or has it open."""
    with contextlib.suppress(OSError):
        compat.lock(descriptor)


def _remove_unless_held(name: str) -> None:
    if not compat.can_lock():
        os.unlink(name)
        return
    descriptor = compat.open_to_read(name)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            compat.lock(descriptor, wait=False)
            os.unlink(name)
    finally:
        os.close(descriptor)


def _keep_owner(descriptor: int, path: Path) -> None:
    """Gives the new file the owner of the existing one, as root can: another user continues to use it."""
    with contextlib.suppress(OSError):
        there, fresh = os.lstat(path), os.fstat(descriptor)
        if (there.st_uid, there.st_gid) != (fresh.st_uid, fresh.st_gid):
            compat.set_owner(descriptor, there.st_uid, there.st_gid)


def _write_in_place(name: str, data: bytes) -> None:
    """Opens the existing file and writes to it; a regular file is truncated first. For a pipe, waits a while for its
    reader."""
    flags = os.O_WRONLY | os.O_TRUNC | compat.NO_TERMINAL | compat.BINARY
    descriptor = _open_with_reader(name, flags | compat.NO_WAIT)
    try:
        if stat.S_ISBLK(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is a disk", name)
        if compat.NO_WAIT:
            compat.wait_from_now_on(descriptor)
        _write_all(descriptor, data)
    finally:
        os.close(descriptor)


def _open_with_reader(name: str, flags: int) -> int:
    end = time.monotonic() + _READER_SECONDS
    while True:
        try:
            return os.open(name, flags)
        except OSError as error:
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(os.stat(name).st_mode):
                raise
            if time.monotonic() > end:
                raise OSError(errno.ENXIO, "this pipe has no reader", name) from None
        time.sleep(0.01)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[_write_some(descriptor, rest) :]


def _write_some(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:  # a pipe whose other end is non-blocking
        time.sleep(0.01)
        return 0
