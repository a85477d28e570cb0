"""The page of a fleet: one file that holds its data and its script, and loads nothing; 10,000 rows are paged."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from credguard import __version__
from credguard.errors import CredguardError
from credguard.fleet import record
from credguard.fleet.merge import MISSING, find_repository_of
from credguard.model.findings import Outcome
from credguard.model.practices import PRACTICES
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable
from credguard.system import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from credguard.fleet.merge import Merge, MergedRow
    from credguard.model.findings import Verdict

_SHOWN = 50
_STATES = (record.WHOLE, record.INCOMPLETE, record.UNREACHABLE, record.FAILED, record.LATE, MISSING)
_SIGNS = {"fail": "f", "pass": "p", "accepted": "a", "partial": "h"}
_ENFORCED = "P20"


@dataclass(frozen=True, slots=True)
class _Section:
    """A table of the page: at most so many of all lines, and what to say where there are none."""

    id: str
    title: str
    heads: tuple[str, ...]
    lines: Sequence[tuple[str, ...]]
    total: int
    none: str = "none"


def write_page(path: str, merged: Merge) -> None:
    """Writes the page; raises CredguardError."""
    try:
        atomic.write_output(path, render(merged))
    except OSError as error:
        raise CredguardError(f"{path} could not be written: {error.strerror}", "choose another file") from error


def render(merged: Merge) -> bytes:
    """The page as UTF-8; its Content-Security-Policy names its own script by hash."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    fleet: Mapping[str, Any] = merged.result.target["fleet"]  # type: ignore[assignment]
    css, script = _read_asset("fleet.css"), _read_asset("fleet.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    blocking = [int(night.get("blocking") or 0) for night in fleet.get("trend", ())]
    data = json.dumps(_build_data(merged), separators=(",", ":"))
    data = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    page = environment.from_string(_read_asset("fleet.html.j2")).render(
        headline=_format_headline(fleet["night"]), night=fleet["night"], version=__version__,
        numbers=_list_numbers(fleet["night"]), sections=list(_iter_sections(merged, fleet)),
        trend=_draw(blocking) if len(blocking) > 1 else "", nights=len(blocking), first=(blocking or [0])[0],
        last=(blocking or [0])[-1], practices=len(PRACTICES),
        data=Markup(data), css=Markup(css), script=Markup(script),  # noqa: S704 - nothing in it ends the element
        script_hash=Markup(_hash(script)), style_hash=Markup(_hash(css)),  # noqa: S704
    )  # fmt: skip
    return page.encode("utf-8", "backslashreplace")


def _read_asset(name: str) -> str:
    return files("credguard.fleet").joinpath("assets").joinpath(name).read_text(encoding="utf-8").rstrip("\n")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _format_headline(night: Mapping[str, Any]) -> str:
    lacking = night["planned"] - night["whole"]
    first = f"{night['blocking']:,} findings block" if night["blocking"] else "Nothing blocks"
    if not lacking:
        return f"{first} in {night['planned']:,} repositories"
    return f"{first}; {lacking:,} of {night['planned']:,} repositories were not scanned whole"


def _list_numbers(night: Mapping[str, Any]) -> list[tuple[str, int, bool]]:
    names = ("planned", "whole", *_STATES[1:], "blocking", "reused", "new", "gone", "reopened")
    return [(name, int(night[name]), name not in ("planned", "whole", "gone")) for name in names if name in night]


def _iter_sections(merged: Merge, fleet: Mapping[str, Any]) -> Iterator[_Section]:
    lacking = [row for row in merged.rows if row.state != record.WHOLE]
    lines = [(row.entry.name, row.state, make_printable(row.reason)) for row in lacking]
    yield _Section("lacking", "Not scanned whole", ("repository", "state", "why"), lines[:_SHOWN], len(lines))
    yield _make_changes(merged, fleet.get("changes"))
    worst = sorted((v for v in merged.result.verdicts if _is_blocking(v)), key=_rank)
    yield _Section(
        "worst",
        "Worst exposures",
        ("severity", "what", "where", "since", "exposure"),
        [_format_worst(v) for v in worst[:_SHOWN]],
        len(worst),
    )
    reuse: Sequence[Mapping[str, Any]] = fleet["reuse"]
    heads = ("kind", "name", "severity", "repositories", "first of them", "since", "exposure")
    shared = [
        (one["kind"], one["name"] or "a secret", one["severity"], str(one["count"]), ", ".join(one["repositories"]),
         one["since"][:10], _format_exposure(one)) for one in reuse[:_SHOWN]
    ]  # fmt: skip
    yield _Section("reuse", "Shared by several repositories", heads, shared, len(reuse))
    bare = [row.entry.name for row in merged.rows if _get_standing(row, _ENFORCED) == "fail"]
    title = "Without a hook or a CI step that calls credguard"
    yield _Section("unenforced", title, ("repository",), [(name,) for name in bare[:_SHOWN]], len(bare))
    slow = sorted(merged.rows, key=lambda row: (-_get_seconds(row), row.entry.name))
    times = [(row.entry.name, f"{_get_seconds(row):.1f}") for row in slow[:_SHOWN] if _get_seconds(row) > 1]
    yield _Section("slow", "Slowest", ("repository", "seconds"), times, len(times), "none took over a second")


def _make_changes(merged: Merge, changes: Mapping[str, Any] | None) -> _Section:
    known = {verdict.finding.fingerprint: verdict for verdict in merged.result.verdicts}
    every = [(kind, *one) for kind in ("reopened", "new", "gone") for one in (changes or {}).get(kind, ())]
    lines = [
        (kind, name or "several", make_printable(known[mark].finding.message) if mark in known else mark)
        for kind, name, mark in every[:_SHOWN]
    ]
    none = "nothing" if changes else "compare with the report before (--compare)"
    return _Section("changes", "Since the last report", ("change", "repository", "what"), lines, len(every), none)


def _is_blocking(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.REPORT and verdict.finding.rule_id not in ABOUT_THE_RUN


def _rank(verdict: Verdict) -> tuple[object, ...]:
    finding, exposure = verdict.finding, verdict.finding.exposure
    dead = exposure.get("alive") is False
    return dead, -int(finding.severity), exposure.get("pushed") is not True, -int(str(exposure.get("age_days") or 0))


def _format_worst(verdict: Verdict) -> tuple[str, ...]:
    finding, place = verdict.finding, verdict.finding.locations[0]
    where = f"{make_printable(place.path)}:{place.line}"
    since = str(finding.exposure.get("first_seen") or "")[:10]
    message = make_printable(finding.message)
    return finding.severity.label, f"{finding.rule_id} {message}", where, since, _format_exposure(finding.exposure)


def _format_exposure(exposure: Mapping[str, Any]) -> str:
    words = ["pushed" if exposure.get("pushed") is True else ""]
    alive = exposure.get("alive")
    words.append("works until it expires" if alive is True else "cannot work any more" if alive is False else "")
    return ", ".join(filter(None, words))


def _get_standing(row: MergedRow, practice: str) -> str:
    result = row.record.result.result if row.record and row.record.result else None
    return next((s.status for s in result.standings if s.practice.id == practice), "") if result else ""


def _get_seconds(row: MergedRow) -> float:
    try:
        return float(row.record.run.get("seconds") or 0) if row.record else 0.0
    except (TypeError, ValueError):
        return 0.0


def _build_data(merged: Merge) -> dict[str, Any]:
    """Rows of the heat map: name, number of the state, blocking findings, seconds, and a sign for each practice."""
    names = {row.entry.name for row in merged.rows}
    counts: dict[str, int] = dict.fromkeys(names, 0)
    for verdict in filter(_is_blocking, merged.result.verdicts):
        for name in {find_repository_of(place.path, names) for place in verdict.finding.locations} & names:
            counts[name] += 1
    rows = [
        [row.entry.name, _STATES.index(row.state), counts[row.entry.name], _get_seconds(row), _format_signs(row)]
        for row in merged.rows
    ]
    return {"states": _STATES, "practices": [practice.id for practice in PRACTICES], "rows": rows}


def _format_signs(row: MergedRow) -> str:
    result = row.record.result.result if row.record and row.record.result else None
    by_id = {s.practice.id: s.status for s in result.standings} if result else {}
    return "".join(_SIGNS.get(by_id.get(practice.id, ""), "-") for practice in PRACTICES)


def _draw(numbers: Sequence[int]) -> str:
    """The points of a line in a box of 1000 by 100."""
    most = max(*numbers, 1)
    step = 1000 / (len(numbers) - 1)
    return " ".join(f"{place * step:.0f},{95 - 90 * number / most:.0f}" for place, number in enumerate(numbers))
