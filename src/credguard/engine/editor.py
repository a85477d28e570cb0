"""What an editor asks: what is wrong in a document as it stands, unsaved, and how to change it."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.engine.conclude import build_result
from credguard.engine.run import follow
from credguard.engine.session import Session
from credguard.errors import CredguardError
from credguard.fixes.allow_comment import PLACEHOLDER, build_allow_comment
from credguard.fixes.apply import apply
from credguard.fixes.edit import RefusedError, load_text
from credguard.fixes.move_value import find_env_file, plan_env_files, plan_move
from credguard.lazy_re import compile_lazily
from credguard.model.findings import SHOWN, Blob, Outcome
from credguard.model.limit_reasons import explain_size
from credguard.model.result import Result
from credguard.policy.gaps import NOT_READ
from credguard.policy.judge import Judge
from credguard.policy.load import MISTAKEN, POLICY_NAME
from credguard.policy.model import Policy
from credguard.policy.resolve import PolicyResolver
from credguard.rule import ABOUT_CREDGUARD
from credguard.sources.files import open_tree
from credguard.system import ownership
from credguard.system.compat import find_repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credguard.fixes.allow_comment import NewLine
    from credguard.fixes.move_value import Move
    from credguard.model.findings import Finding, Verdict

_STAGE = "audit"
_TRUSTED_FOR, _TRUSTED_ALONE = 10.0, 3600.0
"""Seconds until a policy that may extend others, and any other one, is read again even if its file has not changed:
exceptions end on a day."""
_LONE_RETURN = compile_lazily(r"\r(?!\n)")
_LONE_SURROGATE = compile_lazily("[\ud800-\udfff]")
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """Where a document is: its repository, or the folder whose policy counts, and its path from there, by which rules
    go. `root` is None for one that is in no folder: then the defaults hold."""

    root: str | None
    path: str


@dataclass(frozen=True, slots=True)
class DocumentCheck:
    """What was found in a document: `lines` are its text, split at `\\n`; `shift` is added to columns of the first
    line. `problems` say why it was not checked (in whole), each with its line in the document or 1."""

    place: DocumentPlace
    lines: list[str] = field(repr=False)
    shift: int = 0
    verdicts: tuple[Verdict, ...] = ()
    problems: tuple[tuple[int, str], ...] = ()
    too_large: str = ""

    def find_unexplained(self) -> list[Verdict]:
        """What a comment allows whose reason is still the placeholder."""
        return [one for one in self.verdicts if one.outcome is Outcome.INLINE and one.reason == PLACEHOLDER]

    def find_shown(self) -> list[Verdict]:
        """What neither a comment nor the policy or the baseline settles."""
        return [one for one in self.verdicts if one.outcome in SHOWN]


@dataclass(slots=True)
class _Root:
    """The policy of one folder, the session that scans by it, and by what and until when (of the monotonic clock) it is
    known to be the current one."""

    judge: Judge
    session: Session
    signature: object
    valid_until: float


def find_place(path: str | None, name: str, folders: Sequence[str] = ()) -> DocumentPlace:
    """The place of the file at an absolute path, whether or not it exists; of what is no file only the `name`, in the
    first of the editor's `folders`."""
    try:
        if path is None or not os.path.isabs(path):
            raise ValueError
        folder, file = os.path.split(path)
        folder = os.path.realpath(folder)
    except (OSError, ValueError):  # its name cannot be one of a file
        return DocumentPlace(os.path.realpath(folders[0]) if folders else None, name or "text")
    root = find_repository(folder)
    if root is None:
        opened = [os.path.realpath(one) for one in folders]
        around = [one for one in opened if folder == one or folder.startswith(one.rstrip(os.sep) + os.sep)]
        root = max(around, key=len, default=folder)
    below = os.path.relpath(os.path.join(folder, file), root)
    return DocumentPlace(root, below.replace(os.sep, "/"))


