"""What not every system has: the platform-specific names of Python's modules are used only here.

Every user of them works on systems without them, too: more slowly or, if documented, with fewer checks.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

BINARY = getattr(os, "O_BINARY", 0)
NO_TERMINAL = getattr(os, "O_NOCTTY", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
UNNAMED = getattr(os, "O_TMPFILE", 0)
NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_READ = os.O_RDONLY | BINARY | NO_TERMINAL | NO_WAIT
_JUNCTION = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)
_SPAWN = getattr(os, "posix_spawnp", None)
_READ_INTO = getattr(os, "readv", None)
_USER = getattr(os, "geteuid", None)
_SET_MODE = getattr(os, "fchmod", None)
_SET_OWNER = getattr(os, "fchown", None)
_FORK = getattr(os, "fork", None)
_LEAD = getattr(os, "setpgrp", None)
_KILL_GROUP = getattr(os, "killpg", None)
_CORES = getattr(os, "sched_getaffinity", None)
_AT = getattr(os, "pread", None)
_ATTRIBUTES = getattr(os, "listxattr", None)
_SET_BLOCKING = getattr(os, "set_blocking", None)
_NAME = getattr(os, "uname", None)
make_memory_file: Callable[[str], int] | None = getattr(os, "memfd_create", None)
"""Makes an open file that is in memory alone, which a read-only system has, too; None if there are none."""


def decode_path(path: bytes) -> str:
    """A path that git or the system returns as bytes, as the same text in every locale. Bytes that are not UTF-8 become
    lone surrogates, and `encode_path` reverses this; Python's own `fsdecode` raises for them on Windows."""
    return path.decode("utf-8", "surrogateescape")


def encode_path(path: str) -> bytes:
    """The bytes of a path of `decode_path`."""
    return path.encode("utf-8", "surrogateescape")


def machine() -> str:
    """The processor type, as in `platform.machine`."""
    if _NAME:
        return str(_NAME().machine)
    import platform  # which takes a millisecond

    return platform.machine()


def is_standalone_build() -> bool:
    """True in a build that brings its own Python: `sys.executable` is then credguard itself (pyinstaller.org,
    "Run-time Information")."""
    return bool(getattr(sys, "frozen", False))


def start_with_utf8() -> None:
    """Restarts this program if the locale would make Python decode file names differently from git: policies, baselines
    and fingerprints must be the same for everyone."""
    if os.name == "posix" and sys.getfilesystemencoding() != "utf-8" and sys.executable and not is_standalone_build():
        try:
            os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - as it was started
        except OSError:  # names that are not ASCII are then decoded as well as possible
            return


def open_to_read(path: str | os.PathLike[str], flags: int = 0, *, follow: bool = False) -> int:
    """A descriptor of the file at `path`; never waits for a pipe. Raises OSError, for a link with ELOOP unless
    `follow`. If the system supports neither, the file is checked before it is opened."""
    if not (NO_WAIT and NO_LINK):
        mode = os.stat(path, follow_symlinks=follow).st_mode
        if stat.S_ISLNK(mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO), os.fspath(path))
    return os.open(path, flags | _READ if follow else flags | _READ | NO_LINK)


def is_link(path: str | os.PathLike[str]) -> bool:
    """True for a symbolic link, and for Windows' junctions; False if it does not exist."""
    try:
        info = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISLNK(info.st_mode) or (
        _JUNCTION is not None and getattr(info, "st_reparse_tag", None) == _JUNCTION
    )  # fmt: skip


def get_user_id() -> int | None:
    """The user of this process; None if users have no numbers."""
    return _USER() if _USER else None


def is_ours(info: os.stat_result) -> bool:
    """True for a file of this process's user, and if files have no owners."""
    return _USER is None or info.st_uid == _USER()


def set_mode(descriptor: int, path: str | os.PathLike[str], mode: int) -> None:
    """Sets the mode of an open file with the path `path`; raises OSError."""
    if _SET_MODE:
        _SET_MODE(descriptor, mode)
    else:
        os.chmod(path, mode)


def set_owner(descriptor: int, user_id: int, group_id: int) -> None:
    """Sets user and group of an open file, if supported; raises OSError."""
    if _SET_OWNER:
        _SET_OWNER(descriptor, user_id, group_id)


def count_cores() -> int:
    """The processors that this process may use."""
    return len(_CORES(0)) if _CORES else os.cpu_count() or 1


can_spawn = _SPAWN is not None and hasattr(os, "waitstatus_to_exitcode")


def spawn(command: Sequence[str], environment: dict[str, str], stdin: int, stdout: int) -> int:
    """Starts a program of PATH with these descriptors, its error output dropped; returns the process ID; raises
    OSError."""
    if _SPAWN is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    null = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
    actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1), null]
    return int(_SPAWN(command[0], command, environment, file_actions=actions))


def read_into(descriptor: int, room: memoryview) -> int:
    """Reads what is available, at most as much as fits, without a copy; returns the number of bytes."""
    if _READ_INTO:
        return int(_READ_INTO(descriptor, [room]))
    data = os.read(descriptor, len(room))
    room[: len(data)] = data
    return len(data)


