"""What `baseline` and `allow` share: a scan of the whole repository, and edits that are shown, then written."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from credguard.commands import _options
from credguard.errors import CredguardError
from credguard.git.repository import GitError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from credguard.commands._terminal import Screen
    from credguard.fixes import Edit
    from credguard.git.repository import Git
    from credguard.model.findings import Finding, ScanResult
    from credguard.policy.model import Policy
    from credguard.suppressions.import_baselines import FindingView

Returned = TypeVar("Returned")
_HOOKS = ("GIT_INDEX_FILE", "GIT_QUARANTINE_PATH", "PRE_COMMIT")


@dataclass(frozen=True, slots=True)
class RepositoryScan:
    """A repository and all of its findings; `rules` are the IDs of the rules that ran."""

    root: Path
    repository: Git | None
    policy: Policy
    result: ScanResult
    rules: frozenset[str]

    def list_finding_views(self, findings: Sequence[Finding]) -> list[tuple[str, list[FindingView]]]:
        """The rule of each finding and its locations as other scanners see them; without text for missing files."""
        from credguard.suppressions.import_baselines import build_finding_view

        contents: dict[tuple[str, str], bytes] = {}
        for place in {(place.path, place.commit or "") for finding in findings for place in finding.locations}:
            with contextlib.suppress(OSError, ValueError, GitError):
                contents[place] = self._read_content(*place)
        return [
            (
                one.rule_id,
                [build_finding_view(contents.get((at.path, at.commit or ""), b""), at) for at in one.locations],
            )
            for one in findings
        ]

    def _read_content(self, path: str, commit: str) -> bytes:
        """The content of the file on disk, or in a commit."""
        from credguard.model.findings import Blob
        from credguard.sources import files
        from credguard.system.containment import Root

        if commit and self.repository:
            return self.repository.run("cat-file", "blob", f"{commit}:{path}")
        read = files.read(Root(self.root).resolve_location(path), path, files.DEFAULT_LIMIT)
        return read.data if isinstance(read, Blob) else b""


def add_repository_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of both commands."""
    parser.add_argument("--dry-run", action="store_true", help="show the change without writing it")
    parser.add_argument(
        "--config", metavar="FILE", default="", help="the policy file (default: .credguard.yaml at the root)"
    )
    parser.add_argument("--no-color", action="store_true", help="no colors (also with NO_COLOR set)")
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")
    parser.set_defaults(
        select="", ignore="", fail_on=None, policy_from="", max_file_size=None, include_ignored=False, progress=None,
        quiet=False, verbose=False,
    )  # fmt: skip


def refuse_in_hooks(command: str) -> None:
    """Raises CredguardError if a git hook runs the command."""
    name = next((name for name in _HOOKS if os.environ.get(name)), "")
    if name:
        raise CredguardError(f"{command} must not run in a hook, and {name} is set", "run it yourself")


def scan_repository(options: argparse.Namespace, path: str = ".", *, history: bool) -> RepositoryScan:
    """Scans the whole repository that contains `path`, and its `history` if requested; raises CredguardError."""
    from credguard.engine import key_lifecycle
    from credguard.engine.conclude import build_result
    from credguard.git.repository import find_git
    from credguard.sources.files import is_bare

    folder = Path(path)
    if not folder.is_dir() or is_bare(folder):
        what = "is a repository without a work tree" if folder.is_dir() else "is not a folder"
        raise CredguardError(f"{path} {what}", "give a work tree, or omit PATH for this one")
    repository = find_git(folder.absolute())
    root = Path(repository.find_toplevel()) if repository else folder
    session = _options.create_session(options, history=history)
    run = key_lifecycle.add_key_findings(session, session.scan_folder(root))
    policy = session.get_policy(run)
    rules = frozenset(rule.id for rule in session.list_rules(run) if policy.is_enabled(rule.id, session.stage))
    result = build_result(session, run, {"kind": "audit", "paths": [path]})
    return RepositoryScan(root, repository, policy, result, rules)


def apply_edits(root: Path, edits: Sequence[Edit], screen: Screen, *, dry_run: bool) -> list[str]:
    """Shows the changes and, unless it is a dry run, writes them; returns what was written. Raises CredguardError."""
    from credguard.fixes.diff_redaction import make_redactor
    from credguard.fixes.edit import write_edit

    settle = make_redactor()
    settled = [_convert_refusal(edit, partial(settle, edit)) for edit in edits]
    for edit in settled:
        screen.print_diff(edit)
    for edit in () if dry_run else settled:
        _convert_refusal(edit, partial(write_edit, root, edit))
    return [] if dry_run else [edit.path for edit in edits]


def _convert_refusal(edit: Edit, action: Callable[[], Returned]) -> Returned:
    from credguard.fixes import RefusedError

    try:
        return action()
    except RefusedError as error:
        raise CredguardError(f"{edit.path} {error}", "later files were not written") from None
