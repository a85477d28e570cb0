"""Scans in full what an AI agent is about to show to its model, and answers by the policy."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError
from credguard.git.repository import GitError, find_git
from credguard.hooks import fast_path
from credguard.hooks.agents import answers, guard
from credguard.hooks.agents import payload as p
from credguard.hooks.agents.look import flatten_leaves, shows_removed
from credguard.model.findings import Blob, BlobKind, Outcome, PartRole
from credguard.policy import globs
from credguard.policy.judge import Judge
from credguard.policy.model import Action, OnError
from credguard.policy.resolve import PolicyResolver
from credguard.report import make_printable
from credguard.rule import Trait, get_default_part
from credguard.rules import list_rule_ids, load_rules
from credguard.rules.aws import own_credential
from credguard.scanning.scanner import Scanner
from credguard.system import ownership

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credguard.hooks.agents.answers import HookAnswer
    from credguard.hooks.agents.look import Look, ScannedItem
    from credguard.hooks.agents.payload import Event
    from credguard.model.findings import Finding
    from credguard.rule import Rule

_MOST_NAMED = 5
_STAGE = "agent"
_INSTEAD = "Name a profile or an environment variable in place of the value, or have the user run it"


class _Checker:
    """Scans for one event. A repository's policy says what happens to its own files and to texts; it says nothing of
    this machine's credentials and of files elsewhere, for a repository may be anybody's."""

    def __init__(self, folder: str) -> None:
        self.top, self.judge = _find_judge(Path(folder or ".").absolute())
        self.scanner = Scanner(_list_rules())

    @property
    def mode(self) -> str:
        """What the policy does with a finding."""
        return self.judge.policy.agent_mode

    def find_problems(self, items: Sequence[ScannedItem]) -> tuple[list[str], list[str], list[Finding]]:
        """What must not be shown and what the policy may let pass, in words, and all findings that are either."""
        always: list[str] = []
        usual: list[str] = []
        found: list[Finding] = []
        for item in items:
            path = self._get_rooted_path(item.path)
            for finding in self.scanner.scan_blob(
                Blob(item.data, path or "text", BlobKind.FILE if item.path else BlobKind.STDIN)
            ):
                own = finding.rule_id == own_credential.RULE.id
                verdict = self.judge.make_verdict(finding)
                outside = bool(item.path) and not path
                if not own and not outside and (verdict is None or verdict.outcome is not Outcome.REPORT):
                    continue
                if outside and finding.severity < self.judge.policy.fail_on:
                    continue
                found.append(finding)
                words = f"{self._name(item)} holds {finding.rule_id} {finding.rule_name}: {finding.message}"
                (always if own or outside else usual).append(words)
        return always, usual, found

    def find_denied(self, look: Look) -> tuple[list[str], list[str]]:
        """What is secret by itself: what must not be shown, and what the policy may let pass."""
        always: list[str] = []
        usual: list[str] = []
        for words, path in look.denied:
            rooted = self._get_rooted_path(path)
            if rooted and globs.find_last_match(self.judge.policy.exclude, rooted):
                continue
            (usual if rooted else always).append(words)
        return always, usual

    def list_gaps(self) -> list[str]:
        """What could not be read."""
        problems = self.scanner.take_problems()
        failed = [f"rule {rule} failed" for _, rule, _ in problems.failures]
        return [*problems.unread.values(), *failed]

    def redact(self, event: Event, look: Look, findings: Sequence[Finding]) -> object:
        """The result without what was found; without any text where something may be left of it: half a key is found,
        whose other half may be written in a way that is not known, or what was found is not written plainly."""
        half = any(one.rule_id in list_rule_ids(Trait.HALF) for one in findings)
        plain = self.find_problems(look.items[1:])[2]
        if half or plain or not look.items:
            return answers.blank_out(event.result)
        text = look.items[0].data.decode("utf-8", "surrogatepass")
        result = _replace_spans(event.result, text, findings, removed=shows_removed(event))
        left = flatten_leaves(result, removed=shows_removed(event))[0].encode("utf-8", "surrogatepass")
        again = [self.judge.make_verdict(one) for one in self.scanner.scan_blob(Blob(left, "text", BlobKind.STDIN))]
        if any(verdict and verdict.outcome is Outcome.REPORT for verdict in again):
            return answers.blank_out(event.result)
        return result

    def _get_rooted_path(self, path: str) -> str:
        """The path below the root of the repository, "" for one outside."""
        if not path or not self.top:
            return ""
        root = os.path.join(os.path.realpath(self.top), "")
        return path[len(root) :].replace(os.sep, "/") if path.startswith(root) else ""

    def _name(self, item: ScannedItem) -> str:
        """The item in words; a name that itself holds a secret is not shown."""
        if item.path and self.scanner.scan_names([os.path.basename(item.path)]):
            return "a file"
        return item.subject


def check_event(event: Event, look: Look | None, failure: str) -> HookAnswer:
    """The answer to an event that is not certainly clean; without a `look` it could not be checked, for the reason
    `failure`. Raises CredguardError."""
    ownership.leave_out([event.folder or "."])
    checker = _Checker(event.folder)
    policy = checker.judge.policy
    if checker.mode is not Action.BLOCK or policy.agent_on_error is not OnError.DENY:
        guard.be_lenient()
    if look is None:
        return _answer_failure(event, checker, failure)
    always, usual = checker.find_denied(look)
    found_always, found_usual, findings = checker.find_problems(look.items)
    store_database(checker.scanner)
    always, usual = always + found_always, usual + found_usual
    if checker.mode is Action.OFF:
        usual = []
    blocking = always + (usual if checker.mode is Action.BLOCK else [])
    if blocking:
        return _answer_finding(event, checker, look, blocking, findings)
    gaps = checker.list_gaps()
    if gaps and checker.mode is not Action.OFF:
        return _answer_failure(event, checker, gaps[0])
    return answers.warn(event, _format("would stop this", usual)) if usual else answers.allow(event)


def _answer_finding(
    event: Event, checker: _Checker, look: Look, problems: list[str], findings: list[Finding]
) -> HookAnswer:
    if event.kind != p.AFTER:
        return answers.refuse(event, f"{_format('stopped this', problems)}. The model has not seen it. {_INSTEAD}")
    replacement = checker.redact(event, look, findings)
    if answers.can_withhold(event):
        more = "The model does not get it, but the transcript on this machine may hold it: rotate it, delete that"
    else:
        more = "This agent cannot withhold a result: it has reached the model. Rotate it now"
    return answers.withhold(event, f"{_format('withheld a credential', problems)}. {more}", replacement)


def _answer_failure(event: Event, checker: _Checker, reason: str) -> HookAnswer:
    words = f"credguard could not check this: {make_printable(reason)}"
    policy = checker.judge.policy
    if checker.mode is Action.OFF:
        return answers.allow(event)
    if checker.mode is Action.WARN or policy.agent_on_error is OnError.WARN:
        return answers.warn(event, words)
    return answers.refuse(event, f"{words}; so it is stopped")


def _format(what: str, problems: list[str]) -> str:
    named = list(dict.fromkeys(make_printable(one) for one in problems))
    more = f"; and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return f"credguard {what}: {'; '.join(named[:_MOST_NAMED])}{more}"


def _list_rules() -> list[Rule]:
    return [get_default_part(rule) for rule in load_rules() if rule.in_hooks]


def _find_judge(folder: Path) -> tuple[str, Judge]:
    """The root of the repository that the agent works in, "" for none, and its judge."""
    try:
        repository = find_git(folder)
        if repository is None:
            return "", Judge(stage=_STAGE)
        return repository.find_toplevel(), PolicyResolver(_STAGE).resolve_committed(repository)
    except GitError as error:
        raise CredguardError(error.message, error.hint) from error


def store_database(scanner: Scanner | None = None) -> None:
    """Keeps the patterns for the fast path of the next event."""
    with contextlib.suppress(Exception):  # a cache error must not change the answer
        if not fast_path.is_cached():
            scanner = scanner or Scanner(_list_rules())
            ownership.write_owned(fast_path.locate_cache(), fast_path.serialize_cache(scanner.matcher))


def _replace_spans(value: object, text: str, findings: Sequence[Finding], *, removed: bool) -> object:
    """The value with the places of the findings in its flat `text` replaced."""
    starts, spans = [0], []
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for finding in findings:
        for place in finding.locations:
            if place.role != PartRole.FILE and place.end_line < len(starts):
                begin, end = (
                    starts[place.line - 1] + place.column - 1,
                    starts[place.end_line - 1] + place.end_column - 1,
                )
                spans.append((begin, end, f"[credguard: {finding.rule_name} withheld]"))
    spans.sort()
    _, leaves = flatten_leaves(value, removed=removed)
    changed = {}
    for leaf in leaves:
        pieces, at = [], 0
        for begin, end, words in spans:
            first, last = begin - leaf.start, end - leaf.start
            if last <= at or first >= len(leaf.text):
                continue
            pieces += [leaf.text[at : max(first, at)], words if first >= at else ""]
            at = min(last, len(leaf.text))
        if pieces:
            changed[leaf.keys] = "".join(pieces) + leaf.text[at:]
    return _rebuild(value, (), changed)


def _rebuild(value: object, keys: tuple[object, ...], changed: dict[tuple[object, ...], str]) -> object:
    if keys in changed:
        return changed[keys]
    if isinstance(value, dict):
        return {key: _rebuild(one, (*keys, key), changed) for key, one in value.items()}
    return [_rebuild(one, (*keys, at), changed) for at, one in enumerate(value)] if isinstance(value, list) else value
