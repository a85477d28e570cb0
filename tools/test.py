"""Runs the tests of this checkout on all cores: `python3 tools/test.py [PYTEST ARGUMENT…]`; the exit code is pytest's.

`-n 0` runs them in one process. `--coverage` measures what of credguard they run, which takes twice as long;
`--without-posix` runs them as on a system that is no POSIX.
"""

import os
import sys

import environment

if __name__ == "__main__":
    os.chdir(environment.ROOT)
    given = sys.argv[1:]
    spread = [] if any(argument.startswith("-n") for argument in given) else ["-n", "auto", "--dist", "worksteal"]
    if "--coverage" in given:
        given.remove("--coverage")
        environment.run("dev", os.path.join("tools", "cover.py"), *spread, *given)
    if "--without-posix" in given:
        given.remove("--without-posix")
        environment.run("dev", os.path.join("tests", "without_posix.py"), *spread, *given)
    environment.run("dev", "-m", "pytest", *spread, *given)
