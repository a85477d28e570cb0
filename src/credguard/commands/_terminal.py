"""What `fix` and `init` print: diffs, commands, and what only a person can do."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from credguard.report import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from credguard.fixes import Edit, Plan
    from credguard.model.findings import Skip

_SHOWN = 10
_COLOURS = {"+": "32", "-": "31", "@": "36"}

_ERASE = "git filter-repo --sensitive-data-removal --invert-paths"


def coloured(options: argparse.Namespace) -> bool:
    """True where colours are wanted and standard output is a terminal."""
    return not options.no_color and not os.environ.get("NO_COLOR") and sys.stdout.isatty()


class Screen:
    """Prints to standard output."""

    def __init__(self, *, colour: bool = False) -> None:
        self._colour = colour

    def say(self, text: str, code: str = "") -> None:
        """A line, what would drive the terminal escaped; nothing for no text."""
        if text:
            shown = printable(text)
            print(f"\x1b[{code}m{shown}\x1b[0m" if self._colour and code else shown)

    def diff(self, edit: Edit) -> None:
        """A change, with an empty line behind it."""
        for line in edit.diff():
            bold = line.startswith(("+++", "---"))
            self.say(line or " ", "1" if bold else _COLOURS.get(line[:1], ""))
        print()

    def changes(self, made: Plan) -> None:
        """What will be done."""
        for edit in made.edits:
            self.diff(edit)
        commands = [f"git rm --cached -- {shlex.quote(path)}   # stays on disk" for path in made.untrack]
        commands += [f"chmod {one.mode:o} {shlex.quote(one.shown)}" for one in made.modes]
        self._list("Commands", commands)

    def left(self, made: Plan) -> None:
        """What could not be done, and what only a person can do."""
        self._list("Left to you", made.refused)
        steps = list(dict.fromkeys(made.advice))
        if made.untrack:
            steps.append("tell those who share this repository: git takes the file away from them when they pull")
        if made.committed:
            paths = " ".join(f"--path {shlex.quote(path)}" for path in made.committed)
            steps.insert(0, f"deactivate and replace the secrets in {', '.join(made.committed)}: they count as known")
            steps.append(f"when all of them are replaced, in a fresh clone:\n{_ERASE} {paths}")
        self._list("Only you can do this, in this order", [f"{n}. {step}" for n, step in enumerate(steps, 1)])

    def left_by_hand(self, refused: Sequence[str], lines: Sequence[str]) -> None:
        """What could not be written, and what to write by hand."""
        self._list("Left to you", refused)
        self._list("By hand", lines)

    def unseen(self, skipped: Sequence[Skip]) -> None:
        """What could not be looked at, where it matters."""
        lines = [f"{skip.path}: {skip.reason}" for skip in skipped[:_SHOWN]]
        more = len(skipped) - len(lines)
        self._list("Not looked at", [*lines, *([f"and {more} more; `credguard audit` names them"] if more else [])])

    def _list(self, title: str, lines: Iterable[str]) -> None:
        lines = list(lines)
        if lines:
            self.say(title, "1")
            for line in lines:
                first, *rest = line.split("\n")
                self.say(f"  {first}")
                for more in rest:
                    self.say(f"       {more}")
            print()
