"""Which policy governs what is scanned: the one at its root, one that is named, or that of a trusted commit."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode, PolicyError
from credguard.git.repository import Git, GitError, find_git
from credguard.model.findings import Skip
from credguard.policy import load, loosening
from credguard.policy.custom_rules.compile import compile_custom_rules
from credguard.policy.judge import Judge
from credguard.policy.loosening import PolicyState
from credguard.policy.model import LOOSENED, Policy, list_partial_rules
from credguard.rules import load_rules
from credguard.scanning.comments import BaseCommit
from credguard.sources.files import is_bare
from credguard.sources.snapshots import CommitSnapshot, FolderSnapshot
from credguard.system.compat import find_repository
from credguard.system.containment import make_relative

if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.policy.load import LoadedPolicy
    from credguard.policy.loosening import Loosening
    from credguard.sources.snapshots import Snapshot


def _return_unchanged(policy: Policy) -> Policy:
    return policy


def _list_rule_names() -> dict[str, str]:
    return {rule.id: rule.name for rule in load_rules()}


@dataclass(frozen=True, slots=True)
class PolicyResolver:
    """Finds the policy and makes its judge; all methods raise CredguardError.

    `named` is a policy file that the user names, `ref` a commit whose policy counts; `over` lays
    what the command line asks for over a policy, `listed` is a baseline that it names.
    """

    stage: str = "audit"
    named: str = ""
    ref: str = ""
    over: Callable[[Policy], Policy] = _return_unchanged
    listed: str = ""
    rules: dict[str, str] = field(default_factory=_list_rule_names)

    def resolve_folder(self, root: Path, label: str = "") -> Judge:
        """The judge of a folder: by the policy of its repository, or by the folder's own."""
        try:
            return self._resolve_folder(root, label)
        except GitError:
            if self.ref:
                raise
            top = Path(find_repository(str(root.absolute())) or root)  # and the run says that git could not be asked
            return self._build_place_judge(FolderSnapshot(top), top, rooted=_Relative(top, root), label=label)

    def _resolve_folder(self, root: Path, label: str) -> Judge:
        if is_bare(root):
            repository = Git(root)
            commit = _resolve_commit(repository, self.ref) if self.ref else repository.resolve_head()
            return self._build_place_judge(
                CommitSnapshot(repository, commit) if commit else _NOWHERE, root, label=label, whole=True
            )
        found = find_git(root.absolute())
        top = Path(found.find_toplevel()) if found else root
        prefix = make_relative(str(root), str(top))
        rooted = str if prefix == "." else _Below(prefix)
        if found and self.ref:
            return self._build_change_judge(Git(top), self.ref, FolderSnapshot(top), "HEAD", rooted=rooted, label=label)
        return self._build_place_judge(FolderSnapshot(top), top, rooted=rooted, label=label, whole=prefix == ".")

    def resolve_files(self, paths: list[str]) -> Judge:
        """The judge of files that are named: by the policy of the first one's repository."""
        folder = Path(paths[0]).absolute().parent if paths else Path.cwd()
        try:
            found = find_git(folder)
            top = Path(found.find_toplevel()) if found else Path.cwd()
        except GitError:
            if self.ref:
                raise
            found, top = None, Path(find_repository(str(folder.absolute())) or folder)
        if found and self.ref:
            return self._build_change_judge(Git(top), self.ref, FolderSnapshot(top), "HEAD", rooted=_Relative(top))
        return self._build_place_judge(FolderSnapshot(top), top, rooted=_Relative(top))

    def resolve_local(self, repository: Git) -> Judge:
        """The judge of what is about to be committed or pushed here: by the work tree's policy."""
        if self.ref:
            return self._build_change_judge(repository, self.ref, CommitSnapshot(repository), "HEAD")
        here = repository.folder.absolute()
        if (here / ".git").exists():
            return self._build_place_judge(FolderSnapshot(here), here)
        if repository.layout.is_inside:
            top = Path(repository.find_toplevel())
            return self._build_place_judge(FolderSnapshot(top), top)
        commit = repository.resolve_head()
        return self._build_place_judge(CommitSnapshot(repository, commit) if commit else _NOWHERE, here)

    def resolve_committed(self, repository: Git) -> Judge:
        """The judge of what an agent does here: by the policy of the commit that is checked out, which no file that the
        agent writes alters. The baseline, which lists real keys, does not count."""
        top, commit = Path(repository.find_toplevel()), repository.resolve_head()
        place = CommitSnapshot(repository, commit) if commit else _NOWHERE
        return replace(self._build_place_judge(place, top, rooted=_Relative(top)), baseline=None)

    def resolve_change(self, repository: Git, base: str | None, *heads: str) -> Judge:
        """The judge of a change from `base` (None: from nothing) to the heads: by the policy of the base,
        with all that the change loosens."""
        judges = [
            self._build_change_judge(
                repository, self.ref or base, CommitSnapshot(repository, _resolve_commit(repository, head)), head
            )
            for head in heads
        ]
        if not judges:
            start = _resolve_commit(repository, self.ref or base or "HEAD")
            return self._build_change_judge(repository, start, CommitSnapshot(repository, start), start)
        more = {one.key: one for judge in judges for one in judge.loosenings}
        skipped = dict.fromkeys(skip for judge in judges for skip in judge.skipped)
        problems = dict.fromkeys(problem for judge in judges for problem in judge.problems)
        usual = all(judge.is_usual for judge in judges)
        return replace(
            judges[0], loosenings=tuple(more.values()), skipped=tuple(skipped), problems=tuple(problems),
            is_usual=usual, governing=judges[0].governing if usual else frozenset(),
        )  # fmt: skip

    def resolve_range(self, repository: Git, words: str) -> Judge:
        """The judge of `A..B` (by A's policy) or `A...B` (by that of their merge base)."""
        left, dots, right = words.partition("...") if "..." in words else words.partition("..")
        head = right or "HEAD"
        if dots == "...":
            return self.resolve_change(
                repository, _find_merge_base(repository, _resolve_commit(repository, left or "HEAD"), head), head
            )
        if dots:
            return self.resolve_change(repository, left or "HEAD", head)
        if self.ref or self.named:
            return self.resolve_change(repository, None, words)
        note = f"{words} is no range: no policy is trusted, and the defaults hold; give A..B or --policy-from"
        return Judge(self.over(Policy()), self.stage, before=BaseCommit(repository, "", 0), notes=(note,))

    def _build_place_judge(
        self, place: Snapshot, top: Path, *, rooted: Callable[[str], str] = str, label: str = "", whole: bool = False
    ) -> Judge:
        outside = self._load_outside(top)
        state = loosening.load_state(
            place, self.rules, self._find_policy_path(top), outside, calls=False, listed=self.listed
        )
        if self.named and state.loaded is None:
            raise PolicyError(self.named, 0, 0, *_MISSING)
        policy = self.over(state.policy)
        problems = tuple(state.baseline.problems) if state.baseline else ()
        content = self._find_own_content(state.loaded, policy)
        return Judge(
            policy, self.stage, state.baseline, label, rooted, whole=whole, problems=problems, content=content
        )  # fmt: skip

    def _find_own_content(self, loaded: LoadedPolicy | None, policy: Policy) -> bytes | None:
        """The policy's content, where no other file and no limit of its own makes a difference."""
        alone = loaded and not self.named and not loaded.extends and policy.file_size >= Policy().file_size
        more = bool(policy.custom) or any(policy.may_show_all(rule_id) for rule_id in list_partial_rules())
        return loaded.content if loaded and alone and not more else None

    def _build_change_judge(
        self,
        repository: Git,
        base: str | None,
        after: Snapshot,
        head: str,
        *,
        rooted: Callable[[str], str] = str,
        label: str = "",
    ) -> Judge:
        top = repository.folder.absolute()
        commit = _resolve_commit(repository, base) if base else ""
        old, old_error = self._load_state(CommitSnapshot(repository, commit) if commit else _NOWHERE, top)
        new, new_error = self._load_state(after, top)
        if new_error and (old_error or not commit):
            raise new_error
        if self.named and not old.loaded and not new.loaded and not new_error:
            said = "there is no such policy file in either commit"
            raise PolicyError(self.named, 0, 0, said, "commit it, or name one outside of the repository")
        skipped = (Skip(label + new_error.path, f"after the change: {new_error.message}"),) if new_error else ()
        notes: tuple[str, ...] = (
            (f"the policy of {base} cannot be followed, so the defaults hold: {old_error.message}",)
            if old_error
            else ()
        )
        if LOOSENED in old.policy.rules:
            notes += (f"what the policy says of {LOOSENED} does not count: what a change loosens always blocks",)
        loosenings = () if new_error else self._find_loosenings(repository, commit, head, old, new)
        policy = self.over(old.policy)
        known = old.baseline.problems if old.baseline else ()
        problems = tuple(one for one in (new.baseline.problems if new.baseline else ()) if one not in known)
        usual = not old_error and not new_error and self._is_usual(old)
        named = (load.POLICY_NAME, load.MISTAKEN, old.policy.baseline)
        return Judge(
            policy, self.stage, old.baseline, label, rooted, BaseCommit(repository, commit, policy.file_size),
            loosenings=loosenings, skipped=skipped, notes=notes, problems=problems, is_usual=usual,
            governing=old.calls.asked.union(named) if usual and commit else frozenset(),
        )  # fmt: skip

    def _is_usual(self, old: PolicyState) -> bool:
        """True if nothing but the default policy and one file in the repository settles a change."""
        if self.named or self.ref or self.listed or self.over(Policy()) != Policy():
            return False
        return not old.loaded or self._find_own_content(old.loaded, old.policy) is not None

    def _find_loosenings(
        self, repository: Git, base: str, head: str, old: PolicyState, new: PolicyState
    ) -> tuple[Loosening, ...]:
        """What the change loosens against the base, less what it had from where it branched off."""
        rules = {rule.id: rule for rule in (*load_rules(), *compile_custom_rules(old.policy.custom))}
        found = tuple(loosening.find_loosenings(old, new, rules, old.policy.pins))
        fork = _find_merge_base(repository, base, head) if base and found else None
        if not fork or fork == base:
            return found
        then, error = self._load_state(CommitSnapshot(repository, fork), repository.folder.absolute())
        since = tuple(loosening.find_loosenings(then, new, rules, old.policy.pins))
        kept = {one.key for one in since}
        if error:
            return found
        # A call that both sides altered differs in other words on each: what counts is what the change did to it.
        calls = tuple(one for one in since if one.in_call) if any(one.in_call for one in found) else ()
        return tuple(one for one in found if one.key in kept and not one.in_call) + calls

    def _load_state(self, place: Snapshot, top: Path) -> tuple[PolicyState, PolicyError | None]:
        try:
            return loosening.load_state(
                place, self.rules, self._find_policy_path(top), self._load_outside(top), listed=self.listed
            ), None
        except PolicyError as error:
            return PolicyState(), error

    def _find_policy_path(self, top: Path) -> str:
        """The policy's path below the root."""
        return _Relative(top)(self.named) if self.named else load.POLICY_NAME

    def _load_outside(self, top: Path) -> LoadedPolicy | None:
        """The policy that is named, where it lies outside of the repository and no change can touch it."""
        if not self.named or (self._find_policy_path(top).split("/")[0] not in ("..", ".git") and not is_bare(top)):
            return None
        real = Path(os.path.realpath(self.named))
        if not real.exists():
            raise PolicyError(self.named, 0, 0, *_MISSING)
        return load.load_policy(FolderSnapshot(real.parent), real.name, self.rules)