class DocumentChecker:
    """Checks documents one after another in one process; not for several threads at once."""

    def __init__(self) -> None:
        self._session = Session(stage=_STAGE)
        self._resolver = PolicyResolver(_STAGE)
        self._roots: dict[str | None, _Root] = {}

    def forget_policies(self) -> None:
        """Reads the policies again before the next check."""
        for root in self._roots.values():
            root.signature = None

    def check(self, place: DocumentPlace, text: str) -> DocumentCheck:
        """What `credguard scan` would say of the document, were it saved; raises nothing but what is a bug."""
        lines, shift = _normalize(text)
        found = DocumentCheck(place, lines, shift)
        try:
            root = self._follow_policy(place.root)
        except CredguardError as error:
            words = f"not checked: {error.message}; {error.hint}"
            return replace(found, problems=((_find_line(error, place), words),))
        data = "\n".join(lines).encode()
        session = root.session.renew()
        run = follow(root.judge)
        pipeline = replace(session.make_pipeline(run), for_practices=False)
        if len(data) > pipeline.limit:
            return replace(found, too_large=explain_size(len(data), pipeline.limit).partition("; ")[0])
        names, _ = pipeline.scan_names([place.path])
        run = run.add(Result(tuple(names)), pipeline.scan([Blob(data, place.path)]))
        result = build_result(session, run, {"kind": "files", "paths": [place.path]})
        verdicts = [one for one in result.verdicts if _is_about(one.finding, place.path)]
        unread = [one for one in verdicts if one.finding.message.startswith(NOT_READ) and one.outcome in SHOWN]
        return replace(
            found,
            verdicts=tuple(one for one in verdicts if one not in unread),
            problems=tuple((1, f"not checked in full: {one.finding.message.removeprefix(NOT_READ)}") for one in unread),
        )

    def suggest_allow(self, found: DocumentCheck, finding: Finding) -> NewLine | None:
        """The comment that allows a finding, None where none would."""
        line = None if found.problems else build_allow_comment(found.lines, found.place.path, finding)
        if line is None:
            return None
        at = line.number - 1
        after = self._check_lines(found, [*found.lines[:at], line.text.removesuffix("\n"), *found.lines[at:]])
        left = [one for one in after.find_shown() if one.finding.fingerprint == finding.fingerprint]
        return None if left or after.problems else line

    def suggest_move(self, found: DocumentCheck, finding: Finding) -> Move | None:
        """How to take the values of a finding out into `.env`, None where that has to be done by hand."""
        if found.place.root is None or found.problems:
            return None
        try:
            env = load_text(Path(found.place.root), find_env_file(found.place.path))
        except RefusedError:
            return None
        made = plan_move(found.lines, found.place.path, finding, env or b"")
        if made is None or self._is_tracked(found.place.root, made.env_path):
            return None
        after = self._check_lines(found, made.apply_to(found.lines))
        left = [one for one in after.find_shown() if one.finding.fingerprint == finding.fingerprint]
        return None if left or after.problems else made

    def write_env_files(self, found: DocumentCheck, made: Move) -> list[str]:
        """Writes `.env` and the ignore files as `credguard fix --apply` does; what could not be done, with the
        reason."""
        tree = open_tree(Path(found.place.root or os.curdir)).tree
        try:
            plan = plan_env_files(tree, made)
        except RefusedError as error:
            return [f"{made.env_path} {error}"]
        return apply(tree, plan)

    def _check_lines(self, found: DocumentCheck, lines: list[str]) -> DocumentCheck:
        return self.check(found.place, "\n".join(lines))

    def _is_tracked(self, root: str, path: str) -> bool:
        from credguard.git.repository import GitError, find_git

        try:
            repository = find_git(Path(root))
            return repository is not None and bool(repository.run("ls-files", "-z", "--", path))
        except GitError:
            return True

    def _follow_policy(self, folder: str | None) -> _Root:
        """The folder's policy as it is now; raises CredguardError for an invalid one."""
        known = self._roots.get(folder)
        signature = _sign(folder, known.judge.policy if known else Policy())
        if known and known.signature == signature and time.monotonic() < known.valid_until:
            return known
        if folder is None:
            judge = Judge(Policy(), _STAGE)
        else:
            ownership.leave_out([folder, *filter(None, self._roots)])
            judge = self._resolver.resolve_folder(Path(folder))
        session = self._session.renew(self._session.make_pipeline(follow(judge)).scanner)
        is_alone = judge.content is not None or judge.policy == Policy()
        valid_until = time.monotonic() + (_TRUSTED_ALONE if is_alone else _TRUSTED_FOR)
        same = signature == _sign(folder, judge.policy)  # else something was written in the meantime
        root = _Root(judge, session, signature if same else None, valid_until)
        self._roots[folder] = root
        return root


def _sign(folder: str | None, policy: Policy) -> object:
    """What changes when the policy or the baseline of a folder is written."""
    if folder is None:
        return ()
    return tuple(_stat(os.path.join(folder, name)) for name in (POLICY_NAME, MISTAKEN, policy.baseline))


def _stat(path: str) -> tuple[int, ...]:
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return ()
    return info.st_ino, info.st_size, info.st_mtime_ns


def _normalize(text: str) -> tuple[list[str], int]:
    """The lines of a text as the protocol counts them (a carriage return alone ends one), each with its own where it
    has both, without a byte order mark; and by how much columns of the first line are then too low."""
    shift = 1 if text.startswith(_BOM) else 0
    text = _LONE_SURROGATE.sub("\ufffd", _LONE_RETURN.sub("\n", text[shift:]))
    return text.split("\n"), shift


def _is_about(finding: Finding, path: str) -> bool:
    """False for what is wrong with the policy, unless it is the document."""
    return finding.locations[0].path == path or not finding.rule_id.startswith(ABOUT_CREDGUARD)


def _find_line(error: CredguardError, place: DocumentPlace) -> int:
    """The line of an error in the policy, if that is the document."""
    match = re.match(r"(.*?):(\d+):\d+: ", error.message)
    return int(match[2]) if match and match[1] == place.path else 1
