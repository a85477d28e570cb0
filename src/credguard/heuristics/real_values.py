"""Whether a named value is a real secret, or a placeholder, a default, a reference or a public setting."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from enum import IntEnum

from credguard.heuristics.names import split_words
from credguard.heuristics.placeholders import compute_entropy, is_example, is_placeholder, measure_step_run
from credguard.heuristics.secret_key_shape import is_secret_shaped
from credguard.heuristics.secret_names import EXPOSED, FILLERS, is_secret_name
from credguard.lazy_re import compile_lazily
from credguard.parsers.assignments import parse_dotenv
from credguard.parsers.utf16 import recode_marked


class SecretConfidence(IntEnum):
    """How certain it is that a value is a secret."""

    NOTHING = 0
    WEAK = 1
    """A word with the name of a secret that is not a usual default: perhaps a weak password."""
    CHOSEN = 2
    """A password chosen by a person, with the name of a secret."""
    RANDOM = 3
    """A generated value with the name of a secret."""
    KNOWN = 4
    """The shape of a known kind of credential, whatever its name."""


_LONGEST = 16384
# Values that the vendors of emulators and test networks publish for everyone.
_DOCUMENTED = frozenset({
    b"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",  # Azurite
    b"C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==",  # Cosmos DB emulator
    b"ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",  # Hardhat and Anvil, account 0
    b"59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",  # Hardhat and Anvil, account 1
    b"4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d",  # Ganache, account 0
    b"6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe",  # reCAPTCHA test secret
})  # fmt: skip
_REFERENCE = compile_lazily(
    rb"\$[A-Za-z_{(\[]|\{\{|\$\{|<%|%\{|#\{|<[^>]*>|%[A-Za-z_]+%|@[\w.]+@|__\w+__|\[[^\]]*\]|"
    rb"(?:ENC|AES|KMS|PBKDF2|pkcs7|vault|encrypted|secure|sealed|op|ref\+\w+|arn|aws|ssm|kms|gcp|secretsmanager|file|"
    rb"resolve|classpath|doppler|infisical|keyring|env|azurekeyvault|sm|awssm|gsm)(?::|\[|\()|!(?:vault|ref|sub|getatt|env|secret)|"
    rb"(?:var|local|data|module|process\.env|os\.environ|env|secrets|each|self|random_\w+|aws_\w+)\.|"
    rb"projects/[^/]+/secrets/|\{cipher\}|AQICAH|AQECAH|-----BEGIN (?:CERT|PUBLIC)",
    re.IGNORECASE,
)
_INSIDE = compile_lazily(rb"\$\{|\{\{|\$\(|<[A-Za-z_ -]+>")
_PATH = compile_lazily(
    rb"(?:\.{1,2}/|~/|[A-Za-z]:[\\/]).*|"
    rb"/(?:etc|var|run|home|usr|opt|tmp|app|mnt|root|srv|keys?|secrets?|certs?|config|data)/.*|"
    rb"[\w./\\ -]+\.(?:pem|key|crt|cer|json|txt|p12|pfx|jks|ya?ml)"
)
_PLAIN = compile_lazily(
    rb"[+-]?[\d.,:_]+\s?[a-zA-Z]{0,2}|\S+@\S+\.\w+|[\d.]+/?[a-z]{0,7}|(?:https?|file|tcp|wss?)://[^@\s]*"
)
_DUMMY = compile_lazily(
    rb"your|chang(?:e|it)|replac|exampl|placeholder|dummy|insert|enter|todo|fixme|x{4}|fake|sampl|redact|generat|random|"
    rb"[_-]here|\bhere\b|\bput[-_ ]|\bmy[-_]|\*{3}|\.{3}|\bset[-_ ]|\badd[-_ ]|not[-_]?(?:so|a|the|for|real|set)|"
    rb"insecure|unsafe|demo|lorem|foobar|hackme|abcdef|123456|987654|qwerty|do[-_ ]not|never[-_]|at[-_]least|min[-_]|"
    rb"long[-_]|localstack|minioadmin|guest|p[a4@][s$5]{1,2}w[o0]rd|s[e3]cr[e3]t|s[e3]cur[e3]|dev[-_]|test[-_]|"
    rb"[-_]test|[-_]dev|local[-_]|invalid|mock",
    re.IGNORECASE,
)
_WORDS_ALONE = compile_lazily(rb"[A-Za-z]+(?:[-_. ][A-Za-z]+)*[-_.]?\d{0,4}[!?.]?")
_PARTS = compile_lazily(rb"[A-Za-z0-9]+")
_LEET = bytes.maketrans(b"04@3$5!", b"oaaessi")
_TRAILING = compile_lazily(rb"\d+\Z|[^a-z0-9]+\Z")
_HASH = compile_lazily(
    rb"\$(?:2[abxy]|5|6|1|y|argon2\w*|scrypt|pbkdf2[\w-]*)\$|\{\w+\}|pbkdf2_\w+\$|bcrypt\w*\$|(?:SCRAM-)?SHA-?\d+[-$]"
)
_UUID = compile_lazily(rb"\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?")
_HEX = compile_lazily(rb"(?:0x)?(?:[0-9a-f]{20,}|[0-9A-F]{20,})")
_TOKEN = compile_lazily(rb"[\x21-\x7e]{16,4096}")
_SEGMENT = compile_lazily(rb"[a-z]+|[A-Z]+|\d+|[^A-Za-z\d]+")
_SEPARATOR = compile_lazily(rb"[-_.:/]")
_JWT = compile_lazily(rb"eyJ[\w-]{8,}\.(eyJ[\w-]{8,})\.[\w-]{20,}")
_PUBLIC_JWT = compile_lazily(rb"supabase-demo|\"anon\"|1234567890|John Doe|example", re.IGNORECASE)
_USERINFO = compile_lazily(rb"[a-z][a-z0-9+.-]{1,20}://([^\s:/@]{0,200}):([^\s/@]{3,300})@([\w.$%{}-]{1,200})", re.I)
KEY_ID_ALONE = compile_lazily(rb"(?<![A-Za-z0-9])A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Za-z0-9])")
_KNOWN = compile_lazily(
    rb"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY-----(?:\\n|\\r|\s){1,4}[A-Za-z0-9+/=\\\s:,-]{60}|"
    rb"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40,90}|glpat-[\w-]{20}|xox[abeprs]-[\w-]{24,200}|"
    rb"[sr]k_live_[A-Za-z0-9]{20,}|SG\.[\w-]{20,24}\.[\w-]{40,}|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,}|"
    rb"hf_[A-Za-z]{34}|sk-ant-[\w-]{40,}|sk-(?:proj-)?[\w-]{20,90}T3BlbkFJ[\w-]{20,90}|AGE-SECRET-KEY-1[A-Z0-9]{50,}|"
    rb"dop_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-f]{32}|ABSK[A-Za-z0-9+/]{100,})|"
    rb"hooks\.slack\.com/services/T\w{6,20}/B\w{6,20}/\w{20,40}|AccountKey=[A-Za-z0-9+/]{80,90}=="
)


def classify_value(name: bytes, value: bytes) -> SecretConfidence:
    """How certain it is that `value`, unquoted and assigned to `name`, is a secret."""
    value = value[:_LONGEST].strip()
    if len(value) < 6 or _is_reference(value) or any(one in value for one in _DOCUMENTED):
        return SecretConfidence.NOTHING
    if _is_known(value):
        return SecretConfidence.KNOWN
    in_url = max(
        (_classify_userinfo(*match.groups()) for match in _USERINFO.finditer(value)), default=SecretConfidence.NOTHING
    )
    if in_url:
        return in_url
    if EXPOSED.match(name) or not is_secret_name(name):
        return SecretConfidence.NOTHING
    return SecretConfidence.RANDOM if is_random(value) else _classify_password(name, value)


def find_secret_variables(data: bytes) -> dict[str, SecretConfidence]:
    """The variables of dotenv text whose values look like secrets, with the confidence of each."""
    found: dict[str, SecretConfidence] = {}
    for one in parse_dotenv(recode_marked(data)):
        value = classify_value(one.name, one.value)
        if value:
            name = one.name.decode("ascii", "replace")
            found[name] = max(value, found.get(name, value))
    return found


def is_random(value: bytes) -> bool:
    """True for 16 or more printable characters that were generated: no words, no sequence, no placeholder."""
    if not _TOKEN.fullmatch(value) or _HASH.match(value) or _UUID.fullmatch(value) or _PATH.fullmatch(value):
        return False
    if _is_dummy(value):
        return False
    if is_secret_shaped(value):
        return True
    if _HEX.fullmatch(value):
        digits = sum(48 <= c <= 57 for c in value)
        return 4 <= digits <= len(value) - 4 and compute_entropy(value) >= 2.8
    if measure_step_run(value) >= 6 or compute_entropy(value) < 3.2 or max(map(len, _SEPARATOR.split(value))) < 8:
        return False
    segments = _SEGMENT.findall(value)
    digits = sum(segment.isdigit() for segment in segments)
    # Measured on 20,000 random values per row: 20 of base62 lose 1 %, 32 of them 0.1 %, 24 of base36 3 %.
    if value.lower() == value or value.upper() == value:
        return len(segments) >= 0.25 * len(value) and digits >= 3
    return len(segments) >= 0.35 * len(value) and digits >= 1


def _is_reference(value: bytes) -> bool:
    return _REFERENCE.match(value) is not None or _INSIDE.search(value) is not None


def _is_known(value: bytes) -> bool:
    key_id = KEY_ID_ALONE.search(value)
    if key_id and not is_placeholder(key_id[0]):
        return True
    known = _KNOWN.search(value)
    return known is not None and not _is_dummy(known[0]) and not is_example(value)


def _classify_userinfo(user: bytes, password: bytes, host: bytes) -> SecretConfidence:
    """The confidence of the password in `scheme://user:password@host`; none for a name's placeholder or default."""
    if _is_reference(password) or password.lower() == user.lower() or b"example" in host.lower():
        return SecretConfidence.NOTHING
    return SecretConfidence.RANDOM if is_random(password) else _classify_password(user + b"_" + host, password)


