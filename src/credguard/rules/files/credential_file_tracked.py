"""A file in which a tool keeps credentials is tracked by git.

What it does
    Reports tracked files that are known by name and hold a credential: `.aws/credentials` and `.aws/config` with
    static keys, the sign-in caches below `.aws`, `.boto`, `.s3cfg`, `.passwd-s3fs`, `rclone.conf`,
    `AwsCredentials.properties`, `.mc/config.json`, `.docker/config.json`, `.netrc`, `.git-credentials`, `.pgpass`,
    `.pypirc`, `.npmrc`; and, whatever they are called, the tables that the AWS console downloads (`accessKeys.csv`,
    `credentials.csv`) and ini profiles with a whole key. Files whose values are empty, references, placeholders or
    documented examples are not reported. Command histories are, at low severity where no credential is seen in them.
    Content is read as git holds it, so a file that git-crypt encrypts is not reported. `rootkey.csv` is CG301's.

Why it matters
    These files are plain text and work as they are: whoever has the file has the access.

How to fix
    Deactivate the key, take the file out of git, and leave it in the home folder of the one person it belongs to.
    Code that runs on AWS needs no such file: give it a role.

References
    https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html;
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.findings import Detection, Severity
from credguard.parsers.assignments import convert_utf16
from credguard.rule import Rule
from credguard.sources.credential_files import HEAD, find_credential_shape, guess_credential_shape, may_be
from credguard.sources.env_files import is_vendored
from credguard.sources.tracked import (
    format_erase_command,
    format_ignore_line,
    format_untrack_command,
    is_encrypted,
    read_first_bytes,
    read_tracked_contents,
)
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.sources.credential_files import FileShape
    from credguard.sources.worktree import WorkTree


def check_tree(tree: WorkTree) -> Iterator[Detection]:
    """The tracked credential files of the tree; git is asked once, and only for files worth reading."""
    shapes = dict(_find_candidates(tree))
    for path, data in read_tracked_contents(tree, shapes):
        shape = shapes[path]
        if data is None or is_encrypted(data):
            continue
        if shape.holds(convert_utf16(data)):
            yield _build_detection(path, shape, Severity.HIGH)
        elif shape.always and data.strip():
            yield _build_detection(path, shape, Severity.LOW)


def _find_candidates(tree: WorkTree) -> Iterator[tuple[str, FileShape]]:
    for path in tree.files:
        if path not in tree.tracked:
            continue
        shape = find_credential_shape(path)
        if shape is None:
            shape = guess_credential_shape(path[path.rfind("/") + 1 :].lower())
            if (
                shape is None
                or is_vendored(path)
                or not may_be(shape, convert_utf16(read_first_bytes(tree, path, HEAD)))
            ):
                continue
        yield path, shape


def _build_detection(path: str, shape: FileShape, severity: Severity) -> Detection:
    first = () if severity is Severity.LOW else ("deactivate and replace what it holds: everybody who read the repository may know it",)  # fmt: skip  # noqa: E501
    return Detection(
        f"{path} is {shape.what}, and is tracked by git",
        severity=severity,
        attributes={"ignore_file": ".gitignore", "ignore_lines": [format_ignore_line(path)]},
        remediation=(
            *first,
            format_untrack_command(path),
            f"add the line `{format_ignore_line(path)}` to .gitignore",
            format_erase_command(path),
        ),
        path=path,
        identity=(encode_path(path),),
    )


RULE = Rule(
    id="CG203",
    name="credential-file-tracked",
    severity=Severity.HIGH,
    summary="A file in which a tool keeps credentials is tracked by git",
    hint="deactivate the key it holds, take the file out of git, and keep it in your home folder",
    practices=("P14", "P15"),
    check_tree=check_tree,
    references=(
        "https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
)