can_fork = _FORK is not None


def fork() -> int:
    """0 in the child; raises OSError if not supported."""
    if _FORK is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return int(_FORK())


def kill(process: int) -> None:
    """Kills a process of this user; raises OSError."""
    import signal

    os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def set_alarm(seconds: float, handle: Callable[[int, object], None]) -> bool:
    """Calls `handle` in the main thread after so many seconds, or with 0 no more; False if the system has no alarms."""
    try:
        from signal import ITIMER_REAL, SIGALRM, setitimer, signal
    except ImportError:
        return False
    signal(SIGALRM, handle)
    setitimer(ITIMER_REAL, seconds)
    return True


def lead_group() -> None:
    """Makes this process the leader of a process group, if the system has such."""
    if _LEAD:
        _LEAD()


def kill_group(leader: int) -> None:
    """Kills the process group of a leader, or where there are no groups the process alone; one that is gone is fine."""
    import signal

    try:
        if _KILL_GROUP:
            _KILL_GROUP(leader, signal.SIGKILL)
        else:
            os.kill(leader, signal.SIGTERM)
    except OSError:  # it is gone
        return


def may_run(process: int) -> bool:
    """False where it is certain that there is no such process."""
    if _KILL_GROUP is None:  # where signal 0 is no question
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def limit_file_size(size: int) -> None:
    """From now on neither this process nor one that it starts can write a larger file, if the system can do that."""
    try:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write fails instead
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size if most == resource.RLIM_INFINITY else min(size, most), most))
    except (ImportError, AttributeError, ValueError, OSError):
        return


def make_reader(descriptor: int) -> Callable[[int, int], bytes]:
    """Returns a function that reads a number of bytes at an offset of an open file; nothing else may read it in the
    meantime."""
    if _AT:
        from functools import partial

        return partial(_AT, descriptor)

    def read_at(length: int, start: int) -> bytes:
        os.lseek(descriptor, start, os.SEEK_SET)
        pieces = []
        while length > 0 and (piece := os.read(descriptor, length)):
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    return read_at


def widen(pipe: int, size: int) -> None:
    """Enlarges a pipe's buffer, if the system allows."""
    try:
        import fcntl
    except ImportError:
        return
    command = getattr(fcntl, "F_SETPIPE_SZ", None)
    if command is not None:
        try:
            fcntl.fcntl(pipe, command, size)
        except OSError:  # its size is unchanged
            return


def can_lock() -> bool:
    """True if files can be locked, which also means that an open one can be renamed and removed."""
    try:
        import fcntl  # noqa: F401 - whether it is there
    except ImportError:
        return False
    return True


def lock(descriptor: int, *, wait: bool = True) -> None:
    """Locks an open file or folder for as long as it is open; raises OSError, without `wait` also if another process
    has the lock. Does nothing if locks are not supported."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def wait_from_now_on(descriptor: int) -> None:
    """Clears the non-blocking flag with which a file was opened."""
    if _SET_BLOCKING:
        _SET_BLOCKING(descriptor, True)


def find_repository(folder: str) -> str | None:
    """The root of the work tree that contains a folder (a path without links), None if there is none."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def is_below(path: str, folder: str) -> bool:
    """True for the folder itself, and for what is in it; both are paths without links."""
    return path == folder or path.startswith(os.path.join(folder, ""))


def leave_out_programs(folders: Iterable[str]) -> None:
    """From now on no program is run from an entry of PATH that is relative or in one of the folders (paths without
    links): a repository may contain its own `git`."""
    entries = os.environ.get("PATH", "").split(os.pathsep)
    inside = [folder for folder in folders if folder not in (find_home_folder(), os.path.dirname(folder))]
    kept = [
        entry for entry in entries
        if os.path.isabs(entry) and not any(is_below(os.path.realpath(entry), folder) for folder in inside)
    ]  # fmt: skip
    if kept != entries:
        os.environ["PATH"] = os.pathsep.join(kept) or os.defpath


def find_home_folder() -> str | None:
    """The home folder of this account, whatever `HOME` is; None if unknown."""
    number = get_user_id()
    try:
        import pwd

        return pwd.getpwuid(number).pw_dir if number is not None else None
    except (ImportError, KeyError, OSError):
        return None


def is_own_group(group_id: int, user_id: int) -> bool:
    """True for a group that belongs to one account alone, as on Debian and Fedora: with the account's name and number,
    and without another member."""
    try:
        import grp
        import pwd

        account, group = pwd.getpwuid(user_id), grp.getgrgid(group_id)
        alone = not any(one.pw_gid == group_id and one.pw_uid != user_id for one in pwd.getpwall())
    except (ImportError, KeyError, OSError):
        return False
    named = group.gr_gid == account.pw_gid and group.gr_name == account.pw_name
    return named and alone and {*group.gr_mem} <= {account.pw_name}


def may_have_access_list(place: str) -> bool:
    """True unless it is certain that the folder has no access list."""
    if _ATTRIBUTES is None:
        return True
    try:
        return "system.posix_acl_access" in _ATTRIBUTES(place, follow_symlinks=False)
    except OSError:
        return True
