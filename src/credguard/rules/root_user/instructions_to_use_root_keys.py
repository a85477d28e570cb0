"""Documentation instructs its readers to create or use access keys of the AWS root user.

What it does
    Reads sentences of documentation, notebooks and comments about root and access keys, or about root's credentials
    page in the console, and reports those that instruct or allow the reader to create or use such a key, on a page that
    is about AWS. Also reports code or text that reads rootkey.csv. Warnings, checks, deletions, exam questions and
    other products' root users are not reported, nor is text near advice against root. English only.

Why it matters
    Readers follow a guide. Each of them then has a key on disk that gives access to a whole AWS account and that no
    policy can limit.

How to fix
    Change the guide to IAM Identity Center, a role, or an IAM user with only the permissions needed; tell readers to
    delete existing root access keys.

References
    IAM User Guide, "Root user best practices": do not create access keys for the root user; CIS AWS Foundations
    Benchmark 1.4 (v1.4 to 4.0).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws import root_user
from credguard.aws.root_user import unescape_slice
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind, Confidence, Detection, Part, Severity
from credguard.model.secret import Secret
from credguard.rule import Rule
from credguard.rules.root_user._advice import find_root_key_advice, has_key_creation_advice, has_root_warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_KINDS = rb"(?:access|secret|api|aws|security)"
_ROOT_KEY = Pattern("root-then-access-key", rb"\broot.{0,80}" + _KINDS + rb".{0,3}(?:key|cred)", caseless=True)
_KEY_ROOT = Pattern("access-key-then-root", _KINDS + rb".{0,3}keys?\b.{0,60}\broot\b", caseless=True)
_ACCOUNT = Pattern(
    "root-account-credentials", rb"\broot.{1,3}(?:account|user).{1,4}(?:keys|credentials)\b", caseless=True
)
_PAGE = Pattern("root-credentials-page", rb"my.{1,3}security.{1,3}credentials|#/security_credential", caseless=True)
_FILE = Pattern("root-key-csv", rb"root[_\-]?keys?\.csv", caseless=True)

_DOCUMENTS = tuple(
    ".md .markdown .mdx .rst .txt .html .htm .xhtml .adoc .asciidoc .org .ipynb .tex .wiki .textile .rmd .qmd "
    ".pod".split()
)
_DATA = tuple(".json .jsonl .csv .tsv .xml .lock .map .svg .po .log".split())
_COMMENT = compile_lazily(rb"\s*(?:#|//|/\*|\*|--|;|<!--|\"\"\"|'''|REM\b|echo\b)", re.IGNORECASE)
_CONTENT = compile_lazily(rb"[\s\"',>#*/;\-]{0,80}(.*?)[\s\"',]{0,80}\Z", re.DOTALL)
_ROOM = 500
_MOST_SENTENCES = 2000  # a guide has a handful; more is a list of words
_AROUND = 250
_PAGE_ROOM = 3000
_LONGEST = 1 << 17
_STOP = (
    rb"[.!?](?=[\s\"'<*_)`]|\Z)|\n[ \t\"',>/*;\-]{0,30}\n|\n[ \t\"'>]{0,20}(?:[\-*+] |\d{1,2}[.)] )|"
    rb"\[\s{0,20}\"|\",\s{0,40}\"|</?(?:p|li|br|h\d|td|div|ul|ol|tr|dd|dt)\b[^>]{0,100}>"
)
_END_IN_TEXT = compile_lazily(_STOP + rb"|\n[ \t\"']{0,20}#{1,6} |\n(?=[=\-~^]{3})", re.IGNORECASE)
_END_IN_COMMENT = compile_lazily(_STOP, re.IGNORECASE)
_PASSAGE_BEFORE, _PASSAGE_AFTER = 160, 320
_OTHER_CREDENTIAL = compile_lazily(
    rb"#/security_credentials?\?credentials=(?:codecommit|mcs)|signing|mfa", re.IGNORECASE
)
_READS = compile_lazily(
    rb"(?:\b(?:open|fopen|read\w{0,20}|load\w{0,20}|lines|get|cat|awk|grep|source|import|parse\w{0,10}|"
    rb"download\w{0,3}|save|copy|cp|mv|move|put|place|rename|use|using|store|drop|contents? of)\b"
    rb"[^\n]{0,100})\Z",
    re.IGNORECASE,
)
_REFUSES = compile_lazily(
    rb"\b(?:delete\w?|remove\w?|rm|unlink|shred|ignore\w?|never|not|don'?t|avoid|leak\w*|detect\w*|scan\w*|commit\w*|exists?|"
    rb"secrets?|warn\w*|danger\w*|exclude\w?|risk|sensitive|pattern\w?|re\.compile)\b|\\\.|rootkey[^\n]{0,200}(?:delete|remove|\.unlink)",
    re.IGNORECASE,
)


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    if blob.kind is BlobKind.NAME or "ignore" in blob.path.rpartition("/")[2].lower():
        return
    seen: set[int] = set()
    for start, end, message in sorted(_find_instructions(blob, hits)):
        if start not in seen:
            seen.add(start)
            value = blob.data[start:end]
            yield Detection(message, (Part("instruction", start, end, Secret(value, public=True)),))


def _find_instructions(blob: Blob, hits: Hits) -> Iterator[tuple[int, int, str]]:
    name = blob.path.rpartition("/")[2].lower()
    document = name.endswith(_DOCUMENTS) or "." not in name or blob.kind in (BlobKind.STDIN, BlobKind.MESSAGE)
    if not name.endswith(_DATA):
        ends = sorted({end for pattern in (_ROOT_KEY, _KEY_ROOT, _ACCOUNT) for end in hits.get(pattern.name, ())})
        found = list(_find_sentences(blob.data, ends, document))
        if document:
            found += _find_page_pointers(blob.data, hits.get(_PAGE.name, ()))
        for start, end, message in found:
            if not has_root_warning(unescape_slice(blob.data, start - _PAGE_ROOM, end + _PAGE_ROOM)):
                yield start, end, message
        yield from _find_file_uses(blob.data, hits.get(_FILE.name, ()))


def _find_sentences(data: bytes, ends: list[int], document: bool) -> Iterator[tuple[int, int, str]]:
    """The sentences around `ends` that instruct to use root's keys; each is checked once."""
    stops = _END_IN_TEXT if document else _END_IN_COMMENT
    done = judged = 0
    for place in ends:
        if place <= done or judged >= _MOST_SENTENCES:
            continue
        judged += 1
        base = max(0, place - _ROOM)
        text = unescape_slice(data, base, place + _ROOM)
        start, stop = _locate_sentence(text, place - base, stops)
        done = base + stop
        if document or _COMMENT.match(_read_line_before(text, place - base)):
            told = find_root_key_advice(
                text[start:stop], text[max(0, start - _AROUND) : stop + _AROUND], data[:_LONGEST]
            )
            if told is not None:
                message = "documentation instructs readers to create or use an access key of the AWS root user"
                yield base + start + told, base + stop, message


