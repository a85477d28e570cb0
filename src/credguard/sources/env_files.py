"""The .env family: its names, their purpose, and whether a repository uses them."""

from __future__ import annotations

import os
import re
from enum import Enum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from credguard.sources.worktree import WorkTree


class EnvFileKind(Enum):
    """The purpose of a file of the family, by its name."""

    ENV = "env"
    """`.env` and its variants per stage: values of one installation."""
    PRIVATE = "private"
    """`.env.local`, `.env.keys` and the like, which by every convention stay out of git."""
    TEST = "test"
    """`.env.test`, `.env.ci`: commonly committed, with values made for tests."""
    HINT = "hint"
    """`prod.env`, `.envrc`, `.dev.vars`, `.flaskenv`, `env.sh`, files in `.env.d/`: an env file only if it contains
    secrets."""
    EXAMPLE = "example"
    """`.env.example` and the like: the list of names, meant to be committed."""


COMMON_NAMES = (".env", ".env.local", ".env.production")
"""The names that tools load automatically and that people put secrets in."""
EXAMPLE_WORDS = frozenset(
    "example examples exemple beispiel ejemplo sample samples template templates tmpl tpl dist default defaults "
    "schema skel skeleton blank empty placeholder placeholders stub boilerplate j2 jinja jinja2 erb mustache hbs "
    "spec demo".split()
)
_TEST_WORDS = frozenset("test tests testing ci e2e cypress playwright jest vitest mock mocks fixture fixtures".split())
_PRIVATE_WORDS = frozenset("local private secret secrets keys me personal".split())
_STAGES = frozenset("local prod production dev development stage staging live uat qa secrets private".split())
# Code, documents and other formats, and files encrypted by dotenv-vault, SOPS, gpg or age.
_OTHER_ENDINGS = frozenset(
    "ts tsx js jsx mjs cjs mts cts py pyi rb go rs php java kt cs c h cc cpp hpp swift dart lua ex exs scala md mdx "
    "rst adoc html css scss json jsonc json5 yaml yml toml xml lock snap svg png jpg gif vue svelte tf hcl nix bicep "
    "cmdrc cmake d map vault enc encrypted gpg pgp asc age sops sealed kms crypt crypted cipher pub zip gz tar "
    "tgz patch diff".split()
)
_SHELL_NAMES = frozenset(
    "env.sh setenv.sh set-env.sh set_env.sh envvars.sh env_vars.sh .env.sh .env.ps1 env.ps1 .env.fish".split()
)
_SPLIT = compile_lazily(r"[._\-~]+")
# Wrangler's (developers.cloudflare.com/workers/configuration/secrets), Flask's, direnv's.
_NAMED_HINTS = (".dev.vars", ".flaskenv", ".envrc")
# Folders of one file a variable (envdir) or a service (`.envs/.production/.django`).
_FOLDERS = frozenset(".env.d env.d .envs .envdir envdir".split())
_FIXTURES = frozenset(
    "test tests testing testdata test-data test_data fixture fixtures __fixtures__ __tests__ spec specs mocks "
    "__mocks__ e2e".split()
)
_VENDORED = frozenset("node_modules vendor third_party site-packages bower_components".split())
_MANIFESTS = frozenset(
    "package.json requirements.txt pyproject.toml pipfile setup.py setup.cfg environment.yml gemfile go.mod "
    "composer.json cargo.toml mix.exs pubspec.yaml build.gradle build.gradle.kts pom.xml deno.json".split()
)
# A line of go.mod with `indirect` is about dependencies of dependencies.
_LOADER = compile_lazily(
    rb"dotenv(?![^\n]{0,200}// indirect)|django-environ|environs\b|python-decouple|\"env-cmd\"|pydantic[-_]settings"
)
_COMPOSE = compile_lazily(r"(?:docker-)?compose[\w.-]*\.ya?ml")
_ENV_FILE = compile_lazily(rb"^\s{0,40}(?:-\s{0,8})?env_file\s{0,8}:", re.MULTILINE)
_LOADS = compile_lazily(
    rb"(?:import|from|require\(|require|use)\s{0,4}['\"]?(?:python_)?dotenv|load_?dotenv|dotenv[./]config|godotenv|"
    rb"dotenvy::",
    re.IGNORECASE,
)
_PROGRAMS = tuple(
    ".py .ipynb .js .mjs .cjs .ts .mts .cts .jsx .tsx .rb .go .php .rs .ex .exs .dart .sh .bash .r .R .jl .kt .java "
    ".cs Makefile Justfile justfile Procfile".split()
)
_PROGRAMS_READ = 50


def classify_env_file(path: str) -> EnvFileKind | None:
    """The kind of a file of this path or name, None if it is not of the family."""
    low = path.lower()
    if "env" not in low and ".dev.vars" not in low:
        return None
    *folders, name = low.split("/")
    kind = _classify_name(name)
    if kind is None and "." not in name.lstrip(".") and not _FOLDERS.isdisjoint(folders):
        return _classify_hint(_split_name(name))
    return kind


