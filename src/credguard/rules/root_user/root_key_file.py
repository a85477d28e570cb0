"""A file contains an access key of the AWS root user, as downloaded from the console.

What it does
    Reports a file named rootkey.csv (also `rootkey (1).csv`, `root_key.csv`, `my_rootkey.csv` and the like, in any
    case) that contains an access key ID or a secret access key, in the console's old form (`AWSAccessKeyId=`,
    `AWSSecretKey=`) or its new one (a header and a row); and a file with root in its name that contains only such a
    download. Documented example keys, placeholders and empty files are not reported.

Why it matters
    The root user can do everything in the account, including closing it, and no policy of the account limits it. A leak
    of its access keys is the worst case.

How to fix
    Delete the key in the console, signed in as root; do not replace it. Then remove the file from the folder and from
    the history. Use a role or IAM Identity Center instead.

References
    IAM User Guide, "AWS account root user" and "Root user best practices"; CIS AWS Foundations Benchmark 1.4 (v1.4 to
    4.0), 1.3 (v5.0), 2.3 (v6.0), 2.4 (v7.0); Security Hub IAM.4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws import credential, root_user
from credguard.aws.key_id import classify_key_id, decode_account
from credguard.heuristics.names import split_words
from credguard.lazy_re import compile_lazily
from credguard.model.findings import BlobKind, Detection, Severity
from credguard.rule import Fix, Rule, Trait
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.credential import Credential
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_SEPARATORS = compile_lazily(rb"[/\\!]")
_NAMED = compile_lazily(
    rb"(?:\A|(?<!non)(?<!not)[^a-z0-9])(?:aws[ _\-]?)?root[ _\-]?(?:user[ _\-]?|account[ _\-]?)?(?:access[ _\-]?)?keys?"
    rb"(?:[ _\-.(\d][^/]{0,60})?\.(?:csv|txt|tsv|xlsx?|bak|old|orig|save)\Z",
    re.IGNORECASE,
)
_BARE = compile_lazily(rb"[._]?root[ _\-]?(?:access[ _\-]?)?keys?", re.IGNORECASE)
# A complete file in one of the console's two forms, quoted or not.
_OLD_FORM = compile_lazily(
    rb"\s{0,9}AWSAccessKeyId\s{0,3}=[^\r\n]{16,60}\s{1,9}AWSSecretKey\s{0,3}=[^\r\n]{30,90}\s{0,99}"
)
_NEW_FORM = compile_lazily(
    rb"\s{0,9}\"?Access key ID\"?[,;\t]\"?Secret access key\"?\s{1,9}"
    rb"\"?[^\r\n\",;\t]{16,60}\"?[,;\t]\"?[^\r\n]{30,90}\s{0,99}",
    re.IGNORECASE,
)
_DOWNLOAD_SIZE = 400


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    if blob.kind is not BlobKind.NAME and _is_root_key_file(blob):
        for one in credential.find_credentials(blob, hits):
            if not one.temporary:
                yield _describe(one)


def _is_root_key_file(blob: Blob) -> bool:
    name = _SEPARATORS.split(encode_path(blob.path))[-1]
    if _NAMED.search(name) or _BARE.fullmatch(name):
        return True
    if len(blob.data) > _DOWNLOAD_SIZE or not _has_root_word(name):
        return False
    text = blob.data.removeprefix(b"\xef\xbb\xbf")
    return bool(_OLD_FORM.fullmatch(text) or _NEW_FORM.fullmatch(text))


def _has_root_word(name: bytes) -> bool:
    words = split_words(name)
    return root_user.is_root_name(words) or any(word.startswith("rootkey") for word in words)


def _describe(one: Credential) -> Detection:
    key_id = one.get_value(credential.ID)
    attributes: dict[str, object] = {}
    shown, severity = "", None
    if key_id:
        account = decode_account(key_id)
        attributes |= {"access_key_id": key_id.decode(), "account": account}
        shown = f" {key_id.decode()}" + (f" (account {account})" if account else "")
        severity = Severity.LOW if classify_key_id(key_id) == "canary" else None
    message = f"a download of the AWS root user's access key{shown}"
    return Detection(message, tuple(one.parts), severity, attributes=attributes)


RULE = Rule(
    id="CG301",
    name="root-key-file",
    severity=Severity.CRITICAL,
    summary="A file contains an access key of the AWS root user",
    hint="delete the root access key now and do not create another; use a role or IAM Identity Center",
    practices=("P04", "P15"),
    traits=frozenset((Trait.WHOLE,)),
    fix=Fix.UNTRACK,
    patterns=credential.PATTERNS,
    check_blob=_check,
    remediation=(
        *root_user.REMEDIATION,
        "git filter-repo --sensitive-data-removal --invert-paths --path FILE  # only after that, in a fresh clone",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 1.4 (v1.4 to v4.0), 1.3 (v5.0), 2.3 (v6.0), 2.4 (v7.0)",
        "AWS Security Hub: IAM.4",
        "AWS Config: iam-root-access-key-check",
    ),
    references=root_user.REFERENCES,
)
