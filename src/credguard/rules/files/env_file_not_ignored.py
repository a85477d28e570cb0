"""The repository does not ignore .env files.

What it does
    Checks with `git check-ignore` whether `.env`, `.env.local` and `.env.production` are ignored, at the root and
    beside every env file and example, and reports the cause if not: no .gitignore; no entry; an entry that does not
    work (a folder pattern `.env/`, a path of another folder, a comment or quotes on the line, a UTF-16 file); one that
    is re-included with `!`, by file and line; one that exists only on this machine (global excludes,
    `.git/info/exclude`), so that clones are not protected. One finding per cause, with the lines to add and the file to
    add them to. A tracked name (CG201) must be ignored as well, unless the file is encrypted or a framework commits it
    by convention; beside such a `.env` only `.env.local` has to be ignored.
    Medium if the repository uses env files (one on disk, an example, a loader among its dependencies or in its code,
    `env_file:`), low elsewhere, and low if `.env` is ignored and only other stages' names are not.

Why it matters
    The first `git add .` after someone creates a .env file adds it. The ignore entry prevents that.

How to fix
    Add the lines to .gitignore and commit it. Do this before the file exists: it has no effect on a tracked file.

References
    gitignore(5); git-check-ignore(1); https://github.com/github/gitignore/blob/main/Node.gitignore
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from credguard.model.findings import Detection, Severity
from credguard.rule import Fix, Rule, Trait
from credguard.rules.files._ignore_cause import GITIGNORE, Cause, IgnoreRules
from credguard.sources.env_conventions import is_meant_to_be_tracked
from credguard.sources.env_files import COMMON_NAMES, EnvFileKind, EnvUse, get_folder, is_fixture, list_env_files
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.sources.worktree import WorkTree

_NAMED = 3
# The file that an example is for.
_EXAMPLES = {
    f"{name}.{word}": name for name in COMMON_NAMES for word in ("example", "sample", "template", "dist", "tmpl")
} | {f".env.{word}.{stage}": f".env.{stage}" for word in ("example", "sample") for stage in ("local", "production")}


def check_tree(tree: WorkTree) -> Iterator[Detection]:
    """One detection for each cause that keeps an env file from being ignored."""
    if tree.repository is None or tree.bare:
        return
    asked = _collect_paths(tree)
    own = sorted({get_folder(path) + GITIGNORE for path in asked} | {GITIGNORE})
    matches = tree.repository.check_ignore([*asked, *own])
    hidden = frozenset(path for path in own if path not in tree.tracked and path in matches and matches[path].ignores)
    ignore_files = IgnoreRules(tree, _find_prefix(tree), hidden)
    causes: dict[Cause, list[str]] = {}
    for path, needed in asked.items():
        cause = ignore_files.find_cause(path, matches.get(path), meant=needed)
        if cause:
            causes.setdefault(cause, []).append(path)
    if causes:
        uses = EnvUse(tree).is_used_in()
        must = {path for path, needed in asked.items() if needed}
        for cause, paths in _merge_causes(causes, must).items():
            severity = _pick_severity(paths, must, uses=uses)
            if severity:
                yield _build_detection(tree, cause, paths, severity)


def _collect_paths(tree: WorkTree) -> dict[str, bool]:
    """The paths that git should ignore, in order, and whether they must be: `.env`, the file of an example, and
    existing files; the other names are checked for advice only."""
    asked: dict[str, bool] = {}
    folders = [""]
    meant = {path for path, _ in list_env_files(tree.files) if is_meant_to_be_tracked(tree, path)}
    for path, kind in list_env_files(tree.files):
        folder = get_folder(path)
        if kind is EnvFileKind.HINT or is_fixture(path) or _is_repository(tree, folder):
            continue
        folders.append(folder)
        if path not in meant and kind in (EnvFileKind.ENV, EnvFileKind.PRIVATE):
            asked[path] = True
        elif kind is EnvFileKind.EXAMPLE and path[len(folder) :].lower() in _EXAMPLES:
            asked[folder + _EXAMPLES[path[len(folder) :].lower()]] = True
    for folder in dict.fromkeys(folders):
        for name in (".env.local",) if folder + ".env" in meant else COMMON_NAMES:
            asked.setdefault(folder + name, name == ".env")
    return {path: must for path, must in asked.items() if path not in meant}


def _is_repository(tree: WorkTree, folder: str) -> bool:
    """True inside a nested repository or submodule, which has its own ignore rules."""
    while folder:
        if os.path.lexists(os.path.join(tree.root, folder, ".git")):
            return True
        folder = get_folder(folder.rstrip("/"))
    return False


def _find_prefix(tree: WorkTree) -> str:
    """The path from the repository's root to the tree's, because git names ignore files from there."""
    if tree.repository is None or os.path.lexists(os.path.join(tree.root, ".git")):
        return ""
    return tree.repository.layout.prefix


def _merge_causes(causes: dict[Cause, list[str]], needed: set[str]) -> dict[Cause, list[str]]:
    """Merges the advice about further names into the finding about a needed one that has the same fix."""
    main = next((cause for cause, paths in causes.items() if not cause.delete and needed.intersection(paths)), None)
    if main is None:
        return causes
    merged = dict(causes)
    for cause, paths in causes.items():
        if cause is not main and not cause.delete and not needed.intersection(paths):
            merged[main] = [*merged[main], *merged.pop(cause)]
    return merged


def _pick_severity(paths: list[str], must: set[str], *, uses: bool) -> Severity | None:
    if must.isdisjoint(paths):
        return Severity.LOW if uses else None
    return Severity.MEDIUM if uses else Severity.LOW


def _build_detection(tree: WorkTree, cause: Cause, paths: list[str], severity: Severity) -> Detection:
    lying = [path for path in paths if os.path.isfile(tree.resolve_path(path) or "")]
    shown = lying or paths
    names = ", ".join(shown[:_NAMED]) + (f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else "")
    verb = f"{'is' if len(shown) == 1 else 'are'} not" if lying else "would not be"
    where = "by git" if cause.everywhere else "in every clone"
    lines = _build_ignore_lines(tree, paths)
    if cause.delete:
        cure = f"delete line {cause.line} of {cause.path}"
    else:
        cure = f"add the lines {', '.join(f'`{line}`' for line in lines)} at the end of {GITIGNORE} and commit it"
    return Detection(
        f"{names} {verb} ignored {where}: {cause.sentence}",
        severity=severity,
        attributes={
            "files": paths, "present": lying, "ignore_file": GITIGNORE,
            "ignore_lines": [] if cause.delete else lines,
        },
        remediation=(cure, f"check with: git check-ignore -v {shown[0]}"),
        path=cause.path, line=cause.line,
        identity=(encode_path(cause.path), cause.sentence.encode("utf-8", "surrogateescape")),
    )  # fmt: skip


def _build_ignore_lines(tree: WorkTree, paths: Iterable[str]) -> list[str]:
    """The entries to add: they apply in every folder and do not match the examples."""
    names = {path.rpartition("/")[2] for path in paths}
    if names == {".env.local"}:
        return [".env.local", ".env.*.local"]
    lines = sorted(name for name in names if not name.startswith(".env."))
    if len(lines) < len(names):
        examples = {path.rpartition("/")[2] for path, kind in list_env_files(tree.files) if kind is EnvFileKind.EXAMPLE}
        spared = sorted({".env.example"} | {name for name in examples if name.startswith(".env.")})
        lines += [".env.*", *(f"!{name}" for name in spared)]
    return lines


RULE = Rule(
    id="CG202",
    name="env-file-not-ignored",
    severity=Severity.MEDIUM,
    summary="The repository does not ignore .env files",
    hint="add the entry to .gitignore and commit it before anyone creates a .env file",
    practices=("P02",),
    traits=frozenset((Trait.ON_TRACKED_FILES, Trait.ON_WORK_TREE)),
    needs="scan a git repository's work tree",
    fix=Fix.IGNORE,
    check_tree=check_tree,
    concerns=r"(?:env|docker|container|compose|\.gitignore)[^/]*$",
    references=(
        "https://git-scm.com/docs/gitignore",
        "https://git-scm.com/docs/git-check-ignore",
    ),
)
