"""Audits repositories with this checkout: `python3 tools/audit.py [OPTION…] [PATH…]`.

Without a PATH the checkout itself is audited. Options go to `credguard audit`; write them as
`--name=value`. The exit code is credguard's.
"""

import sys

import environment

if __name__ == "__main__":
    arguments = sys.argv[1:]
    if all(argument.startswith("-") for argument in arguments):
        arguments.append(environment.ROOT)
    environment.run_credguard("audit", *arguments)
