"""A credential or a profile is named after the AWS root user.

What it does
    Reports an access key whose variable, profile section, parent key or comment names it as root's, with its values;
    commands and settings that select a profile named root (`AWS_PROFILE=root`, `aws … --profile root`); and, as low,
    templates that create an access key for an IAM user named root. References to variables, placeholders, profiles that
    assume a role or use SSO, and other roots (MinIO, MySQL, GitLab, file systems) are not reported.

Why it matters
    A key's ID does not show whether it belongs to the root user. Its name is the best available hint offline: a key
    named after root probably is one, and nothing limits its permissions.

How to fix
    Run `aws sts get-caller-identity` with that profile. If the ARN ends in `:root`, delete the key and use a role. If
    not, rename it after its purpose.

References
    IAM User Guide, "AWS account root user" and "Root user best practices".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws import credential, root_user
from credguard.aws.key_id import classify_key_id
from credguard.aws.root_user import unescape_slice
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind, Confidence, Detection, Part, Severity
from credguard.model.secret import Secret
from credguard.rule import Rule
from credguard.rules.root_user._names import describe_root_name
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_PROFILE = Pattern("root-profile", rb"profile[a-z_]{0,8}[^a-z0-9]{1,8}(?:aws[_\-]?)?root", caseless=True)
_USER = Pattern("root-user-key", rb"(?:aws_iam_access_key|AWS::IAM::AccessKey).{0,400}user.{0,20}root", caseless=True)

_ROOM = 300
_ROOT_PROFILE = rb"(?P<name>(?:aws[_\-]?)?root(?:[_\-]?(?:user|account|profile|keys?|credentials))?)(?![\w./\-])"
_CHOSEN = compile_lazily(
    rb"(?:\baws_(?:default_|vault_)?profile[\"'\])]{0,3}\s{0,4}(?:=(?!=)|:|,|\s)|"
    rb"(?P<option>--(?:aws-)?profile(?:=|\s{1,4}))|"
    rb"(?P<setting>\b(?:profile_?name|shared_?config_?profile|with_?profile|profile)[\"']?\s{0,4}(?:=(?!=)|:|\())"
    rb")\s{0,4}[\"']?" + _ROOT_PROFILE,
    re.IGNORECASE,
)
_AWS_COMMAND = compile_lazily(
    rb"(?<![\w\-])(?:aws2?|sam|cdk|sls|serverless|eksctl|chalice|copilot|amplify|eb|ecs-cli|s3cmd|terraform|terragrunt|pulumi|"
    rb"packer|prowler|boto3?)(?![\w])"
)
_LINE_END = compile_lazily(rb"(?<![\\^`])\r?\n")  # not one that the shell continues
_AWS_SETTING = compile_lazily(rb"\baws|boto3|amazon|(?:backend\s{1,4}[\"']s3)|s3_|awssdk", re.IGNORECASE)
_NO_STATIC_KEY = compile_lazily(rb"\bsso\b|sso_|role_arn|assume.?role|[=!]==?\s{0,4}[\"']?\Z", re.IGNORECASE)
_KEY_OF_USER = compile_lazily(
    rb"aws_iam_access_key\"\s{1,8}\"[^\"\n]{1,80}\"\s{0,8}\{[^{}]{0,300}?\buser\s{0,20}=\s{0,20}\"root\"|"
    rb"AWS::IAM::AccessKey[\"']?\s{0,40},?\s{0,40}[\"']?Properties[\"']?\s{0,4}:\s{0,40}\{?(?:(?!::)[^{}]){0,200}?"
    rb"UserName[\"']?\s{0,4}:\s{0,4}[\"']?root[\"'\s,}]"
)
_MOST_PLACES = 20


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    if blob.kind is BlobKind.NAME:
        return
    for one in credential.find_credentials(blob, hits):
        said = next((text for part in one.parts[:4] if (text := describe_root_name(blob.data, part.start))), None)
        if said:
            key_id = one.get_value(credential.ID)
            shown = f" {key_id.decode()}" if key_id else ""
            yield Detection(
                f"the AWS credential{shown} is named after root: {said}", tuple(one.parts),
                Severity.LOW if key_id and classify_key_id(key_id) == "canary" else None,
                attributes={"access_key_id": key_id.decode()} if key_id else {},
            )  # fmt: skip
    yield from _find_profiles(blob, hits.get(_PROFILE.name, ()))
    yield from _find_users(blob, hits.get(_USER.name, ()))


def _find_profiles(blob: Blob, ends: Sequence[int]) -> Iterator[Detection]:
    """One finding for all locations where a profile named root is selected."""
    places: dict[int, Part] = {}
    for end in ends:
        text = unescape_slice(blob.data, end - _ROOM, end + _ROOM)
        offset = max(0, end - _ROOM)
        match = next((m for m in _CHOSEN.finditer(text) if m.start("name") <= end - offset <= m.end("name")), None)
        if match and len(places) < _MOST_PLACES and _is_aws(text, match) and not _NO_STATIC_KEY.search(text):
            start, stop = offset + match.start("name"), offset + match.end("name")
            places.setdefault(start, Part("profile", start, stop, Secret(match["name"], public=True)))
    if places:
        message = "an AWS profile named root is selected: it may contain the root user's access key"
        yield Detection(message, tuple(places.values()), identity=(b"profile", encode_path(blob.path)))


def _is_aws(text: bytes, match: re.Match[bytes]) -> bool:
    """True if the option belongs to a command that uses AWS, or the setting is near text about AWS."""
    if match["option"]:
        return _AWS_COMMAND.search(_LINE_END.split(text[: match.start()])[-1]) is not None
    return not match["setting"] or _AWS_SETTING.search(text) is not None


def _find_users(blob: Blob, ends: Sequence[int]) -> Iterator[Detection]:
    done = 0
    for end in ends[:_MOST_PLACES]:
        match = _KEY_OF_USER.search(blob.data, max(done, end - _ROOM - 200), end + 2) if end > done else None
        if match:
            done = match.end()
            part = Part("user", match.start(), match.end() - 1, Secret(b"root", public=True))
            message = "an access key is created for an IAM user named root (an IAM user, not the root user)"
            yield Detection(message, (part,), Severity.LOW, identity=(b"user", encode_path(blob.path)))


RULE = Rule(
    id="CG304",
    name="root-named-credential",
    severity=Severity.MEDIUM,
    summary="A credential or a profile is named after the AWS root user",
    hint="run `aws sts get-caller-identity` to see whose it is; if it is root's, delete the key and use a role",
    practices=("P04",),
    confidence=Confidence.MEDIUM,
    patterns=(*credential.PATTERNS, _PROFILE, _USER),
    check_blob=_check,
    remediation=root_user.REMEDIATION,
    references=root_user.REFERENCES,
)
