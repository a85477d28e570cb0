"""Times the pre-commit hook beside other programs' hooks, turn by turn in one run: `bench_hook.py --peers DIR`."""

from __future__ import annotations

import random
import shutil
import string
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpora import source_text
from programs import HOOK, isolated, present
from results import parser, written
from tables import times
from turns import Timing, as_json, call, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turns import Command

ENDINGS = ("py", "js", "md", "go", "html")
SLOW = 10.0
"""Seconds after which another program's hook is not called again for the same commit."""
LONGEST = 60.0
"""Seconds after which a hook is stopped."""


@dataclass(slots=True)
class Scenario:
    """A commit: how many files the repository holds, and what is staged (size in bytes by name)."""

    name: str
    files: int
    staged: dict[str, int]
    rounds: int
    mention: bool = False
    """One staged file speaks of secrets without holding one."""


def scenarios(rounds: int, scale: float) -> list[Scenario]:
    """The three commits of which the project promises something, and one that has to be looked at closely."""
    five = {f"src/f{number * 80}.{ENDINGS[number]}": 4000 for number in range(5)}
    many = max(1, int(1000 * scale))
    thousand = {f"src/f{number}.{ENDINGS[number % 5]}": 20_000 for number in range(many)}
    large = int(108_000_000 * scale)
    few = max(1, int(400 * scale))
    return [
        Scenario(f"5 files of {few}", few, five, rounds),
        Scenario(f"5 files of {few}, a secret mentioned", few, five, rounds, mention=True),
        Scenario(f"{many:,} files, {many / 50:g} MB", many, thousand, max(1, rounds // 3)),
        Scenario(f"one text file of {large / 1e6:g} MB", 5, {"big.txt": large}, max(1, rounds // 5)),
    ]


def prepare(folder: Path, scenario: Scenario, environment: Mapping[str, str]) -> None:
    """Makes the repository, commits its files, stages the change and sets up the hooks."""

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, env=dict(environment), check=True, capture_output=True)

    (folder / "src").mkdir(parents=True)
    run("git", "init", "-q", ".")
    for number in range(scenario.files):
        path = folder / "src" / f"f{number}.{ENDINGS[number % 5]}"
        path.write_bytes(source_text(f"old {number}", 4000))
    run("git", "add", ".")
    run("git", "commit", "-q", "-m", "begin")
    for name, size in scenario.staged.items():
        (folder / name).write_bytes(source_text(f"new {name}", size))
    if scenario.mention:
        with (folder / next(iter(scenario.staged))).open("ab") as handle:
            handle.write(b'aws_secret_access_key = os.environ["AWS_SECRET_ACCESS_KEY"]\n')
    run("git", "add", ".")
    run(sys.executable, "-m", "credguard", "install", "--hooks", "pre-commit")
    if shutil.which("git-secrets", path=environment["PATH"]):
        run("git", "secrets", "--register-aws")


def plant(folder: Path, environment: Mapping[str, str]) -> str:
    """Stages a file with a made-up key pair; gives its name."""
    seeded = random.Random("plant")
    key_id = "AKIA" + "Y" + "".join(seeded.choices(string.ascii_uppercase + "234567", k=15))
    secret = "".join(seeded.choices(string.ascii_letters + string.digits + "+/", k=40))
    (folder / "planted.py").write_text(f'aws_access_key_id = "{key_id}"\naws_secret_access_key = "{secret}"\n')
    subprocess.run(["git", "add", "planted.py"], cwd=folder, env=dict(environment), check=True)
    return "planted.py"


def filled(programs: Mapping[str, Command], names: list[str]) -> dict[str, Command]:
    """The commands with the names of the staged files put in."""
    return {
        name: tuple(word for one in command for word in (names if one == "{files}" else [one]))
        for name, command in programs.items()
    }


def compare(scenario: Scenario, programs: Mapping[str, Command], environment: Mapping[str, str]) -> dict[str, Any]:
    """One commit without a key, every program in turns; then whether each stops a planted key."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "repo"
        prepare(folder, scenario, environment)
        names = list(scenario.staged)
        timings = measure(folder, filled(programs, names), environment, scenario.rounds, slow=SLOW, limit=LONGEST)
        told = as_json(timings)
        for name, timing in timings.items():
            if timing.code and not timing.stopped:
                print(f"{name} ended with {timing.code} on a clean commit: {scenario.name}", file=sys.stderr)
        commands = filled(programs, [*names, plant(folder, environment)])
        for name, command in commands.items():
            told[name]["stops_a_key"] = stops(command, timings[name], folder, environment)
    return told


def stops(command: Command, timing: Timing, folder: Path, environment: Mapping[str, str]) -> bool | None:
    """Whether the hook refuses what is staged; None where it is too slow to be asked again."""
    if timing.median > SLOW:
        return None
    return call(command, folder, environment, limit=LONGEST).code != 0


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints tables, and writes JSON."""
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=21, help="turns of each program at a small commit (default: 21)")
    options.add_argument("--scale", type=float, default=1.0, help="smaller commits, to try the script out (default: 1)")
    given = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        environment = isolated(Path(home), given.peers)
        programs = present(HOOK, environment)
        results = {one.name: compare(one, programs, environment) for one in scenarios(given.rounds, given.scale)}
        record = written("hook", results, given.output, environment, programs)
    print(*times(record["results"]), sep="\n")


if __name__ == "__main__":
    main()
