"""Places a rule's detection: lines, columns and fingerprint, which make it a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.matching.positions import locate
from credguard.model.findings import Finding, Location
from credguard.model.practices import PRACTICES
from credguard.model.secret import compute_fingerprint
from credguard.rule import SECRET_VALUES, is_custom
from credguard.sources.file_roles import ROLES
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from credguard.matching.positions import Place
    from credguard.model.findings import Blob, Detection
    from credguard.rule import Rule

_PLACES = {practice.id: ROLES[practice.place] for practice in PRACTICES if practice.place}


def build_locations(detection: Detection, blob: Blob, places: dict[int, Place] | None = None) -> tuple[Location, ...]:
    """The places of a detection: its parts, or the line that it is about; `places` where they are known already."""
    if not detection.parts:
        path = detection.path if detection.path is not None else blob.path
        return (Location(path, detection.line, 1, detection.line, 1),)
    if places is None:
        places = locate(blob.data, (o for part in detection.parts for o in (part.start, part.end)))
    return tuple(
        _build_location(blob.path, part.role, places[part.start], places[part.end]) for part in detection.parts
    )


def _build_location(path: str, role: str, start: Place, end: Place) -> Location:
    utf16 = (start.utf16, end.utf16)
    same = utf16 == (start.column, end.column)
    return Location(path, start.line, start.column, end.line, end.column, role, utf16=None if same else utf16)


def build_finding(rule: Rule, detection: Detection, locations: tuple[Location, ...]) -> Finding:
    """The finding that a rule's detection is at these places."""
    values = detection.identity or tuple(dict.fromkeys(part.secret.reveal() for part in detection.parts))
    key_id = detection.attributes.get("access_key_id")
    steps = detection.remediation or rule.remediation
    if isinstance(key_id, str):
        steps = tuple(step.replace("AKID", key_id) for step in steps)
    return Finding(
        rule.id,
        rule.name,
        rule.severity if detection.severity is None else detection.severity,
        rule.confidence if detection.confidence is None else detection.confidence,
        detection.message,
        compute_fingerprint(rule.id, values or (encode_path(locations[0].path),)),
        locations,
        detection.attributes,
        _select_practices(rule, detection, locations[0].path),
        (rule.hint, *steps),
        values=frozenset(compute_fingerprint("value", (value,)) for value in values),
    )


def _select_practices(rule: Rule, detection: Detection, path: str) -> tuple[str, ...]:
    """The practices of the rule that a detection in this file fails: of a secret, those about such files."""
    practices = detection.practices or rule.practices
    if not rule.id.startswith(SECRET_VALUES) and not is_custom(rule.id):
        return practices
    return tuple(one for one in practices if one not in _PLACES or _PLACES[one](path))
