"""Advice that fits how far a value has come when a change is scanned: staged, in a message, committed, or pushed."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from credguard.git.repository import GitError
from credguard.history.cleanup_steps import list_commit_steps
from credguard.history.exposure import build_pushed_advice
from credguard.history.trail import Trail
from credguard.lazy_re import compile_lazily
from credguard.rule import ROOT_USER, SECRET_VALUES, Fix, Trait, is_custom
from credguard.rules import get_rule, list_rule_ids
from credguard.rules.root_user import instructions_to_use_root_keys
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from credguard.git.repository import Git
    from credguard.model.findings import Finding, ScanResult

_LEAKED = compile_lazily(r"every(?:body|one) who|filter-repo")
_IGNORE = compile_lazily(r"add the line|delete `")
_EDIT = 'git commit --edit --file "$(git rev-parse --git-path COMMIT_EDITMSG)"'


def fit_advice(result: ScanResult, repository: Git, *, pushed: bool = False, received: bool = False) -> ScanResult:
    """The result of a scan of a change, each finding's steps by where its value is now. `pushed`: it came
    from elsewhere, as in CI; `received`: a push is refused. Where git cannot be asked, the rules' own steps stay."""
    fit = _Advice(repository, [v.finding for v in result.verdicts], pushed=pushed, received=received).fit
    try:
        return replace(result, verdicts=tuple(replace(v, finding=fit(v.finding)) for v in result.verdicts))
    except GitError:
        return result


class _Advice:
    """Asks git, at most once each and only where a finding needs it."""

    def __init__(self, repository: Git, findings: Iterable[Finding], *, pushed: bool, received: bool) -> None:
        self._git, self._pushed, self._received = repository, pushed, received
        self._commits = list(dict.fromkeys(place.commit for f in findings for place in f.locations if place.commit))

    def fit(self, finding: Finding) -> Finding:
        """The finding with the steps that fit."""
        if not _is_exposing(finding.rule_id) or not finding.remediation or finding.known:
            return finding
        if _is_about_file(finding.rule_id) and not any(map(_LEAKED.search, finding.remediation)):
            return finding
        steps = self._pick(finding)(finding)
        return replace(finding, remediation=steps)

    def _pick(self, finding: Finding) -> Callable[[Finding], tuple[str, ...]]:
        place = finding.locations[0]
        if self._pushed or (place.commit and not self._received and place.commit not in self._unpushed):
            return lambda one: build_pushed_advice(one, ())
        if place.commit:
            return self._list_committed_steps
        if place.path == "commit message":
            return _list_message_steps
        return self._list_staged_steps if place.path in self._staged else lambda one: one.remediation

    def _list_staged_steps(self, finding: Finding) -> tuple[str, ...]:
        paths = list(dict.fromkeys(place.path for place in finding.locations))
        names = shlex.join(paths)
        undo = f"git restore --staged -- {names}" if self._head else f"git rm --cached -- {names}"
        if _is_about_file(finding.rule_id):
            lead = f"leave {', '.join(paths)} out of the commit: {_NOT_LEFT}"
            return (lead, undo, *filter(_IGNORE.match, finding.remediation))
        lead = f"take it out of {', '.join(paths)}, and {_name_source(finding)}: {_NOT_LEFT}"
        return (lead, f"{undo}  # takes the file out of the commit; or edit it and `git add` it again")

    def _list_committed_steps(self, finding: Finding) -> tuple[str, ...]:
        place = finding.locations[0]
        commit = place.commit or ""
        head = "" if self._received else self._head
        trail = Trail(
            first_commit=commit, on_head=True, is_last=commit == head, is_root=commit in self._roots,
            is_message=place.path.startswith("commit "),
        )  # fmt: skip
        lead = f"take it out of commit {commit[:12]} before you push again, and {_name_source(finding)}"
        why = "the push is refused, so no branch here has it" if self._received else "it is not pushed yet"
        return (f"{lead}: {why}", *list_commit_steps(trail), "then push again")

    @cached_property
    def _head(self) -> str:
        return self._git.resolve_head() or ""

    @cached_property
    def _staged(self) -> frozenset[str]:
        base = self._head or self._git.compute_empty_tree()
        words = ("diff-index", "--cached", "-r", "--name-only", "-z", "--no-renames", base, "--")
        return frozenset(decode_path(self._git.run(*words)).split("\0"))

    @cached_property
    def _unpushed(self) -> frozenset[str]:
        """Of the commits, those that no remote-tracking branch leads to."""
        asked = "".join(f"{commit}\n" for commit in self._commits).encode()
        return frozenset(self._git.run("rev-list", "--stdin", "--not", "--remotes", stdin=asked).decode().split())

    @cached_property
    def _roots(self) -> frozenset[str]:
        asked = "".join(f"{commit}\n" for commit in self._commits).encode()
        lines = self._git.run("rev-list", "--no-walk=unsorted", "--max-parents=0", "--stdin", stdin=asked)
        return frozenset(lines.decode().split())


def _is_exposing(rule_id: str) -> bool:
    """True for rules on what others can have once it has left; the custom ones too."""
    if is_custom(rule_id) or rule_id.startswith((SECRET_VALUES, ROOT_USER)):
        return rule_id != instructions_to_use_root_keys.RULE.id
    return get_rule(rule_id).fix in (Fix.UNTRACK, Fix.EXAMPLE)


def _is_about_file(rule_id: str) -> bool:
    return not is_custom(rule_id) and get_rule(rule_id).fix is Fix.UNTRACK


_NOT_LEFT = "it is only staged, so unless an older commit has it too nothing has left, and it need not be replaced"


def _list_message_steps(_finding: Finding) -> tuple[str, ...]:
    lead = "take it out of the message: no commit was made, so nothing has left, and it need not be replaced"
    return (lead, f"{_EDIT}  # opens the message again")


def _name_source(finding: Finding) -> str:
    """Where the program is to have the value from."""
    if finding.rule_id.startswith(ROOT_USER) or finding.rule_id in list_rule_ids(Trait.OF_ACCOUNT):
        return "read it from a role, a profile or the environment"
    return "read it from the environment or a secrets store"
