"""A .env file is tracked by git.

What it does
    Reports tracked files of the .env family: `.env`, `.env.local`, `.env.production` and other variants. Names that
    may mean something else (`prod.env`, `.envrc`, `env.sh`), files for tests (`.env.test`, or any below a folder of
    tests or fixtures) are reported only if a value in them looks like a secret. Examples (`.env.example`, `.sample`,
    `.template`, `.dist`, `.defaults`), type declarations (`.env.d.ts`) and files that dotenv-vault, dotenvx, SOPS or
    git-crypt have encrypted are not reported: content is read as git holds it.
    High when a value looks like a secret; medium when a value may be a poor password, and when the file is one that
    every convention keeps out of git (`.env.local`, `.env.keys`); low when all values are empty, references,
    placeholders or public settings (`PORT=3000`), for some frameworks commit those, and for values in files for tests
    that are generated but of no known kind. The message says so when an ignore rule matches the file: git goes on
    following what it already tracks.

Why it matters
    Everybody who can read the repository, now or later, reads the file, and its history keeps it after it is deleted.
    Applications put all their credentials into it.

How to fix
    Replace the secrets in it first: they must count as known. Then `git rm --cached .env`, add the ignore line,
    commit, and keep a `.env.example` with names and no values.

References
    https://12factor.net/config; gitignore(5): "files already tracked by Git are not affected";
    https://github.com/motdotla/dotenv#should-i-commit-my-env-file
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.real_values import SecretConfidence, find_secret_variables
from credguard.model.findings import Detection, Severity
from credguard.rule import Rule
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


def check_tree(tree: WorkTree) -> Iterator[Detection]:
    """The tracked env files of the tree; git is asked twice at most, and only if there are any."""
    kinds = {
        path: EnvFileKind.TEST if is_fixture(path) else kind
        for path, kind in list_env_files(tree.files)
        if kind is not EnvFileKind.EXAMPLE and path in tree.tracked
    }
    graded = []
    for path, data in read_tracked_contents(tree, kinds):
        values = find_secret_variables(data or b"")
        severity = _pick_severity(kinds[path], values, readable=data is not None)
        if severity and (values or not is_encrypted(data or b"")):
            graded.append((path, severity, values))
    rules = (
        tree.repository.check_ignore(path for path, _, _ in graded)
        if tree.repository and graded and not tree.bare
        else {}
    )
    for path, severity, values in graded:
        yield _build_detection(path, severity, values, rules.get(path))


def _pick_severity(kind: EnvFileKind, values: dict[str, SecretConfidence], *, readable: bool) -> Severity | None:
    best = max(values.values(), default=SecretConfidence.NOTHING)
    if kind is EnvFileKind.TEST:
        return {SecretConfidence.KNOWN: Severity.HIGH, SecretConfidence.RANDOM: Severity.LOW}.get(best)
    if best >= SecretConfidence.CHOSEN:
        return Severity.HIGH
    if kind is EnvFileKind.HINT:
        return None
    if not readable:
        return Severity.HIGH
    return Severity.MEDIUM if best or kind is EnvFileKind.PRIVATE else Severity.LOW


def _build_detection(
    path: str, severity: Severity, values: dict[str, SecretConfidence], match: IgnoreMatch | None
) -> Detection:
    ignored = match is not None and match.ignores
    message = f"{path} is tracked by git{_explain_match(match)}: {_describe_values(values)}"
    name = path.rpartition("/")[2]
    line = name if name in COMMON_NAMES else format_ignore_line(path)
    steps = [format_untrack_command(path)]
    if match is not None and not ignored:
        steps.append(f"delete `{match.pattern}` from line {match.line} of {match.source}: it re-includes the file")
    elif not ignored:
        steps.append(f"add the line `{line}` to .gitignore")
    if values:
        steps.insert(0, "replace the secrets it holds: everybody who read the repository may know them")
        steps.append(format_erase_command(path))
    attributes: dict[str, object] = {"variables": sorted(values)[:_LISTED], "ignored": ignored}
    if not ignored:
        attributes |= {"ignore_file": ".gitignore", "ignore_lines": [line]}
    return Detection(
        message, severity=severity, attributes=attributes, remediation=tuple(steps), path=path,
        identity=(encode_path(path),),
    )  # fmt: skip


def _explain_match(match: IgnoreMatch | None) -> str:
    if match is None:
        return ""
    place = f"{match.source}:{match.line} (`{match.pattern}`)"
    if match.ignores:
        return f" although {place} ignores it, for git goes on following what it already tracks"
    return f", and {place} re-includes it"


def _describe_values(values: dict[str, SecretConfidence]) -> str:
    if not values:
        return "no value in it looks like a secret, but the next one written into it is shared at once"
    names = sorted(values, key=lambda name: (-values[name], name))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    verb = "look like" if max(values.values()) >= SecretConfidence.CHOSEN else "may be"
    return f"values in it {verb} secrets ({', '.join(names[:_NAMED])}{more})"


RULE = Rule(
    id="CG201",
    name="env-file-tracked",
    severity=Severity.HIGH,
    summary="A .env file is tracked by git",
    hint="take it out of git with `git rm --cached`, ignore it, and commit a .env.example without values instead",
    practices=("P02",),
    check_tree=check_tree,
    references=(
        "https://12factor.net/config",
        "https://git-scm.com/docs/gitignore",
    ),
)
