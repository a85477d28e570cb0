"""One look at every object of a repository: by this process, or by several that take shares of the objects in turn."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from credguard.git.commit_walk import TreeEntry, is_folder, parse_tree_entries
from credguard.git.object_hashes import is_called
from credguard.git.repository import GITLINK, GitError
from credguard.history import deleted_files
from credguard.history.prefilter import Sieve
from credguard.matching.database import Matcher
from credguard.model.findings import Blob, BlobKind
from credguard.scanning import limits
from credguard.system.compat import can_fork, count_cores, decode_path, encode_path
from credguard.system.forks import ShareQueue, Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from credguard.history.objects import Batch, History, Share
    from credguard.history.prefilter import Candidate
    from credguard.model.findings import Finding
    from credguard.model.progress import Progress
    from credguard.scanning.scanner import Scanner


_Copy = tuple[str, str, bytes]
"""Type, ID and content of an object."""
_MOST = 4
"""Processes: each takes some 60 MB."""
_FEWEST = 4
"""Shares for which a further process is worth its start."""
_UNPACKED = 1 << 30
"""Bytes that the archives of one share may unpack to. The budget is the share's own, so that it does not matter who
takes which."""
_COPIES = 1 << 25
"""Bytes of objects that git may give otherwise when it is asked for them again."""
_LINK = GITLINK.encode()


@dataclass(slots=True)
class ObjectFindings:
    """What was seen: objects with findings by rule ID and fingerprint, types of these objects, findings in file names,
    the entries of trees with such names or names for the file rules (whether there are any of these: `files`), each
    with a tree that has it, what the scanner could not do (in which objects: `unread_oids`), pointers to what git LFS
    keeps, objects with findings that are not what their IDs say (bytes of them: `held`), and type and size of all that
    had to do with any of these (`notable`)."""

    found: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    names: dict[bytes, list[Finding]] = field(default_factory=dict)
    files: bool = False
    entries: dict[TreeEntry, str] = field(default_factory=dict)
    objects: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    unread_oids: dict[str, str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    pointers: set[str] = field(default_factory=set)
    misnamed: dict[_Copy, None] = field(default_factory=dict)
    notable: dict[str, tuple[str, int]] = field(default_factory=dict)
    held: int = 0
    severities: dict[str, int] = field(default_factory=dict)
    over: bool = False

    def bound(self, most: int) -> None:
        """Leaves out what a run has no room for, once there is twice as much: the least severe by their rules, then by
        fingerprint, which is the same whoever has seen what."""
        if len(self.found) > 2 * most:
            self.over = True
            kept = sorted(self.found, key=lambda key: (-self.severities.get(key[0], 0), key))[:most]
            self.found = {key: self.found[key] for key in kept}
            held = {oid for oids in self.found.values() for oid in oids}
            self.kinds = {oid: kind for oid, kind in self.kinds.items() if oid in held}
        if len(self.names) > 2 * most:
            self.over = True
            self.names = {name: self.names[name] for name in sorted(self.names)[:most]}

    def keep_copy(self, copy: _Copy) -> None:
        """Keeps an object with findings that is not what its ID says, while there is room: whoever asks git for it by
        this ID may be given another."""
        kind, oid, data = copy
        if self.held + len(data) > _COPIES:
            data = b""
        self.held += len(data)
        self.misnamed[kind, oid, data] = None

    def add(self, other: ObjectFindings) -> None:
        """Takes what another process has seen."""
        self.over = self.over or other.over
        for key, oids in other.found.items():
            self.found.setdefault(key, set()).update(oids)
        self.kinds |= other.kinds
        self.notable |= other.notable
        self.names |= other.names
        for entry, tree in other.entries.items():
            self.entries[entry] = min(tree, self.entries.get(entry, tree))
        self.files = self.files or other.files
        self.objects += other.objects
        self.bytes += other.bytes
        self.failures += other.failures
        self.unread |= other.unread
        self.unread_oids |= other.unread_oids
        self.notes |= other.notes
        self.pointers |= other.pointers
        for copy in other.misnamed:
            self.keep_copy(copy)
        self.bound(limits.OF_RUN)


def make_sieve_matcher(scanner: Scanner) -> Matcher:
    """Finds whatever the scanner's rules look for in many objects at once, and names of credential files in trees."""
    patterns = (replace(pattern, is_worth=None) for rule in scanner.rules for pattern in rule.patterns)
    return Matcher([*patterns, deleted_files.CREDENTIAL_NAMES])


