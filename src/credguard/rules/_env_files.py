"""The .env family: which names belong to it, what they are for, and whether a repository uses them."""

from __future__ import annotations

import os
import re
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from credguard.git import GitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.worktree import WorkTree


class Kind(Enum):
    """What a name of the family says of the file."""

    ENV = "env"
    """`.env` and its variants per stage: values of one installation."""
    PRIVATE = "private"
    """`.env.local`, `.env.keys` and the like, which every convention keeps out of git."""
    TEST = "test"
    """`.env.test`, `.env.ci`: commonly committed, with values made for tests."""
    HINT = "hint"
    """`prod.env`, `.envrc`, `env.sh`: an env file only if it holds secrets."""
    EXAMPLE = "example"
    """`.env.example` and its like: the list of names that is meant to be committed."""


COMMON_NAMES = (".env", ".env.local", ".env.production")
"""The names that tools load by themselves and that people put secrets in."""
EXAMPLE_WORDS = frozenset(
    "example examples exemple beispiel ejemplo sample samples template templates tmpl tpl dist default defaults schema skel "
    "skeleton blank empty placeholder placeholders stub boilerplate j2 jinja jinja2 erb mustache hbs spec".split()
)
_TEST_WORDS = frozenset("test tests testing ci e2e cypress playwright jest vitest mock mocks fixture fixtures".split())
_PRIVATE_WORDS = frozenset("local private secret secrets keys me personal".split())
_STAGES = frozenset("local prod production dev development stage staging live uat qa secrets private".split())
# Code, documents and formats of their own, and what dotenv-vault, SOPS, gpg or age have encrypted.
_OTHER_ENDINGS = frozenset(
    "ts tsx js jsx mjs cjs mts cts py pyi rb go rs php java kt cs c h cc cpp hpp swift dart lua ex exs scala md mdx rst adoc "
    "html css scss json jsonc json5 yaml yml toml xml lock snap svg png jpg gif vue svelte tf hcl nix bicep cmdrc cmake d map "
    "vault enc encrypted gpg pgp asc age sops sealed kms crypt crypted cipher pub zip gz tar tgz".split()
)
_SHELL_NAMES = frozenset("env.sh setenv.sh set-env.sh set_env.sh envvars.sh env_vars.sh .env.sh .env.ps1 env.ps1 .env.fish".split())
_SPLIT = re.compile(r"[._\-~]+")
_FIXTURES = frozenset(
    "test tests testing testdata test-data test_data fixture fixtures __fixtures__ __tests__ spec specs mocks __mocks__ e2e".split()
)
_VENDORED = frozenset("node_modules vendor third_party site-packages bower_components".split())
_MANIFESTS = frozenset(
    "package.json requirements.txt pyproject.toml pipfile setup.py setup.cfg environment.yml gemfile go.mod composer.json "
    "cargo.toml mix.exs pubspec.yaml build.gradle build.gradle.kts pom.xml deno.json".split()
)
_LOADER = re.compile(rb"dotenv|django-environ|environs\b|python-decouple|\"env-cmd\"|pydantic[-_]settings")
_COMPOSE = re.compile(r"(?:docker-)?compose[\w.-]*\.ya?ml")
_ENV_FILE = re.compile(rb"^\s{0,40}(?:-\s{0,8})?env_file\s{0,8}:", re.MULTILINE)
_LOADER_WORDS = ("dotenv", "read_env(", "--env-file", "from decouple import", "loadEnvFile")
_LOADS = re.compile(
    rb"(?:import|from|require\(|require|use)\s{0,4}['\"]?(?:python_)?dotenv|load_?dotenv|dotenv[./]config|godotenv|read_env\(|"
    rb"from decouple import|--env-file[= ]|loadEnvFile",
    re.IGNORECASE,
)
_PROGRAMS = (
    ".py .ipynb .js .mjs .cjs .ts .mts .cts .jsx .tsx .rb .go .php .rs .ex .exs .dart .sh .bash .r .R .jl .kt .java .cs "
    "Makefile Justfile justfile Procfile"
).split()
_PROGRAMS_READ = 50


