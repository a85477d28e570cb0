"""Infrastructure as code creates an access key for an IAM user.

What it does
    Reports aws_iam_access_key in Terraform and outputs of its secret, AWS::IAM::AccessKey in CloudFormation, SAM and
    Serverless (including the outputs that show the secret), AccessKey of the CDK, CDKTF, Pulumi and Crossplane, and
    Ansible's iam_access_key. A key that is only used as an SMTP password of SES is medium, because SES requires a user.
    Inactive keys, tasks that remove keys, API calls (rotation tools make them) and tests are not reported.

Why it matters
    The key is permanent, and its secret is copied to unexpected places: the state, the outputs of a stack, pipeline
    logs, and variables. Anyone who can read these has the key until it is deleted.

How to fix
    Use a role instead: an instance profile, a task role, an execution role, IRSA or Pod Identity on EKS, a role for the
    CI system's identity tokens, IAM Roles Anywhere elsewhere. Then remove the key from the code.

References
    IAM User Guide, "Security best practices in IAM" (use temporary credentials with roles for workloads); CIS AWS
    Foundations Benchmark 1.11 (v1.4 to 4.0), 1.10 (v5.0), 2.10 (v6.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws import iac_keys
from credguard.aws.iac_keys import FRAMEWORK, DeclaredKey, sanitize_resource_name
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind, Detection, Severity
from credguard.parsers.document import is_structured, parse_document
from credguard.parsers.node import Places
from credguard.rule import Rule
from credguard.sources.env_files import is_fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.parsers.document import Node

_RESOURCE = Pattern(
    "iam-access-key-resource",
    rb"aws_iam_access_key|create_iam_access_key|AWS::IAM::AccessKey|aws(?:-native)?:iam[:/]access|iam_access_key:"
    rb"|kind:[ \t\"']{1,4}AccessKey|access_key_state",
    caseless=True,
)
_CONSTRUCT = Pattern("iam-access-key-construct", rb"(?:Cfn|iam\.|Iam|\bnew |New|\b)AccessKey(?:\(|\.Builder)")
_TERRAFORM = (".tf", ".tf.json", ".tofu")
_PROGRAMS = tuple(".ts .js .mjs .cjs .mts .tsx .py .java .kt .cs .go".split())
_MAKES = compile_lazily(
    r"(?:new[ \t]{1,4}(?:[\w.]{1,60}\.)?(?:Cfn|Iam)?AccessKey[ \t]{0,2}\("
    r"|(?:iam|awsiam|aws_iam|iamaccesskey)\.(?:New)?(?:Cfn|Iam)?AccessKey[ \t]{0,2}\("
    r"|(?<![\w.])(?:Cfn|Iam)AccessKey[ \t]{0,2}\("
    r"|(?<![\w.])AccessKey[ \t]{0,2}\([ \t\n]{0,80}(?:self|this|scope|stack)\b"
    r"|(?:Cfn)?AccessKey\.Builder\.create[ \t]{0,2}\()"
    r"\s{0,80}(?:(?:self|this|scope|stack|ctx|app)[ \t]{0,2},)?\s{0,80}(?:jsii\.String\()?"
    r"[\"'`](?P<name>[\w.\-/ ]{1,100})?"
)
_MADE_LINE = compile_lazily(r"\s*(?://|#|\*|/\*|import\b|from\b|class\b|interface\b|export (?:class|interface)\b)")
_LONGEST = 4 << 20


def _check(blob: Blob, _hits: Hits) -> Iterator[Detection]:
    if blob.kind is not BlobKind.FILE or is_fixture(blob.path):
        return
    low = blob.path.lower()
    if is_structured(low):
        for document in parse_document(blob.data, blob.path):
            for made in _find_in_document(document, low, blob.data):
                yield _build_detection(made)
    elif low.endswith(_PROGRAMS) and len(blob.data) <= _LONGEST and FRAMEWORK.search(blob.data):
        for made in _find_in_code(blob.data.decode("utf-8", "replace")):
            yield _build_detection(made)


def _find_in_document(document: Node, path: str, data: bytes) -> Iterator[DeclaredKey]:
    if path.endswith(_TERRAFORM):
        yield from iac_keys.find_terraform_keys(document, data.decode("utf-8", "replace"))
    else:
        yield from iac_keys.find_template_keys(document)
        yield from iac_keys.find_manifest_keys(document)
        yield from iac_keys.find_program_keys(document)


def _find_in_code(text: str) -> Iterator[DeclaredKey]:
    """Constructs of the CDK, CDKTF and Pulumi; comments and declarations are skipped."""
    places = Places(text)
    for found in _MAKES.finditer(text):
        line = text.rfind("\n", 0, found.start()) + 1
        if not _MADE_LINE.match(text[line : found.start()]):
            name = sanitize_resource_name(found["name"]) if found["name"] else "AccessKey"
            yield DeclaredKey(places.locate(found.start())[0], f"construct {name}", name)


def _build_detection(made: DeclaredKey) -> Detection:
    note = f"; {made.note}" if made.note else ""
    shows = " shows " in made.what or " makes " in made.what
    message = made.what if shows else f"{made.what} is a permanent access key of an IAM user"
    return Detection(
        message + note,
        line=made.line,
        severity=Severity.MEDIUM if made.only_mail else None,
        attributes={"resource": made.what},
        identity=(made.what.encode("utf-8", "replace"),),
    )


RULE = Rule(
    id="CG404",
    name="iam-user-key-in-iac",
    severity=Severity.HIGH,
    summary="Infrastructure as code creates an access key for an IAM user",
    hint="use a role with temporary credentials, and remove the key from the code",
    practices=("P12",),
    patterns=(_RESOURCE, _CONSTRUCT),
    check_blob=_check,
    in_hooks=False,
    remediation=(
        "on AWS: an instance profile, task role, execution role, IRSA or Pod Identity instead of the user",
        "in CI: aws_iam_openid_connect_provider and a role that trusts one project; elsewhere IAM Roles Anywhere",
        "remove the resource and its outputs, apply, and check that the key is gone: aws iam list-access-keys",
        "states and outputs still contain the secret: delete old versions of the state, and wherever the"
        " output was stored",
    ),
    standards=("CIS AWS Foundations Benchmark: 1.11 (v1.4 to v4.0), 1.10 (v5.0), 2.10 (v6.0)",),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
        "https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_access_key",
    ),
)
