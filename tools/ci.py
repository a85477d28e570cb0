"""Judges what a CI job is about with this checkout: `python3 tools/ci.py [OPTION…]`, as action.yml does.

Options go to `credguard ci`; each may also be given as a variable, `CREDGUARD_FAIL_ON` for
`--fail-on`, where an empty one counts as not given. The exit code is credguard's.
"""

import os
import sys

import environment

OPTIONS = ("path", "mode", "config", "fail-on", "sarif-file", "baseline", "version")


def from_variables(environ: "os._Environ[str] | dict[str, str]") -> "list[str]":
    """The options that variables give, as one word each."""
    values = {name: environ.get("CREDGUARD_" + name.upper().replace("-", "_"), "") for name in OPTIONS}
    return [f"--{name}={value}" for name, value in values.items() if value]


if __name__ == "__main__":
    environment.run_credguard("ci", *from_variables(os.environ), *sys.argv[1:])
