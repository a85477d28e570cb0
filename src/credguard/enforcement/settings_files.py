"""The files through which a repository calls credguard: settings, and what they reference, read from one snapshot."""

from __future__ import annotations

import posixpath
import re
import sys
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from credguard.ci import systems
from credguard.enforcement import dependency_origins
from credguard.enforcement.settings_shape import GIT_HOOKS, SHAPES, Shape
from credguard.enforcement.shell import iter_path_words
from credguard.errors import UnreadableError
from credguard.lazy_re import compile_lazily
from credguard.parsers import json, yaml
from credguard.parsers.document import Node
from credguard.sources.snapshots import BELOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.sources.snapshots import Snapshot

_LEFTHOOK = tuple(
    f"{stem}.{end}"
    for stem in (
        "lefthook", ".lefthook", "lefthook-local", ".lefthook-local", ".config/lefthook", ".config/lefthook-local"
    )
    for end in ("yml", "yaml", "toml", "json", "jsonc")
)  # fmt: skip
_LINT_STAGED = (
    ".lintstagedrc", *(f".lintstagedrc.{end}" for end in ("json", "yml", "yaml", "js", "mjs", "cjs", "ts")),
    *(f"lint-staged.config.{end}" for end in ("js", "mjs", "cjs", "ts", "mts", "cts")), "package.yaml",
)  # fmt: skip
_COMPOSE = tuple(
    f"{stem}.{end}" for stem in ("compose", "compose.override", "docker-compose", "docker-compose.override")
    for end in ("yaml", "yml")
)  # fmt: skip
FAMILIES = (
    (".pre-commit-config.yaml", "prek.toml", ".pre-commit-config.yml"),
    _LEFTHOOK,
    (".overcommit.yml", ".local-overcommit.yml"),
    ("GNUmakefile", "makefile", "Makefile"),
    ("justfile", "Justfile", ".justfile", "JUSTFILE"),
    ("Taskfile.yml", "Taskfile.yaml", "Taskfile.dist.yml", "Taskfile.dist.yaml", "taskfile.yml", "taskfile.yaml"),
    ("tox.ini", "tox.toml", "setup.cfg"),
    ("package.json",),
    ("noxfile.py",),
    ("pyproject.toml",),
    _COMPOSE,
    ("mise.toml", ".mise.toml", "mise.local.toml", ".mise.local.toml", "mise/config.toml"),
)
"""Files that override each other or are merged: a call in one of them depends on all."""
PLANTED = (
    "credguard", "credguard.py", "credguard/__init__.py", "credguard/__main__.py", "sitecustomize.py",
    "usercustomize.py", "uv.toml", "pip.py", "pip/__init__.py", "pip/__main__.py", "node_modules/.bin/credguard",
)  # fmt: skip
"""Files that shadow credguard, or change what is run, by their name alone."""
_HOOK_SETTINGS = (
    *FAMILIES[0], *_LEFTHOOK, *FAMILIES[2], "package.json", *_LINT_STAGED, ".simple-git-hooks.json",
    ".simple-git-hooks.js", "simple-git-hooks.json", ".huskyrc", ".huskyrc.json", ".huskyrc.js", ".huskyrc.yml",
)  # fmt: skip
_LEFTHOOK_FOLDERS = (".lefthook/pre-commit", ".lefthook/pre-push", ".lefthook/commit-msg")
_HOOK_FOLDERS = (
    ".husky", ".husky/_", ".githooks", "githooks", ".git-hooks", "git-hooks", ".hooks", "hooks", "scripts/hooks",
    "scripts/git-hooks", "tools/hooks", "tools/git-hooks", ".config/hooks", ".github/hooks", "build/hooks", "bin/hooks",
    "dev/hooks", "etc/hooks", "git/hooks", "ci/hooks", "contrib/hooks", "support/hooks", ".buildkite/hooks",
    *_LEFTHOOK_FOLDERS, ".git-hooks/pre_commit", ".git-hooks/pre_push", ".git-hooks/commit_msg",
)  # fmt: skip
_RUN_BY_A_SHELL = (".husky", ".buildkite/", ".lefthook/")
_TOOLS: tuple[tuple[str, re.Pattern[str] | None, tuple[str, ...]], ...] = (
    ("make gmake", None, FAMILIES[3]),
    ("just", None, FAMILIES[4]),
    ("task", None, FAMILIES[5]),
    ("tox", None, (*FAMILIES[6], "pyproject.toml")),
    ("nox", None, FAMILIES[8]),
    ("npm npx yarn pnpm bun husky", None, ("package.json", ".lintstagedrc", ".lintstagedrc.json")),
    ("lint", compile_lazily(r"\blint-staged\b"), ("package.json", *_LINT_STAGED)),
    ("npm npx yarn pnpm bun", None, dependency_origins.NODE),
    ("", dependency_origins.INSTALLS_PYTHON, dependency_origins.PYTHON),
    ("pre pre_commit prek", compile_lazily(r"\b(?:pre[-_]commit|prek)\b(?!-)"), FAMILIES[0]),
    ("lefthook", None, _LEFTHOOK),
    ("overcommit", None, FAMILIES[2]),
    ("hatch pdm poe poethepoet rye poetry", None, ("pyproject.toml", "hatch.toml", "pdm.toml")),
    ("invoke inv", None, ("tasks.py", "invoke.yaml", "invoke.yml", ".invoke.yaml")),
    ("rake", None, ("Rakefile", "rakefile", "Rakefile.rb")),
    ("composer", None, ("composer.json",)),
    ("earthly", None, ("Earthfile",)),
    ("docker podman buildah", None, ("Dockerfile", ".dockerignore", "Dockerfile.dockerignore", *_COMPOSE)),
    ("mise", None, (*FAMILIES[-1], ".mise/config.toml", ".config/mise.toml", ".config/mise/config.toml")),
    ("gradle gradlew", None, ("build.gradle", "build.gradle.kts")),
    ("mvn mvnw", None, ("pom.xml",)),
    ("", compile_lazily(r"\bdodo|doit\b"), ("dodo.py",)),
)
"""Words of which one stands in a text that uses a tool, what else does, and the files that the tool then reads. Words
are looked up in the set of all words of a text: a regular expression for each takes ten times as long."""
_WORD = compile_lazily(r"\w+")
_FOLDER = compile_lazily(
    r"(?:\bcd|\bpushd|working-directory:|working_directory:|workingDirectory:|-C|--directory|\bdir:)[ \t=]*"
    r"[\"']?(?:\./)?([\w@+-][\w@+./-]{0,150})"
)
_GLOB = compile_lazily(r"(?:^|[\"'\s:])/?((?:[\w.@+-]{1,80}/){1,8})[\w.@+-]*\*[\w./*@+-]*\.ya?ml")
_DEEP = compile_lazily(r"(?:^|[\"'\s:])/?((?:[\w.@+-]{1,80}/){0,8})\*\*[\w./*@+-]*\.ya?ml")
_LOOP = compile_lazily(r"(?:\bfor[ \t]+\w+[ \t]+in\b[^;\n]{0,200}?"
              r"|(?:\b(?:ba|da|z|k)?sh|\bsource|\s\.|\brun-parts)[ \t]+)"
              r"[\"' ]?(?:\./)?([\w@+.-]+(?:/[\w@+.-]+){0,8})/[\w.@+-]*\*")  # fmt: skip
