"""What `fix` and `init` print: diffs, commands, and what only a person can do."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from credguard.report import make_printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from credguard.fixes import Edit, FixPlan
    from credguard.model.findings import Skip

_SHOWN = 10
_COLOURS = {"+": "32", "-": "31", "@": "36"}

_ERASE = "git filter-repo --sensitive-data-removal --invert-paths"


def should_use_colour(options: argparse.Namespace) -> bool:
    """True where colours are wanted and standard output is a terminal."""
    return not options.no_color and not os.environ.get("NO_COLOR") and sys.stdout.isatty()


class Screen:
    """Prints to standard output."""

    def __init__(self, *, colour: bool = False) -> None:
        self._colour = colour

    def print_line(self, text: str, code: str = "") -> None:
        """A line, what would drive the terminal escaped; nothing for no text."""
        if text:
            shown = make_printable(text)
            print(f"\x1b[{code}m{shown}\x1b[0m" if self._colour and code else shown)

    def print_diff(self, edit: Edit) -> None:
        """A change, with an empty line behind it."""
        for line in edit.diff():
            bold = line.startswith(("+++", "---"))
            self.print_line(line or " ", "1" if bold else _COLOURS.get(line[:1], ""))
        print()

    def print_changes(self, made: FixPlan) -> None:
        """What will be done."""
        for edit in made.edits:
            self.print_diff(edit)
        commands = [f"git rm --cached -- {shlex.quote(path)}   # stays on disk" for path in made.untrack]
        commands += [f"chmod {one.mode:o} {shlex.quote(one.shown)}" for one in made.modes]
        self._print_list("Commands", commands)

    def print_remaining(self, made: FixPlan) -> None:
        """What could not be done, and what only a person can do."""
        self._print_list("Left to you", made.refused)
        steps = list(dict.fromkeys(made.advice))
        if made.untrack:
            steps.append("tell those who share this repository: git takes the file away from them when they pull")
        if made.committed:
            paths = " ".join(f"--path {shlex.quote(path)}" for path in made.committed)
            steps.insert(0, f"deactivate and replace the secrets in {', '.join(made.committed)}: they count as known")
            steps.append(f"when all of them are replaced, in a fresh clone:\n{_ERASE} {paths}")
        self._print_list("Only you can do this, in this order", [f"{n}. {step}" for n, step in enumerate(steps, 1)])

    def print_manual_steps(self, refused: Sequence[str], lines: Sequence[str]) -> None:
        """What could not be written, and what to write by hand."""
        self._print_list("Left to you", refused)
        self._print_list("By hand", lines)

    def print_skipped(self, skipped: Sequence[Skip]) -> None:
        """What could not be looked at, where it matters."""
        lines = [f"{skip.path}: {skip.reason}" for skip in skipped[:_SHOWN]]
        more = len(skipped) - len(lines)
        self._print_list(
            "Not looked at", [*lines, *([f"and {more} more; `credguard audit` names them"] if more else [])]
        )

    def _print_list(self, title: str, lines: Iterable[str]) -> None:
        lines = list(lines)
        if lines:
            self.print_line(title, "1")
            for line in lines:
                first, *rest = line.split("\n")
                self.print_line(f"  {first}")
                for more in rest:
                    self.print_line(f"       {more}")
            print()
