"""Which names are of an AWS access key, and whether their value is real, a reference or empty."""

from __future__ import annotations

import re
from enum import Enum, IntEnum
from functools import lru_cache

from credguard.aws.secret_key import MENTION
from credguard.heuristics.names import split_words
from credguard.heuristics.placeholders import is_placeholder
from credguard.heuristics.secret_key_shape import is_secret_shaped
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

ID_NAME = Pattern(
    "aws-access-key-name",
    rb"(?:aws|amazon)[ _.\-]?access[ _.\-]?key|access[ _.\-]?key[ _.\-]?(?:id|secret)",
    caseless=True,
)
PATTERNS = (MENTION, ID_NAME)
"""A hit of one of these patterns may be the name of an access key."""


class KeyPart(Enum):
    """The half of a key that a name is for."""

    ID = "access_key_id"
    SECRET = "secret_access_key"  # noqa: S105
    TOKEN = "session_token"  # noqa: S105


class Binding(IntEnum):
    """The kind of value that a name has."""

    NOTHING = 0
    """Empty, a placeholder, or a made-up value as for emulators."""
    STORED = 1
    """A reference to a store of secrets."""
    REFERENCE = 2
    """A variable or parameter: plain text at its destination."""
    LITERAL = 3


_CORE = (
    r"(?:(?P<secret>secret_?access_?key(?:_?id)?|secret_?key|access_?key_?secret|access_?secret(?:_?key)?|secret_?access)|"
    r"(?P<id>access_?key_?id|access_?key|access_?id)|(?P<token>session_?token|security_?token))"
    r"(?P<tail>(?:_[a-z0-9]+)*)"
)
_NAMED = compile_lazily(r"(?:.*_)??(?:aws|amazon|amzn)_?(?:[a-z0-9]+_){0,3}?" + _CORE)
_SHORT = compile_lazily(
    r"(?:.*_)??(?:aws|amazon|amzn)_?(?:(?:(?P<middle>[a-z0-9]+)_)?(?P<secret>secret)|(?P<id>key_?id|key|access))"
    r"(?P<tail>(?:_[a-z0-9]+)*)"
)
_SERVICES = (
    r"(?:s3|s3a|ses|sqs|sns|dynamodb|dynamo|iam|ec2|boto|boto3|bedrock|polly|rekognition|textract|kinesis|cloudwatch)"
)
_SERVICE = compile_lazily(r"(?:.*_)??" + _SERVICES + r"_(?:[a-z0-9]+_)?" + _CORE)
_BARE = compile_lazily(r"(?P<secret>secret_?access_?key)|(?P<id>access_?key_?id)")
# Words of names that are about a key instead of containing it.
_ABOUT = frozenset(
    "name names arn path paths file files filename dir url uri rotation rotate age days hours enabled enable disabled "
    "max min limit count regex pattern length exists hash fingerprint param parameter ref version policy status "
    "length prefix suffix expiry expires created date manager description user required".split()
)
_STAGES = frozenset(
    "prod production dev development stage staging stg prd test qa uat sandbox ci cd deploy deployment main default "
    "live value base64 b64 old new v s3 ses sns sqs ecr ecs eks iam lambda user deployer github gitlab".split()
)
# Other vendors' stores with AWS's protocol, and emulators of AWS in tests.
_FOREIGN_WORDS = (
    "r2 cloudflare minio wasabi scaleway scw spaces digitalocean backblaze b2 hetzner ovh linode ceph garage storj "
    "aliyun alibaba oss localstack moto seaweedfs rustfs exoscale vultr idrive tigris yandex yc selectel gcs hmac "
    "fake dummy mock supabase filebase contabo upcloud oci oracle ibm cos netapp akamai neon arvan liara".split()
)
_FOREIGN = frozenset(_FOREIGN_WORDS)
_OTHER_MAKERS = (
    r"r2\.cloudflarestorage|digitaloceanspaces|wasabisys|backblazeb2|your-objectstorage|scw\.cloud|storjshare|linodeobjects"
    r"|ovh\.net|aliyuncs|yandexcloud|fly\.storage|exo\.io|vultrobjects|tigris\.dev|storage\.googleapis"
)
_OTHER_MAKER = compile_lazily(_OTHER_MAKERS, re.IGNORECASE)
_FOREIGN_HOST = compile_lazily(
    _OTHER_MAKERS + r"|awslocal\b|//[\w.\-]{0,60}(?:localstack|minio|moto|dynamodb-local|elasticmq|seaweedfs|garage)"
    r"|(?:localhost|127\.0\.0\.1|host\.docker\.internal|0\.0\.0\.0):(?:45\d\d|9000|9324|8333|5000)\b",
    re.IGNORECASE,
)
_ENDPOINT = compile_lazily(
    r"(?:(?:aws|s3|dynamo(?:db)?|sqs|sns|storage|object|bucket|minio)[\w.\-]{0,40}endpoint|endpoint[_\-]?url|"
    r"(?<![\w.\-])endpoint)(?![a-z]*s\b)",
    re.IGNORECASE,
)
_ENDPOINT_IN_TEXT = compile_lazily(
    _ENDPOINT.pattern + r"[\w\-]{0,40}[\"']?[ \t]{0,8}[:= ][ \t]{0,8}[\"']?(?P<value>[^\s\"']{1,300})", re.IGNORECASE
)
_STORE = compile_lazily(
    r"\{\{resolve:(?:secretsmanager|ssm-secure)|secretsmanager|secrets?[_-]?manager|\$\{ssm(?:\([\w-]+\))?:|\$\{aws:reference/secretsmanager",
    re.IGNORECASE,
)
_REFERENCE = compile_lazily(r"\$\{|\$\(|\$[A-Za-z_]|\{\{|<%|<<|%[A-Za-z_]\w*%|\$\[\[")
_KEY_ID = compile_lazily(r"A(?:KIA|SIA)[A-Z2-7]{16}")