"""Scripts of a folder that a shell runs one after the other."""
_INCLUDE = compile_lazily(r"^[ \t]*[-s]?include[ \t]+([^\n#]{1,300})", re.MULTILINE)
_MOST_INCLUDED = 20
_PROSE = (".md", ".rst", ".adoc", ".html", ".svg", ".xml", ".sarif", ".lock", ".csv", ".log", ".ipynb", ".png")
_SCRIPT = (".sh", ".bash", ".zsh", ".ps1", ".psm1", ".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".bat", ".cmd",
           ".groovy", ".mk", ".yml", ".yaml", ".dockerignore")  # fmt: skip
_YAML = (".yml", ".yaml")
_AT_ONCE, _MOST_BYTES = 250, 64 << 20
_ROUNDS, _MOST_ASKED, _MOST_WORDS = 4, 600, 3_000


class SettingsFiles:
    """The files read from one snapshot; paths are from its root."""

    def __init__(self, place: Snapshot) -> None:
        self.place = place
        self._raw: dict[str, bytes] = {}
        self._asked: set[str] = set()
        entries = (*systems.FILES, *_HOOK_SETTINGS, *(name for family in FAMILIES for name in family), *PLANTED)
        self._read(tuple(dict.fromkeys(entries)), (*systems.FOLDERS, *_HOOK_FOLDERS))
        fresh = [path for path in self._raw if is_entry_point(path)]
        followed: set[str] = set()
        for _ in range(_ROUNDS):
            followed.update(fresh)
            known = set(self._raw)
            names, folders = self._collect_named(fresh)
            left = [name for name in names if name not in self._asked]
            if left or folders:
                self._read(tuple(left[:_MOST_ASKED]), folders)
            fresh = [path for path in self._raw if path not in followed and (path in names or path not in known)]
            if not fresh:
                break
        hooks = tuple(path for path in self._raw if is_hook(path) and not path.startswith(_RUN_BY_A_SHELL))
        self.not_executable = frozenset(hooks) - place.find_executables(hooks)

    def _read(self, names: tuple[str, ...], folders: tuple[str, ...]) -> None:
        self._asked.update((*names, *folders))
        for start in range(0, max(len(names), 1), _AT_ONCE):
            if sum(map(len, self._raw.values())) > _MOST_BYTES:
                return  # a file that was not read counts as missing
            self._raw |= self.place.read_texts(names[start : start + _AT_ONCE], folders if start == 0 else ())

    def _collect_named(self, fresh: Iterable[str]) -> tuple[dict[str, None], tuple[str, ...]]:
        """Paths that these files reference, and folders that were not listed yet."""
        names: dict[str, None] = {}
        folders: dict[str, None] = {}
        for path in fresh:
            if is_prose(path) or dependency_origins.is_lock(path):
                continue
            text = self.get_text(path)
            if find_shape(path) is SHAPES["gitlab"]:
                folders.update(dict.fromkeys(match[1].strip("/") for match in _GLOB.finditer(text)))
                folders.update(dict.fromkeys(match[1].lstrip("/") + BELOW for match in _DEEP.finditer(text)))
            folders.update(dict.fromkeys(match[1] for match in _LOOP.finditer(text)))
            for name in self.iter_named_paths(path, text):
                names[name] = None
                if name.rpartition("/")[2] in ("action.yml", "action.yaml"):
                    folders[name.rpartition("/")[0]] = None
        return names, tuple(name for name in folders if name and name not in self._asked)[:50]

    @property
    def asked(self) -> frozenset[str]:
        """All paths and folders that were asked for, existing or not: where none of them differs in another snapshot,
        the same files are read there."""
        return frozenset(self._asked)

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __contains__(self, path: object) -> bool:
        return path in self._raw

    def get_text(self, path: str) -> str:
        """The file as text, empty if there is none."""
        return _decode(self._raw.get(path, b""))

    def get_data(self, path: str) -> bytes | None:
        """The file's bytes, None if there is none or it cannot be read."""
        return self._raw.get(path)

    def iter_named_paths(self, path: str, text: str) -> Iterator[str]:
        """Paths that words of a text in the file `path` may reference, existing or not."""
        folder = path.rpartition("/")[0]
        around = self._find_folders(path) + (_LEFTHOOK_FOLDERS if path in _LEFTHOOK else ())
        if text.strip() in ("./", "."):
            yield from ("action.yml", "action.yaml")
        for count, word in enumerate(iter_path_words(text)):
            if count > _MOST_WORDS:
                break
            for start in dict.fromkeys(("", folder, *around)):
                found = posixpath.normpath(posixpath.join(start, word))
                if found.startswith("..") or found in (".", path):
                    continue
                yield found
                if "." not in found.rpartition("/")[2]:
                    yield f"{found}/action.yml"
                    yield f"{found}/action.yaml"
        for files in _list_tool_files(text):
            for start in dict.fromkeys(("", *around)):
                yield from (posixpath.normpath(posixpath.join(start, name)) for name in files)

    def find_references(self, path: str, text: str) -> list[str]:
        """The referenced paths that exist, and the files of a local action."""
        found = dict.fromkeys(name for name in self.iter_named_paths(path, text) if name in self._raw and name != path)
        if find_shape(path) is SHAPES["gitlab"]:
            starts = tuple(match[1].strip("/") + "/" for match in _GLOB.finditer(text))
            starts += tuple(match[1].lstrip("/") for match in _DEEP.finditer(text))
            found.update(dict.fromkeys(n for n in self._raw if starts and n.startswith(starts) and n.endswith(_YAML)))
        starts = tuple(f"{match[1]}/" for match in _LOOP.finditer(text))
        found.update(dict.fromkeys(name for name in self._raw if starts and name.startswith(starts) and name != path))
        for name in tuple(found):
            if name.rpartition("/")[2] in ("action.yml", "action.yaml"):
                folder = name.rpartition("/")[0]
                found.update(dict.fromkeys(one for one in self._raw if folder and one.rpartition("/")[0] == folder))
        return list(found)

    def list_included(self, text: str) -> list[str]:
        """The files that a Makefile includes by name."""
        words = [word for match in _INCLUDE.finditer(text) for word in match[1].split()]
        return [name for name in map(posixpath.normpath, words) if name in self._raw][:_MOST_INCLUDED]

    def _find_folders(self, path: str) -> tuple[str, ...]:
        return _parse_folders(self._raw.get(path, b""))


