"""The results of the scripts as tables of Markdown."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def times(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The JSON of comparisons as lines of Markdown."""
    for title, programs in results.items():
        has_targets = any(row["target"] for row in programs.values())
        has_keys = any("stops_a_key" in row for row in programs.values())
        has_default = any(row["default_share"] for row in programs.values())
        more = [*(["target"] if has_targets else []), *(["stops a key"] if has_keys else [])]
        heads = [
            "program",
            "median s",
            "processor s",
            "credguard / it",
            *(["default rules / it"] if has_default else []),
            "largest process MB",
            "memory of its own MB",
            "exit",
            *more,
        ]
        yield from ("", f"### {title}", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|")
        for name, row in programs.items():
            cells = [name, *_seconds(row), *([_share(row, "default_share")] if has_default else []), *_memory(row)]
            cells += [str(row["target"] or "")] if has_targets else []
            cells += [{True: "yes", False: "NO", None: "not tried"}[row.get("stops_a_key")]] if has_keys else []
            yield f"| {' | '.join(cells)} |"


def _seconds(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["stopped"]:
        return (f"stopped after {row['median']:.0f}", "", "")
    return (_short(row["median"]), _short(statistics.median(row["processor_seconds"])), _share(row, "credguard_share"))


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _share(row: Mapping[str, Any], name: str) -> str:
    return "" if row[name] is None else f"{row[name]:.2f}"


def _memory(row: Mapping[str, Any]) -> tuple[str, ...]:
    private = f"{row['private_bytes'] / 1e6:.0f}" if row["private_bytes"] else ""
    return (f"{row['largest_bytes'] / 1e6:.0f}", private, str(row["exit_code"]))


def growth(results: Mapping[str, Any]) -> Iterator[str]:
    """The rows and exponents as lines of Markdown."""
    heads = ("processor s", "wall clock s", "largest process MB", "memory of its own MB")
    for name, result in results.items():
        yield from ("", f"### By {name}", "", f"| {name} | {' | '.join(heads)} |", "|---" * 5 + "|")
        for row in result["rows"]:
            size = f"{row['size']:,}" if row["size"] else "none: start-up"
            yield (
                f"| {size} | {row['processor']:.3f} | {row['seconds']:.3f} | {row['peak_mb']:.0f} "
                f"| {row['private_mb']:.0f} |"
            )
        slopes = result["exponents"]
        yield (
            f"| exponent | {slopes['processor']:.2f} | {slopes['seconds']:.2f} | {slopes['peak_mb']:.2f} "
            f"| {slopes['private_mb']:.2f} |"
        )


def fleet(results: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """What each step took as lines of Markdown."""
    yield from ("", "| step | took |", "|---|---|")
    for name, numbers in results.items():
        yield f"| {name} | {', '.join(f'{value:,.3g} {unit}' for unit, value in numbers.items())} |"


def quality(results: Mapping[str, Any]) -> Iterator[str]:
    """Recall and precision of each program as lines of Markdown."""
    yield from ("", "| program | recall | precision | right | wrong | missed |", "|---|---|---|---|---|---|")
    for name, one in results.items():
        missed = one["wanted"] - one["right"]
        yield (
            f"| {name} | {one['recall']:.4f} | {one['precision']:.4f} | {one['right']:,} | {one['wrong']:,} "
            f"| {missed:,} |"
        )
