"""Scans what a server receives, when it is pushed or later, and keeps what had to be let in before that was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.engine import change
from credguard.engine.run import Run, follow
from credguard.git import refs
from credguard.sources.time_limit import NO_LIMIT

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from credguard.engine.session import Session
    from credguard.git.repository import Git
    from credguard.policy.resolve import PolicyResolver
    from credguard.sources.time_limit import TimeLimit

NOTHING_YET = "there is no default branch here yet: the recommended policy applies"


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """A ref that is pushed: its object before and after (zeros for none)."""

    old: str
    new: str
    name: str

    @property
    def is_deletion(self) -> bool:
        """True if the ref is removed."""
        return not self.new.strip("0")


def scan_push(
    session: Session, repository: Git, policies: PolicyResolver, updates: Sequence[RefUpdate], *,
    whole_files: bool = False, limit: TimeLimit = NO_LIMIT, cleared: Collection[str] = (),
) -> Run:  # fmt: skip
    """Scans everything that is received and that no ref of this repository contains yet, with the policy of the default
    branch before the push: an earlier push may have loosened the policy of a branch. Raises GitError."""
    default = refs.find_default_branch(repository) if any(not one.is_deletion for one in updates) else None
    return scan_updates(
        session, repository, policies, updates, default, whole_files=whole_files, limit=limit,
        cleared=cleared,
    )  # fmt: skip


def scan_updates(
    session: Session, repository: Git, policies: PolicyResolver, updates: Sequence[RefUpdate], default: str | None,
    known: Sequence[str] | None = None, *, whole_files: bool = False, limit: TimeLimit = NO_LIMIT,
    cleared: Collection[str] = (),
) -> Run:  # fmt: skip
    """The same by the policy of a commit, without what the `known` objects (by default all refs) lead to; if that
    policy is usual, objects that are `cleared` are not read. Raises GitError."""
    brought = [one for one in updates if not one.is_deletion]
    run = Run().add(change.scan_ref_names(session.make_pipeline(), [one.name for one in brought]))
    if not brought:
        return run
    if not default:
        run = run.add_note(NOTHING_YET)
    commits = repository.resolve_commits(one.new for one in brought)
    judge = policies.resolve_change(repository, default, *commits)
    run = run.merge(follow(judge))
    pairs = [*((one.new, one.old) for one in brought), *(("", oid) for oid in known or ())]
    exclude = ("--not", "--all") if known is None else ()
    return run.add(
        change.scan_refs(
            session.make_pipeline(run), repository, pairs, *exclude, whole_files=whole_files, limit=limit,
            cleared=cleared if judge.is_usual else (),
        )
    )  # fmt: skip
