"""Whether a password is real: not a placeholder, a variable, or a common stand-in."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from credguard.heuristics.placeholders import is_example, measure_step_run
from credguard.lazy_re import compile_lazily

# A value that is filled in later, or that was redacted.
_FILLED_IN = compile_lazily(
    rb"[<>{}\[\]`|]|%[sdvqrx(@%{]|%[A-Za-z_]{2,40}%|#\{|\*{2,}|\.\.\.|\xe2\x80\xa6|@@|\\\(|^%|^@|^&|^:|[xX]{4,}|_{3,}|-{3,}|={3,}"
)
# A variable of a shell, PHP or Perl: a complete name after the `$`, or the start of an expression.
_VARIABLE = compile_lazily(
    rb"\A\$|\$[({$]|\$(?:[A-Z][A-Z0-9_]{1,60}|[a-z_][a-z_]{1,60}|[a-z]{2,40}(?:[A-Z][a-z]{1,40}){1,4})(?![A-Za-z0-9_])"
)
# Words used instead of a password, alone or as part of it.
_WORDS = compile_lazily(
    rb"p[a4@]ssw|passphrase|pwd|secret|s[e3]cr[e3]t|d[e3]adb[e3]{2}f|caf[e3]bab[e3]|changeme|change_me|change-me|placeholder|redacted|removed|masked|hidden|censored|"
    rb"example|sample|dummy|default|foobar|foo|bar(?![a-z])|baz|quux|qwert|asdf|letmein|welcome|hunter2|xyzzy|"
    rb"user|login|guest|postgres|mysql|mongo|redis|rabbit|oracle|elastic|minio|docker|vagrant|ubuntu|server|database|client|"
    rb"test|demo|fake|mock|stub|token|your|my[_-]|the[_-]|some|here|insert|replace|undefined|null|none|empty|"
    rb"false|true|string|value|invalid|incorrect|wrong|correct|staple|temp|credential|apikey|api_key|auth_?key|hello|sesame|1234|"
    rb"0000|1111|9999|\Atiger\Z|todo|anonymous|nobody|localhost|encrypted|unknown|optional|required|\Abitnami\Z|\Ahe//o\Z",
    re.IGNORECASE,
)
# Words that are most of a stand-in (`admin1`, `dbroot`), but only a part of a real password (`blue.horse.42`).
_COMMON = compile_lazily(
    rb"p[a4@]ss|admin|root|horse|world|abc|monkey|dragon",
    re.IGNORECASE,
)
_SEPARATORS = compile_lazily(
    rb"[._\-@:/~]|(?:db|pg|sql|dev|prod|prd|stage|staging|local|qa|the|my|app|web|api|svc|service|key)(?![a-z])|[!?#@$*]+\Z",
    re.I,
)
_TRIVIAL = compile_lazily(rb"0*(?:1|12|123\d{0,7}|321|007)?|(?:19|20)\d\d|\d|[a-z]?|[!@#$]{1,3}", re.IGNORECASE)
_DIGIT = compile_lazily(rb"[0-9]")
_ENCODED = compile_lazily(rb"%[0-9A-Fa-f]{2}")
_ENVIRONMENT = compile_lazily(rb"%[A-Z_]{2,40}%(?![0-9A-Fa-f]{2})")
_TEMPLATE = compile_lazily(rb"\$?\{.*\}|\$\(.*\)|<.*>|\$[A-Za-z_]+", re.DOTALL)
_ALIKE = compile_lazily(rb"(.)\1*\Z", re.DOTALL)


def is_real_password(password: bytes, user: bytes = b"") -> bool:
    """True for a password that someone may have chosen: not the user's name again, and none of the usual stand-ins."""
    if _is_echo(password, user):
        return False
    return not (_FILLED_IN.search(password) or _VARIABLE.search(password)) and _is_own(password)


def is_real_encoded(password: bytes, user: bytes) -> bool:
    """The same for a password in a URL: an encoded `$` is part of the password, not a variable."""
    plain, user, raw = unquote_to_bytes(password), unquote_to_bytes(user), _ENCODED.sub(b"~", password)
    if plain == password:
        return is_real_password(password, user)
    if _FILLED_IN.search(raw) or _VARIABLE.search(raw) or _ENVIRONMENT.search(password) or _TEMPLATE.fullmatch(plain):
        return False
    return not _is_echo(plain, user) and _is_own(plain)


def _is_echo(password: bytes, user: bytes) -> bool:
    """Too short, or the user's name again."""
    password, user = password.lower(), user.lower()
    if len(password) < 4 or password in (user, user[::-1]):
        return True
    return len(user) >= 3 and (user in password or password in user)


def _has_uncommon_rest(password: bytes) -> bool:
    """True if what is left without common words is not a number that people append."""
    rest = _SEPARATORS.sub(b"", _COMMON.sub(b"~", password))
    if len(password) < 8 or not _DIGIT.search(rest) or _TRIVIAL.fullmatch(rest):
        return False
    return measure_step_run(rest) < max(3, len(rest))


def _is_own(password: bytes) -> bool:
    """Neither a common word nor a sequence."""
    if _WORDS.search(password) or _ALIKE.match(password) or is_example(password):
        return False
    if _COMMON.search(password) and not _has_uncommon_rest(password):
        return False
    return measure_step_run(password) < max(4, len(password) - 3)