def _locate_sentence(text: bytes, place: int, stops: re.Pattern[bytes]) -> tuple[int, int]:
    """Start and end of the sentence with the character before `place`, without surrounding spaces."""
    start, stop = 0, len(text)
    for match in stops.finditer(text):
        if match.end() < place:
            start = match.end()
        elif match.start() >= place - 1:
            stop = match.start()
            break
    found = _CONTENT.match(text, start, stop)
    return found.span(1) if found else (start, stop)


def _read_line_before(text: bytes, place: int) -> bytes:
    return text[text.rfind(b"\n", 0, place) + 1 : place]


def _find_page_pointers(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Links to root's credentials page with the advice to create a key there."""
    done = 0
    for place in ends[:_MOST_SENTENCES]:
        if place <= done:
            continue
        start = max(0, place - _PASSAGE_BEFORE)
        passage = unescape_slice(data, start, place + _PASSAGE_AFTER)
        around = unescape_slice(data, place - _ROOM, place + _ROOM)
        if not _OTHER_CREDENTIAL.search(passage) and has_key_creation_advice(passage, around):
            done = place + _PASSAGE_AFTER
            line = data.rfind(b"\n", start, place) + 1 or start
            yield line, place, "documentation sends its readers to root's credentials page to create an access key"


def _find_file_uses(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Code that reads the console's download of such a key, or text that asks for it."""
    for end in ends[:_MOST_SENTENCES]:
        start = end - len(data[max(0, end - 13) : end].lower().rpartition(b"root")[2]) - 4
        line = _read_line_before(unescape_slice(data, start - _AROUND, start), _AROUND)
        rest = unescape_slice(data, start, end + 100).partition(b"\n")[0]
        if _READS.search(line) and not _REFUSES.search(line + rest):
            yield start, end, "rootkey.csv, a download of the AWS root user's access key, is read or required"


RULE = Rule(
    id="CG305",
    name="instructions-to-use-root-keys",
    severity=Severity.MEDIUM,
    summary="Documentation instructs its readers to create or use access keys of the AWS root user",
    hint="tell readers to use IAM Identity Center, a role, or an IAM user with the permissions needed",
    practices=("P04",),
    confidence=Confidence.MEDIUM,
    patterns=(_ROOT_KEY, _KEY_ROOT, _ACCOUNT, _PAGE, _FILE),
    check_blob=_check,
    in_hooks=False,
    remediation=(
        "rewrite the passage: no guide needs a root access key",
        "tell readers who followed it to delete theirs",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 1.4 (v1.4 to v4.0), 1.3 (v5.0), 2.3 (v6.0), 2.4 (v7.0)",
        "AWS Security Hub: IAM.4",
        "AWS Config: iam-root-access-key-check",
    ),
    references=root_user.REFERENCES,
)
