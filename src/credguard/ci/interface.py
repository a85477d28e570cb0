"""What a CI system asks for, and what finds that out for each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class CiTask:
    """What to judge and on whose word.

    `mode` is `change` (the commits of `heads` that `excluded` do not have), `tree`, `history` or
    `nothing`. `base` is the revision whose policy counts, None where the checkout's own does.
    `tag` is a tag whose message is judged too. Revisions are object IDs or ref names;
    `why` says in words what was made out.
    """

    system: str
    mode: str
    why: str
    heads: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    base: str | None = None
    tag: str | None = None
    wanted: tuple[str, ...] = field(default=())
    """What may have to be fetched first, in order of use."""


class TaskPlanner(Protocol):
    """Reads the variables, and the event that they name, of one CI system."""

    def __call__(self, environ: Mapping[str, str]) -> CiTask:
        """What the job in this environment is about; raises CredguardError for an event that must not be served."""
