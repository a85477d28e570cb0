"""A credentials file on this machine is accessible to others.

What it does
    `credguard doctor` checks the files in which AWS tools store credentials: ~/.aws/credentials and config (or the
    files set by AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE), the caches of the AWS CLI and IAM Identity Center,
    ~/.boto, ~/.s3cfg, ~/.passwd-s3fs and rclone.conf. Reports a file that the group or others can read or write, a file
    owned by another user, a link into a git repository, and a folder of such files that the group or others can write
    to. A configuration file without secrets may be readable, but not writable, by others. Windows has no such modes;
    nothing is checked there, and the report says so.

Why it matters
    The files are plain text. Anyone who can read one has the keys; anyone who can write to config can make the AWS
    tools run any program (`credential_process`).

How to fix
    `chmod 600` the file and `chmod 700` its folder, the modes that the AWS CLI itself sets. If others could read a key
    until now, rotate it. Better, keep no long-lived keys and use IAM Identity Center.

References
    AWS CLI User Guide, "Configuration and credential file settings"; s3fs documentation on passwd-s3fs.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from credguard.model.findings import Detection, Severity
from credguard.rule import Rule, Trait
from credguard.system.compat import encode_path, get_user_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_GROUP_READ, _GROUP_WRITE = stat.S_IRGRP, stat.S_IWGRP
_OTHER_READ, _OTHER_WRITE = stat.S_IROTH, stat.S_IWOTH


def find_file_problems(path: str, shown: str, *, holds_secret: bool = True) -> Iterator[Detection]:
    """Problems with the permissions of a file; raises OSError if it cannot be checked."""
    info = os.stat(path)
    who = _format_access(info.st_mode, readable=holds_secret)
    if who:
        said = f"{who}: its mode is {stat.S_IMODE(info.st_mode):04o}"
        yield _build_detection(shown, "mode", said, f"chmod 600 {shown}", mode=f"{stat.S_IMODE(info.st_mode):04o}")
    yield from _check_owner(info, shown, "it")
    if os.path.islink(path):
        target = os.path.realpath(path)
        if _is_in_repository(target):
            said = "it is a link into a git repository, where `git add` could commit it"
            yield _build_detection(shown, "link", said, "store the file itself here, outside every repository")


def find_folder_problems(path: str, shown: str) -> Iterator[Detection]:
    """Problems with the write permissions of a folder with such files; raises OSError."""
    info = os.stat(path)
    who = _format_access(info.st_mode, readable=False)
    if who:
        mode = f"{stat.S_IMODE(info.st_mode):04o}"
        said = f"{who}, and so replace its files: its mode is {mode}"
        yield _build_detection(shown, "mode", said, f"chmod 700 {shown}", mode=mode)
    yield from _check_owner(info, shown, "the folder")


def _format_access(mode: int, *, readable: bool) -> str:
    """Describes the access that users other than the owner have; empty if there is none."""
    may = []
    for people, read, write in (("its group", _GROUP_READ, _GROUP_WRITE), ("everybody", _OTHER_READ, _OTHER_WRITE)):
        deeds = [deed for deed, bit in (("read", read * readable), ("write to", write)) if mode & bit]
        if deeds:
            may.append(f"{people} can {' and '.join(deeds)} it")
    return ", ".join(may)


def _check_owner(info: os.stat_result, shown: str, what: str) -> Iterator[Detection]:
    me = get_user_id()
    if me is not None and info.st_uid != me:
        said = f"{what} belongs to user {info.st_uid}, not to {me} who uses it"
        yield _build_detection(shown, "owner", said, f"chown {me} {shown}")


def _is_in_repository(target: str) -> bool:
    folder = os.path.dirname(target)
    while True:
        if os.path.lexists(os.path.join(folder, ".git")):
            return True
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above


def _build_detection(shown: str, topic: str, said: str, cure: str, **attributes: object) -> Detection:
    return Detection(
        f"{shown}: {said}", path=shown, attributes={"fault": topic, **attributes},
        remediation=(cure, *RULE.remediation), identity=(encode_path(shown), topic.encode()),
    )  # fmt: skip


RULE = Rule(
    id="CG601",
    name="credentials-file-permissions",
    severity=Severity.MEDIUM,
    summary="A credentials file on this machine can be read or written by others",
    hint="restrict access to yourself: chmod 600 for the file, 700 for its folder",
    practices=("P14",),
    traits=frozenset((Trait.ON_REQUEST,)),
    needs="run `credguard doctor`",
    in_hooks=False,
    remediation=("rotate a key that others could read until now",),
    references=("https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",),
)
