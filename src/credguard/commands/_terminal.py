"""What `fix` and `init` print: diffs, commands, and manual steps."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from credguard.fixes.manual_steps import list_first_steps, list_last_steps
from credguard.report import make_printable
from credguard.system import terminal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from credguard.fixes import Edit, FixPlan
    from credguard.model.findings import Skip

_SHOWN = 10
_COLOURS = {"+": "32", "-": "31", "@": "36"}


def should_use_colour(options: argparse.Namespace) -> bool:
    """True if standard output shows colors."""
    return terminal.has_colours(sys.stdout, off=options.no_color)


def _format_as_comment(line: str) -> str:
    """What a shell can run as it is, words as a comment: all of it can be pasted."""
    return line if line.startswith(("git ", "aws ", "chmod ")) else f"# {line}"


class Screen:
    """Prints to standard output."""

    def __init__(self, *, colour: bool = False) -> None:
        self._colour = colour

    def print_line(self, text: str, code: str = "") -> None:
        """Prints a line with terminal control characters escaped; nothing for an empty text."""
        if text:
            shown = make_printable(text)
            print(f"\x1b[{code}m{shown}\x1b[0m" if self._colour and code else shown)

    def print_diff(self, edit: Edit) -> None:
        """Prints a change and an empty line."""
        for line in edit.diff():
            bold = line.startswith(("+++", "---"))
            self.print_line(line or " ", "1" if bold else _COLOURS.get(line[:1], ""))
        print()

    def print_changes(self, made: FixPlan) -> None:
        """Prints what will be done, after what has to be done before it."""
        for edit in made.edits:
            self.print_diff(edit)
        self._print_script("First, by hand", list_first_steps(made))
        commands = [f"git rm --cached -- {shlex.quote(path)}  # stays on disk" for path in made.untrack]
        commands += [f"chmod {one.mode:o} {shlex.quote(one.shown)}" for one in made.modes]
        self._print_script("Commands that --apply runs", commands)

    def print_remaining(self, made: FixPlan, *, in_git: bool) -> None:
        """Prints what could not be done, and the manual steps."""
        self._print_script("Not fixed automatically", made.refused)
        self._print_script("Then by hand, in this order", list_last_steps(made, in_git=in_git))

    def print_manual_steps(self, refused: Sequence[str], lines: Sequence[str]) -> None:
        """Prints what could not be written, and what to add by hand."""
        self._print_list("Not written automatically", refused)
        self._print_list("Add by hand", lines)

    def print_skipped(self, skipped: Sequence[Skip]) -> None:
        """Prints what could not be scanned, where it matters."""
        lines = [f"{skip.path}: {skip.reason}" for skip in skipped[:_SHOWN]]
        more = len(skipped) - len(lines)
        self._print_list("Not scanned", [*lines, *([f"and {more} more; `credguard audit` lists them"] if more else [])])

    def _print_script(self, title: str, lines: Sequence[str]) -> None:
        """Prints lines that can be pasted into a shell as they are, the title too."""
        if lines:
            self.print_line(f"# {title}", "1")
            for line in lines:
                self.print_line(_format_as_comment(line))
            print()

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
