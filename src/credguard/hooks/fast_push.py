"""Most pushes bring nothing to report, many nothing at all: this detects them before the rules are even imported.

Anything unusual (hits, special names, a change of policy or of its enforcement, errors, no cache) is left to the full
scan of `engine.receive`.
"""

from __future__ import annotations

import os
import sys

from credguard.git import spawn
from credguard.hooks import fast_path, server_options
from credguard.hooks.deadline import Deadline, LateError
from credguard.hooks.push_note import load_note
from credguard.system import compat, ownership

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.hooks.prefilter import Prefilter

_LARGEST = 256 << 20
_DEFAULT_BRANCHES = (b"HEAD^{commit}", b"refs/heads/main^{commit}", b"refs/heads/master^{commit}")
_POLICY_FILES = (fast_path.POLICY, fast_path.MISNAMED, ".credguard-baseline")
"""What may loosen something where there was nothing before, and no default branch calls credguard."""
_SIMPLE_TAG = b"type commit"
_RAW = ("--raw", "-z", "--no-renames", "--no-abbrev")
# One process takes three quarters of the time of `rev-list` and `diff-tree`; with -c, a merge brings only what differs
# from every parent.
_LOG = (*spawn.PLAIN_LOG, *_RAW, "-c", "--root", "--pretty=tformat:%H", "--stdin", "--not", "--all")
_COMPARE = ("diff-tree", "--stdin", "--always", "-r", *_RAW)
_GITLINK = b"160000"
_MANY = 300
"""Objects from which on those without anything to report are noted, so that the full scan leaves them out."""
_LONGEST_LINE = 80
_received: list[bytes] = []
cleared: set[str] = set()
"""The objects of this push that need no rule of a usual policy."""


def read_received() -> bytes:
    """Standard input, read once: what git tells about the push."""
    if not _received:
        _received.append(sys.stdin.buffer.read())
    return _received[0]


def find_git_dir() -> str:
    """The repository that receives, as git tells its hooks; or the current folder, in which they run."""
    return os.environ.get("GIT_DIR") or os.curdir


def is_push_clean(arguments: Sequence[str]) -> bool:
    """True if it is certain that scanning what git tells on standard input would find nothing; `arguments` are those of
    the hook. False only means that a full scan is needed."""
    try:
        if not _can_run() or (options := server_options.parse(arguments)) is None:
            return False
        if server_options.find_misuse(options):
            return False
        deadline = Deadline(server_options.find_deadline(options))
        deadline.arm()
        try:
            return _is_clean(read_received(), deadline)
        finally:
            deadline.disarm()
    except (Exception, LateError):  # noqa: BLE001 - whatever it is, the full way will meet it and tell
        return False


def _can_run() -> bool:
    """False where standard input must stay unread for a restart, or where history ends at a shallow boundary."""
    ownership.leave_out((".",))
    git_dir = find_git_dir()
    odd = ("shallow", "commondir")
    return (
        compat.can_spawn
        and sys.getfilesystemencoding() == "utf-8"
        and os.path.isdir(os.path.join(git_dir, "objects"))
        and not any(os.path.lexists(os.path.join(git_dir, name)) for name in odd)
        and not os.environ.get("GIT_SHALLOW_FILE")
    )


def _is_clean(data: bytes, deadline: Deadline) -> bool:
    lines = [line.rsplit(b" ", 2) for line in data.removesuffix(b"\n").split(b"\n") if line]
    if any(len(line) != 3 for line in lines):
        return False
    brought = [line for line in lines if line[1].strip(b"0")]
    if not brought:
        return True
    new = list(dict.fromkeys(line[1] for line in brought))
    asked = _join((*_DEFAULT_BRANCHES, *_peel(new), *new))
    output, prefilter = fast_path.call_while_loading(("cat-file", "--batch-check"), asked)
    kinds = _parse_kinds(output)
    if prefilter is None or kinds is None:
        return False
    count = len(_DEFAULT_BRANCHES)
    default = next((oid for oid, kind in kinds[:count] if kind == b"commit"), None)
    heads = [oid for oid, kind in kinds[count : count + len(new)] if kind == b"commit"]
    tags = [oid for oid, kind in kinds[count + len(new) :] if kind == b"tag"]
    if len(heads) < len(new):
        return False
    excluded = [b"^" + line[0] for line in brought if line[0].strip(b"0")]
    log = spawn.call(_LOG, _join((*dict.fromkeys(heads), *excluded)))
    comparison = _Comparison(dict.fromkeys(heads), default, log)
    usual = (
        comparison.is_usual
        and not prefilter.may_match(b"\n".join((*(line[2] for line in brought), *comparison.names)))
        and _are_simple(tags, prefilter)
    )
    if not usual and len(comparison.objects) < _MANY:
        return False
    return _clear(comparison.objects, prefilter, deadline) and usual


