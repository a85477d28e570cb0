"""A URL or connection string with a user's password: of a database, a broker, a proxy or a web site.

What it does
    Finds `scheme://user:password@host` of any scheme, and the passwords of connection strings: `Server=…;User
    ID=…;Password=…` (ADO.NET, ODBC), JDBC's `?user=…&password=…`, `;password=…` and `user/password@`, libpq's
    `host=… user=… password=…`, Go's `user:password@tcp(…)`, Kafka's `LoginModule required …`; and passwords that
    calls are handed after a user's name (`new PDO('…', 'user', '…')`, `mysqli_connect`,
    `DriverManager.getConnection`, `HTTPBasicAuth`, `NetworkCredential`, `SetBasicAuth`). Placeholders, variables,
    passwords that are a word for password or the user's own name (`user:pass`, `postgres:postgres`), and
    documentation hosts (example.com) are not reported. A URL with the local host (localhost, 127.0.0.1) is medium.

Why it matters
    The URL is all that is needed to sign in, and URLs are written to logs, histories and error reports.

How to fix
    Change the password, then read the URL from the environment or a secrets store.

References
    https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
    https://12factor.net/config
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from credguard.heuristics.passwords import is_real_encoded
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens import _call_password
from credguard.rules.tokens._connection_string import PATTERNS, detect_connection_string
from credguard.rules.tokens._token_rule import PLAIN, Grade, TokenKind, build_token_detection, build_token_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_URL = Pattern("url-with-password", rb"://[A-Za-z0-9_.%+~!$&*,;=\-]{0,80}:[^\s/@\"'<>()]{3,120}@[A-Za-z0-9%$\[{<_.]")
_PARTS = compile_lazily(rb"://([A-Za-z0-9_.%+~!$&*,;=\-]{0,80}):([^\s/@\"'<>()]{3,120})@([^\s/\"'<>`,;)\\?#]{1,200})")
_HERE = compile_lazily(
    rb"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[?::1\]?|host\.docker\.internal)(?::|\Z)", re.IGNORECASE
)
_NOWHERE = compile_lazily(
    rb"(?:[a-z0-9.\-]{0,80}\.)?(?:example|test|invalid)(?:\.(?:com|net|org|edu|io))?(?::|\Z)|(?:your|my|some|the)[_\-]?"
    rb"|\.\.\.|sha\d{3}(?::|\Z)|host(?:name)?\d{0,2}(?::|\Z)|foo|bar|x+(?::|\.|\Z)|domain|server(?:name)?(?:\.com)?(?::|\Z)",
    re.IGNORECASE,
)
# Schemes whose last part is not a host with a login: before it are a name and a version, an image's digest, or a
# module.
_NO_LOGIN = frozenset((b"sip", b"sips", b"data", b"javascript", b"npm", b"pkg", b"oci", b"urn", b"magnet"))
_PORT = compile_lazily(rb"[0-9]{1,5}")
_KIND = TokenKind("url", "password in a URL", _URL, 0, _PARTS)
_BACK = 210


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    data, done = blob.data, 0
    for end in hits.get(_URL.name, ()):
        start = data.rfind(b"://", max(done, end - _BACK), end)
        match = _PARTS.match(data, start) if start >= 0 else None
        if not match:
            continue
        done = match.end(2)
        scheme = _read_scheme(data, start)
        grade = _grade(scheme, *match.groups()) if scheme else None
        if grade:
            yield build_token_detection(_KIND, data, *match.span(2), grade, Severity.HIGH)


def _read_scheme(data: bytes, start: int) -> bytes:
    """The word before `://`, without a prefix from another word."""
    words = re.split(rb"[^A-Za-z0-9+.\-]", data[max(0, start - 22) : start])
    return words[-1].lower()


def _grade(scheme: bytes, user: bytes, password: bytes, host: bytes) -> Grade | None:
    plain = unquote_to_bytes(password)
    if b"." in user and _PORT.fullmatch(password):  # before another host, to lead a reader astray
        return None
    if b"\\" in password or scheme in _NO_LOGIN or _NOWHERE.match(host) or not is_real_encoded(password, user):
        return None
    attributes = {"scheme": scheme.decode("ascii", "replace")}
    if _HERE.match(host):
        return Grade(Severity.MEDIUM, Confidence.MEDIUM, "on the local host", attributes)
    if not re.search(rb"[^a-z]", plain) and len(plain) < 8:
        return Grade(Severity.MEDIUM, Confidence.MEDIUM, "", attributes)
    return Grade(PLAIN.severity, PLAIN.confidence, "", attributes)


def _check_all(blob: Blob, hits: Hits) -> Iterator[Detection]:
    yield from _check(blob, hits)
    yield from detect_connection_string(blob, hits)
    yield from _call_password.detect_call_password(blob, hits)


RULE = build_token_rule(
    182,
    "url-with-password",
    "A URL or connection string with a user's password",
    (),
    more=(_URL, *PATTERNS, *_call_password.PATTERNS),
    also=_check_all,
    judge=lambda value: PLAIN if is_real_encoded(value, b"") else None,
    confidence=Confidence.MEDIUM,
    revoke="change the password of the user at the host",
    yields_to=("CG10", "CG16", "CG17", "CG180", "CG181", "CG3"),
    references=("https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1", "https://12factor.net/config"),
)
