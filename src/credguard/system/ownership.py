"""Whether a file from an earlier run can be trusted: owned by this user or root, where no one else can replace it, and
outside of everything that is scanned.

The path is walked from the root down, link by link. In a folder that only root and this user can change, no one else
can swap what was checked: so each step is valid for the next one, and the last for the file until it is open. In a
folder that is writable by all but sticky (`/tmp`), the system lets no one but this user, root and the folder's owner
rename or remove this user's files, so that a folder below it owned by this user is as good; but files directly in it
are not trusted, because others can add another one beside it.
"""

from __future__ import annotations

import os
import stat
import sys

from credguard.system import compat

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from collections.abc import Iterable

CACHE_VARIABLE = "CREDGUARD_CACHE_DIR"
_MOST_LINKS = 40
_LARGEST = 256 << 20
_scanned: dict[tuple[int, int], str] = {}


class NotBelieved(OSError):  # noqa: N818 - it says what is the case; the run goes on without the file
    """Someone else may have created the file, or what is scanned may contain it; the text says why."""


def leave_out(paths: Iterable[str]) -> None:
    """From now on, until the next call, nothing is trusted that is in one of `paths`, which are scanned, in the
    repository of one, or in what the environment passes to git; nor is a program run from there."""
    _scanned.clear()
    for path in (*paths, *filter(None, map(os.environ.get, ("GIT_WORK_TREE", "GIT_DIR")))):
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):  # the current folder is gone, or the name is invalid: nothing is scanned there
            continue
        for place in {real, compat.find_repository(real) or real}:
            if os.path.isdir(place):
                _scanned[_identify(os.stat(place))] = place
    compat.leave_out_programs(_scanned.values())


def cache_folder() -> str:
    """credguard's cache folder: `$CREDGUARD_CACHE_DIR`, `$XDG_CACHE_HOME/credguard`, or the platform's default; raises
    FileNotFoundError if there is none."""
    named = os.environ.get(CACHE_VARIABLE, "")
    return named if os.path.isabs(named) else _find_default_folder()


def list_cache_folders() -> list[str]:
    """The cache folder, and behind it that of this user, for what is stored where the first one cannot be written."""
    folders = [cache_folder()]
    try:
        folders.append(_find_default_folder())
    except FileNotFoundError:
        return folders
    return list(dict.fromkeys(folders))


def _find_default_folder() -> str:
    if sys.platform == "win32":
        bases = [os.environ.get("LOCALAPPDATA", "")]
    else:
        bases = [os.environ.get("XDG_CACHE_HOME", ""), os.path.join(os.path.expanduser("~"), ".cache")]
    base = next(filter(os.path.isabs, bases), None)
    if base is None:
        raise FileNotFoundError("there is no home folder")
    return os.path.join(base, "credguard")


def read(path: str) -> bytes:
    """The content of a trusted file; raises OSError, and NotBelieved for any other."""
    place = _check_apart(locate_trusted(path))
    before = os.lstat(place)  # a pipe or a device is not even opened
    _check_file(place, before)
    descriptor = compat.open_to_read(place)
    with os.fdopen(descriptor, "rb") as handle:
        info = os.fstat(descriptor)
        _check_file(place, info)
        if _identify(info) != _identify(before):
            raise NotBelieved(f"{place} was swapped")
        return handle.read(_LARGEST)


def write_owned(path: str, data: bytes) -> None:
    """Writes a file for `read`, readable only by this user, and creates its folder; raises OSError, and NotBelieved if
    `read` would not trust it."""
    from credguard.system.atomic import replace_file

    replace_file(_check_apart(locate_trusted(path, make=True)), data, 0o600)


def locate_trusted(path: str, *, make: bool = False) -> str:
    """The path without links, if its folder can be trusted; raises OSError, and NotBelieved with the reason. `make`
    creates missing folders, accessible only to this user."""
    above, name = os.path.split(os.path.join(os.getcwd(), path))
    if name in ("", os.curdir, os.pardir):
        raise NotBelieved(f"{path} is not a file name")
    user = compat.get_user_id()
    if user is None:  # on Windows
        return os.path.join(_resolve_in_profile(above, make=make), name)
    return os.path.join(_walk_to_folder(above, user, make=make), name)


def check_file(place: str) -> None:
    """Raises NotBelieved unless the file (not a link's target) can be trusted; its folder is `located`."""
    _check_file(place, os.lstat(place))


def _check_apart(place: str) -> str:
    """The same, unless something beside the file is scanned."""
    folder = os.path.join(os.path.dirname(place), "")
    if any(scanned.startswith(folder) for scanned in _scanned.values()):
        raise NotBelieved(f"{folder} contains what is scanned")
    mounts = _list_mounts()
    device, inside = _locate_on_disk(place, mounts)
    for scanned in _scanned.values():
        its_device, its_inside = _locate_on_disk(scanned, mounts)
        if device == its_device and inside.startswith(its_inside.rstrip("/") + "/"):
            raise NotBelieved(f"{folder} is mounted from what is scanned")
    return place