def _join(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _peel(oids: Iterable[bytes]) -> Iterator[bytes]:
    return (oid + b"^{commit}" for oid in oids)


def _parse_kinds(output: bytes | None) -> list[tuple[bytes, bytes]] | None:
    """ID and type of each object that was asked for, the type empty for one that does not exist."""
    if output is None:
        return None
    lines = [line.split(b" ") for line in output.splitlines()]
    return [(words[0], words[1] if len(words) == 3 else b"") for words in lines]


def _are_simple(tags: list[bytes], prefilter: Prefilter) -> bool:
    """True if the annotated tags say nothing to report, and each leads to a commit at once."""
    return all(
        not prefilter.may_match(piece)
        and all(bytes(tag).split(b"\n", 2)[1] == _SIMPLE_TAG for tag in spawn.iter_contents(piece))
        for piece in (spawn.stream_objects(tags, _LARGEST) if tags else ())
    )


class _Comparison:
    """What the commits bring: the names and the objects, the newest commit first. It `is_usual` unless a name may
    concern a file rule, or a head differs from the default branch in something by which pushes are judged."""

    def __init__(self, heads: Iterable[bytes], default: bytes | None, log: bytes) -> None:
        """Raises Failed."""
        note = load_note(find_git_dir()) if default else None
        self.is_usual = note is not None if default else _lacks_policy(heads)
        if note and default:
            pairs = dict.fromkeys(b"%s %s" % (one, note.commit) for one in (*heads, default) if one != note.commit)
            compared = _parse_sections(spawn.call(_COMPARE, _join(pairs))) if pairs else []
            if len(compared) != len(pairs):
                raise spawn.Failed
            if any(note.governs(name) for _, entries in compared for _, name in entries):
                self.is_usual = False
        self.names: dict[bytes, None] = {}
        self.objects: dict[bytes, None] = {}
        for commit, entries in _parse_sections(log):
            self.objects[commit] = None
            for entry, name in entries:
                modes, oid, status = entry.rsplit(b" ", 2)
                # There is a mode and an ID for each parent; the last of both are those of the commit.
                if status[:1] != b"D" and modes.split(b" ")[entry.count(b":")] != _GITLINK:
                    self.names[name] = self.objects[oid] = None
        self.is_usual = self.is_usual and not any(map(fast_path.may_concern_file_rule, self.names))


def _parse_sections(output: bytes) -> list[tuple[bytes, list[tuple[bytes, bytes]]]]:
    """The commit of each comparison, and entry and name of each file that differs."""
    found: list[tuple[bytes, list[tuple[bytes, bytes]]]] = []
    fields = iter(output.split(b"\0")[:-1])
    for field in fields:
        if field.startswith((b":", b"\n:")):
            found[-1][1].append((field, next(fields)))
        elif field.strip():  # an empty one follows the line of a merge
            found.append((field.strip(), []))
    return found


def _lacks_policy(heads: Iterable[bytes]) -> bool:
    """True if none of the commits has a policy or a baseline."""
    asked = [head + b":" + name.encode() for head in heads for name in _POLICY_FILES]
    kinds = _parse_kinds(spawn.call(("cat-file", "--batch-check"), _join(asked)))
    return kinds is not None and not any(kind for _, kind in kinds)


def _clear(objects: dict[bytes, None], prefilter: Prefilter, deadline: Deadline) -> bool:
    """True if none of the objects needs the rules; of many, the others are noted as cleared."""
    many = len(objects) >= _MANY
    suspects: set[bytes] = set()
    for piece in spawn.stream_objects(list(objects), _LARGEST):
        if not deadline.has_time():
            return False
        if not prefilter.may_match(piece) or (many and not prefilter.may_match(_join_contents(piece))):
            continue
        for oid, kind, content in spawn.iter_objects(piece):
            if prefilter.needs_scan((_strip_ids(kind, content),)):
                suspects.add(oid)
                if not many:
                    return False
    if many:
        cleared.update(oid.decode() for oid in objects if oid not in suspects)
    return not suspects


def _join_contents(piece: bytes | memoryview) -> bytes:
    """Many objects without the IDs before them, and those at the beginning of commits: in some thousand of these
    there is always what looks like the beginning of a token, and one by one they take several times as long."""
    import re  # whose import takes longer than a small push

    ids = re.compile(rb"(?:(?:tree|parent) [0-9a-f]{0,64}\n)*")
    data, at, contents = bytes(piece), 0, []
    while at < len(data):
        start = data.index(b"\n", at) + 1
        _, kind, size = data[at:start].split(b" ")
        end = start + int(size)
        leading = ids.match(data, start, end) if kind == b"commit" else None
        contents.append(data[leading.end() if leading else start : end])
        at = end + 1
    return b"\n".join(contents)


def _strip_ids(kind: bytes, content: memoryview) -> memoryview:
    """A commit without the IDs of its tree and its parents, some of which look like the beginning of a token."""
    while kind == b"commit":
        line, end, _ = bytes(content[:_LONGEST_LINE]).partition(b"\n")
        word, _, oid = line.partition(b" ")
        if not end or word not in (b"tree", b"parent") or oid.strip(b"0123456789abcdef"):
            break
        content = content[len(line) + 1 :]
    return content
