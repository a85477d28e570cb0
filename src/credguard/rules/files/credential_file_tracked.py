"""A file in which a tool stores credentials is tracked by git.

What it does
    Reports tracked files with a known name that contain a credential: `.aws/credentials` and `.aws/config` with static
    keys, the sign-in caches below `.aws`, `.boto`, `.s3cfg`, `.passwd-s3fs`, `rclone.conf`,
    `AwsCredentials.properties`, `.mc/config.json`, `.docker/config.json`, `.netrc`, `.git-credentials`, `.pgpass`,
    `.pypirc`, `.npmrc`; and, under any name, the tables downloaded from the AWS console (`accessKeys.csv`,
    `credentials.csv`) and ini profiles with a complete key. Files whose values are empty, references, placeholders or
    documented examples are not reported. Command histories are reported, with low severity if no credential is found in
    them. Content is read as git stores it, so a file encrypted by git-crypt is not reported. `rootkey.csv` is reported
    by CG301.

Why it matters
    These files are plain text: anyone who has the file has the access.

How to fix
    Deactivate the key, remove the file from git, and keep it in the home folder of its owner. Code that runs on AWS
    does not need such a file: give it a role.

References
    https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html;
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.findings import Detection, Severity
from credguard.parsers.utf16 import recode_marked
from credguard.rule import GIT_REPOSITORY, Fix, Rule, Trait
from credguard.sources.credential_files import CSV, HEAD, find_credential_shape, guess_credential_shape, may_be
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
    """The tracked credential files of the tree; git is called once, and only for files worth reading."""
    shapes = dict(_find_candidates(tree))
    for path, data in read_tracked_contents(tree, shapes):
        shape = shapes[path]
        if data is None or is_encrypted(data):
            continue
        if shape.holds(recode_marked(data)):
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
                or not may_be(shape, recode_marked(read_first_bytes(tree, path, HEAD)))
            ):
                continue
        yield path, shape


def _build_detection(path: str, shape: FileShape, severity: Severity) -> Detection:
    replace = "deactivate and replace what it contains: everyone who read the repository may know it"
    first = () if severity is Severity.LOW else (replace,)
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
        practices=() if shape is CSV else ("P14",),
    )


RULE = Rule(
    id="CG203",
    name="credential-file-tracked",
    severity=Severity.HIGH,
    summary="A file in which a tool stores credentials is tracked by git",
    hint="deactivate the key, remove the file from git, and keep it in your home folder",
    practices=("P14", "P15"),
    traits=frozenset((Trait.OF_THE_PAST, Trait.ON_TRACKED_FILES)),
    needs=GIT_REPOSITORY,
    fix=Fix.UNTRACK,
    check_tree=check_tree,
    yields_to=("CG1", "CG301"),
    references=(
        "https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
)