def _list_mounts() -> list[tuple[str, str, str]]:
    """Mount point, device and the mounted folder of the device, of each mount (proc_pid_mountinfo(5)); none if the
    system does not report it."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
            rows = [line.split(" ", 5) for line in table]
    except OSError:
        return []
    return [(_unescape(row[4]), row[2], _unescape(row[3])) for row in rows if len(row) > 5]


def _unescape(word: str) -> str:
    for escape, mark in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(escape, mark)
    return word


def _locate_on_disk(place: str, mounts: list[tuple[str, str, str]]) -> tuple[str, str]:
    """The device of a path, and its path there, wherever it is mounted; ("", place) if unknown."""
    best = ("", "", "")
    for point, device, root in mounts:  # a later mount covers an earlier one at the same point
        if len(point) >= len(best[0]) and (place == point or place.startswith(point.rstrip("/") + "/")):
            best = (point, device, root)
    point, device, root = best
    return device, root.rstrip("/") + "/" + place[len(point) :].lstrip("/")


def _walk_to_folder(path: str, user: int, *, make: bool) -> str:
    """The folder that `path` leads to, if only this user and root can redirect it or change its content."""
    here, left, links = "/", path.split("/")[::-1], 0
    _check_folder(here, os.lstat(here), user)
    while left:
        name = left.pop()
        if name == "..":
            here = os.path.dirname(here)
        if name in ("", ".", ".."):
            continue
        place = f"{here}/{name}" if here != "/" else f"/{name}"
        try:
            info = os.lstat(place)
        except FileNotFoundError:
            if not make:
                raise
            os.mkdir(place, 0o700)
            info = os.lstat(place)
        if stat.S_ISLNK(info.st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise NotBelieved(f"{path} leads through too many links")
            _check_owner(place, info, user)
            target = os.readlink(place)
            here = "/" if target.startswith("/") else here
            left += target.split("/")[::-1]
        else:
            _check_folder(place, info, user)
            here = place
    info = os.lstat(here)
    if info.st_mode & stat.S_ISVTX and info.st_mode & 0o022:
        raise NotBelieved(f"others can write to {here}")
    return here


def _check_folder(place: str, info: os.stat_result, user: int) -> None:
    if not stat.S_ISDIR(info.st_mode):
        raise NotADirectoryError(20, "not a folder", place)
    _check_owner(place, info, user)
    if info.st_mode & 0o022 and not info.st_mode & stat.S_ISVTX and not _is_of_own_group(place, info, user):
        raise NotBelieved(f"others can write to {place}")
    _check_outside(place, info)


def _check_owner(place: str, info: os.stat_result, user: int) -> None:
    if info.st_uid not in (user, 0):
        raise NotBelieved(f"{place} belongs to another user")


def _check_file(place: str, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise NotBelieved(f"{place} is not a regular file")
    user = compat.get_user_id()
    if user is not None:
        _check_owner(place, info, user)
        if info.st_mode & 0o022:  # with an access list, the bits of the group are the most that it allows anyone
            raise NotBelieved(f"others can write to {place}")


def _check_outside(place: str, info: os.stat_result) -> None:
    """No repository supplies a trusted file, not even one that is not scanned now."""
    if _identify(info) in _scanned:
        raise NotBelieved(f"{place} is scanned")
    if os.path.lexists(f"{place}/.git") and not _is_home(info):
        raise NotBelieved(f"{place} is a git repository")
    if os.path.lexists(f"{place}/HEAD") and os.path.lexists(f"{place}/objects"):
        raise NotBelieved(f"{place} is a git repository")


def _identify(info: os.stat_result) -> tuple[int, int]:
    """Identifies a folder, however its name is spelled."""
    return info.st_dev, info.st_ino


def _is_home(info: os.stat_result) -> bool:
    """True for the home folder of this account (not `HOME`): users keep settings there in their own repository, and
    what they scan below it is another one."""
    home = compat.find_home_folder()
    try:
        return home is not None and _identify(os.stat(home)) == _identify(info)
    except OSError:
        return False


def _is_of_own_group(place: str, info: os.stat_result, user: int) -> bool:
    """True if the users with write access are the group that belongs to one account alone, and no access list adds
    others."""
    if info.st_mode & 0o002 or not info.st_gid:
        return False
    return compat.is_own_group(info.st_gid, user) and not compat.may_have_access_list(place)


def _resolve_in_profile(path: str, *, make: bool) -> str:
    """The folder on Windows, where the platform keeps others out of the user's profile: owners are not checked there,
    but nothing outside of the profile is trusted."""
    real = place = os.path.realpath(path)
    profile, is_below = _identify(os.stat(os.path.expanduser("~"))), False
    while True:
        if os.path.isdir(place):
            info = os.stat(place)
            _check_outside(place, info)
            is_below = is_below or _identify(info) == profile
        elif os.path.lexists(place) or not make:
            raise NotADirectoryError(20, "not a folder", place)
        above = os.path.dirname(place)
        if above == place:
            break
        place = above
    if not is_below:
        raise NotBelieved(f"{real} is outside of the user's profile")
    if make:
        os.makedirs(real, 0o700, exist_ok=True)  # which Python has turned into access rights since 3.12.4
    return real
