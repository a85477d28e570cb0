"""A value that is named a password, secret, token or key, and looks like one.

What it does
    Reads assignments in code and settings of any language, command options (`-p`, `-u user:password`, `pass:`), SQL
    (`IDENTIFIED BY`, `PASSWORD '…'`) and query strings. Variables, calls, types, paths, words, templates, dates and the
    name itself are not reported. Values with a known form are left to the rule for that form. The rule is off unless a
    policy (such as `strict`) or the command line enables it.

Why it matters
    Most passwords have no recognizable form; only their name identifies them.

How to fix
    Read the value from the environment or a secrets store, and replace it where it was used.

References
    https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html
    https://cwe.mitre.org/data/definitions/798.html
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from credguard.heuristics.generic_values import is_generic_secret
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Detection, Part, Severity
from credguard.model.secret import Secret
from credguard.rule import SECRET_PRACTICES, Rule, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_WORDS = (
    rb"(?:passw(?:or)?d|passphrase|passwd|pwd|pass|secret|token|key|auth|credential|salt|nonce|cookie|session|sid|bearer|"
    rb"signature|verifier)"
)
_TAIL = compile_lazily(rb"(?:>=|=:|={2,3}|[:=,(])\s{0,3}[\"'`\])]{0,3}\\?([A-Za-z0-9_.\-]{1,80})(?![A-Za-z0-9_.\-])")
"""A name and its operator, reversed."""
_BEFORE, _AFTER = 91, 430
"""Enough bytes for a name and its operator, or a value and its surroundings."""
_OPERATOR, _SPACE = 11, 4
"""Enough bytes for an operator and its neighbors, or the space before a value."""
_QUOTED = compile_lazily(rb"\"password\" ?\Z|'password' ?\Z", re.IGNORECASE)
_PASSWORD = compile_lazily(rb"pass|pwd|pw\Z", re.IGNORECASE)
_WHOLE = compile_lazily(rb"(?:^|[._\-])(?:key|keys|pass|auth|session|token|cookie|signature)(?:s)?\Z", re.IGNORECASE)
_OTHER = compile_lazily(
    rb"(?:public|primary|foreign|sort|partition|cache|index|lookup|hot|short|press|map|dict|row|column|group|object|config|"
    rb"i18n|label|msg|message|translation)[._\-]?keys?\Z|key(?:board|code|word|s?path|name|type|id|file|size|length|up|down)|"
    rb"(?:pass|token|secret|key|auth|password|session)[._\-]?(?:file|path|dir|name|type|id|url|uri|field|label|hint|length|size|"
    rb"count|policy|format|ttl|expir\w*|timeout|prefix|suffix|class|regex|pattern|method|provider|mode|field|encryption|encoding|generator|hash\w*|reset\w*)\Z|"
    rb"public_?key|x-amz-|encryption\Z|author|author[sy]|authenticat\w*|authoriz\w*|oauth\Z|passed|passes|passive|passing|bypass|compass|tokenize\w*|monkey|turkey|donkey|"
    rb"\Apass\Z|keyring|secretary",
    re.IGNORECASE,
)
# Names of public values: cursors, what a form or a browser gets, descriptions of a secret.
_PUBLIC = compile_lazily(
    rb"(?:next|page|pagination|continuation|start|starting|client_?request|idempotency|csrf|xsrf|authenticity|site|publishable|"
    rb"public|s3|bucket)[._\-]?(?:token|key)s?\Z|\A(?-i:nonce)\Z|"
    rb"(?:pass|passwd|password|token|secret|key|auth)[._\-]?(?:sha[._\-]?\d{0,3}|md5|digest|arn|versions?|endpoint|address)\Z|"
    rb"\A(?:example|sample|invalid|dummy)[._\-]",
    re.IGNORECASE,
)
_MAKES = rb"(?:new String|String|str|b|r|u|@|N|Buffer\.from|fixed|\[\](?:byte|string))?[({]{0,2}"
"""What may be between an operator and a quoted text, in any language."""
_BARE_SIGN = rb"[^\s\"'`,;(){}\[\]<>&|#]"
_VALUE = compile_lazily(
    rb"\s{0,4}" + _MAKES + rb"(?:\\?\"([^\"\\\r\n]{4,400})\\?\"|\\?'([^'\\\r\n]{4,400})\\?'|`([^`\\\r\n]{4,400})`)"
)
_OPENS = compile_lazily(rb"(?s:.)\s{0,4}(?:" + _MAKES + rb"\\?[\"'`]|(?<![,(])" + _BARE_SIGN + rb"{4})")
"""From the end of an operator: the first characters of a quoted value or of a bare one."""
_BARE = compile_lazily(rb"[ \t]{0,4}(" + _BARE_SIGN + rb"{4,400})(?=[\s,;&\"'}\])]|\\n|\Z)")
_CODE_FILES = frozenset(
    "py java go js jsx ts tsx rb kt cs php scala groovy c h cc cpp hpp m swift rs dart lua pl ex exs gradle vue".split()
)
_MOST = 5_000


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    data, done = blob.data, 0
    code = blob.path.rpartition(".")[2].lower() in _CODE_FILES
    for end, spoken in _list_places(hits):
        found = _find_secret(data, end, spoken=spoken, code=code) if end > done else None
        if found and found[1] >= done:
            name, start, done = found
            part = Part("secret", start, done, Secret(data[start:done]))
            yield Detection(f"what looks like a {_pick_word(name)} {part.secret.shown}", (part,))


def _list_places(hits: Hits) -> list[tuple[int, bool]]:
    named = [(end, False) for end in hits.get(_NAMED.name, ())]
    return sorted(named + [(end, True) for end in hits.get(_SPOKEN.name, ())])[:_MOST]


def _find_secret(data: bytes, end: int, *, spoken: bool, code: bool = False) -> tuple[bytes, int, int] | None:
    """The name that ends here, and the location of its value, if that is a secret."""
    quoted = _VALUE.match(data, end - 1) if spoken and data[end - 1 : end] in (b'"', b"'") else None
    match = quoted or _match_assignment(data, end, code=code)  # most have no such value
    name = (
        (_read_spoken_name(data, end) if spoken else _read_name(data[max(0, end - _BEFORE) : end])) if match else None
    )
    if not match or not name:
        return None
    start, stop = match.span(match.lastindex or 0)
    is_secret = is_generic_secret(data[start:stop], name, password=_PASSWORD.search(name) is not None)
    return (name, start, stop) if is_secret else None


def _is_worth(data: bytes, end: int, *, spoken: bool = False) -> bool:
    """True if a secret follows. The name and the secret are between two line breaks, one of which may be next to the
    operator."""
    if not _OPENS.match(data, end - 1):
        return False
    start = max(0, end - _BEFORE)
    start = max(start, data.rfind(b"\n", start, max(start, end - _OPERATOR)) + 1)
    stop = data.find(b"\n", end + _SPACE, end + _AFTER) + 1
    return _has_secret(data[start : stop or end + _AFTER], end - start, spoken=spoken)


@lru_cache(maxsize=1 << 15)
def _has_secret(line: bytes, end: int, *, spoken: bool) -> bool:
    """The same, cached, because versions of a file repeat their lines."""
    return _find_secret(line, end, spoken=spoken) is not None


_NAMED = Pattern(
    "generic-secret-name",
    _WORDS + rb"[A-Za-z0-9_.\-]{0,16}\\?[\"'`\])]{0,3}\s{0,3}(?:=>|:=|===?|[:=,(])",
    caseless=True,
    is_worth=_is_worth,
)
_SPOKEN = Pattern(
    "generic-secret-spoken",
    rb"(?:identified by|password|passin pass:|passout pass:|password pass:|"
    rb"curl [^\n]{0,80}-u|mysql(?:dump)? [^\n]{0,60}-p)[ '\"]{1,2}",
    caseless=True,
    is_worth=partial(_is_worth, spoken=True),
)


def _read_name(tail: bytes) -> bytes | None:
    """The complete name before the operator, unless it says that its value is something else."""
    match = _TAIL.match(tail[::-1])
    name = match[1][::-1] if match else b""
    return None if not name or _OTHER.search(name) or _PUBLIC.search(name) else name


def _read_spoken_name(data: bytes, end: int) -> bytes | None:
    """The name that the words before the value give it, unless they are a quoted name."""
    return None if _QUOTED.search(data, max(0, end - 40), end) else b"password"


def _match_assignment(data: bytes, end: int, *, code: bool) -> re.Match[bytes] | None:
    quoted = _VALUE.match(data, end)
    if quoted:
        return quoted
    operator = data[max(0, end - 3) : end]
    if operator.endswith((b",", b"(")) or b"==" in operator:
        return None
    inside = b"&" in data[max(0, end - 90) : end] or b"?" in data[max(0, end - 90) : end]
    return None if code and not inside else _BARE.match(data, end)


def _pick_word(name: bytes) -> str:
    return "password" if _PASSWORD.search(name) else "secret"


RULE = Rule(
    id="CG190",
    name="generic-high-entropy-secret",
    severity=Severity.MEDIUM,
    confidence=Confidence.LOW,
    summary="A value that is named a secret and looks like one",
    hint="read it from the environment or a secrets store, and replace it where it was used",
    practices=SECRET_PRACTICES,
    traits=frozenset((Trait.GUESS,)),
    patterns=(_NAMED, _SPOKEN),
    check_blob=_check,
    by_default=False,
    remediation=(
        "replace it first: change the password, revoke the token, create another key",
        "keep the new one in a secrets store or the CI's own store",
        "git filter-repo --sensitive-data-removal --replace-text expressions.txt  # only after that, in a fresh clone",
    ),
    references=("https://cwe.mitre.org/data/definitions/798.html",),
)
