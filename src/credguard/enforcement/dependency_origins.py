"""The origin of the credguard that a step runs, according to files of dependencies and package managers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

PYTHON = (
    "pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile", "Pipfile.lock", "setup.py", "setup.cfg",
    "pip.conf", "poetry.toml",
)  # fmt: skip
"""Files that define which credguard Python's installers use, and from where."""
NODE = (".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "pnpm-workspace.yaml", "bunfig.toml")
"""Files that define how the package managers of JavaScript run a script."""
INSTALLS_PYTHON = compile_lazily(
    r"\b(?:uvx?|poetry|pipenv|pdm|rye|hatch|tox|nox)\b|\bpip[\d.]*\b[^\n]*\binstall\b[^\n]*(?:\s-[erc]|\s--(?:editable|requirement"
    r"|constraint)|\s[\"']?\.(?:\[|[\"']?(?:\s|$)))"
)
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
_REQUIREMENTS = compile_lazily(r"(?:[\w.-]*requirements?[\w.-]*|[\w.-]*constraints?[\w.-]*)\.(?:txt|in)")
_NAMES = compile_lazily(r"credguard")
_PYTHON_LINE = compile_lazily(
    r"credguard|\b(?:index|registry|source|sources|url|find-links|trusted-host|constraints?|overrides?|override-dependencies"
    r"|constraint-dependencies|indexes|no-index|default-index|index-strategy|verify_ssl|priority)\b[\"']?\s*[=:]"
)
_SECTION = compile_lazily(
    r"\s*\[\[?[\"']?(?:tool[.\"']+(?:uv|poetry|pdm|hatch|pip)\b[^\]]*|source|package|global|install)[\"']?\]\]?"
)
_HEAD = compile_lazily(r"\s*\[\[?[\w.\"' -]+\]\]?\s*(?:#.*)?")
_OPTION = compile_lazily(r"\s*(?:-[ifcre]\b|--)")
_NODE_LINE = compile_lazily(
    r"(?i)credguard|shell|yarn-?path|node-options|registry|ignore-scripts|hooks|plugins|pre\W|overrides"
)


def is_origin(path: str) -> bool:
    """True for a file of which only some lines matter."""
    name = path.rpartition("/")[2]
    return name in PYTHON or name in NODE or is_requirements(name)


def never_calls(path: str) -> bool:
    """True for one that names credguard and runs nothing."""
    return is_origin(path) and path.rpartition("/")[2] not in (
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        ".pnpmfile.cjs",
    )


def is_requirements(name: str) -> bool:
    """True for what pip reads with `-r` or `-c`, by the usual names."""
    return _REQUIREMENTS.fullmatch(name.rpartition("/")[2].lower()) is not None


def is_lock(path: str) -> bool:
    """True for a list of all packages with their versions."""
    return path.rpartition("/")[2] in _LOCKS


def list_relevant_lines(path: str, text: str) -> list[tuple[int, str]]:
    """The lines, by number from 0, that determine which credguard is run, and how."""
    name = path.rpartition("/")[2]
    if name in _LOCKS:
        return list(_iter_locked_lines(text))
    if name in NODE:
        return _list_matching(text, None if name in (".pnpmfile.cjs", ".yarnrc") else _NODE_LINE)
    if name == "pip.conf":
        return _list_matching(text, None)
    if name == "setup.py":
        return _list_matching(text, _NAMES)
    if is_requirements(name):
        return [
            (number, line) for number, line in _list_matching(text, None) if "credguard" in line or _OPTION.match(line)
        ]
    return list(_iter_source_lines(text))


def _list_matching(text: str, pattern: re.Pattern[str] | None) -> list[tuple[int, str]]:
    rows = ((number, line.strip()) for number, line in enumerate(text.split("\n")))
    return [
        (number, line)
        for number, line in rows
        if line and line[0] not in "#;" and (not pattern or pattern.search(line))
    ]


def _iter_source_lines(text: str) -> Iterator[tuple[int, str]]:
    """In TOML and INI, the lines that name credguard outside of other tools' sections, and those on package sources."""
    inside = False
    for number, row in enumerate(text.split("\n")):
        line = row.strip()
        if _HEAD.fullmatch(row):
            inside = _SECTION.match(row) is not None
            if inside and ("index" in line or "source" in line):
                yield number, line
        elif line.startswith("#"):
            continue
        elif inside and _PYTHON_LINE.search(line):
            yield number, line
        else:
            yield from ((number, entry) for entry in _DEPENDENCY.findall(line))


_DEPENDENCY = compile_lazily(
    r"[\"']credguard(?:-cli)?(?:\[[^\]]*\])?[ \t]*(?:[@<>=!~;][^\"']*)?[\"']|^[\"']?credguard(?:-cli)?[\"']?[ \t]*=.*"
)


def _iter_locked_lines(text: str) -> Iterator[tuple[int, str]]:
    """The version and the servers of the entry of credguard; the servers of a Pipfile.lock. Hashes are left out: a file
    with a wrong hash is not installed."""
    inside = False
    rows = text.split("\n")
    for number, row in enumerate(rows):
        line = row.strip()
        if line == "[[package]]" or (line.endswith("{") and line.startswith('"')):
            inside = "credguard" in (rows[number + 1] if line == "[[package]]" and number + 1 < len(rows) else line)
        version = _VERSION.match(line) if inside else None
        if version:
            yield number, f"credguard=={version[1]}"
        elif inside and _OF_ENTRY.match(line):
            yield number, line
        else:
            for match in _SERVER.finditer(line) if inside or line.startswith('"url":') else ():
                yield number, match[0]


_VERSION = compile_lazily(r"[\"']?version[\"']?\s*[=:]\s*[\"'](?:==)?([^\"']*)[\"']")
_OF_ENTRY = compile_lazily(
    r"(?:source|type|url|reference|resolved_reference|git|ref|path|\"(?:git|ref|path|index|file)\":)\s*[=:]?"
)
_SERVER = compile_lazily(r"[a-z+]{2,12}://[^/\"'\s]{1,200}")