def _is_dummy(value: bytes) -> bool:
    if is_placeholder(value) or _DUMMY.search(value):
        return True
    jwt = _JWT.match(value)
    return jwt is not None and _PUBLIC_JWT.search(_decode_payload(jwt[1])) is not None


def _decode_payload(text: bytes) -> bytes:
    try:
        return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        return b""


def _classify_password(name: bytes, value: bytes) -> SecretConfidence:
    """The confidence of a value as a password: none if it repeats its name or is a usual default or setting, and CHOSEN
    only with two kinds of characters."""
    if len(value) > 200 or b" " in value or _DUMMY.search(value) or is_example(value) or _HASH.match(value):
        return SecretConfidence.NOTHING
    if _PATH.fullmatch(value) or _PLAIN.fullmatch(value) or measure_step_run(value) >= 6:
        return SecretConfidence.NOTHING
    known = FILLERS.union(split_words(name))
    plain = _TRAILING.sub(b"", value.lower().translate(_LEET))
    if all(word.decode() in known for word in _PARTS.findall(plain)):
        return SecretConfidence.NOTHING
    if all(word in known or word.isdigit() for word in split_words(value)):
        return SecretConfidence.NOTHING
    mixed = not _WORDS_ALONE.fullmatch(value) or (any(48 <= c <= 57 for c in value) and not value.islower())
    return SecretConfidence.CHOSEN if mixed and len(value) >= 8 else SecretConfidence.WEAK