class ObjectScanner:
    """Looks at objects: `seen` is what came of it."""

    def __init__(self, scanner: Scanner, history: History, *, file_rules: bool) -> None:
        self.seen = ObjectFindings(severities={rule.id: int(rule.severity) for rule in scanner.rules})
        self._scanner, self._history, self._file_rules = scanner, history, file_rules
        also = scanner.has_patternless_finding if scanner.looks_always else None
        self._sieve = Sieve(scanner.matcher, make_sieve_matcher(scanner), also)
        self._heads: set[bytes] = set()  # modes with names
        self._telling: set[bytes] = set()
        self._marked: set[bytes] = set()

    def scan(self, batches: Iterable[Batch]) -> None:
        """Looks at the objects of these batches."""
        self._scanner.budget.left = _UNPACKED
        for batch in batches:
            for candidate in self._sieve.find_candidates(batch):
                before = self._scanner.count_notes()
                is_notable = self._scan_tree(candidate) if candidate.kind == "tree" else self._scan_content(candidate)
                if is_notable or self._scanner.count_notes() != before:
                    self.seen.notable[candidate.oid] = candidate.kind, len(candidate.data)

    def conclude(self) -> None:
        """Adds to what was seen what was counted on the way."""
        seen, scanner = self.seen, self._scanner
        seen.objects += self._history.kinds
        seen.bytes += self._history.bytes
        seen.failures += scanner.failures
        seen.unread |= scanner.unread
        seen.notes |= scanner.notes
        seen.pointers |= scanner.pointers

    def _scan_content(self, candidate: Candidate) -> bool:
        """True where something was found."""
        kind = BlobKind.FILE if candidate.kind == "blob" else BlobKind.MESSAGE
        path = f"{'object' if candidate.kind == 'blob' else candidate.kind} {candidate.oid[:12]}"
        before = len(self._scanner.unread)
        marks = self._scanner.find_marks(Blob(candidate.data, path, kind), candidate.hits)
        if len(self._scanner.unread) > before:
            self.seen.unread_oids[path] = candidate.oid
        for mark in marks:
            self.seen.found.setdefault(mark, set()).add(candidate.oid)
            self.seen.kinds[candidate.oid] = candidate.kind
        if marks and not is_called(candidate.kind, candidate.data, candidate.oid):
            self.seen.keep_copy((candidate.kind, candidate.oid, candidate.data))
        self.seen.bound(limits.OF_RUN)
        return bool(marks)

    def _scan_tree(self, candidate: Candidate) -> bool:
        """True where a name tells something."""
        here = dict(parse_tree_entries(candidate.data, candidate.oid))
        new = here.keys() - self._heads
        if new:
            self._heads |= new
            self._scan_names(new)
        for head in here.keys() & self._telling:
            mode, _, name = head.partition(b" ")
            entry = TreeEntry(name, here[head].hex(), is_folder=is_folder(mode))
            self.seen.entries[entry] = min(candidate.oid, self.seen.entries.get(entry, candidate.oid))
        return not self._marked.isdisjoint(here)

    def _scan_names(self, heads: set[bytes]) -> None:
        """Looks at names that were not seen before, each behind the mode of its entry."""
        names = {head.partition(b" ")[2] for head in heads}
        telling = {name for name in names if self._file_rules and deleted_files.may_be_credential_name(name)}
        self.seen.files = self.seen.files or bool(telling)
        for finding in self._scanner.scan_names([decode_path(name) for name in sorted(names - self.seen.names.keys())]):
            self.seen.names.setdefault(encode_path(finding.locations[0].path), []).append(finding)
        self.seen.bound(limits.OF_RUN)
        telling |= names & self.seen.names.keys()
        marked = {head for head in heads if head.partition(b" ")[2] in telling}
        self._marked |= marked
        self._telling |= {head for head in marked if not head.startswith(_LINK)}


def scan_objects(look: ObjectScanner, history: History, jobs: int, progress: Progress | None) -> None:
    """Looks at all objects of the history with at most so many processes (0: as many as there are
    processors), or one where they cannot be forked.

    `look` has then seen what any of them has, also when GitError is raised.
    """
    shares = history.list_shares()
    count = min(jobs or count_cores(), _MOST, 1 + len(shares) // _FEWEST) if sys.platform == "linux" and can_fork else 1
    with contextlib.closing(ShareQueue(len(shares))) as turns, contextlib.ExitStack() as stack:
        gc.freeze()  # forked processes share the memory of what is there, as long as no collection goes over it
        stack.callback(gc.unfreeze)
        work = functools.partial(_scan_shares, look, history, shares, turns)
        others = [stack.enter_context(contextlib.closing(Worker(work))) for _ in range(count - 1)]
        for number in progress(turns, len(shares), "part") if progress else turns:
            look.scan(history.iter_batches(shares[number]))
        for other in others:
            seen = other.read_answer()
            if seen is None:
                raise GitError("a process that read the history ended early", "run it again with --jobs 1")
            look.seen.add(seen)
    look.scan(history.iter_rest())


def _scan_shares(look: ObjectScanner, history: History, shares: Sequence[Share], turns: ShareQueue) -> ObjectFindings:
    """What a further process does: takes turns while there are some. It gives up when the first one is gone."""
    parent = os.getppid()
    for number in turns:
        if os.getppid() != parent:
            raise GitError("the audit has ended")
        look.scan(history.iter_batches(shares[number]))
    look.conclude()
    return look.seen
