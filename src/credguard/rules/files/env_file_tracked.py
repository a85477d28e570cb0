"""A .env file is tracked by git.

What it does
    Reports tracked files of the .env family: `.env`, `.env.local`, `.env.production` and other variants, in any
    folder. Ambiguous names (`prod.env`, `.envrc`, `.dev.vars`, `.flaskenv`, `env.sh`, files in `.env.d/` and
    `.envs/`) and test files (`.env.test`, or any below a folder of tests or fixtures) are reported only if a value
    in them looks like a secret. Examples (`.env.example`, `.sample`, `.template`, `.dist`, `.defaults`), type
    declarations (`.env.d.ts`) and files encrypted by dotenv-vault, dotenvx, SOPS or git-crypt are not reported:
    content is read as git stores it. High if a value looks like a secret, medium whatever else the file contains.
    Low if no value looks like a secret, git would not ignore the file, and a framework whose package.json or
    composer.json is in the same folder commits files of that name: Symfony, Create React App, Vue CLI, dotenv-flow,
    Vite without server packages (`.env` and `.env.<stage>`), Next.js (`.env`, `.env.development`,
    `.env.production`). Also low for files that only the history has, and for generated values of no known kind in
    test files. If an ignore rule matches the file, the message says so: git keeps tracking a file that it already
    tracks.

Why it matters
    Everyone who can read the repository, now or later, can read the file, and the history keeps it after it is deleted.
    It often contains all credentials of an application.

How to fix
    Replace the secrets in it first, as they must be considered compromised. Then `git rm --cached .env`, add the ignore
    line, commit, and keep a `.env.example` with names but without values.

References
    https://12factor.net/config; gitignore(5): "files already tracked by Git are not affected";
    https://github.com/motdotla/dotenv#should-i-commit-my-env-file; what frameworks say of it:
    https://symfony.com/doc/current/configuration.html#overriding-environment-values-via-env-local;
    https://nextjs.org/docs/14/app/building-your-application/configuring/environment-variables;
    https://create-react-app.dev/docs/adding-custom-environment-variables/#what-other-env-files-can-be-used;
    https://vite.dev/guide/env-and-mode; https://cli.vuejs.org/guide/mode-and-env.html;
    https://github.com/kerimdzhanov/dotenv-flow
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.heuristics.real_values import SecretConfidence, find_secret_variables
from credguard.model.findings import Detection, Severity
from credguard.rule import GIT_REPOSITORY, Fix, Rule, Trait
from credguard.sources.env_conventions import find_framework
from credguard.sources.env_files import COMMON_NAMES, EnvFileKind, is_fixture, list_env_files
from credguard.sources.tracked import (
    format_erase_command,
    format_ignore_line,
    format_untrack_command,
    is_encrypted,
    read_tracked_contents,
)
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.git.repository import IgnoreMatch
    from credguard.sources.worktree import WorkTree

_NAMED = 3
_LISTED = 20


@dataclass(frozen=True, slots=True)
class _Tracked:
    """A tracked env file: what its name says, its secret variables, git's ignore pattern, and the framework that
    has files of its name committed."""

    path: str
    kind: EnvFileKind
    values: dict[str, SecretConfidence]
    readable: bool
    match: IgnoreMatch | None
    framework: str | None

    @property
    def ignored(self) -> bool:
        """True where git would ignore the file if it did not track it."""
        return self.match is not None and self.match.ignores


def check_tree(tree: WorkTree) -> Iterator[Detection]:
    """The tracked env files of the tree; git is called twice at most, and only if there are any."""
    kinds = {
        path: kind
        for path, kind in list_env_files(tree.files)
        if kind is not EnvFileKind.EXAMPLE and path in tree.tracked
    }
    asked = kinds if tree.repository and not tree.bare else ()
    rules = tree.repository.check_ignore(asked) if tree.repository and asked else {}
    for path, data in read_tracked_contents(tree, kinds):
        values = find_secret_variables(data or b"")
        if is_encrypted(data or b"") and not values:
            continue
        framework = None if values else find_framework(tree, path)
        one = _Tracked(path, kinds[path], values, data is not None, rules.get(path), framework)
        severity = _pick_severity(one, former=tree.former)
        if severity:
            yield _build_detection(one, severity)


def _pick_severity(one: _Tracked, *, former: bool) -> Severity | None:
    best = max(one.values.values(), default=SecretConfidence.NOTHING)
    named = one.kind in (EnvFileKind.ENV, EnvFileKind.PRIVATE)
    if one.kind is EnvFileKind.TEST or is_fixture(one.path):
        made_up = {SecretConfidence.KNOWN: Severity.HIGH, SecretConfidence.RANDOM: Severity.LOW}.get(best)
        return max(made_up or Severity.LOW, Severity.MEDIUM) if named and one.ignored else made_up
    if best >= SecretConfidence.CHOSEN:
        return Severity.HIGH
    if not named:
        return None
    if not one.readable:
        return Severity.HIGH
    past = former and one.kind is EnvFileKind.ENV
    committed = one.framework is not None and not one.ignored
    return Severity.LOW if not best and (past or committed) else Severity.MEDIUM


def _build_detection(one: _Tracked, severity: Severity) -> Detection:
    path, match, values = one.path, one.match, one.values
    name = path.rpartition("/")[2]
    line = name if name in COMMON_NAMES else format_ignore_line(path)
    attributes: dict[str, object] = {"variables": sorted(values)[:_LISTED], "ignored": one.ignored}
    message = f"{path} is tracked by git{_explain_match(match)}: {_describe_values(values)}"
    if one.framework:
        message += f"; {one.framework} commits files of this name by convention"
        attributes["framework"] = one.framework
    if severity is Severity.LOW and one.framework:
        steps = [f"keep it free of secrets: put them into {path}.local, which git must ignore"]
    else:
        steps = [*_list_steps(one, line)]
    if not one.ignored:
        attributes |= {"ignore_file": ".gitignore", "ignore_lines": [line]}
    return Detection(
        message, severity=severity, attributes=attributes, remediation=tuple(steps), path=path,
        identity=(encode_path(path),),
    )  # fmt: skip


def _list_steps(one: _Tracked, line: str) -> Iterator[str]:
    if one.values:
        yield "replace the secrets it holds: everybody who read the repository may know them"
    yield format_untrack_command(one.path)
    if one.match is not None and not one.ignored:
        yield f"delete `{one.match.pattern}` from line {one.match.line} of {one.match.source}: it re-includes the file"
    elif not one.ignored:
        yield f"add the line `{line}` to .gitignore"
    if one.values:
        yield format_erase_command(one.path)


def _explain_match(match: IgnoreMatch | None) -> str:
    if match is None:
        return ""
    place = f"{match.source}:{match.line} (`{match.pattern}`)"
    if match.ignores:
        return f" although {place} ignores it, because git keeps tracking a file that it already tracks"
    return f", and {place} re-includes it"


def _describe_values(values: dict[str, SecretConfidence]) -> str:
    if not values:
        return "no value in it looks like a secret, but the next one added to it is shared at once"
    names = sorted(values, key=lambda name: (-values[name], name))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    verb = "look like" if max(values.values()) >= SecretConfidence.CHOSEN else "may be"
    return f"values in it {verb} secrets ({', '.join(names[:_NAMED])}{more})"


RULE = Rule(
    id="CG201",
    name="env-file-tracked",
    severity=Severity.HIGH,
    summary="A .env file is tracked by git",
    hint="remove it from git with `git rm --cached`, ignore it, and commit a .env.example without values instead",
    practices=("P02",),
    traits=frozenset((Trait.OF_THE_PAST, Trait.ON_TRACKED_FILES)),
    needs=GIT_REPOSITORY,
    fix=Fix.UNTRACK,
    check_tree=check_tree,
    references=(
        "https://12factor.net/config",
        "https://git-scm.com/docs/gitignore",
    ),
)
