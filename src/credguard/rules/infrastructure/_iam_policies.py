"""The IAM statements of a blob: parsed from documents if its name says so, from literals in program text otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.errors import UnreadableError
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind
from credguard.parsers.cloudformation import resolve_parameters
from credguard.parsers.document import is_structured, parse_document
from credguard.parsers.literals import LITERAL_WINDOW, find_opening, parse_chain, parse_group
from credguard.parsers.serverless import resolve_self
from credguard.parsers.terraform import resolve_terraform
from credguard.rules.infrastructure._iam_constants import Constants
from credguard.rules.infrastructure._iam_statements import (
    Context,
    Statement,
    find_statements,
    is_guardrail_name,
    parse_statement,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.aws.account_state import PolicyDocument
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.parsers.document import Node

ALLOWED = Pattern(
    "iam-statement-allow",
    rb"effect[\"'\\]{0,3}\s{0,20}(?:=>|:=|[:=])\s{0,20}[\"'\\]{0,3}(?:[\w.]{0,40}[._])?allow\b",
    caseless=True,
)
DOCUMENT = Pattern("terraform-policy-document", rb"\baws_iam_policy_document\b")
STATEMENT = Pattern("policy-statement-call", rb"\b(?:New)?PolicyStatement\b")
PATTERNS = (ALLOWED, DOCUMENT, STATEMENT)

PROSE = (
    ".md",
    ".mdx",
    ".markdown",
    ".rst",
    ".adoc",
    ".asciidoc",
    ".html",
    ".htm",
    ".po",
    ".tfstate",
    ".log",
    ".svg",
    ".guard",
    ".rego",
    ".cedar",
)
_FILLED = compile_lazily(r"\.(?:j2|jinja2?|tpl|tmpl|tftpl|erb|ejs|in|dist|sample|example|mustache|hbs)$", re.IGNORECASE)
_WILD = compile_lazily(
    rb"[\"'\s:\[,(][*?]{0,8}\*[*?]{0,8}[\"'\s,\])\\]|:[\w/-]*\*|AllResources|(?i:not_?(?:action|resource|principal))"
    rb"|(?:Any|Star|WebIdentity|OpenIdConnect|Federated)Principal|AssumeRoleWithWebIdentity|:\?\*"
)
_NAMED = compile_lazily(rb"(?:action|resource)s?[\"']?\s{0,4}[:=]\s{0,4}[\w.]{1,80}\s{0,8}[,)}]", re.IGNORECASE)
_MOST = 5000
_EFFECT = compile_lazily(r"effect[^a-zA-Z]{1,50}(?:[\w.]{0,40}[._])?allow\Z", re.IGNORECASE)
_OPENING = compile_lazily(r"(?:\.Builder\.create)?\s{0,20}\(")
_ENDPOINT = compile_lazily(
    r"endpoint\w*\s*\.\s*add_?to_?policy\s*\([^;]{0,80}\Z|stack_?policy(?:_?body)?[\"'`]?\s{0,4}[:=][^;]{0,80}\Z"
    r"|boundar(?:y|ies)\w{0,30}[\"'`]?\s{0,4}[:=](?:[^;,]|-10-17[\"'],){0,200}\Z",
    re.IGNORECASE,
)
_STAGED = compile_lazily(
    rb"\bmock_(?:aws|iam|s3|sts)\b|\b(?:from|import) (?:moto|pytest|unittest)\b|\bStubber\b|\bdef test_\w|^\s*@Test\b"
    rb"|\btesting\.[TB]\b|\b(?:describe|it|test)\(\s*[\"'`]|\bRSpec\b|onsi/ginkgo|\bdescribe [\"']"
    rb"|\bShindo\.|\bjest\.|aws-sdk-(?:client-)?mock"
    rb"|assertions import |aws-cdk-lib/assertions|@aws-cdk/assert|\bXCTest|gtest/gtest\.h|\bPHPUnit\\|FOR TESTING\b",
    re.MULTILINE,
)
_COMMENT = compile_lazily(r"\s*(?:#|//|\*(?![\"'])|--\s|;|<!--|REM\b)")
_DOCSTRING = compile_lazily(
    r"(?:\A|^[ \t]*(?:async )?(?:def|class)\b[^\n]{0,300}:[ \t]*\n)\s*[rbuRBU]?\Z", re.MULTILINE
)
_RECORDED = compile_lazily(rb'"(?:recorded-date|ResponseMetadata|eventVersion|status_code|terraform_version)"')
_DUMP = compile_lazily(rb"\"?(?:DefaultVersionId|PolicyVersionList|IsAttachable)\"?\s*[:=]")
_last_resolved: tuple[tuple[Node, ...], tuple[Node, ...]] | None = None
_last: tuple[bytes, str, tuple[Statement, ...]] | None = None


def read_policy_statements(blob: Blob, hits: Hits) -> tuple[Statement, ...]:
    """Every statement of a blob that allows something, or denies it with a condition.

    The last result is cached, because several rules need it. Raises UnreadableError for an invalid document, and for
    program text with too many statements.
    """
    global _last  # noqa: PLW0603
    if _last is None or _last[1] != blob.path or _last[0] != blob.data:
        _last = (blob.data, blob.path, tuple(_read(blob, hits)))
    return _last[2]


def parse_account_policy(policy: PolicyDocument, name: str) -> tuple[Statement, ...]:
    """The statements of a policy that is in force in an account, under the name given. Raises UnreadableError for one
    that is no JSON."""
    parsed = parse_document(policy.text, "policy.json")
    found = find_statements(parsed, "")
    return tuple(replace(one, context=replace(one.context, name=name, place="")) for one in found)


def is_judged(blob: Blob) -> bool:
    """False for prose, states, logs and recorded answers."""
    if blob.kind not in {BlobKind.FILE, BlobKind.STDIN} or blob.path.lower().endswith(PROSE):
        return False
    return not (_RECORDED.search(blob.data, 0, 2000) if is_structured(blob.path) else b"\0" in blob.data[:8192])


def is_staged(blob: Blob) -> bool:
    """True for program text that uses policies in tests, or contains a copy of AWS's own."""
    data = blob.data
    return not is_structured(blob.path) and bool(_STAGED.search(data) or _DUMP.search(data))