_MISSING = ("there is no such policy file", "check the name")
_NOWHERE: Snapshot = FolderSnapshot(Path(os.devnull))


@dataclass(frozen=True, slots=True)
class _Below:
    """Paths of a folder as seen from the root above it."""

    prefix: str

    def __call__(self, path: str) -> str:
        return f"{self.prefix}/{path}"


@dataclass(frozen=True, slots=True)
class _Relative:
    """Paths from a folder (the current one) as seen from a root."""

    root: Path
    folder: Path = Path()

    def __call__(self, path: str) -> str:
        folder, name = os.path.split(self.folder / path)
        way = make_relative(folder or os.curdir, str(self.root))
        return name if way == "." else f"{way}/{name}"


def _find_merge_base(repository: Git, base: str, head: str) -> str | None:
    """Where two commits have branched off from each other."""
    words = ("merge-base", "--end-of-options", base, head)
    return repository.run(*words, ok=(0, 1, 128)).strip().decode() or None


def _resolve_commit(repository: Git, revision: str) -> str:
    """The commit that a revision names; raises CredguardError."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    found = repository.run(*words, ok=(0, 1, 128)).strip().decode()
    if not found:
        raise CredguardError(f"there is no commit {revision}", "check the name, or fetch it", ExitCode.INCOMPLETE)
    return found
