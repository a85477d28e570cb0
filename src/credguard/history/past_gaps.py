"""Names contents of the past that could not be read by the path where they were, as a policy can acknowledge them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credguard.model.findings import OF_CONTENTS, Skip
from credguard.model.limit_reasons import explain_size, name_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from credguard.history.provenance import Provenance

_MOST_NAMED = 200
"""More paths are not asked for."""


@dataclass(frozen=True, slots=True)
class PastGap:
    """What of an object was not read, and which object that is."""

    oid: str
    skip: Skip


def list_unread(tracing: Provenance, unread: Mapping[str, str], oids: Mapping[str, str]) -> Iterator[PastGap]:
    """A gap for each object that was not read; `unread` has the reasons and `oids` the object IDs by what the scan
    calls them, which members of an archive follow behind `!`."""
    for number, (name, reason) in enumerate(sorted(unread.items())):
        own, bang, member = name.partition("!")
        oid = oids.get(own, "")
        if oid and number < _MOST_NAMED:
            path = _find_path(tracing, oid)
            yield PastGap(oid, Skip(f"{path}{bang}{member}", reason if path == own else name_object(oid, reason)))
        else:
            yield PastGap(oid, Skip(name, reason))


def list_oversized(tracing: Provenance, over: Sequence[tuple[str, str, int]], limit: int) -> Iterator[PastGap]:
    """A gap for each object (type, ID, bytes) over the limit."""
    for kind, oid, size in over[:_MOST_NAMED]:
        path = _find_path(tracing, oid) if kind == "blob" else ""
        reason = explain_size(size, limit)
        named = path and not path.startswith("object ")
        skip = Skip(path, name_object(oid, reason)) if named else Skip(f"object {oid}", reason)
        yield PastGap(oid, replace(skip, extent=OF_CONTENTS))
    if len(over) > _MOST_NAMED:
        yield PastGap(
            "", Skip(".", f"{len(over) - _MOST_NAMED} more objects of the history over the limit", OF_CONTENTS)
        )


def drop_present(tracing: Provenance, gaps: Iterable[PastGap], known: Iterable[str], label: str) -> list[Skip]:
    """The gaps without those of files that HEAD has and the scan of the work tree reports; `known` are its paths, with
    the label in front."""
    paths = set(known)
    return [gap.skip for gap in gaps if not (f"{label}{gap.skip.path}" in paths and tracing.find_head_path(gap.oid))]


def _find_path(tracing: Provenance, oid: str) -> str:
    """Where the object was last, or what to call it."""
    return tracing.find_head_path(oid) or tracing.list_paths(oid)[-1]
