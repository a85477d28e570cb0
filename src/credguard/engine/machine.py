"""What the doctor says of this machine: who may read its credential files, and whether what they hold can work."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.aws import local_files
from credguard.aws.malformed import find_env_faults, find_profile_faults
from credguard.errors import CredguardError
from credguard.git.repository import GitError, find_git
from credguard.hooks.selftest import check_hooks
from credguard.model.findings import Blob, Coverage, Location, Skip
from credguard.rules.machine import credentials_file_permissions, malformed_credentials
from credguard.scanning.scanner import build_finding
from credguard.sources import files
from credguard.sources.env_files import is_vendored
from credguard.system.compat import open_to_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from credguard.engine.session import Session
    from credguard.model.findings import Detection
    from credguard.rule import Rule

_MOST_BYTES = 1 << 20
_SECRET_WORDS = (b"secret", b"session_token", b"security_token", b"access_key", b"pass", b"credential_process")
_MAYBE_WITHOUT = ("config", ".boto", "rclone.conf", ".rclone.conf")
"""Names of files that hold settings, and secrets only sometimes."""


def examine_machine(run: Session) -> None:
    """Adds what is wrong with this machine's own AWS files; values are read in memory and never shown."""
    paths = local_files.list_credential_files()
    if os.name == "nt":
        run.coverage.notes.append("file modes are not checked on Windows")
    folders: dict[str, None] = {}
    for path in paths:
        content = _read(run, path)
        if content is None:
            continue
        if os.name != "nt":
            folders[os.path.dirname(path)] = None
            _look(run, path, lambda p, s, data=content: _check_permissions(p, s, data))  # type: ignore[misc]
        if _is_profile(path):
            _judge_profiles(run, path, content)
    home = os.path.expanduser("~")
    for folder in folders:
        if os.path.realpath(folder) not in (os.path.realpath(home), "/"):
            _look(run, folder, credentials_file_permissions.find_folder_problems)
    if not paths:
        run.coverage.notes.append("this machine has no AWS credential files at the usual places")
    run.asked.add(credentials_file_permissions.RULE.id)


def examine_env_files(run: Session, folder: Path) -> None:
    """Adds what is wrong with the AWS credentials in the .env files of a repository or folder, ignored ones too."""
    tree = files.open_tree(folder).tree
    tree.files = tuple(sorted({*tree.files, *_list_ignored_env(folder)}))
    for path in malformed_credentials.find_private_env_files(tree):
        data = tree.read(path)
        if data is None:
            run.coverage.skipped.append(Skip(path, "could not be read; check who may read it"))
        else:
            _count(run, data)
            _keep(
                run,
                malformed_credentials.RULE,
                malformed_credentials.build_fault_detections(path, find_env_faults(data)),
            )


def examine_hooks(folder: Path) -> dict[str, object]:
    """Whether the hooks of the repository of `folder` work: `checked`, `lines` of what is well, `problems`."""
    try:
        if find_git(folder.absolute()) is None and not files.is_bare(folder):
            return {"checked": False, "lines": [], "problems": []}
        lines: list[str] = []
        problems = check_hooks(folder, lines.append)
    except CredguardError as error:
        return {"checked": False, "lines": [], "problems": [f"{error.message}; {error.hint}"]}
    return {"checked": True, "lines": lines, "problems": problems}


def _check_permissions(path: str, shown: str, data: bytes) -> Iterator[Detection]:
    low = data.lower()
    always = os.path.basename(path) not in _MAYBE_WITHOUT and path != _locate_config()
    holds = always or any(word in low for word in _SECRET_WORDS)
    return credentials_file_permissions.find_file_problems(path, shown, holds_secret=holds)


def _locate_config() -> str:
    return os.path.expanduser(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config")


def _is_profile(path: str) -> bool:
    shared = os.path.expanduser(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    return path in (shared, _locate_config())


def _judge_profiles(run: Session, path: str, data: bytes) -> None:
    shown = local_files.abbreviate_path(path)
    faults = find_profile_faults(data, config=path == _locate_config())
    _keep(run, malformed_credentials.RULE, malformed_credentials.build_fault_detections(shown, faults))
    # A profile that is called root's: what the rule for files says, and nothing else of this file.
    run.findings += [f for f in run.scanner.scan_blob(Blob(data, shown)) if f.rule_id == "CG304"]


def _look(run: Session, path: str, check: Callable[[str, str], Iterator[Detection]]) -> None:
    shown = local_files.abbreviate_path(path)
    try:
        _keep(run, credentials_file_permissions.RULE, list(check(path, shown)))
    except OSError as error:
        run.coverage.skipped.append(Skip(shown, f"could not be looked at: {error.strerror}"))


def _keep(run: Session, rule: Rule, detections: Iterator[Detection] | list[Detection]) -> None:
    for detection in detections:
        place = Location(detection.path or ".", detection.line, 1, detection.line, 1)
        run.findings.append(replace(build_finding(rule, detection, (place,)), context=()))


def _read(run: Session, path: str) -> bytes | None:
    """The first megabyte of a file, None (said in the coverage) where it cannot be had; a device is not waited for."""
    shown = local_files.abbreviate_path(path)
    try:
        descriptor = open_to_read(path, follow=True)
        with os.fdopen(descriptor, "rb") as handle:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                run.coverage.notes.append(f"{shown} is no regular file and has no content to look at")
                return None
            data = handle.read(_MOST_BYTES)
    except OSError as error:
        run.coverage.skipped.append(Skip(shown, f"could not be read: {error.strerror}; run as the user who owns it"))
        return None
    _count(run, data)
    return data


def _count(run: Session, data: bytes) -> None:
    run.coverage.add(Coverage(files=1, blobs=1, bytes=len(data)))


def _list_ignored_env(folder: Path) -> list[str]:
    """Files with `env` in their names that git ignores, packages of others left out."""
    try:
        repository = find_git(folder.absolute())
        if repository is None:
            return []
        options = ("--others", "--ignored", "--exclude-standard", "-z", "--", "*env*")
        listed = repository.split(repository.run("--no-literal-pathspecs", "ls-files", *options))
    except GitError:
        return []
    return [path for path in listed if not path.endswith("/") and not is_vendored(path)]
