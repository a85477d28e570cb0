"""Who pushes, whether the server lets that user push past a finding, and the log of such pushes."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode
from credguard.matching.redaction import hide_values
from credguard.model.findings import Outcome
from credguard.scanning.comments import redact_reason
from credguard.system import compat, ownership

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from credguard.engine.receive import RefUpdate
    from credguard.model.findings import ScanResult

# What names the user in the hooks of each server, and what only that server sets.
_SERVERS = (
    ("GITHUB_REPO_NAME", "GITHUB_USER_LOGIN"),
    ("GL_REPOSITORY", "GL_USERNAME"),  # GitLab
    ("GL_REPO", "GL_USER"),  # gitolite
    ("GITEA_REPO_NAME", "GITEA_PUSHER_NAME"),  # Forgejo, too
    ("BB_HOOK_TRIGGER_ID", "BB_USER_NAME"),
)
_CGI, _CGI_USER = "GATEWAY_INTERFACE", "REMOTE_USER"
"""Of git http-backend, behind which one of the others may be at work."""
_LARGEST = 1 << 20
_MOST_REASON = 500


def find_user(variable: str = "") -> str:
    """The user who pushes, by the variable that is named or by that of the one server whose variables are set; empty if
    unknown, also where two servers seem to be at work: a user of SSH may be able to set a variable."""
    if variable:
        return os.environ.get(variable, "")
    found = [name for sign, name in _SERVERS if os.environ.get(sign)]
    if not found and os.environ.get(_CGI):
        found = [_CGI_USER]
    return os.environ.get(found[0], "") if len(found) == 1 else ""


def find_bypass(option: str, users_file: str, user: str) -> str | None:
    """The reason that the user gave with the push option (`git push -o OPTION=REASON`), empty for none; None if it was
    not given or is not for this user. Raises CredguardError for a file of users that cannot be trusted."""
    reasons = [value for name, value in _iter_push_options() if name == option]
    if not option or not reasons or not user:
        return None
    return reasons[-1] if user in _read_users(users_file) else None


def _iter_push_options() -> Iterator[tuple[str, str]]:
    count = os.environ.get("GIT_PUSH_OPTION_COUNT", "0")
    for number in range(int(count) if count.isdigit() and len(count) < 6 else 0):
        name, _, value = os.environ.get(f"GIT_PUSH_OPTION_{number}", "").partition("=")
        yield name, value


def _read_users(path: str) -> set[str]:
    """The users in the file, one a line; `#` begins a comment."""
    try:
        place = ownership.locate_trusted(path)
        ownership.check_file(place)
        with open(place, "rb", opener=compat.open_to_read) as handle:
            text = handle.read(_LARGEST).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise CredguardError(
            f"--bypass-users {path} is not used: {error.strerror or error}",
            "it must belong to root or to this user, and nobody else may write there or in its folders",
        ) from error
    return {name for line in text.splitlines() if (name := line.partition("#")[0].strip())}


def write_record(
    path: str,
    event: str,
    user: str,
    git_dir: str,
    updates: Collection[RefUpdate],
    result: ScanResult | None,
    *,
    secrets: Collection[bytes] = (),
    reason: str = "",
) -> None:
    """Adds a line of JSON to the log: who pushed what where, and what was found, without a value. Raises CredguardError
    if it cannot be written."""
    named = [one.name for one in updates]
    # Of a push that was stopped, not even the names were scanned.
    names = hide_values(named, secrets) if result else {name: redact_reason(name) for name in named}
    record = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "event": event, "user": user,
        "repository": os.path.realpath(git_dir), "reason": redact_reason(reason[:_MOST_REASON]),
        "refs": [{"name": names.get(one.name, one.name), "old": one.old, "new": one.new} for one in updates],
        **(_describe(result) if result else {"findings": [], "not_scanned": ["stopped at the deadline"]}),
    }  # fmt: skip
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | compat.NO_LINK, 0o640)
        with open(descriptor, "wb", buffering=0) as handle:
            handle.write(json.dumps(record).encode() + b"\n")  # in one call: pushes at the same time do not mix
            os.fsync(descriptor)
    except OSError as error:
        raise CredguardError(
            f"--audit-log {path} could not be written: {error.strerror}", "let the user of the server append to it",
            ExitCode.INCOMPLETE,
        ) from error  # fmt: skip


def _describe(result: ScanResult) -> Mapping[str, object]:
    shown = [verdict.finding for verdict in result.verdicts if verdict.outcome is Outcome.REPORT]
    findings = [
        {
            "rule_id": one.rule_id, "severity": one.severity.label, "fingerprint": one.fingerprint,
            "path": one.locations[0].path, "line": one.locations[0].line,
        }
        for one in shown
    ]  # fmt: skip
    return {"findings": findings, "not_scanned": [f"{one.path}: {one.reason}" for one in result.coverage.skipped]}
