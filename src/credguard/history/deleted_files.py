"""Files that git tracked once: which names are worth a look, and what the file rules say of their versions."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.sources.credential_files import find_credential_shape as credential_file
from credguard.sources.env_files import EnvFileKind, classify_env_file, is_vendored
from credguard.sources.worktree import RULE_READ_LIMIT, WorkTree
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.git.commit_walk import Arrival
    from credguard.git.repository import Git
    from credguard.model.findings import Finding
    from credguard.rule import Rule
    from credguard.scanning.scanner import Scanner

# In a tree object a name stands between its mode and a NUL; folders stand in trees of their own.
_SINGLE = (
    rb"\.?env[\0.]|\.?dotenv[\0.]|\.?envrc|\.flaskenv|\.dev\.vars|\.envs\0|\.?envdir\0|\.aws\0|\.mc\0|\.docker|\.?boto\0|boto\.cfg|\.?s3cfg|s3cmd\.ini|\.?passwd-s3fs|"
    rb"\.?rclone\.conf|awscred|\.git-credentials|[._]netrc|\.pgpass|\.pypirc|\.npmrc|"
    rb"\.[a-z_]{2,12}_history\0|\.histfile\0|fish_history\0|consolehost_history\.txt\0"
)
CREDENTIAL_NAMES = Pattern("credential-file-name", rb"\d (?:" + _SINGLE + rb")|\d [^\0 ]{1,60}\.env\0", caseless=True)
"""What to look for in tree objects: more than `is_one` says yes to."""
_QUICK = compile_lazily(
    rb"env|\.dev\.vars|\.docker|boto|s3c|s3fs|rclone|awscred|netrc|\.git-cred|\.pgpass|\.pypirc|\.npmrc|_history|\.histfile",
    re.IGNORECASE,
)
_FOLDERS = frozenset((b".aws", b".mc", b".docker", b".env.d", b"env.d", b".envs", b".envdir", b"envdir"))
_IN_FOLDER = compile_lazily(rb"\.(?:aws/|mc/|docker|envs/)|(?:\A|/)\.?env(?:\.d|dir)/", re.IGNORECASE)
_MOST_VERSIONS = 20
_PRESENT = " is tracked by git"


def may_be_credential_name(name: bytes) -> bool:
    """True for the name of a file, or of a folder of such, that the file rules may judge."""
    return name in _FOLDERS or _is_credential_name(name)


@lru_cache(maxsize=1 << 14)
def is_credential_path(path: bytes) -> bool:
    """True for a path that the file rules judge by its name."""
    name = path[path.rfind(b"/") + 1 :]
    return bool(_is_credential_name(name) or _IN_FOLDER.search(path)) and _has_credential_name(path)


@lru_cache(maxsize=1 << 14)
def _is_credential_name(name: bytes) -> bool:
    return bool(_QUICK.search(name)) and _has_credential_name(name)


def _has_credential_name(path: bytes) -> bool:
    text = decode_path(path)
    kind = classify_env_file(text)
    return credential_file(text) is not None or (kind not in (None, EnvFileKind.EXAMPLE) and not is_vendored(text))


def scan_deleted_files(
    scanner: Scanner, rules: Sequence[Rule], repository: Git, arrivals: Sequence[Arrival]
) -> Iterator[tuple[Finding, list[Arrival]]]:
    """The worst that the rules say of a file's versions, each path once, with all of these; the message
    says that it was tracked."""
    versions: dict[bytes, dict[str, Arrival]] = {}
    for one in arrivals:
        versions.setdefault(one.path, {}).setdefault(one.oid, one)
    for path, by_oid in versions.items():
        latest = list(by_oid.values())[-_MOST_VERSIONS:]
        worst: dict[str, Finding] = {}
        contents = repository.read_blobs([one.oid for one in latest], RULE_READ_LIMIT)
        for data in contents:
            tree = _build_tree(repository, decode_path(path), data if isinstance(data, bytes) else None)
            for finding in scanner.scan_tree(tree, rules):
                known = worst.get(finding.fingerprint)
                if known is None or finding.severity > known.severity:
                    worst[finding.fingerprint] = finding
        yield from ((finding, list(by_oid.values())) for finding in worst.values())


def use_past_tense(message: str) -> str:
    """The message of a file rule, about a file that is no longer there."""
    return message.replace(_PRESENT, " was tracked by git", 1).replace("is shared at once", "was shared at once")


def _build_tree(repository: Git, path: str, data: bytes | None) -> WorkTree:
    return WorkTree(
        Path(repository.folder), (path,), frozenset((path,)), repository, reader=lambda _: data, bare=True, former=True,
    )  # fmt: skip
