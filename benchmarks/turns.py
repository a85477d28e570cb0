"""Calls programs in turns and tells what each took: seconds, processor seconds, memory, and pairs of turns compared."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Command = tuple[str, ...]
OURS = "credguard"
DEFAULT_RULES = "credguard, default rules"
SLOW = 60.0
"""Seconds after which another program is not called again for the same thing: its first turn says enough."""
LIMIT = 600.0
"""Seconds after which a program is stopped."""
_ANSWERS = (0, 1, 3)
"""What ours ends with when it has looked; what fails is not to be timed."""
_LAUNCH = Path(__file__).parent / "launch.py"


@dataclass(frozen=True, slots=True)
class Turn:
    """One call of one program."""

    seconds: float
    processor: float
    """Seconds of processor time, with its children's."""
    largest: int
    """Peak bytes of its largest process, mapped files included."""
    private: int
    """Peak bytes of all its processes together without mapped files; 0 where that was not looked at."""
    code: int
    stopped: bool


@dataclass(slots=True)
class Timing:
    """All turns of one program."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    largest: int = 0
    private: int = 0
    code: int = 0
    stopped: bool = False

    @property
    def median(self) -> float:
        """Seconds of the middle turn."""
        return statistics.median(self.seconds)

    def add(self, turn: Turn, *, timed: bool) -> None:
        """Takes in a turn; one that is not timed counts for the memory only."""
        if timed:
            self.seconds.append(turn.seconds)
            self.processor.append(turn.processor)
        self.largest = max(self.largest, turn.largest)
        self.private = max(self.private, turn.private)
        self.code = turn.code
        self.stopped = turn.stopped


def call(
    command: Command, folder: Path, environment: Mapping[str, str], *, limit: float = LIMIT, watch: bool = False
) -> Turn:
    """Runs a program in a folder, without input or output; with `watch` for its memory, not for its time."""
    done = subprocess.run(
        (sys.executable, "-I", "-S", str(_LAUNCH), str(limit), str(int(watch)), *command),
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        check=True,
    )
    return Turn(*json.loads(done.stdout))


def measure(
    folder: Path,
    programs: Mapping[str, Command],
    environment: Mapping[str, str],
    rounds: int,
    *,
    slow: float,
    limit: float,
) -> dict[str, Timing]:
    """Every program once a round, the first of the round changing.

    Two rounds before are not timed: one warms caches, one shows memory. Another program that is slow in the second,
    or is stopped in the first, is not called again, and that turn counts. Raises RuntimeError where ours fails.
    """
    timings = {name: Timing() for name in programs}
    once: set[str] = set()
    for number in range(rounds + 2):
        names = list(programs)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            if name not in once:
                turn = call(programs[name], folder, environment, limit=limit, watch=number < 2)
                if name.startswith(OURS) and turn.code not in _ANSWERS:
                    raise RuntimeError(f"{name} ended with {turn.code}: {' '.join(programs[name])}")
                late = turn.stopped if number == 0 else turn.seconds > slow
                if late and number < 2 and not name.startswith(OURS):
                    once.add(name)
                if number or name in once:
                    timings[name].add(turn, timed=number > 1 or name in once)
    return timings


def share(ours: Timing, other: Timing) -> float:
    """The middle one of our time over the other's, turn by turn; of the middle turns where the other had fewer."""
    if len(ours.seconds) != len(other.seconds):
        return ours.median / other.median
    return statistics.median(own / its for own, its in zip(ours.seconds, other.seconds, strict=True))


def as_json(timings: Mapping[str, Timing], targets: Mapping[str, float] | None = None) -> dict[str, Any]:
    """The timings of one comparison by program, the fastest first; shares are ours of the other's time."""
    default = timings.get(DEFAULT_RULES)
    return {
        name: {
            "median": timing.median,
            "fastest": min(timing.seconds),
            "seconds": timing.seconds,
            "processor_seconds": timing.processor,
            "largest_bytes": timing.largest,
            "private_bytes": timing.private or None,
            "credguard_share": None if timing.stopped else share(timings[OURS], timing),
            "default_share": share(default, timing) if default and not timing.stopped else None,
            "target": (targets or {}).get(name),
            "exit_code": timing.code,
            "stopped": timing.stopped,
        }
        for name, timing in sorted(timings.items(), key=lambda pair: pair[1].median)
    }
