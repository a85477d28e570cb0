"""Files that an agent is about to read: found, read as far as is asked, and known as secret by their names."""

from __future__ import annotations

import os
import stat

from credguard.system import compat

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 48 << 20
"""Of all files that one call reads; more takes longer than an agent waits."""
_MOST_FILES = 400
_SEARCHED = 8 << 20
_MOST_ENTRIES = 20_000
_MOST_TRIES = 2000
_SIGNS = ("*", "?", "[")
_SECRET_NAMES = frozenset(
    ".boto .s3cfg .passwd-s3fs passwd-s3fs .netrc _netrc .git-credentials .pgpass .vault-token rootkey.csv "
    "accesskeys.csv id_rsa id_dsa id_ecdsa id_ed25519 id_ecdsa_sk id_ed25519_sk .terraformrc credentials.tfrc.json "
    "rclone.conf .rclone.conf .dev.vars application_default_credentials.json access_tokens.db".split()
)
_SECRET_ENDS = ("/.aws/credentials", "_accesskeys.csv", "/.kube/config", "/.config/gh/hosts.yml")
_SECRET_FOLDERS = ("/.aws/sso/cache/", "/.aws/cli/cache/", "/.aws/login/cache/", "/.aws/boto/cache/")
_EXAMPLES = frozenset(
    "example examples sample samples template templates tmpl tpl dist default defaults schema skel test ci d.ts ts js "
    "md py go rs".split()
)


class TooLargeError(Exception):
    """What is to be read is more than can be checked in time."""


class LineRange:
    """Lines of a file, from 1, the last one included; `end` None for all that follow."""

    __slots__ = ("end", "start")

    def __init__(self, start: int = 1, end: int | None = None) -> None:
        self.start, self.end = start, end

    def cut(self, data: bytes) -> bytes:
        """The lines, with one more on each side: some callers count from 0."""
        if self.start <= 2 and self.end is None:
            return data
        lines = data.split(b"\n")
        return b"\n".join(lines[max(self.start - 2, 0) : None if self.end is None else self.end + 1])


def resolve(written: str, folder: str) -> str:
    """The path that a name leads to from a folder; "" for what can be none."""
    name = written[7:] if written.startswith("file://") else written
    if not name or len(name) > 4096 or "\0" in name or "\n" in name:
        return ""
    return os.path.normpath(os.path.join(folder, os.path.expanduser(name)))


def find_files(written: str, folder: str) -> list[str]:
    """The files that are there under a name, which may hold wildcards. Raises TooLargeError."""
    path = resolve(written, folder)
    if not path:
        return []
    if _is_file(path):
        return [path]
    if not any(sign in path for sign in _SIGNS):
        return []
    import glob

    found: list[str] = []
    for tried, one in enumerate(glob.iglob(path, recursive=True)):
        if tried > _MOST_ENTRIES or len(found) > _MOST_FILES:
            raise TooLargeError(f"{written} are too many files")
        if _is_file(one):
            found.append(one)
    return found


def walk(start: str, pattern: str, folder: str) -> list[str]:
    """The files below a folder whose names a pattern selects, as `find` gives them. Raises TooLargeError."""
    from fnmatch import fnmatch

    found, seen = [], 0
    for place, folders, names in os.walk(resolve(start, folder) or "."):
        folders[:] = [name for name in folders if name not in (".git", "node_modules")]
        seen += len(names)
        found += [
            os.path.join(place, name) for name in names if fnmatch(name.lower(), os.path.basename(pattern).lower())
        ]
        if seen > _MOST_ENTRIES or len(found) > _MOST_FILES:
            raise TooLargeError(f"{pattern} are too many files")
    return list(filter(_is_file, found))


def search(start: str, part: str, folder: str) -> str:
    """The lines that hold a text, in any case, of the first files of a folder. What is beyond them is not known before
    the search runs."""
    lines: list[str] = []
    left = _SEARCHED
    for number, path in enumerate(_iter_below(resolve(start, folder) or ".")):
        if number > _MOST_FILES or left <= 0:
            break
        try:
            data = read_part(path, None, left)
        except TooLargeError:
            continue
        left -= len(data)
        lines += [line for line in data.decode("utf-8", "replace").splitlines() if part in line.lower()]
    return "\n".join(lines)


def _iter_below(start: str) -> Iterator[str]:
    for place, folders, names in os.walk(start):
        folders[:] = [name for name in folders if name not in (".git", "node_modules")]
        yield from (os.path.join(place, name) for name in sorted(names))


def is_secret_by_name(path: str) -> bool:
    """True for a file that holds credentials whatever is found in it: `.aws/credentials`, `.env`, a private key."""
    low = path.replace("\\", "/").lower()
    name = low.rpartition("/")[2]
    if name in _SECRET_NAMES or low.endswith(_SECRET_ENDS) or any(one in low for one in _SECRET_FOLDERS):
        return True
    shared = os.environ.get("AWS_SHARED_CREDENTIALS_FILE")
    if shared and os.path.abspath(os.path.expanduser(shared)) == os.path.abspath(path):
        return True
    return _is_env(name)


def _is_env(name: str) -> bool:
    if name == ".env" or name.startswith(".env."):
        return _EXAMPLES.isdisjoint(name.split(".")[2:])
    stem, _, end = name.rpartition(".")
    return end == "env" and bool(stem) and _EXAMPLES.isdisjoint(stem.split("."))


def read_part(path: str, lines: LineRange | None, left: int) -> bytes:
    """What is asked of a file, b"" for what is none or cannot be read by this user; at most `left` bytes.

    Raises TooLargeError.
    """
    try:
        descriptor = compat.open_to_read(path, follow=True)
    except (OSError, ValueError):
        return b""
    with os.fdopen(descriptor, "rb") as handle:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            return b""
        if info.st_size > left:
            raise TooLargeError(f"{os.path.basename(path)} is too large to be checked in time")
        try:
            data = handle.read(left + 1)
        except OSError:
            return b""
    if len(data) > left:
        raise TooLargeError(f"{os.path.basename(path)} is too large to be checked in time")
    return lines.cut(data) if lines else data


def list_mentioned(prompt: str) -> Iterator[tuple[str, LineRange | None]]:
    """The names after `@` in a prompt, and the lines that are asked for; agents read these files without a tool."""
    for tried, piece in enumerate(prompt.split("@")[1:]):
        if tried > _MOST_TRIES:
            raise TooLargeError("the prompt mentions too many names with @")
        if piece[:1] in ("'", '"'):
            yield piece[1:].partition(piece[0])[0], None
            continue
        word = piece.replace("\\ ", "\0").split(maxsplit=1)[0].replace("\0", " ") if piece.split() else ""
        for name in dict.fromkeys(
            (word, word.partition("#")[0], word.rstrip(".,;:!?)]}>'\"`"), word.partition(":")[0])
        ):
            if name:
                yield name, None


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False
