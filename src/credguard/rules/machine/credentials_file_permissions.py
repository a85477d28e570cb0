"""A credentials file of this machine is open to others.

What it does
    `credguard doctor` looks at the files in which AWS tools keep credentials: ~/.aws/credentials and config (or the
    files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name), the caches of the AWS CLI and IAM Identity
    Center, ~/.boto, ~/.s3cfg, ~/.passwd-s3fs and rclone.conf. Reports a file that group or others may read or write,
    one that belongs to another user, a link that leads into a git repository, and a folder of theirs that group or
    others may write to. A configuration file without secrets may be read, but not written, by others. Windows has no
    such modes; there nothing is checked, and the report says so.

Why it matters
    The files are plain text. Whoever may read one has the keys; whoever may write to config can have the AWS tools
    run a program of theirs (`credential_process`).

How to fix
    `chmod 600` the file and `chmod 700` its folder, as the AWS CLI makes them itself. Where others could read a key
    until now, rotate it. Better, keep no long-lived keys: use IAM Identity Center.

References
    AWS CLI User Guide, "Configuration and credential file settings"; s3fs documentation on passwd-s3fs.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from credguard.model.findings import Detection, Severity
from credguard.rule import Rule
from credguard.system.compat import encode_path, get_user_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_GROUP_READ, _GROUP_WRITE = stat.S_IRGRP, stat.S_IWGRP
_OTHER_READ, _OTHER_WRITE = stat.S_IROTH, stat.S_IWOTH


def find_file_problems(path: str, shown: str, *, holds_secret: bool = True) -> Iterator[Detection]:
    """What is wrong with who may read or write a file; raises OSError for one that cannot be looked at."""
    info = os.stat(path)
    who = _format_access(info.st_mode, readable=holds_secret)
    if who:
        said = f"{who}: its mode is {stat.S_IMODE(info.st_mode):04o}"
        yield _build_detection(shown, "mode", said, f"chmod 600 {shown}", mode=f"{stat.S_IMODE(info.st_mode):04o}")
    yield from _check_owner(info, shown, "it")
    if os.path.islink(path):
        target = os.path.realpath(path)
        if _is_in_repository(target):
            said = "it is a link into a git repository, which one `git add` would commit it to"
            yield _build_detection(shown, "link", said, "keep the file itself here, out of every repository")


def find_folder_problems(path: str, shown: str) -> Iterator[Detection]:
    """What is wrong with who may write to a folder that holds such files; raises OSError."""
    info = os.stat(path)
    who = _format_access(info.st_mode, readable=False)
    if who:
        mode = f"{stat.S_IMODE(info.st_mode):04o}"
        said = f"{who}, and so replace what is in it: its mode is {mode}"
        yield _build_detection(shown, "mode", said, f"chmod 700 {shown}", mode=mode)
    yield from _check_owner(info, shown, "the folder")


def _format_access(mode: int, *, readable: bool) -> str:
    """Who but the owner may do what, in words; empty for nobody."""
    may = []
    for people, read, write in (("its group", _GROUP_READ, _GROUP_WRITE), ("everybody", _OTHER_READ, _OTHER_WRITE)):
        deeds = [deed for deed, bit in (("read", read * readable), ("write to", write)) if mode & bit]
        if deeds:
            may.append(f"{people} may {' and '.join(deeds)} it")
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
    summary="A credentials file of this machine can be read or written by others",
    hint="let only yourself read and write the file: chmod 600, its folder 700",
    practices=("P14",),
    in_hooks=False,
    remediation=("rotate a key that others could read until now",),
    references=("https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",),
)
