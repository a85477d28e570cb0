"""Steps that take a value out of a repository: they fit what holds it, and cost nothing else that is kept there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from credguard.history.trail import Trail

_MOST_NAMED = 5
_NOTES = "notes/"
_STASH = "stash"
_WORK_TREE = "/HEAD"
_AGAIN = "  # then make it again without the value"


def explain_state(trail: Trail) -> str:
    """What keeps a value that was not pushed."""
    if not trail.unreachable:
        return "not pushed as far as this repository knows: take it out of the commits before it is"
    where = "only the reflog leads to it" if trail.reflog else "no branch or tag leads to it"
    if trail.stashes:
        where = "only an older stash leads to it"
    return f"{where}: it was not pushed from here as far as git knows, and goes with the steps below"


def list_local_steps(trail: Trail) -> tuple[str, ...]:
    """The steps for a value that no other repository has, as far as git knows."""
    if trail.staged and not trail.first_commit and trail.unreachable:
        return ("git restore --staged FILE  # or take the value out and stage the file again", _format_prune_step(()))
    others = [name for name in trail.refs.get("others", ()) if name not in (_STASH, "HEAD")]
    notes = [name for name in others if name.startswith(_NOTES)]
    branches, tags = trail.refs.get("branches", ()), trail.refs.get("tags", ())
    changed: list[str] = []
    steps: list[str] = []
    if branches or trail.on_head:
        steps += list_commit_steps(trail, several=len(branches) + len(tags) > 1)
        changed += ["HEAD", *(f"refs/heads/{name}" for name in branches)]
    elif notes:
        steps += _list_note_steps(trail, notes[0])
        changed += [f"refs/{name}" for name in notes]
    steps += (f"git tag -d {shlex.quote(tag)}{_AGAIN}" for tag in _limit_names(tags if not branches else trail.tagged))
    steps += _list_ref_steps([name for name in others if name not in notes])
    steps += _list_stash_steps(trail)
    return (*steps, _format_prune_step([*changed, *trail.reflogs]))


def list_rewrite_steps(trail: Trail) -> tuple[str, ...]:
    """The steps for a value that others have."""
    steps = [*_list_filter_repo_steps(force=True), "git push --force --mirror origin  # then everybody clones anew"]
    if trail.refs.get("pulls"):
        steps.append("pull request refs stay on the server: ask its support to remove them, and forks and caches")
    steps.append("delete expressions.txt")
    return tuple(steps)


def list_commit_steps(trail: Trail, *, several: bool = False) -> tuple[str, ...]:
    """The steps that take a value out of the commit that brought it; `several` refs lead to it."""
    if not trail.first_commit or (trail.tagged and not trail.on_head and not trail.refs.get("branches")):
        return ()
    steps = (
        [] if trail.on_head else [f"git switch {shlex.quote(trail.refs['branches'][0])}  # the branch that holds it"]
    )
    if trail.cut_off:
        steps.append("git fetch --unshallow  # the history ends before the commit that brought it")
    what = "it out of the message" if trail.is_message else "the value out of the file"
    if trail.is_last and not several:
        option = "" if trail.is_message else " --all --no-edit"
        return (*steps, f"take {what}", f"git commit --amend{option}")
    since = "--root" if trail.is_root else f"{trail.first_commit[:12]}^"
    word = "reword" if trail.is_message else "edit"
    return (
        *steps,
        f"git rebase --interactive {since}  # {word} the commit that brought it",
        *(("or, as several refs hold it:", *_list_filter_repo_steps(force=False)) if several else ()),
    )


def _list_note_steps(trail: Trail, ref: str) -> tuple[str, ...]:
    name = shlex.quote(f"refs/{ref}")
    return (
        *(
            f"git notes --ref={name} edit {oid}  # or: remove {oid}"
            for oid in _limit_names(_find_noted_objects(trail.paths))
        ),
        f"git update-ref {name} $(git commit-tree {name}^{{tree}} -m notes)  # their former versions hold it too",
    )


def _find_noted_objects(paths: Iterable[str]) -> list[str]:
    """The objects that notes at these paths are for."""
    joined = [path.replace("/", "") for path in paths]
    return [path for path in joined if len(path) in (40, 64) and path.isalnum()]


def _list_ref_steps(names: Sequence[str]) -> list[str]:
    return [
        "git switch BRANCH  # in the other work tree, whose HEAD names the commit"
        if name.endswith(_WORK_TREE)
        else f"git update-ref -d {shlex.quote(f'refs/{name}')}  # if nothing else is kept there"
        for name in _limit_names(names)
    ]


def _list_stash_steps(trail: Trail) -> list[str]:
    """Stashes go one by one, the oldest first: the numbers of the others then stay."""
    numbers = sorted(trail.stashes, reverse=True)
    if not numbers:
        return ["git update-ref -d refs/stash"] if _STASH in trail.refs.get("others", ()) else []
    more = "  # after a look: git stash show -p"
    return [f"git stash drop stash@{{{number}}}{more}" for number in numbers]


def _format_prune_step(refs: Sequence[str]) -> str:
    """Takes the value out of the reflogs of these refs, and then out of the objects."""
    end = "git gc --prune=now  # then no object holds it any more"
    names = list(dict.fromkeys(refs))
    if not names:
        return end
    if len(names) > _MOST_NAMED:
        return f"git reflog expire --expire=now --all && {end}; this drops every stash but the newest: `git stash list`"
    return f"git reflog expire --expire=now {shlex.join(names)} && {end}"


def _list_filter_repo_steps(*, force: bool) -> tuple[str, ...]:
    options = "--sensitive-data-removal " if force else "--force "
    return (
        "write the line VALUE==>REMOVED into a file expressions.txt with an editor, never on a command line",
        f"git filter-repo {options}--replace-text expressions.txt --replace-message expressions.txt"
        + ("  # in a fresh clone" if force else ""),
    )


def _limit_names(names: Iterable[str]) -> list[str]:
    return list(names)[:_MOST_NAMED]
