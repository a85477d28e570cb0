"""Draws the results as one SVG, the same for the same results; needs matplotlib, the extra `bench`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

_OURS, _OTHERS, _FLOOR = "#c2410c", "#7c93ad", "#b8b8b8"
_COLUMNS = 2
_HEIGHT = 2.3


def draw(records: Mapping[str, Mapping[str, Any]], target: Path) -> None:
    """Writes a panel for each comparison of times, for each growth, and one for what was found; nothing for none."""
    panels = [*_comparisons(records), *_growths(records), *_qualities(records)]
    if not panels:
        return
    rows = math.ceil(len(panels) / _COLUMNS)
    with mpl.rc_context():
        mpl.rc("svg", hashsalt="credguard", fonttype="none")
        mpl.rc("font", family="sans-serif", size=9)
        mpl.rc("axes", titlesize=9, titleweight="bold")
        mpl.rc("axes.spines", top=False, right=False)
        figure = Figure(figsize=(11, _HEIGHT * rows), layout="constrained", facecolor="white")
        axes = figure.subplots(rows, _COLUMNS, squeeze=False)
        for place, (title, kind, data) in enumerate(panels):
            one = axes[place // _COLUMNS][place % _COLUMNS]
            one.set_title(title, loc="left")
            _DRAWERS[kind](one, data)
        for place in range(len(panels), rows * _COLUMNS):
            axes[place // _COLUMNS][place % _COLUMNS].set_axis_off()
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    lines = target.read_text(encoding="utf-8").splitlines()
    target.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def _comparisons(records: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    words = {"hook": "Hook: ", "tree": "Files: ", "history": "History: "}
    return [
        (words[kind] + title, "bars", programs)
        for kind in words
        if kind in records
        for title, programs in records[kind]["results"].items()
    ]


def _growths(records: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    found = records["growth"]["results"] if "growth" in records else {}
    return [(f"Growth by {name}", "growth", {"name": name, **result}) for name, result in found.items()]


def _qualities(records: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    if "quality" not in records:
        return []
    whole = {name: one for name, one in records["quality"]["results"].items() if ":" not in name}
    return [(f"Found on {records['quality']['lines']:,} labelled lines", "quality", whole)]


def _color(name: str) -> str:
    return _FLOOR if name.startswith("git ") else _OURS if name.startswith("credguard") else _OTHERS


def _bars(axes: Axes, programs: Mapping[str, Mapping[str, Any]]) -> None:
    """Seconds of each program, the fastest on top, on a scale of logarithms; those that were stopped are hatched."""
    names = list(programs)[::-1]
    values = [programs[name]["median"] for name in names]
    stopped = [programs[name]["stopped"] for name in names]
    drawn = axes.barh(names, values, color=[_color(name) for name in names])
    for bar, was_stopped in zip(drawn, stopped, strict=True):
        bar.set_hatch("//" if was_stopped else "")
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 2, max(values) * 4)
    labels = [("> " if late else "") + _time(value) for value, late in zip(values, stopped, strict=True)]
    axes.bar_label(drawn, labels, padding=3)
    axes.tick_params(axis="x", which="both", bottom=False, labelbottom=False)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _growth(axes: Axes, result: Mapping[str, Any]) -> None:
    """Processor time against size, beside a line as it would be if it grew with it."""
    rows = result["rows"][1:]
    sizes = [row["size"] for row in rows]
    times = [row["processor"] for row in rows]
    slope = result["exponents"]["processor"]
    axes.plot(sizes, [times[0] * size / sizes[0] for size in sizes], "--", color=_FLOOR, label="linear")
    axes.plot(sizes, times, "o-", color=_OURS, label=f"credguard, exponent {slope:.2f}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(result["name"])
    axes.set_ylabel("processor s")
    axes.legend(frameon=False)


def _quality(axes: Axes, programs: Mapping[str, Mapping[str, Any]]) -> None:
    """Recall, and lighter below it precision, of each program."""
    names = list(programs)[::-1]
    for figure, offset, alpha in (("recall", 0.2, 1.0), ("precision", -0.2, 0.45)):
        values = [programs[name][figure] for name in names]
        places = [place + offset for place in range(len(names))]
        drawn = axes.barh(places, values, height=0.38, color=[_color(name) for name in names], alpha=alpha)
        axes.bar_label(drawn, [f"{figure} {value:.3f}" for value in values], padding=3, fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, 1.3)
    axes.tick_params(axis="x", which="both", bottom=False, labelbottom=False)


_DRAWERS = {"bars": _bars, "growth": _growth, "quality": _quality}
