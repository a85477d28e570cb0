"""What the doctor says of this machine: who may read its credential files, and whether what they hold can work."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from credguard.aws import local_files
from credguard.aws.malformed import find_env_faults, find_profile_faults
from credguard.errors import CredguardError
from credguard.git.repository import GitError, find_git
from credguard.hooks.selftest import check_hooks
from credguard.model.findings import Blob, Coverage, Location, Skip
from credguard.model.result import Result
from credguard.rules.machine import credentials_file_permissions, malformed_credentials
from credguard.rules.root_user import root_named_credential
from credguard.scanning.placement import build_finding
from credguard.sources import files
from credguard.sources.env_files import is_vendored
from credguard.system.compat import open_to_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from credguard.model.findings import Detection
    from credguard.rule import Rule
    from credguard.scanning.pipeline import Pipeline

_MOST_BYTES = 1 << 20
_SECRET_WORDS = (b"secret", b"session_token", b"security_token", b"access_key", b"pass", b"credential_process")
_MAYBE_WITHOUT = ("config", ".boto", "rclone.conf", ".rclone.conf")
"""Names of files that hold settings, and secrets only sometimes."""


def examine_machine(pipeline: Pipeline) -> Result:
    """What is wrong with this machine's own AWS files; values are read in memory and never shown."""
    paths = local_files.list_credential_files()
    home = os.path.expanduser("~")
    results = [] if paths else [_note("this machine has no AWS credential files at the usual places")]
    folders: dict[str, None] = {}
    for path in paths:
        content, read = _read(path)
        results.append(read)
        if content is None:
            continue
        if os.name != "nt":
            folders[os.path.dirname(path)] = None
            results.append(_check(path, partial(_check_permissions, data=content)))
        if _is_profile(path):
            results.append(_scan_profiles(pipeline, path, content))
    results += [
        _check(folder, credentials_file_permissions.find_folder_problems)
        for folder in folders
        if os.path.realpath(folder) not in (os.path.realpath(home), "/")
    ]
    windows = [_note("file modes are not checked on Windows")] if os.name == "nt" else []
    return Result(rules=frozenset((credentials_file_permissions.RULE.id,))).merge(*windows, *results)


def examine_env_files(folder: Path) -> Result:
    """What is wrong with the AWS credentials in the .env files of a repository or folder, ignored ones too."""
    tree = files.open_tree(folder).tree
    tree.files = tuple(sorted({*tree.files, *_list_ignored_env(folder)}))
    results = []
    for path in malformed_credentials.find_private_env_files(tree):
        data = tree.read(path)
        if data is None:
            results.append(_skip(path, "could not be read; check who may read it"))
        else:
            faults = malformed_credentials.build_fault_detections(path, find_env_faults(data))
            results += [_count(data), _build_findings(malformed_credentials.RULE, faults)]
    return Result().merge(*results)


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


def _check_permissions(path: str, shown: str, *, data: bytes) -> Iterator[Detection]:
    low = data.lower()
    always = os.path.basename(path) not in _MAYBE_WITHOUT and path != _locate_config()
    holds = always or any(word in low for word in _SECRET_WORDS)
    return credentials_file_permissions.find_file_problems(path, shown, holds_secret=holds)


def _locate_config() -> str:
    return os.path.expanduser(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config")


def _is_profile(path: str) -> bool:
    shared = os.path.expanduser(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
    return path in (shared, _locate_config())


def _scan_profiles(pipeline: Pipeline, path: str, data: bytes) -> Result:
    shown = local_files.abbreviate_path(path)
    faults = find_profile_faults(data, config=path == _locate_config())
    found = _build_findings(malformed_credentials.RULE, malformed_credentials.build_fault_detections(shown, faults))
    # A profile that is called root's: what the rule for files says, and nothing else of this file.
    root_rule = root_named_credential.RULE.id
    root = tuple(f for f in pipeline.scanner.scan_blob(Blob(data, shown)) if f.rule_id == root_rule)
    return found.merge(Result(root))


def _check(path: str, check: Callable[[str, str], Iterator[Detection]]) -> Result:
    shown = local_files.abbreviate_path(path)
    try:
        return _build_findings(credentials_file_permissions.RULE, list(check(path, shown)))
    except OSError as error:
        return _skip(shown, f"could not be read: {error.strerror}")


def _build_findings(rule: Rule, detections: Iterable[Detection]) -> Result:
    findings = []
    for detection in detections:
        place = Location(detection.path or ".", detection.line, 1, detection.line, 1)
        findings.append(replace(build_finding(rule, detection, (place,)), context=()))
    return Result(tuple(findings))


def _read(path: str) -> tuple[bytes | None, Result]:
    """The first megabyte of a file, None (said in the coverage) where it cannot be had; a device is not waited for."""
    shown = local_files.abbreviate_path(path)
    try:
        descriptor = open_to_read(path, follow=True)
        with os.fdopen(descriptor, "rb") as handle:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None, _note(f"{shown} is not a regular file and has no content to scan")
            data = handle.read(_MOST_BYTES)
    except OSError as error:
        return None, _skip(shown, f"could not be read: {error.strerror}; run as the user who owns it")
    return data, _count(data)


def _count(data: bytes) -> Result:
    return Result(coverage=Coverage(files=1, blobs=1, bytes=len(data)))


def _skip(path: str, reason: str) -> Result:
    return Result(coverage=Coverage(skipped=[Skip(path, reason)]))


def _note(text: str) -> Result:
    return Result(coverage=Coverage(notes=[text]))


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