def kind_of(name: str) -> Kind | None:
    """What a file of this name is, None when it is not of the family."""
    low = name.lower()
    if "env" not in low:
        return None
    words = [word for word in _SPLIT.split(low) if word]
    if not words or words[-1] in _OTHER_ENDINGS:
        return None
    if words[0] == "env" and low.startswith(".env"):
        return Kind.HINT if low in _SHELL_NAMES else _by_words(words[1:], Kind.ENV)
    if low in _SHELL_NAMES or words[0] == "envrc":
        return _hint(words)
    if low.endswith(".env") or (words[0] in ("env", "dotenv") and not _STAGES.union(EXAMPLE_WORDS).isdisjoint(words[1:2])):
        return _hint(words)
    return None


def _by_words(words: list[str], otherwise: Kind) -> Kind:
    if not EXAMPLE_WORDS.isdisjoint(words):
        return Kind.EXAMPLE
    if not _PRIVATE_WORDS.isdisjoint(words):
        return Kind.PRIVATE
    return otherwise if _TEST_WORDS.isdisjoint(words) else Kind.TEST


def _hint(words: list[str]) -> Kind:
    kind = _by_words(words, Kind.HINT)
    return Kind.HINT if kind is Kind.PRIVATE else kind


@lru_cache(maxsize=2)
def family(files: tuple[str, ...]) -> tuple[tuple[str, Kind], ...]:
    """Every path of the family with its kind, in order; packages of others (`node_modules`) are left out."""
    found = []
    for path in files:
        name = path[path.rfind("/") + 1 :]
        if ("env" in name or "ENV" in name) and (kind := kind_of(name)) and not is_vendored(path):
            found.append((path, kind))
    return tuple(found)


def folder_of(path: str) -> str:
    """The folder part of a path with its `/`, empty at the root."""
    return path[: path.rfind("/") + 1]


def is_fixture(path: str) -> bool:
    """True below a folder of tests or their data, where made-up values are usual."""
    return not _FIXTURES.isdisjoint(path.lower().split("/")[:-1])


def is_vendored(path: str) -> bool:
    """True below a folder of other people's packages."""
    return not _VENDORED.isdisjoint(path.split("/")[:-1])


def on_disk(tree: WorkTree, folder: str = "") -> list[str]:
    """The usual env files that lie in the folder, ignored by git or not; virtual environments and links do not count."""
    paths = [folder + name for name in COMMON_NAMES]
    return [path for path in paths if os.path.isfile(os.path.join(tree.root, path))]


def uses_env_files(tree: WorkTree) -> bool:
    """True when the repository works with env files: one on disk, an example, a loader among its
    dependencies or in its code, `env_file:` in a compose file."""
    if on_disk(tree) or any(not is_fixture(path) and kind is not Kind.HINT for path, kind in family(tree.files)):
        return True
    return any(_declares(tree, path) for path in _declarations(tree.files)) or _loads_in_code(tree)


def _declarations(files: tuple[str, ...]) -> Iterator[str]:
    for path in files:
        name = path[path.rfind("/") + 1 :].lower()
        if name in _MANIFESTS or name.startswith(("requirements", "docker-compose", "compose")):
            yield path


def _declares(tree: WorkTree, path: str) -> bool:
    name = path[path.rfind("/") + 1 :].lower()
    words = _ENV_FILE if _COMPOSE.fullmatch(name) else _LOADER
    return not is_vendored(path) and not is_fixture(path) and words.search(tree.read(path) or b"") is not None


def _loads_in_code(tree: WorkTree) -> bool:
    """Whether a tracked program loads an env file; `git grep` finds the few to read, all would take too long."""
    if tree.repository is None or not tree.tracked:
        return False
    words = [option for word in _LOADER_WORDS for option in ("-e", word)]
    try:
        output = tree.repository.run("grep", "-l", "-z", "-I", "-F", *words, ok=(0, 1))
    except GitError:
        return False
    paths = [os.fsdecode(path) for path in output.split(b"\0")]
    programs = [path for path in paths if path.endswith(tuple(_PROGRAMS)) and not is_vendored(path) and not is_fixture(path)]
    return any(_LOADS.search(tree.read(path) or b"") for path in programs[:_PROGRAMS_READ])
