"""The result of one repository as the store keeps it: a report under the fleet's key, and what tells when it is old."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from credguard import __version__
from credguard.engine.repository_result import RepositoryResult, Target, deserialize_result, serialize_result
from credguard.errors import CredguardError

if TYPE_CHECKING:
    from credguard.engine.sealing import SealingKey
    from credguard.fleet.plan import PlannedRepository

RECORD_VERSION = 1
WHOLE, INCOMPLETE, UNREACHABLE, FAILED, LATE = "whole", "incomplete", "unreachable", "failed", "late"
_STATES = (WHOLE, INCOMPLETE, UNREACHABLE, FAILED, LATE)


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a repository. `state` says how the last try ended and `reason` why it was not whole; `result` is
    that of the last one that gave any, of the day `scanned`; all of it was last read on the day `whole`. `standing` and
    `asked` are digests of what the repository holds and of what was asked for; from the moment `due` on, time alone may
    change the result. `run` says when, where and how often it was tried."""

    id: str
    state: str
    reason: str = ""
    result: RepositoryResult | None = None
    scanned: str = ""
    standing: str = ""
    asked: str = ""
    due: str = ""
    whole: str = ""
    run: dict[str, Any] = field(default_factory=dict)


def serialize_record(record: Record, key: SealingKey) -> bytes:
    """The record as JSON, in which nothing can be found by who does not have the key."""
    result = record.result
    part = json.loads(serialize_result(result, key)) if result else None
    if part:
        part.pop("files")
        part["folders"] = list(result.files) if result else []
    fields = {
        name: getattr(record, name)
        for name in ("id", "state", "reason", "scanned", "standing", "asked", "due", "whole")
    }
    return json.dumps(
        {
            "schema": RECORD_VERSION, "key": key.id, "tool": {"name": "credguard", "version": __version__}, **fields,
            "part": part, "run": record.run,
        },
        indent=1,
    ).encode() + b"\n"  # fmt: skip


def parse_record(data: bytes, entry: PlannedRepository, key: SealingKey) -> Record | None:
    """The record of an entry, None for what is damaged, of another repository or of another version; raises
    CredguardError for one under another key."""
    try:
        found = json.loads(data)
        if found["schema"] != RECORD_VERSION or found["id"] != entry.id or found["state"] not in _STATES:
            return None
        if found["key"] != key.id:
            raise CredguardError(
                f"the result of {entry.name} is under the key {found['key'][:16]}, and this one is {key.id}",
                "use the key of that run, or another store",
            )
        part, result = found["part"], None
        if part:
            part["files"] = []
            folders = tuple(str(one) for one in part.pop("folders"))
            result = deserialize_result(json.dumps(part).encode(), make_target(entry), key)
            if result is None:
                return None
            result = replace(result, files=folders)
        texts = {name: str(found[name]) for name in ("reason", "scanned", "standing", "asked", "due", "whole")}
        return Record(
            entry.id, str(found["state"]), result=result, run=dict(found["run"]),
            **texts,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def make_target(entry: PlannedRepository) -> Target:
    """The repository as audits name it: each path begins with its name."""
    return Target(entry.address, f"{entry.name}/", entry.id)
