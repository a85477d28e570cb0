"""The HTML report: one file that holds its data, its charts and its script, and loads nothing."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from datetime import datetime, timezone
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from credguard import __version__
from credguard.errors import ExitCode
from credguard.model.findings import Outcome, Severity
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable
from credguard.report.groups import format_count, join_names
from credguard.report.leaks import rank_leaks
from credguard.report.page_data import build_page_data
from credguard.report.scorecard import SCORED, count_standings, describe_unread

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult, Verdict

_SCRIPTS = ("report_data.js", "report_export.js", "report.js", "report_charts.js")
_MOST_NAMED = 5


def render(result: ScanResult) -> bytes:
    """The page as UTF-8. Its Content-Security-Policy names its own scripts by hash, so that nothing
    in the data could run even if it became markup."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    css, chart = (_read_asset(name) for name in ("report.css", "chart.min.js"))
    script = "\n".join(map(_read_asset, _SCRIPTS))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["shown"] = make_printable
    template = environment.from_string(_read_asset("report.html.j2"))
    kind = str(result.target.get("kind"))
    standings = result.standings if kind in SCORED else ()
    coverage = result.coverage
    headline, state = _format_headline(result)
    page = template.render(
        headline=headline,
        state=state,
        kind=kind if kind in SCORED else "scan",
        facts=_list_facts(result),
        severities=_count_severities(result),
        numbers=_list_numbers(result),
        inputs=(
            (
                "skipped",
                "Not scanned",
                "The run is incomplete: what is listed here may hold anything.",
                coverage.skipped,
            ),
            (
                "left-out",
                "Left out",
                "The policy acknowledges these: they are not scanned, and the run is complete without them.",
                coverage.acknowledged,
            ),
        ),
        standings=standings,
        leaks=rank_leaks(result),
        counted=count_standings(standings),
        unread=make_printable(describe_unread(result)),
        data=Markup(_dump_inert_json(build_page_data(_list_verdicts(result)))),  # noqa: S704 - nothing in it ends the element
        css=Markup(css),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        chart=Markup(chart),  # noqa: S704
        script_hashes=Markup(f"{_hash(chart)} {_hash(script)}"),  # noqa: S704
        style_hash=Markup(_hash(css)),  # noqa: S704
    )
    return page.encode("utf-8", "backslashreplace")


def _list_targets(result: ScanResult) -> list[str]:
    """What the run was about: paths, or accounts."""
    accounts, paths = result.target.get("accounts"), result.target.get("paths", ["."])
    if isinstance(accounts, list):
        return [f"account {one.get('account') or one.get('profile')}" for one in accounts if isinstance(one, dict)]
    return list(map(str, _list_of(paths))) or ["."]


def _read_asset(name: str) -> str:
    return files("credguard.report").joinpath("assets").joinpath(name).read_text(encoding="utf-8").rstrip("\n")


def _hash(text: str) -> str:
    """A source expression of a Content-Security-Policy (W3C CSP 3, section 2.3.1)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _list_verdicts(result: ScanResult) -> list[Verdict]:
    return [v for v in result.verdicts if v.finding.rule_id not in ABOUT_THE_RUN]


def _format_headline(result: ScanResult) -> tuple[str, str]:
    blocking = sum(v.outcome is Outcome.REPORT for v in _list_verdicts(result))
    if blocking:
        return f"{format_count(blocking, 'finding')} {'blocks' if blocking == 1 else 'block'}", "blocks"
    if result.exit_code is ExitCode.CLEAN:
        return "Nothing blocks", ""
    return "Incomplete: not everything could be scanned", "incomplete"


def _list_facts(result: ScanResult) -> list[tuple[str, str]]:
    """What was scanned, at which commit, how and when."""
    target = result.target
    options, checkouts = (_list_of(target.get(name)) for name in ("options", "checkouts"))
    facts = [("scanned", join_names(_list_targets(result), _MOST_NAMED))]
    for checkout in [one for one in checkouts if isinstance(one, dict)][:_MOST_NAMED]:
        branch = f" on {checkout['branch']}" if checkout.get("branch") else ""
        at = f"{checkout.get('revisionId', 'no commit')}{branch}"
        facts.append(("HEAD", at + (f", of {checkout['repositoryUri']}" if checkout.get("repositoryUri") else "")))
    facts.append(("options", " ".join(map(str, options)) or "none"))
    made = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return [*facts, ("written", f"{made} by credguard {__version__}, policy {result.policy_hash}")]


def _list_of(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _count_severities(result: ScanResult) -> list[tuple[str, str]]:
    found = Counter(v.finding.severity for v in _list_verdicts(result) if v.outcome is Outcome.REPORT)
    return [(severity.label, f"{found[severity]:,}") for severity in sorted(Severity, reverse=True)]


def _list_numbers(result: ScanResult) -> list[tuple[str, str]]:
    coverage = result.coverage
    counts = {"files and objects": coverage.blobs, "commits": coverage.commits, "not scanned": len(coverage.skipped)}
    return [(label, f"{number:,}") for label, number in counts.items()]


def _dump_inert_json(data: object) -> str:
    """JSON in which no character could end the script element or begin a comment (HTML, section 4.12.1.3)."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
