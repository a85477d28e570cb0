"""The HTML report: one file that holds its data, its charts and its script, and loads nothing."""

from __future__ import annotations

import json as json_module
from base64 import b64encode
from datetime import datetime, timezone
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from credguard import __version__
from credguard.errors import ExitCode
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import json, make_printable
from credguard.report.scorecard import count_standings, describe_unread

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult


def render(result: ScanResult) -> bytes:
    """The page as UTF-8. Its Content-Security-Policy names its own scripts by hash, so that nothing
    in the data could run even if it became markup."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    css, script, chart = (_read_asset(name) for name in ("report.css", "report.js", "chart.min.js"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["shown"] = make_printable
    template = environment.from_string(_read_asset("report.html.j2"))
    standings = result.standings
    headline, state = _format_headline(result)
    page = template.render(
        result=result,
        version=__version__,
        headline=headline,
        state=state,
        target=make_printable(", ".join(map(str, result.target.get("paths", ["."])))),  # type: ignore[call-overload]
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        numbers=_format_numbers(result),
        standings=standings,
        counted=count_standings(standings),
        unread=make_printable(describe_unread(result)),
        data=Markup(_dump_inert_json(_build_findings(result))),  # noqa: S704 - `_inert` leaves nothing that ends the element
        css=Markup(css),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        chart=Markup(chart),  # noqa: S704
        script_hashes=Markup(f"{_hash(chart)} {_hash(script)}"),  # noqa: S704
        style_hash=Markup(_hash(css)),  # noqa: S704
    )
    return page.encode("utf-8", "backslashreplace")


def _read_asset(name: str) -> str:
    return files("credguard.report").joinpath("assets").joinpath(name).read_text(encoding="utf-8").rstrip("\n")


def _hash(text: str) -> str:
    """A source expression of a Content-Security-Policy (W3C CSP 3, section 2.3.1)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _format_headline(result: ScanResult) -> tuple[str, str]:
    blocking = sum(v.outcome == "report" and v.finding.rule_id not in ABOUT_THE_RUN for v in result.verdicts)
    if blocking:
        return f"{blocking} {'finding blocks' if blocking == 1 else 'findings block'}", "blocks"
    if result.exit_code is ExitCode.CLEAN:
        return "Nothing blocks", ""
    return "Incomplete: not everything was looked at", "incomplete"


def _format_numbers(result: ScanResult) -> list[tuple[str, str]]:
    coverage = result.coverage
    shown = [v.finding for v in result.verdicts if v.outcome == "report" and v.finding.rule_id not in ABOUT_THE_RUN]
    severities = {label: sum(f.severity.label == label for f in shown) for label in ("critical", "high", "medium")}
    counts = {
        **severities, "files and objects": coverage.blobs, "commits": coverage.commits,
        "not looked at": len(coverage.skipped),
    }  # fmt: skip
    return [(label, f"{number:,}") for label, number in counts.items()]


def _build_findings(result: ScanResult) -> list[dict[str, object]]:
    """The findings as in the JSON report."""
    shown = [v for v in result.verdicts if v.finding.rule_id not in ABOUT_THE_RUN]
    return [json.build_finding_entry(v) for v in shown]


def _dump_inert_json(data: object) -> str:
    """JSON in which no character could end the script element or begin a comment (HTML, section 4.12.1.3)."""
    text = json_module.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
