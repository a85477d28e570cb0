"""Most commits hold nothing to judge: this tells so before the rules are even imported.

Whatever is unusual (hits, odd names, errors, no cache) is left to the full way of `gate`.
"""

from __future__ import annotations

import os
import zlib

from credguard import __version__, plumbing

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from typing import IO

_MOST_OBJECTS = 1400
_MAGIC = "credguard quick 1"
# File rules look at names. These endings, on a name without such words, are none that they know.
_SOURCE = (
    ".py .pyi .js .jsx .ts .tsx .mjs .cjs .go .java .kt .rs .c .h .cc .cpp .hpp .cs .rb .php .swift .scala .ex .exs "
    ".erl .hs .lua .pl .r .jl .dart .m .vue .svelte .css .scss .less .html .htm .md .rst .txt .svg .sql .proto "
    ".graphql .png .jpg .gif .json .yaml .yml .toml .sh .lock"
)
_ENDINGS = tuple(_SOURCE.split())
_WORDS = tuple(
    "env cred key secret aws boto s3 root docker container compose example sample template dist default tfstate tfvars "
    "pulumi stack export checkpoint .mc/ tmpl tpl skel history netrc rclone ignore token".split()
)

_OWN = ("AWS_", "BOTO_", "S3CMD_")
_OWN_WORDS = ("SECRET", "TOKEN", "CREDENTIAL", "CONFIG", "LOGIN")


def nothing_staged_to_judge() -> bool:
    """True when it is certain that judging the staged content would find nothing.

    Looks at each staged object and name with the cached database of all patterns. False means
    nothing but "look properly".
    """
    if not hasattr(os, "posix_spawnp") or os.environ.get("PRE_COMMIT") or _has_own_credentials():
        return False
    try:
        scan = _cached_scan()
        staged = _staged() if scan else None
        if staged is None or not scan:
            return False
        names, objects = staged
        return not scan(b"\n".join(names)) and _all_clean(objects, scan)
    except (OSError, ValueError, RuntimeError):
        return False


def state() -> str:
    """What the cached database depends on: versions, and the rule modules as they lie on disk."""
    folder = os.path.join(os.path.dirname(__file__), "rules")
    with os.scandir(folder) as entries:
        files = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in entries if e.name.endswith(".py"))
    own = os.stat(os.path.join(os.path.dirname(__file__), "decode.py"))
    from hyperscan._version import __version__ as engine

    return f"{_MAGIC} {__version__} {engine} {own.st_size} {own.st_mtime_ns} {zlib.crc32(repr(files).encode())}\n"


def cache_path() -> str:
    """Where the database for this purpose is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "credguard", "quick.db")


def pack(body: bytes) -> bytes:
    """The content of the cache file for a serialised database."""
    head = state().encode()
    return head + zlib.crc32(head + body).to_bytes(4, "big") + body


def remembered() -> bool:
    """True when the cached database is there and up to date."""
    try:
        return _unpacked() is not None
    except OSError:
        return False


def _unpacked() -> bytes | None:
    with open(cache_path(), "rb") as handle:
        info = os.fstat(handle.fileno())
        if info.st_uid != os.getuid() or info.st_mode & 0o022:
            return None
        stored = handle.read()
    head = state().encode()
    start = len(head) + 4
    if not stored.startswith(head) or zlib.crc32(head + stored[start:]).to_bytes(4, "big") != stored[len(head) : start]:
        return None
    return stored[start:]


class _Scan:
    """Calls hyperscan; true when any pattern matches. A match ends the pass."""

    def __init__(self, body: bytes) -> None:
        import hyperscan

        self._stopped = hyperscan.HyperscanError
        self._database = hyperscan.loadb(body, hyperscan.HS_MODE_BLOCK)
        self._database.scratch = hyperscan.Scratch(self._database)

    def __call__(self, data: bytes) -> bool:
        found: list[int] = []

        def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> bool:
            found.append(number)
            return True

        if data:
            try:
                self._database.scan(data, match_event_handler=note)
            except Exception as error:
                if not found:
                    raise RuntimeError from error
        return bool(found)


def _cached_scan() -> _Scan | None:
    body = _unpacked()
    return _Scan(body) if body is not None else None


def _staged() -> tuple[list[bytes], list[bytes]] | None:
    """Names and object IDs of what is staged, None when anything about it is unusual."""
    arguments = ("diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "HEAD", "--")
    process, output = plumbing.start(arguments)
    with output:
        fields = output.read().split(b"\0")
    if not plumbing.succeeded(process) or len(fields) > 2 * _MOST_OBJECTS:
        return None
    names, objects = [], []
    for head, name in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, oid, status = head.split(b" ")
        if status[:1] == b"D":
            continue
        if status[:1] == b"U" or mode == b"160000" or _concerns_a_file_rule(name):
            return None
        names.append(name)
        objects.append(oid)
    return names, objects


def _concerns_a_file_rule(name: bytes) -> bool:
    low = os.fsdecode(name).lower()
    return not low.endswith(_ENDINGS) or any(word in low for word in _WORDS)


def _all_clean(objects: list[bytes], scan: _Scan) -> bool:
    if not objects:
        return True
    process, output = plumbing.start(("cat-file", "--batch"), b"\n".join(objects) + b"\n")
    with output:
        clean = all(_is_clean(output, scan) for _ in objects)
    return plumbing.succeeded(process) and clean


def _is_clean(output: IO[bytes], scan: _Scan) -> bool:
    header = output.readline().split()
    size = int(header[2]) if len(header) == 3 else -1
    if not 0 <= size <= 256 << 20:
        return False
    data = output.read(size + 1)
    return len(data) == size + 1 and not scan(data)


def _has_own_credentials() -> bool:
    """True where this machine's own AWS credentials may have to be looked for as well."""
    if any(name.startswith(_OWN) and any(word in name for word in _OWN_WORDS) for name in os.environ):
        return True
    home = os.path.expanduser("~")
    return any(os.path.exists(os.path.join(home, name)) for name in (".aws", ".boto", ".s3cfg", ".passwd-s3fs"))
