"""Malformed credentials that cannot work.

What it does
    Reads the AWS variables of .env files (not of examples and tests; the usual ones also if git ignores them) and the
    profiles of AWS credentials files in the tree; `credguard doctor` does the same for this machine's own files. Of
    other ini files (config.ini, app.cfg) it reads what AWS keys look like. Reports an access key ID that is not 20
    characters long, AKIA or ASIA followed by A-Z and 2-7, a secret that is not 40 characters of base64, the two
    swapped, an ASIA key without its session token, a session token beside an AKIA key, stray spaces, quotes that become
    part of the value, unclosed quotes, non-ASCII characters, carriage returns, byte order marks, a duplicate name or
    profile, `export` or `[profile …]` where they do not belong, and half a key in a profile. References, placeholders
    and keys of S3-compatible stores are ignored. Values are never shown, only names, lines and lengths.

Why it matters
    The resulting errors are misleading ("the signature does not match", "the token is invalid"), and users then paste
    the key into the code or create another one.

How to fix
    Copy the complete value again, without anything else. In ~/.aws/credentials write `name = value` without quotes,
    comments or `export`; `aws configure` does it for you. An access key ID of temporary credentials needs all three
    values.

References
    AWS CLI User Guide, "Configuration and credential file settings"; IAM User Guide, "IAM identifiers".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.malformed import find_env_faults, find_profile_faults, find_settings_faults
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind, Detection, Severity
from credguard.rule import Rule
from credguard.sources.env_files import EXAMPLE_WORDS, EnvFileKind, find_common_env_files, is_fixture, list_env_files
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.aws.malformed import Fault
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.sources.worktree import WorkTree

_KEY_ID = Pattern("aws-key-id-setting", rb"access_key(?:_id)?[ \t]{0,20}[=:][ \t\"']{0,20}A(?:KIA|SIA)", caseless=True)
_SETTINGS = (".ini", ".cfg", ".conf", ".cnf", ".properties", ".boto", ".s3cfg")
_SHAPES = ("length", "alphabet", "case", "swapped")
_KINDS = (EnvFileKind.ENV, EnvFileKind.PRIVATE)


def find_private_env_files(tree: WorkTree) -> list[str]:
    """The .env files of a tree with real values: those in scope, and the usual ones on disk."""
    named = [path for path, kind in list_env_files(tree.files) if kind in _KINDS and not is_fixture(path)]
    return list(dict.fromkeys((*named, *(find_common_env_files(tree) if not tree.reader else ()))))


def build_fault_detections(path: str, faults: Iterable[Fault]) -> Iterator[Detection]:
    """The detections for a file at `path`: one per topic and line."""
    for fault in faults:
        yield Detection(
            fault.said, severity=fault.severity, path=path, line=fault.line, attributes={"fault": fault.topic},
            identity=(encode_path(path), fault.topic.encode(), fault.about.encode("utf-8", "replace")),
        )  # fmt: skip


def _check(tree: WorkTree) -> Iterator[Detection]:
    for path in find_private_env_files(tree):
        yield from build_fault_detections(path, _filter_certain(find_env_faults(tree.read(path) or b"")))
    for path in tree.find_named("credentials"):
        if path.endswith(".aws/credentials") and not is_fixture(path):
            yield from build_fault_detections(path, _filter_certain(find_profile_faults(tree.read(path) or b"")))


def _check_settings(blob: Blob, _hits: Hits) -> Iterator[Detection]:
    """The settings files of programs (config.ini, app.cfg), which have a section for AWS."""
    low = blob.path.lower()
    if blob.kind is BlobKind.FILE and low.endswith(_SETTINGS) and not is_fixture(blob.path):
        name = low[low.rfind("/") + 1 :]
        example = not EXAMPLE_WORDS.isdisjoint(name.replace("-", ".").replace("_", ".").split("."))
        faults = () if example or low.endswith(".aws/config") else find_settings_faults(blob.data)
        yield from build_fault_detections(blob.path, (one for one in faults if one.topic in _SHAPES))


def _filter_certain(faults: Iterable[Fault]) -> Iterator[Fault]:
    """Drops what may work after all or is meant to be filled in; only the doctor reports that."""
    return (fault for fault in faults if fault.severity is None)


RULE = Rule(
    id="CG602",
    name="malformed-credentials",
    severity=Severity.MEDIUM,
    summary="Malformed AWS credentials that cannot work",
    hint="copy the complete value again; `aws configure` writes profiles correctly",
    practices=("P18",),
    needs="run `credguard doctor`",
    patterns=(_KEY_ID,),
    check_blob=_check_settings,
    check_tree=_check,
    in_hooks=False,
    references=(
        "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
    ),
)
