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

from credguard.system import compat

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW = ".credguard-new-"
_STEM = 16  # characters of the name: with all that is added no system finds it too long
_TRIES = 100
_READER_SECONDS = 30.0
_OWN_DESCRIPTOR = re.compile(r"/(?:proc/(self|thread-self|\d+)(?:/task/\d+)?|dev)/fd/(\d{1,9})")
_CANNOT_REPLACE = (errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP)


def write_output(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes what a user asked for at `path`, whatever is there already; raises OSError.

    A device that takes characters, a pipe or a terminal is opened and written; a disk is refused. The target of a
    link is replaced, not the link, but no link in a repository leads out of it, or into git's own folder. A new file
    gets mode 0666 less the umask; one that was there keeps mode and owner.
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
    with create_temp_file(place, data, mode, keep_owner=keep_owner) as fresh:
        os.replace(fresh, place)


@contextlib.contextmanager
def create_temp_file(path: Path, data: bytes, mode: int | None = None, *, keep_owner: bool = False) -> Iterator[Path]:
    """A file with `data` beside `path`, on disk, to be renamed or linked to it; gone afterwards where it was not.

    Raises OSError. A run that is killed leaves at most one such file, which the next one for `path` takes away.
    """
    clear_leftovers(path)
    descriptor, name = _create_filled(path, data, mode, keep_owner=keep_owner)
    try:
        if not compat.can_lock():
            os.close(descriptor)  # Windows renames no file that is open
            descriptor = -1
        yield Path(name)
    finally:
        if descriptor >= 0:
            os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(name)


def clear_leftovers(path: Path) -> None:
    """Takes away what runs that were killed had begun to write for `path`; those that live hold a lock on theirs."""
    start = _build_prefix(path)
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(path.parent) if name.startswith(start)]
    for name in names:
        with contextlib.suppress(OSError):
            _remove_unless_held(str(path.parent / name))


def find_own_descriptor(name: str) -> int | None:
    """The descriptor of this process that `name` leads to (`/dev/stdout`, `/dev/fd/3`), None for other names.

    Raises OSError for one that this process was not given but has opened for itself.
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
    """The descriptor, if whoever started this process gave it: what Python opens is never passed on."""
    if number > 2 and not os.get_inheritable(number):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), name)
    return number


def _stat_target(name: str) -> os.stat_result | None:
    """What the name leads to, None where nothing is and a file can be made."""
    try:
        return os.stat(name)
    except FileNotFoundError:
        folder, last = os.path.split(name)
        os.stat(folder or os.curdir)
        if last in ("", os.curdir, os.pardir):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name) from None
        return None


def _check_links(name: str) -> None:
    """Raises OSError where a link that lies in a repository, which may have brought it, leads the report out of it."""
    here, last = os.path.split(os.path.join(os.getcwd(), name))
    end = os.path.realpath(name)
    while True:
        place = os.path.join(here, last)
        repository = compat.find_repository(os.path.realpath(here)) if compat.is_link(place) else None
        if repository and (
            not compat.is_below(end, repository) or compat.is_below(end, os.path.join(repository, ".git"))
        ):
            why = f"{place} is a link in a repository and leads out of it; name the file itself"
            raise OSError(errno.EPERM, why, name)
        above, last = os.path.split(here)
        if above == here:
            return
        here = above


def _is_shared(there: os.stat_result) -> bool:
    """True for a file whose other names are to show the new content as well, and for one of another user, which would
    become this user's by being replaced."""
    return there.st_nlink > 1 or (compat.get_user_id() not in (None, 0, there.st_uid))


def _is_same_file(place: str, there: os.stat_result) -> bool:
    """False for a link of /proc to a file that has no name any more, or another one."""
    try:
        return os.path.samestat(os.lstat(place), there)
    except OSError:
        return False


def _create_filled(path: Path, data: bytes, mode: int | None, *, keep_owner: bool) -> tuple[int, str]:
    """A new file beside `path`, its descriptor and name. Where the system can do that, it has no name until it is
    whole, so that a kill leaves none."""
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
    """A new file with a name, held by a lock."""
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | compat.BINARY | compat.NO_LINK
    for _ in range(_TRIES):
        name = _generate_name(path)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(name, flags, 0o666)
            _hold(descriptor)
            if os.path.lexists(name):  # else it was taken for a leftover before the lock was on it
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
    """A name beside `path` that nobody uses."""
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
    """Gives the new file the owner of the one that is there, as root may: another user goes on using it."""
    with contextlib.suppress(OSError):
        there, fresh = os.lstat(path), os.fstat(descriptor)
        if (there.st_uid, there.st_gid) != (fresh.st_uid, fresh.st_gid):
            compat.set_owner(descriptor, there.st_uid, there.st_gid)


def _write_in_place(name: str, data: bytes) -> None:
    """Opens what is there and writes it; a regular file is emptied first. For a pipe, waits a while for its reader."""
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
                raise OSError(errno.ENXIO, "nobody reads this pipe", name) from None
        time.sleep(0.01)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[_write_some(descriptor, rest) :]


def _write_some(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:  # a pipe whose other end was set so
        time.sleep(0.01)
        return 0