@lru_cache(maxsize=4096)
def match_key_part(name: str, *, on_aws: bool = False) -> KeyPart | None:
    """The half of a key in `PROD_AWS_SECRET_KEY`, `awsAccessKeyId` or `TF_VAR_aws_secret`; None for `AWS_KMS_KEY_ID`,
    `AWS_SECRET_NAME`, `MINIO_AWS_KEY` and all others. `on_aws` means that S3_ACCESS_KEY and bare SECRET_ACCESS_KEY are
    AWS's own there."""
    if len(name) > 100:
        return None
    words = split_words(name.encode("ascii", "replace"))
    if not _FOREIGN.isdisjoint(words):
        return None
    text = "_".join(words)
    found = _NAMED.fullmatch(text)
    if not found and on_aws:
        found = _SERVICE.fullmatch(text) or _BARE.fullmatch(text)
    if found:
        tail = (found.groupdict().get("tail") or "").split("_")
        return _pick_key_part(found) if _ABOUT.isdisjoint(tail) else None
    found = _SHORT.fullmatch(text)
    known = found is not None and _STAGES.issuperset([*found["tail"].split("_")[1:], found["middle"] or "main"])
    return _pick_key_part(found) if found and known else None


def _pick_key_part(found: re.Match[str]) -> KeyPart:
    groups = found.groupdict()
    return KeyPart.SECRET if groups.get("secret") else KeyPart.TOKEN if groups.get("token") else KeyPart.ID


def is_foreign(name: str) -> bool:
    """True for a name of another vendor's store or of an AWS emulator."""
    return not _FOREIGN.isdisjoint(split_words(name[:200].encode("ascii", "replace")))


def has_other_maker_host(text: str) -> bool:
    """True if a text contains a host of another vendor of S3-compatible stores."""
    return _OTHER_MAKER.search(text) is not None


def has_foreign_endpoint(text: str) -> bool:
    """True if a text sends AWS calls elsewhere: to an endpoint outside of AWS, or to a known emulator."""
    if _FOREIGN_HOST.search(text):
        return True
    return any(is_foreign_endpoint("endpoint_url", found["value"]) for found in _ENDPOINT_IN_TEXT.finditer(text))


def is_foreign_endpoint(name: str, value: str) -> bool:
    """True if a setting of that name and value is an endpoint outside of AWS."""
    if _FOREIGN_HOST.search(value) and _ENDPOINT.search(name):
        return True
    return bool(value) and _ENDPOINT.search(name) is not None and "amazonaws.com" not in value


def classify_binding(half: KeyPart, text: str) -> Binding:
    """Classifies the text of a setting, without quotes."""
    text = text.strip().strip("\"'")
    if is_foreign(text) or not text:
        return Binding.NOTHING
    if _STORE.search(text):
        return Binding.STORED
    if _REFERENCE.search(text):
        return Binding.REFERENCE
    return Binding.LITERAL if is_real(half, text) else Binding.NOTHING


def mask_variable_name(name: str) -> str:
    """A variable's name as it may be shown; a name that looks like the key itself is masked."""
    key = is_secret_shaped(name.encode("ascii", "replace"), named=True) or _KEY_ID.search(name)
    return name[:4] + "****" if key else name


def is_real(half: KeyPart, text: str) -> bool:
    """True for a value that has the shape of an issued key's half and is not an example."""
    value = text.strip().encode("ascii", "replace")
    if half is KeyPart.ID:
        return _KEY_ID.fullmatch(text.strip()) is not None and not is_placeholder(value)
    if half is KeyPart.TOKEN:
        return len(value) > 100 and not is_placeholder(value)
    return is_secret_shaped(value, named=True)
