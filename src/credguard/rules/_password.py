"""Whether a password is one: no placeholder, no variable, no word that everybody types in its place."""

from __future__ import annotations

import re

from credguard.regex import regex
from credguard.rules._placeholder import is_example, longest_step_run

# A value that is filled in later, or that somebody has taken out.
_FILLED_IN = regex(
    rb"[$<>{}\[\]`|]|%[sdvqrx(@%{]|%[A-Za-z_]{2,40}%|#\{|\*{2,}|\.\.\.|\xe2\x80\xa6|@@|\\\(|^%|^@|^&|^:|[xX]{4,}|_{3,}|-{3,}|={3,}"
)
# Words that stand in for a password, alone or as part of it.
_WORDS = regex(
    rb"passw|passphrase|p[a4@]ss|pwd|secret|s[e3]cr[e3]t|d[e3]adb[e3]{2}f|caf[e3]bab[e3]|changeme|change_me|change-me|placeholder|redacted|removed|masked|hidden|censored|"
    rb"example|sample|dummy|default|foobar|foo|bar(?![a-z])|baz|quux|qwert|asdf|letmein|welcome|hunter2|"
    rb"user|login|admin|root|guest|postgres|mysql|mongo|redis|rabbit|oracle|elastic|minio|docker|vagrant|ubuntu|"
    rb"test|demo|fake|mock|stub|token|your|my[_-]|the[_-]|some|here|insert|replace|undefined|null|none|empty|"
    rb"false|true|string|value|invalid|incorrect|wrong|correct|horse|staple|temp|credential|apikey|api_key|hello|world|sesame|abc|1234|"
    rb"0000|1111|9999|monkey|dragon|\Atiger\Z|todo|anonymous|nobody|localhost|server|database|client|encrypted|unknown|optional|required",
    re.IGNORECASE,
)
_ALIKE = regex(rb"(.)\1*\Z", re.DOTALL)


def is_real_password(password: bytes, user: bytes = b"") -> bool:
    """True for what somebody may have chosen: not the user's name again, and none of the usual stand-ins."""
    if len(password) < 4 or password.lower() in (user.lower(), user.lower()[::-1]):
        return False
    if user and len(user) >= 3 and (user.lower() in password.lower() or password.lower() in user.lower()):
        return False
    if _FILLED_IN.search(password) or _WORDS.search(password) or _ALIKE.match(password) or is_example(password):
        return False
    return longest_step_run(password) < max(4, len(password) - 3)
