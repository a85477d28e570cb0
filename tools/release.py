"""Checks that a tag names the version that the checkout holds: `python -E tools/release.py v1.2.3`."""

import os
import re
import sys

import environment

_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


def check_tag(tag: str, source: str, changes: str) -> str:
    """Why a release of this tag cannot be made from a checkout with this `__init__.py` and CHANGELOG; empty where it
    can."""
    match = _VERSION.search(source)
    if not match or tag != f"v{match[1]}":
        return f"the tag is {tag}, and credguard/__init__.py has {match[1] if match else 'no version'}"
    heading = f"## {match[1]}"
    if not any(line == heading or line.startswith(f"{heading} (2") for line in changes.split("\n")):
        return f"CHANGELOG.md has no heading `{heading}` with a date"
    return ""


def _read(*path: str) -> str:
    with open(os.path.join(environment.ROOT, *path), encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    why = check_tag(sys.argv[1], _read("src", "credguard", "__init__.py"), _read("CHANGELOG.md"))
    if why:
        environment.stop(why)