@lru_cache(maxsize=256)
def _parse_folders(data: bytes) -> tuple[str, ...]:
    found = dict.fromkeys(match[1].rstrip("/") for match in _FOLDER.finditer(_decode(data)))
    return tuple(found)[:10]


@lru_cache(maxsize=256)
def _list_tool_files(text: str) -> tuple[tuple[str, ...], ...]:
    """The files of each tool that the text uses."""
    words = frozenset(_WORD.findall(text))
    return tuple(
        files
        for names, pattern, files in _TOOLS
        if (not names or not words.isdisjoint(names.split())) and (pattern is None or pattern.search(text))
    )


def is_entry_point(path: str) -> bool:
    """True for a file that some program reads automatically: CI settings, hook settings, hooks."""
    return bool(systems.find_settings_system(path)) or path in _HOOK_SETTINGS or is_hook(path)


def is_hook(path: str) -> bool:
    """True for the script of a git hook in a hooks folder."""
    folder, _, name = path.rpartition("/")
    return folder in _HOOK_FOLDERS and name.partition(".")[0] in GIT_HOOKS


def is_tool(path: str) -> bool:
    """True for the settings of a tool that does more than call credguard."""
    name = path.rpartition("/")[2]
    return any(name in files for files in FAMILIES[3:])


def sets_variables(path: str) -> bool:
    """True for a file in which a variable of make, just or task may refer to credguard."""
    name = path.rpartition("/")[2]
    return any(name in files for files in FAMILIES[3:6]) or name.endswith(".mk")