def parse_documents(blob: Blob) -> tuple[Node, ...] | None:
    """The documents of a blob, None if its name does not say that it has any.

    Raises UnreadableError if its name does and it has none.
    """
    if is_structured(blob.path):
        return _resolve(parse_document(blob.data, blob.path))
    base = _FILLED.sub("", blob.path)
    if base == blob.path or not is_structured(base):
        return None
    try:
        return _resolve(parse_document(blob.data, base))
    except UnreadableError:  # the syntax of a template depends on its engine
        return None


def _resolve(documents: tuple[Node, ...]) -> tuple[Node, ...]:
    """The documents with what their names stand for. The last result is cached, because several rules need it."""
    global _last_resolved  # noqa: PLW0603
    if _last_resolved is None or _last_resolved[0] is not documents:
        _last_resolved = (
            documents,
            tuple(resolve_self(resolve_parameters(resolve_terraform(one))) for one in documents),
        )
    return _last_resolved[1]


def _read(blob: Blob, hits: Hits) -> Iterator[Statement]:
    ends = sorted(end for pattern in PATTERNS for end in hits.get(pattern.name, ()))
    if not any(_WILD.search(blob.data, low, high) for low, high in merge_windows(ends, 1500, 3000)):
        return
    found = parse_documents(blob)
    if found is not None:
        yield from find_statements(found, blob.path)
    else:
        yield from _find_in_code(blob, hits)


def merge_windows(ends: Sequence[int], before: int, after: int) -> Iterator[tuple[int, int]]:
    """The ranges around ascending offsets, with overlapping ones merged."""
    low = high = -1
    for end in ends:
        if end - before > high:
            if high >= 0:
                yield low, high
            low = max(0, end - before)
        high = end + after
    if high >= 0:
        yield low, high


def _find_in_code(blob: Blob, hits: Hits) -> Iterator[Statement]:
    """The statements of program text: literals with an effect, and calls that build a statement."""
    text = blob.data.decode("latin-1")  # so that offsets match
    place = "guardrail" if is_guardrail_name(blob.path.rpartition("/")[2]) else ""
    constants = Constants(text)
    done = 0
    for start, line in iter_offset_lines(text, sorted(_find_starts(text, hits))):
        if start < done:
            continue
        call = text[start] == "("
        opening = start if call else find_opening(text, start)
        read = None
        window = opening, opening + LITERAL_WINDOW
        if opening >= 0 and (_WILD.search(blob.data, *window) or _NAMED.search(blob.data, *window)):
            above = line - text.count("\n", opening, start)
            read = _parse_call(text, opening, above) if call else parse_group(text, opening, above)
        if read:
            node, done = read
            bound = place or ("endpoint" if _ENDPOINT.search(text, max(0, start - 250), start) else "")
            statement = parse_statement(
                constants.fill(node), Context("", "code", bound, line), effect="allow" if call else ""
            )
            if statement:
                yield statement


def _find_starts(text: str, hits: Hits) -> Iterator[int]:
    """The offsets of effects and of opened calls."""
    for end in hits.get(ALLOWED.name, ()):
        found = _EFFECT.search(text, max(0, end - 100), end)
        if found:
            yield found.start()
    for end in hits.get(STATEMENT.name, ()):
        found = _OPENING.match(text, end)
        if found:
            yield found.end() - 1


def iter_offset_lines(text: str, offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Every offset outside comments, with its line. Raises UnreadableError if there are too many to check."""
    line, counted = 1, 0
    for count, offset in enumerate(offsets):
        if count > _MOST:
            raise UnreadableError(f"has more than {_MOST} candidates for policies, too many to check")
        if not is_comment(text, offset):
            line += text.count("\n", counted, offset)
            counted = offset
            yield offset, line


def is_comment(text: str, offset: int) -> bool:
    """True inside a comment line or a docstring of program text."""
    start = max(text.rfind("\n", max(0, offset - 500), offset) + 1, offset - 500, 0)
    if _COMMENT.match(text, start, offset):
        return True
    near = max(0, offset - 4000)
    for quotes in ('"""', "'''"):
        before = text.rfind(quotes, near, offset)
        if before >= 0 and _DOCSTRING.search(text, max(0, before - 400), before):
            return True
    return False


def _parse_call(text: str, offset: int, line: int) -> tuple[Node, int] | None:
    """The arguments of a call or builder that makes a statement."""
    read = parse_group(text, offset, line)
    if not read:
        return None
    node, end = read
    chained = parse_chain(text, end, line + text.count("\n", offset, end))
    if chained and chained[0].pairs:
        node, end = chained
    for inner in node.walk():
        if any(key.text.lower().replace("_", "").endswith(("action", "actions")) for key, _ in inner.pairs):
            return inner, end
    return None
