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
_LIST = ("rev-list", "--parents", "--stdin", "--not", "--all")
_COMPARE = (
    "diff-tree", "--stdin", "--always", "-r", "--root", "--raw", "-z", "--no-renames", "--no-abbrev"
)  # fmt: skip
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
    listed = spawn.call(_LIST, _join((*dict.fromkeys(heads), *excluded)))
    commits = {words[0]: words[1:] for line in listed.split(b"\n") if (words := line.split())}
    comparison = _Comparison(dict.fromkeys(heads), default, commits)
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

    def __init__(self, heads: Iterable[bytes], default: bytes | None, commits: dict[bytes, list[bytes]]) -> None:
        """Raises Failed."""
        note = load_note(find_git_dir()) if default else None
        self.is_usual = note is not None if default else _lacks_policy(heads)
        pairs: list[bytes] = []
        if note and default:
            pairs = list(
                dict.fromkeys(b"%s %s" % (one, note.commit) for one in (*heads, default) if one != note.commit)
            )
        asked = [b"%s %s" % (one, up) if up else one for one, ones in commits.items() for up in ones or (b"",)]
        sections = _parse_sections(spawn.call(_COMPARE, _join((*pairs, *asked)))) if pairs or asked else []
        if len(sections) != len(pairs) + len(asked):
            raise spawn.Failed
        if note and any(note.governs(name) for _, entries in sections[: len(pairs)] for _, name in entries):
            self.is_usual = False
        self.names: dict[bytes, None] = {}
        self.objects: dict[bytes, None] = {}
        self._collect(sections[len(pairs) :], commits)

    def _collect(
        self, sections: list[tuple[bytes, list[tuple[bytes, bytes]]]], commits: dict[bytes, list[bytes]]
    ) -> None:
        counts: dict[tuple[bytes, bytes], int] = {}
        for commit, entries in sections:
            self.objects[commit] = None
            parents = len(commits[commit])
            for entry, name in entries:
                _, mode, _, oid, status = entry.split(b" ")
                if status == b"D" or mode == _GITLINK:
                    continue
                if parents > 1:  # a merge brings only what differs from every parent
                    counts[commit, name] = counts.get((commit, name), 0) + 1
                    if counts[commit, name] < parents:
                        continue
                self.names[name] = self.objects[oid] = None
        self.is_usual = self.is_usual and not any(map(fast_path.may_concern_file_rule, self.names))


def _parse_sections(output: bytes) -> list[tuple[bytes, list[tuple[bytes, bytes]]]]:
    """The commit of each comparison, and entry and name of each file that differs."""
    found: list[tuple[bytes, list[tuple[bytes, bytes]]]] = []
    fields = iter(output.split(b"\0")[:-1])
    for field in fields:
        if field[:1] == b":":
            found[-1][1].append((field, next(fields)))
        else:
            found.append((field, []))
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
        for oid, kind, content in spawn.iter_objects(piece) if prefilter.may_match(piece) else ():
            if prefilter.needs_scan((_strip_ids(kind, content),)):
                suspects.add(oid)
                if not many:
                    return False
    if many:
        cleared.update(oid.decode() for oid in objects if oid not in suspects)
    return not suspects


def _strip_ids(kind: bytes, content: memoryview) -> memoryview:
    """A commit without the IDs of its tree and its parents, some of which look like the beginning of a token."""
    while kind == b"commit":
        line, end, _ = bytes(content[:_LONGEST_LINE]).partition(b"\n")
        word, _, oid = line.partition(b" ")
        if not end or word not in (b"tree", b"parent") or oid.strip(b"0123456789abcdef"):
            break
        content = content[len(line) + 1 :]
    return content