def is_script(path: str) -> bool:
    """True for a file that may be executed, or is a part of other settings."""
    name = path.rpartition("/")[2]
    return name.endswith(_SCRIPT) or "." not in name[1:] or name in _LINT_STAGED or name in ("hatch.toml", "pdm.toml")


def is_prose(path: str) -> bool:
    """True for a file that nothing runs."""
    return path.lower().endswith(_PROSE) and not dependency_origins.is_lock(path)


def list_family(path: str) -> tuple[str, ...]:
    """The files that override one, or are merged with it; including itself."""
    folder, _, name = path.rpartition("/")
    found = next((one for one in FAMILIES if name in one or path in one), ())
    system = next((one.files for one in systems.SYSTEMS if path in one.files), ())
    return (*(posixpath.join(folder, one) for one in found), *system)


def find_shape(path: str) -> Shape:
    """The structure of the document at the path."""
    name = path.rpartition("/")[2]
    system = systems.find_settings_system(path) or systems.detect_ci_system(path)
    if name in FAMILIES[0]:
        system = "pre-commit"
    elif path in _LEFTHOOK or name.startswith(("lefthook", ".lefthook")):
        system = "lefthook"
    elif name in FAMILIES[2]:
        system = "overcommit"
    elif name == "package.json":
        system = "package"
    elif name in FAMILIES[5]:
        system = "taskfile"
    elif name == "pyproject.toml":
        system = "pyproject"
    return SHAPES.get(system, Shape())


def parse_settings(path: str, data: bytes) -> tuple[Node, ...] | None:
    """The documents of a file, None if its kind has none. Raises UnreadableError for content that does not match its
    name: nothing is guessed, because the program that reads it does not guess either."""
    text = _decode(data)
    if "\0" in text:
        raise UnreadableError("is binary")
    name = path.rpartition("/")[2].lower()
    if name.endswith((".yml", ".yaml")) or name == ".lintstagedrc":
        return yaml.read(text)
    if name.endswith(".json"):
        return json.read(text)
    return _parse_toml(text) if name.endswith(".toml") else None


def _parse_toml(text: str) -> tuple[Node, ...]:
    toml: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return (_build_node(toml.loads(text), text),)
    except (toml.TOMLDecodeError, RecursionError) as error:
        raise UnreadableError("is not valid TOML") from error


def _build_node(value: object, text: str, key: str = "") -> Node:
    """A TOML value as a node; its lines are those where the key first occurs."""
    found = re.search(rf"^[^\n#]*{re.escape(key)}", text, re.MULTILINE) if key else None
    line = text.count("\n", 0, found.end()) + 1 if found else 1
    if isinstance(value, dict):
        pairs = tuple((Node("scalar", line, 1, text=str(k)), _build_node(v, text, str(k))) for k, v in value.items())
        return Node("mapping", line, 1, pairs=pairs)
    if isinstance(value, list):
        return Node("sequence", line, 1, items=tuple(_build_node(item, text, key) for item in value))
    if isinstance(value, bool):
        return Node("scalar", line, 1, text=str(value).lower(), type="bool")
    return Node("scalar", line, 1, text=str(value))


def _decode(data: bytes) -> str:
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
