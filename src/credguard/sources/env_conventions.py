"""Which frameworks have env files committed, each by the names that its documentation says so of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.sources.env_files import get_folder
from credguard.sources.tracked import is_encrypted

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    from credguard.sources.worktree import WorkTree

_STAGES = r"\.env(?:\.(?!local\b|.*\.local\Z)[a-z][\w-]*)?"


@dataclass(frozen=True, slots=True)
class Convention:
    """A framework, what of a manifest shows it, and which names beside the manifest it has committed."""

    framework: str
    manifest: str
    package: re.Pattern[str]
    names: re.Pattern[str]
    unless: re.Pattern[str] | None = None
    """Packages beside which the file belongs to something else, which keeps its secrets there."""

    def is_used_with(self, packages: Iterable[str]) -> bool:
        """True where the packages show the framework, and nothing that has the file for itself."""
        found = [one for one in packages if self.package.fullmatch(one) or (self.unless and self.unless.fullmatch(one))]
        return bool(found) and all(map(self.package.fullmatch, found))


# Symfony: "the .env and .env.<environment> files should be committed",
# https://symfony.com/doc/current/configuration.html#overriding-environment-values-via-env-local
# Next.js: "should be included in your repository as they define defaults",
# https://nextjs.org/docs/14/app/building-your-application/configuring/environment-variables (later projects begin
# with all of them ignored: who commits one takes it back there)
# Create React App: "should be checked into source control (with the exclusion of .env*.local)",
# https://create-react-app.dev/docs/adding-custom-environment-variables/#what-other-env-files-can-be-used
# Vite: only `*.local` are "local-only and can contain sensitive variables", https://vite.dev/guide/env-and-mode
# Vue CLI: only `.local` files are ignored, https://cli.vuejs.org/guide/mode-and-env.html
# dotenv-flow: the `.env*.local` files are those to ignore, https://github.com/kerimdzhanov/dotenv-flow
_ALL = compile_lazily(_STAGES)
_DEFAULTS = compile_lazily(r"\.env(?:\.(?:development|production))?")
# Laravel's and SvelteKit's own templates ignore .env, and server code beside a page reads its secrets from there.
_SERVERS = compile_lazily(
    r"laravel-vite-plugin|@sveltejs/kit|@remix-run/.*|@react-router/node|nuxt|astro|dotenv|express|fastify|koa|hono|"
    r"@nestjs/core|@?prisma(?:/client)?|@adonisjs/core|next|wrangler"
)
CONVENTIONS = (
    Convention(
        "Symfony", "composer.json", compile_lazily(r"symfony/(?:framework-bundle|dotenv|flex|runtime)"), _ALL,
        compile_lazily(r"laravel/framework"),
    ),
    Convention("Next.js", "package.json", compile_lazily(r"next"), _DEFAULTS),
    Convention("Create React App", "package.json", compile_lazily(r"react-scripts"), _ALL),
    Convention("Vite", "package.json", compile_lazily(r"vite"), _ALL, _SERVERS),
    Convention("Vue CLI", "package.json", compile_lazily(r"@vue/cli-service"), _ALL),
    Convention("dotenv-flow", "package.json", compile_lazily(r"dotenv-flow"), _ALL),
)  # fmt: skip
_SECTIONS = ("require", "require-dev", "dependencies", "devDependencies")


def find_framework(tree: WorkTree, path: str) -> str | None:
    """The framework in the file's own folder that has a file of this name committed, None where there is none."""
    folder = get_folder(path)
    near = [one for one in CONVENTIONS if one.names.fullmatch(path[len(folder) :])]
    manifests = {name: _list_packages(tree.read_beside(folder + name)) for name in {one.manifest for one in near}}
    return next((one.framework for one in near if one.is_used_with(manifests[one.manifest])), None)


def is_meant_to_be_tracked(tree: WorkTree, path: str) -> bool:
    """True for a tracked env file that a framework has committed, or that is encrypted."""
    if path not in tree.tracked:
        return False
    return find_framework(tree, path) is not None or is_encrypted(tree.read(path) or b"")


def _list_packages(manifest: bytes | None) -> list[str]:
    """What a package.json or composer.json depends on; nothing for one that cannot be read."""
    try:
        data = json.loads(manifest or b"{}")
    except (ValueError, RecursionError):
        return []
    sections = (data.get(name) for name in _SECTIONS) if isinstance(data, dict) else ()
    return [name for section in sections if isinstance(section, dict) for name in section]
