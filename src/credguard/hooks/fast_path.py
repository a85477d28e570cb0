"""Most commits contain nothing to report: this detects them before the rules are even imported.

Anything unusual (hits, special names, errors, no cache) is left to the full scan of `engine.change`.
"""

from __future__ import annotations

import os
import sys
import zlib

import credguard
from credguard import __version__
from credguard.git import commit_message, spawn
from credguard.hooks.engine import load_engine
from credguard.hooks.prefilter import Prefilter, serialize_prefilter
from credguard.system import compat, ownership

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from credguard.matching.database import Matcher

_LARGEST = 256 << 20
_MAGIC = "credguard quick 3"
POLICY = ".credguard.yaml"
MISNAMED = ".credguard.yml"
_LONGEST_POLICY = 1 << 16
_OLD_NOTE = len("quick-policy-01234567")
# File rules check names. Few of them apply to programs and pages, more to data and settings.
_CODE = tuple(
    ".py .pyi .js .jsx .ts .tsx .mjs .cjs .go .java .kt .rs .c .h .cc .cpp .hpp .cs .rb .php .swift .scala .ex .exs "
    ".erl .hs .lua .pl .r .jl .dart .m .vue .svelte .css .scss .less .html .htm .md .rst .svg .sql .proto .graphql "
    ".png .jpg .gif".split()
)
_CODE_WORDS = tuple("env cred docker container compose .gitignore .aws/ .mc/".split())
_DATA = tuple(".txt .json .yaml .yml .toml .sh .lock".split())
_DATA_WORDS = (
    *_CODE_WORDS,
    *"key secret aws boto s3 root example sample template dist default tfstate tfvars pulumi stack export checkpoint "
    "tmpl tpl skel history netrc rclone ignore token".split(),
)


def is_staged_clean() -> bool:
    """True if it is certain that scanning the staged content would find nothing.

    Checks each staged object and name with the cached database of all patterns. False only means that a full scan is
    needed.
    """
    try:
        return _can_run() and _has_clean_index()
    except Exception:  # noqa: BLE001 - whatever it is, the full way will meet it and tell
        return False


def is_message_clean(path: str) -> bool:
    """The same for a commit message that git has written to a file."""
    try:
        if not _can_run():
            return False
        glance = load_prefilter()
        with open(path, "rb") as handle:
            text = handle.read()
        return glance is not None and not any(map(glance.may_match, commit_message.list_message_views(text)))
    except Exception:  # noqa: BLE001 - as above
        return False


def _can_run() -> bool:
    ownership.leave_out((".",))
    return compat.can_spawn and not os.environ.get("PRE_COMMIT") and is_policy_known()


def _has_clean_index() -> bool:
    output, glance = call_while_loading((*spawn.STAGED, "HEAD", "--"))
    staged = None if output is None else _parse_staged(output)
    if glance is None or staged is None:
        return False
    names, objects = staged
    return not glance.may_match(b"\n".join(names)) and not any(
        glance.may_match(piece) and glance.needs_scan(spawn.iter_contents(piece))
        for piece in spawn.stream_objects(objects, _LARGEST)
    )


def is_policy_known() -> bool:
    """True if this repository has no policy, or a known one that adds nothing to detect."""
    if not os.path.lexists(".git"):
        return False  # not at the root, where the policy is
    if os.path.lexists(MISNAMED):
        return False
    try:
        with open(POLICY, "rb", opener=_open_itself) as handle:
            content = handle.read(_LONGEST_POLICY + 1)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    if len(content) > _LONGEST_POLICY:
        return False
    try:
        return ownership.read(locate_policy_note(content)) == build_policy_note(content)
    except OSError:
        return False


def _open_itself(path: str, flags: int) -> int:
    """Follows no link, and waits for no pipe."""
    return compat.open_to_read(path, flags)


def locate_policy_note(content: bytes) -> str:
    """The file that records that a policy with this content is valid and adds nothing to detect."""
    return f"{locate_cache()[:-3]}-policy-{_digest(content)}"


