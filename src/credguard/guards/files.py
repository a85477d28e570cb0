"""The files through which a repository calls credguard: settings, and what they lead to, read from one place."""

from __future__ import annotations

import posixpath
import re
import sys
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from credguard import ci_systems
from credguard.errors import UnreadableError
from credguard.guards.shape import GIT_HOOKS, SHAPES, Shape
from credguard.guards.shell import paths
from credguard.regex import regex
from credguard.structure import Node, json_text, yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.config.place import Place

_LEFTHOOK = tuple(
    f"{stem}.{end}"
    for stem in ("lefthook", ".lefthook", "lefthook-local", ".lefthook-local", ".config/lefthook")
    for end in ("yml", "yaml", "toml", "json")
)
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
)
"""Files of which one goes before the others, or is laid over them: what one of them calls depends on all."""
PLANTED = (
    "credguard", "credguard.py", "credguard/__init__.py", "credguard/__main__.py", "sitecustomize.py",
    "usercustomize.py", "uv.toml",
)  # fmt: skip
"""What stands in for credguard, or changes what is run, by its name alone."""
_HOOK_SETTINGS = (
    *FAMILIES[0], *_LEFTHOOK, *FAMILIES[2], "package.json", ".lintstagedrc", ".lintstagedrc.json", ".lintstagedrc.yml",
    ".lintstagedrc.yaml", "lint-staged.config.js", "lint-staged.config.mjs", ".simple-git-hooks.json",
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
_TOOLS = (
    (regex(r"\bg?make\b"), FAMILIES[3]),
    (regex(r"\bjust\b"), FAMILIES[4]),
    (regex(r"\b(?:go-)?task\b"), FAMILIES[5]),
    (regex(r"\btox\b"), (*FAMILIES[6], "pyproject.toml")),
    (regex(r"\bnox\b"), FAMILIES[8]),
    (
        regex(r"\b(?:npm|npx|yarn|pnpm|bun|husky|lint-staged)\b"),
        ("package.json", ".lintstagedrc", ".lintstagedrc.json"),
    ),
    (regex(r"\b(?:pre-commit|prek)\b(?!-)"), FAMILIES[0]),
    (regex(r"\blefthook\b"), _LEFTHOOK),
    (regex(r"\bovercommit\b"), FAMILIES[2]),
    (regex(r"\b(?:hatch|pdm|poe|poethepoet|rye|poetry)\b"), ("pyproject.toml",)),
    (regex(r"\b(?:invoke|inv)\b"), ("tasks.py",)),
    (regex(r"\brake\b"), ("Rakefile", "rakefile", "Rakefile.rb")),
    (regex(r"\bcomposer\b"), ("composer.json",)),
    (regex(r"\bearthly\b"), ("Earthfile",)),
    (
        regex(r"\b(?:docker|podman|buildah)\b"),
        ("Dockerfile", "docker-compose.yml", "docker-compose.yaml", "compose.yaml"),
    ),
    (regex(r"\bmise\b"), ("mise.toml", ".mise.toml")),
    (regex(r"\bgradlew?\b"), ("build.gradle", "build.gradle.kts")),
    (regex(r"\bmvnw?\b"), ("pom.xml",)),
    (regex(r"\bdodo|doit\b"), ("dodo.py",)),
)
_FOLDER = regex(r"(?:\bcd|\bpushd|working-directory:|working_directory:|workingDirectory:|-C|--directory|\bdir:)[ \t=]*"
                r"[\"']?(?:\./)?([\w@+-][\w@+./-]{0,150})")  # fmt: skip
_GLOB = regex(r"(?:^|[\"'\s:])/?([\w./@+-]{1,200})/[\w.@+-]*\*[\w./*@+-]*\.ya?ml")
_PROSE = (".md", ".rst", ".adoc", ".html", ".svg", ".xml", ".sarif", ".lock", ".csv", ".log", ".ipynb", ".png")
_SCRIPT = (".sh", ".bash", ".zsh", ".ps1", ".psm1", ".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".bat", ".cmd",
           ".groovy", ".mk", ".yml", ".yaml")  # fmt: skip
_AT_ONCE, _MOST_BYTES = 250, 64 << 20
_ROUNDS, _MOST_ASKED, _MOST_WORDS = 4, 600, 3_000


class Files:
    """What was read of one place; paths are from its root."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._raw: dict[str, bytes] = {}
        self._asked: set[str] = set()
        entries = (*ci_systems.FILES, *_HOOK_SETTINGS, *(name for family in FAMILIES for name in family), *PLANTED)
        self._read(tuple(dict.fromkeys(entries)), (*ci_systems.FOLDERS, *_HOOK_FOLDERS))
        fresh = [path for path in self._raw if begins(path)]
        for _ in range(_ROUNDS):
            known = set(self._raw)
            names, folders = self._named(fresh)
            if not names and not folders:
                break
            self._read(names, folders)
            fresh = [path for path in self._raw if path not in known]
        hooks = tuple(path for path in self._raw if is_hook(path) and not path.startswith(_RUN_BY_A_SHELL))
        self.not_executable = frozenset(hooks) - place.executable(hooks)

    def _read(self, names: tuple[str, ...], folders: tuple[str, ...]) -> None:
        self._asked.update((*names, *folders))
        for start in range(0, max(len(names), 1), _AT_ONCE):
            if sum(map(len, self._raw.values())) > _MOST_BYTES:
                return  # what was not read counts as gone
            self._raw |= self.place.texts(names[start : start + _AT_ONCE], folders if start == 0 else ())

    def _named(self, fresh: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Paths and folders that these files name and that were not asked for yet."""
        names: dict[str, None] = {}
        folders: dict[str, None] = {}
        for path in fresh:
            if path.endswith(_PROSE):
                continue
            text = self.text(path)
            if shape_of(path) is SHAPES["gitlab"]:
                folders.update(dict.fromkeys(match[1].strip("/") for match in _GLOB.finditer(text)))
            for name in self.named(path, text):
                names[name] = None
                if name.rpartition("/")[2] in ("action.yml", "action.yaml"):
                    folders[name.rpartition("/")[0]] = None
        left = [name for name in names if name not in self._asked]
        return tuple(left[:_MOST_ASKED]), tuple(name for name in folders if name and name not in self._asked)[:50]

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __contains__(self, path: object) -> bool:
        return path in self._raw

    def text(self, path: str) -> str:
        """The file as text, empty where there is none."""
        return _decoded(self._raw.get(path, b""))

    def data(self, path: str) -> bytes | None:
        """The file's bytes, None where there is none or it cannot be read."""
        return self._raw.get(path)

    def named(self, path: str, text: str) -> Iterator[str]:
        """Paths that words of a text in the file `path` may name, whether they are there or not."""
        folder = path.rpartition("/")[0]
        around = self._folders(path) + (_LEFTHOOK_FOLDERS if path in _LEFTHOOK else ())
        if text.strip() in ("./", "."):
            yield from ("action.yml", "action.yaml")
        for count, word in enumerate(paths(text)):
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
        for pattern, files in _TOOLS:
            if pattern.search(text):
                for start in dict.fromkeys(("", *around)):
                    yield from (posixpath.normpath(posixpath.join(start, name)) for name in files)

    def references(self, path: str, text: str) -> list[str]:
        """Those of the named paths that are there, and what lies beside a local action."""
        found = dict.fromkeys(name for name in self.named(path, text) if name in self._raw and name != path)
        if shape_of(path) is SHAPES["gitlab"]:
            starts = tuple(match[1].strip("/") + "/" for match in _GLOB.finditer(text))
            found.update(dict.fromkeys(name for name in self._raw if starts and name.startswith(starts)))
        for name in tuple(found):
            if name.rpartition("/")[2] in ("action.yml", "action.yaml"):
                folder = name.rpartition("/")[0]
                found.update(dict.fromkeys(one for one in self._raw if folder and one.rpartition("/")[0] == folder))
        return list(found)

    def _folders(self, path: str) -> tuple[str, ...]:
        return _folders(self._raw.get(path, b""))


@lru_cache(maxsize=256)
def _folders(data: bytes) -> tuple[str, ...]:
    found = dict.fromkeys(match[1].rstrip("/") for match in _FOLDER.finditer(_decoded(data)))
    return tuple(found)[:10]


def begins(path: str) -> bool:
    """True for a file that something reads of itself: CI settings, hook settings, hooks."""
    return bool(ci_systems.settings_of(path)) or path in _HOOK_SETTINGS or is_hook(path)


def is_hook(path: str) -> bool:
    """True for the script of a git hook in a folder of such."""
    folder, _, name = path.rpartition("/")
    return folder in _HOOK_FOLDERS and name.partition(".")[0] in GIT_HOOKS


def is_tool(path: str) -> bool:
    """True for the settings of a tool that does more than call credguard."""
    name = path.rpartition("/")[2]
    return any(name in files for files in FAMILIES[3:])


def is_script(path: str) -> bool:
    """True for a file that may run as it is, or is a part of other settings."""
    name = path.rpartition("/")[2]
    return name.endswith(_SCRIPT) or "." not in name[1:]


def is_prose(path: str) -> bool:
    """True for a file that nothing runs."""
    return path.lower().endswith(_PROSE)


def family(path: str) -> tuple[str, ...]:
    """The files that go before one, or are laid over it; itself among them."""
    folder, _, name = path.rpartition("/")
    found = next((one for one in FAMILIES if name in one or path in one), ())
    return tuple(posixpath.join(folder, one) for one in found)


def shape_of(path: str) -> Shape:
    """How the document at the path is built."""
    name = path.rpartition("/")[2]
    system = ci_systems.settings_of(path) or ci_systems.system_of(path)
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


def documents(path: str, data: bytes) -> tuple[Node, ...] | None:
    """The documents of a file, None where its kind has none. Raises UnreadableError for what is not what its
    name promises: nothing is guessed, for the program that it is for guesses nothing."""
    text = _decoded(data)
    if "\0" in text:
        raise UnreadableError("is binary")
    name = path.rpartition("/")[2].lower()
    if name.endswith((".yml", ".yaml")) or name == ".lintstagedrc":
        return yaml_text.read(text)
    if name.endswith(".json"):
        return json_text.read(text)
    return _toml(text) if name.endswith(".toml") else None


def _toml(text: str) -> tuple[Node, ...]:
    toml: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return (_node(toml.loads(text), text),)
    except (toml.TOMLDecodeError, RecursionError) as error:
        raise UnreadableError("is no valid TOML") from error


def _node(value: object, text: str, key: str = "") -> Node:
    """What TOML means as a node; its lines are those on which the key first stands."""
    found = re.search(rf"^[^\n#]*{re.escape(key)}", text, re.MULTILINE) if key else None
    line = text.count("\n", 0, found.end()) + 1 if found else 1
    if isinstance(value, dict):
        pairs = tuple((Node("scalar", line, 1, text=str(k)), _node(v, text, str(k))) for k, v in value.items())
        return Node("mapping", line, 1, pairs=pairs)
    if isinstance(value, list):
        return Node("sequence", line, 1, items=tuple(_node(item, text, key) for item in value))
    if isinstance(value, bool):
        return Node("scalar", line, 1, text=str(value).lower(), type="bool")
    return Node("scalar", line, 1, text=str(value))


def _decoded(data: bytes) -> str:
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
