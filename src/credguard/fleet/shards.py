"""Which part of a plan this machine has, by `--shard` or by the variables of the system that started many of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.errors import CredguardError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from credguard.fleet.plan import PlannedRepository

_SHARD = re.compile(r"(?:(\d{1,6})|auto)(?:/(\d{1,6}))?")
_SYSTEMS = (
    ("JOB_COMPLETION_INDEX", "", 0, ""),
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", 0, "SLURM_ARRAY_TASK_MIN"),
    ("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", 0, ""),
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1, ""),
)
"""Variables of Kubernetes, SLURM, AWS Batch and GitLab: the index, the count, the first index, or what names that."""
_LARGE = 8
"""What is over 1/8 of a shard's fair part is dealt out by size."""


def parse_shard(text: str, environment: Mapping[str, str]) -> tuple[int, int]:
    """Index (from 0) and count of the shard that `I/N`, `auto`, `auto/N` or (for "") the environment names; (0, 1) if
    neither does. Raises CredguardError."""
    found = _SHARD.fullmatch(text) if text else None
    if text and not (found and (found[1] is None or found[2])):
        raise CredguardError(f"--shard {text} is not I/N, auto or auto/N", "as in --shard 1/8 … --shard 8/8")
    named = _find_index(environment) if not (found and found[1]) else None
    if text and not (found and found[1]) and named is None:
        names = ", ".join(one[0] for one in _SYSTEMS)
        raise CredguardError("--shard auto: no variable says which shard this is", f"set one of {names}")
    if found and found[1]:
        index, count = int(found[1]) - 1, int(found[2])
    elif named:
        index, count = named[0], int(found[2]) if found and found[2] else named[1]
        if not count:
            raise CredguardError("nothing says how many shards there are", "give --shard auto/N")
    else:
        return 0, 1
    if not 0 <= index < count:
        raise CredguardError(f"there is no shard {index + 1} of {count}", "the first one is 1/N")
    return index, count


def _find_index(environment: Mapping[str, str]) -> tuple[int, int] | None:
    """Index from 0 and count (0: unknown) that a system gives."""
    for index, count, first, start in _SYSTEMS:
        text, total = environment.get(index, ""), environment.get(count, "")
        if text.isdigit() and (total.isdigit() or not count):
            begin = environment.get(start, "")
            return int(text) - (int(begin) if begin.isdigit() else first), int(total) if total.isdigit() else 0
    return None


def select_shard(entries: Sequence[PlannedRepository], index: int, count: int) -> list[PlannedRepository]:
    """The entries of one shard. A repository is in the same one whatever else is planned, but for the largest, which
    are dealt out so that no shard has two while another has none."""
    limit = sum(entry.size for entry in entries) / count / _LARGE
    large = sorted((one for one in entries if one.size > limit and count > 1), key=lambda one: (-one.size, one.id))
    dealt = {entry.id: _deal(number, count) for number, entry in enumerate(large)}
    return [entry for entry in entries if dealt.get(entry.id, int(entry.id, 16) % count) == index]


def _deal(number: int, count: int) -> int:
    """The shard of a card: forth and back, so that who has the largest of a round has the smallest of the next."""
    turn, place = divmod(number, count)
    return place if turn % 2 == 0 else count - 1 - place