def build_policy_note(content: bytes) -> bytes:
    """The note itself: nothing of the policy's text, only a digest of its content."""
    return f"{compute_cache_key()}{_digest(content)}\n".encode()


def remove_old_notes() -> None:
    """Removes the notes of versions that stored the text of the policy; raises OSError."""
    folder = os.path.dirname(ownership.locate_trusted(locate_cache()))
    for name in os.listdir(folder):
        if name.startswith("quick-policy-") and len(name) == _OLD_NOTE:
            os.unlink(os.path.join(folder, name))


def compute_cache_key() -> str:
    """What the cached database and the notes depend on: versions, and the files of this package."""
    _, engine = load_engine()
    files: list[tuple[str, int, int]] = []
    _list_files(os.path.dirname(credguard.__file__), files)
    if compat.is_standalone_build():  # whose modules are inside the program
        info = os.stat(sys.executable)
        files.append(("", info.st_size, info.st_mtime_ns))
    return f"{_MAGIC} {__version__} {engine} {_digest(repr(sorted(files)).encode())}\n"


def _digest(content: bytes) -> str:
    from _blake2 import blake2b  # as in hashlib, which takes longer to import than git takes to run

    return blake2b(content, digest_size=32).hexdigest()


def _list_files(folder: str, found: list[tuple[str, int, int]]) -> None:
    """Adds name, size and time of each file of the package that affects the result."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith((".py", ".txt")):
                info = entry.stat()
                found.append((name, info.st_size, info.st_mtime_ns))
            elif "." not in name and name != "__pycache__":
                _list_files(entry.path, found)


def locate_cache() -> str:
    """The location of the database for this purpose; raises OSError if there is none."""
    return os.path.join(ownership.cache_folder(), "quick.db")


def serialize_cache(matcher: Matcher) -> bytes:
    """The content of the cache file for a matcher."""
    head, body = compute_cache_key().encode(), serialize_prefilter(matcher)
    return head + zlib.crc32(head + body).to_bytes(4, "big") + body


def is_cached() -> bool:
    """True if the cached database exists and is up to date."""
    try:
        return _load_cache() is not None
    except OSError:
        return False


def _load_cache() -> bytes | None:
    stored = ownership.read(locate_cache())
    head = compute_cache_key().encode()
    start = len(head) + 4
    if not stored.startswith(head) or zlib.crc32(head + stored[start:]).to_bytes(4, "big") != stored[len(head) : start]:
        return None
    return stored[start:]


def load_prefilter() -> Prefilter | None:
    """The patterns of all rules, None if they are not kept on this machine yet; raises OSError."""
    body = _load_cache()
    return Prefilter(body) if body is not None else None


def call_while_loading(arguments: tuple[str, ...], stdin: bytes = b"") -> tuple[bytes | None, Prefilter | None]:
    """The output of git, None unless it succeeds, and the patterns, which are loaded while git works. Raises Failed and
    OSError, and leaves no process behind: git may wait for a pipe in the place of one of its files."""
    process, output = spawn.start(arguments, stdin)
    try:
        prefilter = load_prefilter()
    except BaseException:
        spawn.stop(process, output)
        raise
    return spawn.finish_process(process, output), prefilter


def _parse_staged(output: bytes) -> tuple[list[bytes], list[bytes]] | None:
    """Names and object IDs of what is staged, None if anything about it is unusual."""
    *fields, end = output.split(b"\0")
    if end:
        return None
    names, objects = [], []
    for head, name in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, oid, status = head.split(b" ")
        if status[:1] == b"D":
            continue
        if status[:1] == b"U" or mode in (b"160000", b"040000") or may_concern_file_rule(name):
            return None
        names.append(name)
        objects.append(oid)
    return names, objects


def may_concern_file_rule(name: bytes) -> bool:
    """True unless it is certain that no file rule reports anything about a file of this name."""
    low = compat.decode_path(name).lower()
    words = _CODE_WORDS if low.endswith(_CODE) else _DATA_WORDS if low.endswith(_DATA) else None
    return words is None or any(word in low for word in words)
