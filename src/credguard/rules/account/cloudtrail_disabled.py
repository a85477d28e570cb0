"""CloudTrail is disabled: a trail without logging, a script that stops or deletes one, or an account without a trail.

What it does
    Reports `enable_logging = false` of aws_cloudtrail, `IsLogging: false` of AWS::CloudTrail::Trail (and the CDK,
    Pulumi, Crossplane and Ansible forms), `aws cloudtrail stop-logging` and `delete-trail` in scripts, and such calls
    of an AWS SDK on trails that the program names or lists itself. Trails of one region, wrappers that pass a parameter
    on, files that start logging again, documentation and tests are not reported. `credguard account` asks the live
    account for a trail of all Regions that logs all management events, and for something that reads it: a metric filter
    with an alarm, an EventBridge rule, or GuardDuty.

Why it matters
    CloudTrail records who used a leaked key, when and for what. Stopping it is among the first things that intruders
    do, which is why alarms are set on it.

How to fix
    Keep the trail enabled, preferably an organization trail that member accounts cannot stop, and deny
    cloudtrail:StopLogging and cloudtrail:DeleteTrail with a service control policy.

References
    CloudTrail User Guide, "Security best practices in AWS CloudTrail"; CIS AWS Foundations Benchmark 3.1 (v1.4 to 5.0);
    Security Hub CloudTrail.1; MITRE ATT&CK T1562.008.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws.account_state import Trails
from credguard.aws.iac_keys import FRAMEWORK
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind, Detection, Severity
from credguard.parsers.document import is_structured, parse_document
from credguard.rule import Rule
from credguard.rules.account._trail_calls import find_trail_calls, is_trail_script
from credguard.sources.env_files import is_fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.account_state import AccountItem
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.parsers.document import Node

_SWITCH = Pattern("cloudtrail-switch", rb"(?:enable_?logging|is_?logging)[\"']?[ \t]{0,40}[:=]", caseless=True)
_CALL = Pattern(
    "cloudtrail-call",
    rb"cloudtrail[\"', \t\\\n]{1,90}(?:stop-logging|delete-trail)|Stop-CTLogging|Remove-CTTrail"
    rb"|\.(?:stop_?logging|delete_?trail) ?\(|(?:StopLogging|DeleteTrail)Command\(",
    caseless=True,
)
_ANSIBLE = Pattern("cloudtrail-ansible", rb"(?:community|amazon)\.aws\.cloudtrail:|[ \t-]cloudtrail:")
_TYPE = "AWS::CloudTrail::Trail"
_MODULES = ("cloudtrail", "community.aws.cloudtrail", "amazon.aws.cloudtrail")
_PULUMI = ("aws:cloudtrail:Trail", "aws:cloudtrail/trail:Trail", "aws-native:cloudtrail:Trail")
_OFF = frozenset(("false", "no", "off"))
_PROGRAMS = tuple(".ts .js .mjs .cjs .mts .py .java .kt .cs .go".split())
_CONSTRUCT = compile_lazily(
    rb"(?:cloudtrail\.(?:Cfn)?Trail|CfnTrail|CloudtrailTrail|cloudtrail\.NewTrail)[ \t]{0,2}\([^;]{0,3000}?"
    rb"(?:enable_?logging|is_?logging)[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?:\w{1,20}(?:\.\w{1,20})?\()?false",
    re.IGNORECASE,
)
_NAME = compile_lazily(r"[\w.\-]{1,100}")
_MOST = 200


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    if (
        blob.kind is not BlobKind.FILE
        or is_fixture(blob.path)
        or b"import moto" in blob.data
        or b"from moto" in blob.data
    ):
        return
    low = blob.path.lower()
    if hits.get(_CALL.name) and is_trail_script(low):
        for line, what in find_trail_calls(blob.data):
            yield _build_detection(line, f"{what} stops CloudTrail logging", what)
    if (_SWITCH.name in hits or _ANSIBLE.name in hits) and b"loudtrail" in blob.data.lower():
        yield from _find_switched_off(blob, low, hits)


def _find_switched_off(blob: Blob, path: str, hits: Hits) -> Iterator[Detection]:
    if is_structured(path):
        for document in parse_document(blob.data, blob.path):
            for line, what in (
                _find_in_terraform(document)
                if path.endswith((".tf", ".tf.json", ".tofu"))
                else _find_in_document(document)
            ):
                yield _build_detection(line, f"{what} has logging disabled", what)
    elif path.endswith(_PROGRAMS) and FRAMEWORK.search(blob.data):
        for end in hits.get(_SWITCH.name, ())[:_MOST]:
            found = next(iter(_CONSTRUCT.finditer(blob.data, max(0, end - 3000), end + 40)), None)
            if found and found.end() > end:
                yield _build_detection(
                    blob.data.count(b"\n", 0, end) + 1, "a trail in the program has logging disabled", "trail"
                )


def _find_in_terraform(document: Node) -> Iterator[tuple[int, str]]:
    for block in document.get_all("resource"):
        for kind, blocks in block.pairs:
            for name, body in blocks.pairs if kind.text == "aws_cloudtrail" else ():
                switch = body.get("enable_logging")
                if switch and switch.text.lower() in _OFF:
                    yield switch.line, f"aws_cloudtrail.{_match_name(name)}"


def _find_in_document(document: Node) -> Iterator[tuple[int, str]]:
    """Trails of CloudFormation, Pulumi, Crossplane and Ansible that disable logging, or are removed."""
    for one in document.walk():
        kind = one.get("Type", "type") if one.pairs else None
        if kind and (kind.text == _TYPE or kind.text in _PULUMI):
            switch = _find_switch(one.get("Properties", "properties"))
            if switch:
                yield switch.line, f"trail {kind.text}"
        for key, value in one.pairs:
            if key.text in _MODULES and value.pairs:
                state, switch = value.get("state"), _find_switch(value, "enable_logging")
                if switch or (state and state.text in {"absent", "disabled"}):
                    yield (switch or state or key).line, f"Ansible's {key.text}"
    manifest, spec = document.get("kind"), document.get("spec")
    provider = spec.get("forProvider") if manifest and manifest.text == "Trail" and spec else None
    switch = _find_switch(provider)
    if switch:
        yield switch.line, "Crossplane's Trail"


def _find_switch(settings: Node | None, *names: str) -> Node | None:
    value = settings.get(*(names or ("IsLogging", "isLogging", "enableLogging"))) if settings else None
    return value if value and value.kind == "scalar" and value.text.lower() in _OFF else None


def _check_account(item: AccountItem) -> Iterator[Detection]:
    said = _find_lack(item) if isinstance(item, Trails) else None
    if said and isinstance(item, Trails):
        what, message = said
        identity = (item.account.encode(), what.encode())
        yield Detection(message, attributes={"account": item.account, "what": what}, identity=identity)


def _find_lack(item: Trails) -> tuple[str, str] | None:
    """What keeps the account from a trail that somebody watches: a word for it, and the message."""
    every = [trail for trail in item.trails if trail.every_region]
    names = ", ".join(trail.name for trail in every[:3])
    if not every:
        only = "only trails of single Regions" if item.trails else "no trail"
        return "no-trail", f"the account has {only}: nothing but the event history of 90 days records its use"
    if not any(trail.logging for trail in every):
        return "not-logging", f"trail {names} of all Regions is not logging"
    if not item.list_good():
        return "no-management-events", f"trail {names} of all Regions does not log all management events"
    if not item.watchers:
        ways = "no metric filter with an alarm, no EventBridge rule, no GuardDuty"
        return "not-watched", f"nothing reads trail {item.list_good()[0].name}: {ways}"
    return None


def _match_name(node: Node) -> str:
    found = _NAME.match(node.text)
    return found[0] if found else "?"


def _build_detection(line: int, message: str, what: str) -> Detection:
    return Detection(message, line=line, attributes={"what": what}, identity=(what.encode("utf-8", "replace"),))


RULE = Rule(
    id="CG505",
    name="cloudtrail-disabled",
    severity=Severity.MEDIUM,
    summary="CloudTrail is disabled, or nothing reads what it records",
    hint="keep the trail enabled; without it, the use of a leaked key cannot be traced",
    practices=("P09",),
    patterns=(_SWITCH, _CALL, _ANSIBLE),
    check_blob=_check,
    check_account=_check_account,
    in_hooks=False,
    remediation=(
        "remove the setting or the call; if it has already run: aws cloudtrail start-logging --name TRAIL",
        "aws cloudtrail get-trail-status --name TRAIL  # IsLogging, and when it was stopped",
        "deny cloudtrail:StopLogging, DeleteTrail and UpdateTrail with a service control policy",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 3.1 (v1.4 to v5.0)",
        "AWS Security Hub: CloudTrail.1",
    ),
    references=(
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudtrail-controls.html",
    ),
)
