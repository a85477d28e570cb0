"""The expressions that locate values with the name of a secret: name, operator, and the first signs of a credential."""

from __future__ import annotations

from credguard.heuristics.letter_pairs import list_rare_pairs
from credguard.rules.tokens._generic_names import TAILS

WIDTH = 16
"""How many characters of a value the expressions for doubtful names match."""
_SURE = (
    rb"(?:passw(?:or)?d|passwort|kennwort|passphrase|passcode|pwd|pass|pw|secret|tokens?|"
    rb"(?:api|access|secret|private|priv|encrypt(?:ion)?|decrypt(?:ion)?|sign(?:ing)?|master|account|app(?:lication)?|"
    rb"auth(?:orization|entication)?|validation|session|jwt|deploy|storage|shared|admin|server|crypto|cipher|aes|des|"
    rb"hmac|client|consumer|licen[sc]e|integration|service|write|security|webhook|cookie|rsa|ssh|hash|sas|subscription|"
    rb"merchant|transaction|symmetric|base|backup|vault|ingest|dev|sec)[_.\-]?keys?)"
)
_DOUBTFUL = rb"(?:key|auth|credentials?|creds|salt|cookie|session|bearer|password|secret|token)"
_TAILS = b"|".join(tail.encode() for tail in sorted(TAILS))
_TAIL = rb"(?:[_.\-]?(?:" + _TAILS + rb")){0,2}[0-9]{0,3}"
_REST = rb"[A-Za-z0-9_.\-]{0,16}"
_CLOSING = rb"\\{0,3}[\"'`\])*]{0,3}"
_FIELD = rb"(?:,?\s{1,40}[\"']?value[\"']?)?"
"""What is between the name and the operator in `{"name": "DB_PASSWORD", "value": "…"}`, in YAML and in XML."""
_TYPE = rb"(?::\s{0,2}(?:str|string)\??\s{0,2})?"
_PASSED = rb"(?:(?:new )?[A-Za-z][A-Za-z0-9_.]{0,30}\(|b|r|u|f|@|N|\[\](?:byte|string))?[({]{0,2}"
"""What may be between an operator and a quoted text: a function that it is passed through, a kind of text."""
_OPENING = _CLOSING + _FIELD + rb"\s{0,12}" + _TYPE + rb"(?:=>|:=|!?==?=?|[:=,(])\s{0,12}" + _PASSED + rb"\\{0,3}[\"'`]"
_SIGN = rb"[^\s\"'`<>{}\[\]0-9]"
_TELLING = (
    rb"(?:[0-9]{1,20}" + _SIGN + rb"|" + _SIGN + rb"{1,23}[0-9]|" + _SIGN + rb"{0,23}(?:" + list_rare_pairs() + rb"))"
)
"""What every value of a credential's form has: digits and others, or two letters that seldom follow each other."""
_BARE_SIGN = rb"[^\s\"'`,;(){}\[\]<>&|#=:0-9$./]"
_BARE_MIXED = rb"(?:[0-9]{1,20}" + _BARE_SIGN + rb"|" + _BARE_SIGN + rb"{1,23}[0-9])"
_BARE_TELLING = rb"(?:" + _BARE_MIXED + rb"|" + _BARE_SIGN + rb"{0,23}(?:" + list_rare_pairs() + rb"))"
_CLOSE = _CLOSING + _FIELD + rb"(?:=|:[ \t]{0,12})"
_WIDE = _CLOSING + rb"(?:[ \t]{1,12}(?:=>|:=|[:=])[ \t]{0,12}|(?:=>|:=|=)[ \t]{1,12})"
"""An operator with space around it: in code too, where variables follow it, so that letters alone do not tell."""
_LONG = rb"[A-Za-z0-9+/=_.~\-]{%d}" % WIDTH

QUOTED = _SURE + _TAIL + _OPENING + _TELLING
BARE = _SURE + _TAIL + rb"(?:" + _CLOSE + _BARE_TELLING + rb"|" + _WIDE + _BARE_MIXED + rb"|>" + _BARE_TELLING + rb")"
SPOKEN = rb"(?:(?:identified by|password) {1,2}|mysql(?:dump)? [^\n]{0,60}-p {0,2})[\"']" + _TELLING
DOUBTFUL_QUOTED = _DOUBTFUL + _REST + _OPENING + _LONG
DOUBTFUL_BARE = _DOUBTFUL + _REST + _CLOSING + _FIELD + rb"[ \t]{0,12}(?:=>|:=|[:=])[ \t]{0,12}" + _LONG
