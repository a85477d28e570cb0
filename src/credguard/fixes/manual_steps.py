"""The steps beside the fixes, which people take themselves, in the order of the reports: what others may have is
deactivated before anything else."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from credguard.fixes.committed import CommittedFile
    from credguard.fixes.plan import FixPlan

_ERASE = "git filter-repo --sensitive-data-removal"
_ERASE_HERE = "git filter-repo --force"


def list_first_steps(made: FixPlan) -> list[str]:
    """What comes before the fixes: values that were pushed."""
    pushed = [one.path for one in made.committed if one.pushed]
    if not pushed:
        return []
    return [f"deactivate and replace the secrets in {', '.join(pushed)}: pushed, so treat them as known to everybody"]


def list_last_steps(made: FixPlan, *, in_git: bool) -> list[str]:
    """What comes after the fixes, a line each: commands as a shell takes them, and words."""
    changed = [edit.path for edit in made.edits] if in_git else []
    amends = bool(made.committed) and all(one.is_last and not one.pushed for one in made.committed)
    steps = [f"git add -- {shlex.join(changed)}  # after a look at `git diff`"] if changed else []
    if (changed or made.untrack) and not amends:
        steps.append("git commit")
    steps += (line for advice in dict.fromkeys(made.advice) for line in advice)
    pushed, local = ([one for one in made.committed if one.pushed is wanted] for wanted in (True, False))
    if {one.path for one in pushed}.intersection(made.untrack):
        steps.append("tell everyone who shares this repository: git removes the file from their clones when they pull")
    steps += _list_local_steps(local, made.untrack, amends=amends)
    if pushed:
        steps += ["when all of them are replaced, in a fresh clone:", *_list_erase_steps(pushed, made.untrack, _ERASE)]
    return steps


def _list_local_steps(files: Sequence[CommittedFile], untracked: Sequence[str], *, amends: bool) -> list[str]:
    """What takes files out of commits that nobody else has."""
    if not files:
        return []
    names = ", ".join(one.path for one in files)
    steps = [f"{names}: not pushed as far as this repository knows, so rewrite the commits before it is"]
    first = files[0]
    if amends:
        steps.append("git commit --amend --no-edit")
    elif len(files) == 1 and first.first_commit:
        since = "--root" if first.is_root else f"{first.first_commit[:12]}^"
        how = f": git rm --cached -- {shlex.quote(first.path)}" if first.path in untracked else ""
        steps.append(f"git rebase --interactive {since}  # edit each commit that changed {first.path}{how}")
    else:
        steps += _list_erase_steps(files, untracked, _ERASE_HERE)
    return [
        *steps,
        "replace the secrets all the same where others can have read them: a backup, a shared folder, an image",
    ]


def _list_erase_steps(files: Iterable[CommittedFile], untracked: Sequence[str], command: str) -> list[str]:
    """The commands that take whole files, or the values of those that stay, out of the history."""
    gone, kept = ([one.path for one in files if (one.path in untracked) is wanted] for wanted in (True, False))
    steps = [f"{command} --invert-paths {' '.join(f'--path {shlex.quote(path)}' for path in gone)}"] if gone else []
    if kept:
        steps.append(f"for {', '.join(kept)}, write a line VALUE==>REMOVED for each value into a file expressions.txt:")
        steps += [f"{command} --replace-text expressions.txt", "delete expressions.txt"]
    return steps
