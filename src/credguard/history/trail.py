"""What git knows of a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Trail:
    """What git knows of a value.

    `first_commit` is "" where no commit holds it (an object left over); `paths` are all that it stood
    at, in order of appearance; `refs` are names by use (branches, tags, remotes, pulls, others);
    `bare` says that the repository is one that others push to. `is_last` is set where HEAD is the
    first commit, `staged` where the index holds it, `on_head` where HEAD leads to it. The first commit
    `is_root` where it has no parents, unless the history is `cut_off` there; it `is_message` that holds
    the value where no file does. `tagged` are tags that lead to it without a commit, `stashes` numbers of
    stashes, `reflogs` refs whose former commits lead to it.
    """

    first_commit: str = ""
    first_seen: datetime | None = None
    author: str = ""
    paths: Sequence[str] = ()
    in_head: bool = False
    refs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reflog: bool = False
    bare: bool = False
    is_last: bool = False
    staged: bool = False
    objects: int = 1
    on_head: bool = False
    is_root: bool = False
    cut_off: bool = False
    is_message: bool = False
    tagged: Sequence[str] = ()
    stashes: Sequence[int] = ()
    reflogs: Sequence[str] = ()

    @property
    def pushed(self) -> bool:
        """True when another repository has it, as far as this one knows."""
        return self.bare or bool(self.refs.get("remotes") or self.refs.get("pulls"))

    @property
    def unreachable(self) -> bool:
        """True when no ref leads to it."""
        return not any(self.refs.values())