def _classify_name(low: str) -> EnvFileKind | None:
    words = _split_name(low)
    if low.startswith(_NAMED_HINTS):
        return _classify_hint(words)
    if "env" not in low or not words:
        return None
    if words[0] == "env" and low.startswith(".env"):
        return EnvFileKind.HINT if low in _SHELL_NAMES else _classify_words(words[1:], EnvFileKind.ENV)
    if low in _SHELL_NAMES or words[0] == "envrc":
        return _classify_hint(words)
    named = words[0] in ("env", "dotenv") and words[1:2] and words[1] in _STAGES | EXAMPLE_WORDS
    return _classify_hint(words) if named or low.endswith(".env") else None


def _split_name(low: str) -> list[str]:
    """The words of a name, none for one that its ending makes code or a document."""
    words = [word for word in _SPLIT.split(low) if word]
    return [] if words and words[-1] in _OTHER_ENDINGS else words


def _classify_words(words: list[str], otherwise: EnvFileKind) -> EnvFileKind:
    if not EXAMPLE_WORDS.isdisjoint(words):
        return EnvFileKind.EXAMPLE
    if not _PRIVATE_WORDS.isdisjoint(words):
        return EnvFileKind.PRIVATE
    return otherwise if _TEST_WORDS.isdisjoint(words) else EnvFileKind.TEST


def _classify_hint(words: list[str]) -> EnvFileKind | None:
    if not words:
        return None
    kind = _classify_words(words, EnvFileKind.HINT)
    return EnvFileKind.HINT if kind is EnvFileKind.PRIVATE else kind


@lru_cache(maxsize=2)
def list_env_files(files: tuple[str, ...]) -> tuple[tuple[str, EnvFileKind], ...]:
    """Every path of the family with its kind, in order; third-party packages (`node_modules`) are left out."""
    found = []
    for path in files:
        near = "env" in path or "ENV" in path or ".dev.vars" in path
        if near and (kind := classify_env_file(path)) and not is_vendored(path):
            found.append((path, kind))
    return tuple(found)


def get_folder(path: str) -> str:
    """The folder part of a path with its `/`, empty at the root."""
    return path[: path.rfind("/") + 1]


def is_fixture(path: str) -> bool:
    """True below a folder of tests or their data, where made-up values are common."""
    return not _FIXTURES.isdisjoint(path.lower().split("/")[:-1])


def is_vendored(path: str) -> bool:
    """True below a folder of third-party packages."""
    return not _VENDORED.isdisjoint(path.split("/")[:-1])


def is_compose(path: str) -> bool:
    """True for a Docker Compose file's name."""
    return "compose" in path and _COMPOSE.fullmatch(path[path.rfind("/") + 1 :].lower()) is not None


def find_common_env_files(tree: WorkTree, folder: str = "") -> list[str]:
    """The usual env files in the folder, ignored by git or not; virtual environments do not count."""
    paths = [folder + name for name in COMMON_NAMES]
    return [path for path in paths if os.path.isfile(tree.resolve_path(path) or "")]


@lru_cache(maxsize=2)
def _list_declarations(files: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for path in files:
        name = path[path.rfind("/") + 1 :].lower()
        known = name in _MANIFESTS or name.startswith(("requirements", "docker-compose", "compose"))
        if known and not is_vendored(path) and not is_fixture(path):
            found.append(path)
    return tuple(found)


class EnvUse:
    """Whether a repository, or a folder of it, uses env files."""

    def __init__(self, tree: WorkTree) -> None:
        self._tree = tree

    def is_used_in(self, folder: str = "") -> bool:
        """True for a folder with an env file on disk, an example, a loader among its dependencies or in
        its code, or `env_file:` in a compose file, at any depth."""
        known = (
            path
            for path, kind in list_env_files(self._tree.files)
            if kind is not EnvFileKind.HINT and not is_fixture(path)
        )
        if find_common_env_files(self._tree, folder) or any(path.startswith(folder) for path in known):
            return True
        if any(
            path.startswith(folder) and self._has_declaration(path) for path in _list_declarations(self._tree.files)
        ):
            return True
        return any(path.startswith(folder) for path in self._programs)

    def _has_declaration(self, path: str) -> bool:
        words = _ENV_FILE if is_compose(path) else _LOADER
        return words.search(self._tree.read(path) or b"") is not None

    @cached_property
    def _programs(self) -> tuple[str, ...]:
        """Tracked programs that load an env file; `git grep` finds the few to read, all would take too long."""
        tree = self._tree
        if tree.repository is None or tree.bare or not tree.tracked:
            return ()
        # `-a`: attributes determine what is binary, and a repository could mark its programs.
        command = ("--no-literal-pathspecs", "grep", "-l", "-z", "-a", "-F", "-e", "dotenv", "--")
        output = tree.repository.run(*command, *(f"*{ending}" for ending in _PROGRAMS), ok=(0, 1))
        paths = [path for path in decode_path(output).split("\0") if path.endswith(_PROGRAMS)]
        programs = [path for path in paths if not is_vendored(path) and not is_fixture(path)]
        return tuple(path for path in programs[:_PROGRAMS_READ] if _LOADS.search(tree.read(path) or b""))
