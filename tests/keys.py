"""Fills `{{NAME}}` templates with made-up credentials: right in shape, never issued, the same on every run."""

from __future__ import annotations

import json
import random
import re
import string
from base64 import b32encode, b64encode, urlsafe_b64encode
from binascii import crc_hqx
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote
from zlib import crc32

from credguard.heuristics.checksums import encode_base62

if TYPE_CHECKING:
    from collections.abc import Callable

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
BASE64 = string.ascii_letters + string.digits + "+/"
CANARY_ACCOUNT = 171436882533  # of Thinkst's canary tokens
# Dates inside keys that expire lie far ahead: what a test says of them never changes with the day.
SIGNED = "20990101"
EXPIRES = 4070995200  # 2099-01-02
TEMPLATE = re.compile(r"\{\{([A-Z][A-Z0-9_]*)(?:\.(\d+))?(?::(\d+))?(?:\.(\d+))?((?:\|[a-z0-9]+)*)\}\}")


@dataclass(slots=True)
class Filler:
    """Fills the templates of one case; `case` seeds every value, and a template repeated is the same value.

    `secrets` collects the values that no output may show.
    """

    case: str
    secrets: set[str] = field(default_factory=set)

    def fill(self, text: str) -> str:
        """`text` with each known template replaced; other `{{…}}` stay. Raises ValueError for an unknown filter."""
        return TEMPLATE.sub(self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        name, index, length = match[1], match[2] or match[4] or "1", match[3]
        seeded = random.Random(f"{self.case}|{name}|{index}|{length}")
        if length is not None and name in ALPHABETS:
            value = characters(seeded, ALPHABETS[name], int(length))
        elif length is None and name in MAKERS:
            value = MAKERS[name](seeded)
            if name not in PUBLIC:
                self.secrets.add(value)
        else:
            return match[0]
        for word in filter(None, match[5].split("|")):
            if word not in FILTERS:
                raise ValueError(f"no filter {word} in {match[0]}")
            value = FILTERS[word](value)
        return value


def characters(seeded: random.Random, alphabet: str, length: int) -> str:
    """`length` random characters."""
    return "".join(seeded.choices(alphabet, k=length))


def key_id(seeded: random.Random, prefix: str = "AKIA", account: int | None = None) -> str:
    """An access key ID in the format of 2019 and later, which holds its account."""
    account = seeded.randrange(100_000_000_000, 999_999_999_999) if account is None else account
    bits = 1 << 49 | account << 9 | seeded.getrandbits(9)
    head = "".join(BASE32[bits >> shift & 31] for shift in range(45, -1, -5))
    return prefix + head + characters(seeded, BASE32, 6)


def old_key_id(seeded: random.Random) -> str:
    """An access key ID as issued before 2019: I or J in front, A or Q at the end, no account."""
    return "AKIA" + seeded.choice("IJ") + characters(seeded, BASE32, 14) + seeded.choice("AQ")


def secret_key(seeded: random.Random) -> str:
    """A secret access key: 40 characters of base64 with both cases and at least two digits, as 99 in 100 have."""
    while True:
        value = characters(seeded, BASE64, 40)
        digits = sum(c.isdigit() for c in value)
        if digits >= 2 and any(c.isupper() for c in value) and any(c.islower() for c in value) and len(set(value)) > 24:
            return value


def session_token(seeded: random.Random) -> str:
    """A session token: base64 of a message that opens with its origin."""
    return b64(b"\x21\x0a\x09origin_ec\x10" + seeded.randbytes(seeded.randrange(360, 420)))


def bedrock_key(seeded: random.Random) -> str:
    """A long-term Bedrock API key: ABSK and base64 of user, account and secret."""
    user = characters(seeded, string.ascii_lowercase, 4)
    account = seeded.randrange(100_000_000_000, 999_999_999_999)
    return "ABSK" + b64(f"BedrockAPIKey-{user}-at-{account}:{characters(seeded, BASE64, 64)}".encode())


def signed_query(seeded: random.Random, service: str, seconds: int) -> str:
    """The signature part of a pre-signed URL's query."""
    scope = quote(f"{key_id(seeded, 'ASIA')}/{SIGNED}/us-east-1/{service}/aws4_request", safe="")
    return (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date={SIGNED}T000000Z"
        f"&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"
        f"&X-Amz-Security-Token={quote(session_token(seeded), safe='')}"
        f"&X-Amz-Signature={characters(seeded, '0123456789abcdef', 64)}"
    )


def bedrock_short_key(seeded: random.Random) -> str:
    """A short-term Bedrock API key: base64 of a pre-signed call."""
    query = signed_query(seeded, "bedrock", 43200)
    return "bedrock-api-key-" + b64(f"bedrock.amazonaws.com/?Action=CallWithBearerToken&{query}&Version=1".encode())


def eks_token(seeded: random.Random) -> str:
    """A Kubernetes token of EKS: base64 of a pre-signed STS call."""
    query = signed_query(seeded, "sts", 60)
    url = f"https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&{query}"
    return "k8s-aws-v1." + urlsafe_b64encode(url.encode()).decode().rstrip("=")


def registry_auth(seeded: random.Random) -> str:
    """An ECR login as Docker keeps it: base64 of `AWS:` and the password, itself base64 of JSON."""
    payload, data_key = b64(seeded.randbytes(600)), b64(seeded.randbytes(126))
    body = {"payload": payload, "datakey": data_key, "version": "2", "type": "DATA_KEY", "expiration": EXPIRES}
    return b64(b"AWS:" + b64(json.dumps(body, separators=(",", ":")).encode()).encode())


def b64(data: bytes) -> str:
    """Standard base64 as text."""
    return b64encode(data).decode()


def der(tag: int, *contents: bytes) -> bytes:
    """One ASN.1 element."""
    body = b"".join(contents)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def integer(value: int) -> bytes:
    """An ASN.1 INTEGER."""
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def odd(seeded: random.Random, bits: int) -> int:
    """A random odd number of exactly so many bits."""
    return 1 << bits - 1 | seeded.getrandbits(bits) | 1


def rsa_der(seeded: random.Random) -> bytes:
    """An RSAPrivateKey of 2,048 bits in form only: its numbers are random and belong to no key pair."""
    numbers = [0, odd(seeded, 2048), 65537, odd(seeded, 2046), *(odd(seeded, 1024) for _ in range(5))]
    return der(0x30, *map(integer, numbers))


def ec_der(seeded: random.Random) -> bytes:
    """An ECPrivateKey for P-256, in form only."""
    curve = bytes.fromhex("06082a8648ce3d030107")
    point = der(3, b"\0\4" + seeded.randbytes(64))
    return der(0x30, integer(1), der(4, seeded.randbytes(32)), der(0xA0, curve), der(0xA1, point))


def pkcs8_der(seeded: random.Random) -> bytes:
    """A PrivateKeyInfo around an RSAPrivateKey."""
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return der(0x30, integer(0), algorithm, der(4, rsa_der(seeded)))


def openssh_blob(seeded: random.Random) -> bytes:
    """An unencrypted Ed25519 key in OpenSSH's own format, in form only."""

    def text(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    public, check = seeded.randbytes(32), seeded.randbytes(4)
    body = check * 2 + text(b"ssh-ed25519") + text(public) + text(seeded.randbytes(32) + public) + text(b"me@host")
    body += bytes(range(1, 1 + -len(body) % 8))
    none, one = text(b"none"), (1).to_bytes(4, "big")
    return b"openssh-key-v1\0" + none * 2 + text(b"") + one + text(text(b"ssh-ed25519") + text(public)) + text(body)


def pem(label: str, data: bytes, width: int = 64) -> str:
    """A PEM block without a final line end."""
    # The label is put in here so that no private-key header stands in this file.
    text = b64(data)
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


def with_crc32(seeded: random.Random, prefix: str) -> str:
    """A token of GitHub's form: 30 random characters and their CRC-32 in base 62."""
    body = characters(seeded, ALPHABETS["ALNUM"], 30)
    return prefix + body + encode_base62(crc32(body.encode())).decode()


def routable(seeded: random.Random) -> str:
    """A routable token of GitLab's form: its payload, the payload's length, and a CRC-32 in base 36."""
    payload = urlsafe_b64encode(b"o:1\nu:7x" + seeded.randbytes(16) + b"\x10").decode().rstrip("=")
    head = f"glpat-{payload}.{base36(len(payload)):0>2}"
    return f"{head}{base36(crc32(head.encode())):0>7}"


def base36(number: int) -> str:
    """The number in base 36."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = (string.digits + string.ascii_lowercase)[rest] + digits
    return digits


def web_token(seeded: random.Random, expires: int) -> str:
    """A JSON web token with a random signature."""
    header = {"alg": "RS256", "typ": "JWT"}
    claims = {"iss": "https://id.acme.io", "sub": characters(seeded, "0123456789", 12), "exp": expires}
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, seeded.randbytes(256)))


def ntlm_answer(seeded: random.Random) -> str:
    """The third message of NTLM: where its fields stand, then the answers and the names."""
    fields = [seeded.randbytes(24), seeded.randbytes(120), b"D\0", b"b\0o\0b\0", b"H\0", b""]
    head, body = b"NTLMSSP\0\3\0\0\0", b""
    for value in fields:
        head += len(value).to_bytes(2, "little") * 2 + (64 + len(body)).to_bytes(4, "little")
        body += value
    return b64(head + bytes(4) + body)


def nats_seed(seeded: random.Random) -> str:
    """The seed of a NATS user: two bytes of prefix, 32 random ones, a CRC-16."""
    raw = b"\x95\x00" + seeded.randbytes(32)
    return b32encode(raw + crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def matrix_token(seeded: random.Random) -> str:
    """A Matrix access token of Synapse: the user in base64, random letters, a CRC-32 in base 62."""
    head = f"syt_{b64(b'bob').rstrip('=')}_{characters(seeded, string.ascii_letters, 20)}"
    return f"{head}_{encode_base62(crc32(head.encode())).decode()}"


def bot_token(seeded: random.Random) -> str:
    """A Discord bot token: its number in base64, a time, a random end."""
    number = str(seeded.randrange(10**17, 10**18))
    rest = [characters(seeded, ALPHABETS["ALNUM"], size) for size in (6, 38)]
    return ".".join((b64(number.encode()), *rest))


def uuid(seeded: random.Random) -> str:
    """A random UUID, version 4."""
    text = characters(seeded, "0123456789abcdef", 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "AKID": key_id,
    "ASIA": lambda seeded: key_id(seeded, "ASIA"),
    "OLD_AKID": old_key_id,
    "CANARY": lambda seeded: key_id(seeded, account=CANARY_ACCOUNT),
    "SECRET": secret_key,
    "TOKEN": session_token,
    "HEX40": lambda seeded: characters(seeded, "0123456789abcdef", 40),
    "BEDROCK": bedrock_key,
    "BEDROCK_SHORT": bedrock_short_key,
    "SMTP": lambda seeded: b64(b"\4" + seeded.randbytes(32)),
    "CODECOMMIT": lambda seeded: b64(seeded.randbytes(32)),
    "ECR": registry_auth,
    "EKS": eks_token,
    "PEM_RSA": lambda seeded: pem("RSA PRIVATE KEY", rsa_der(seeded)),
    "PEM_EC": lambda seeded: pem("EC PRIVATE KEY", ec_der(seeded)),
    "PEM_OPENSSH": lambda seeded: pem("OPENSSH PRIVATE KEY", openssh_blob(seeded), 70),
    "PEM_PKCS8": lambda seeded: pem("PRIVATE KEY", pkcs8_der(seeded)),
    "GITHUB": lambda seeded: with_crc32(seeded, "ghp_"),
    "GITHUB_APP": lambda seeded: with_crc32(seeded, "ghu_"),
    "GITHUB_INSTALLATION": lambda seeded: with_crc32(seeded, "ghs_"),
    "GITHUB_REFRESH": lambda seeded: with_crc32(seeded, "ghr_"),
    "GITHUB_OAUTH": lambda seeded: with_crc32(seeded, "gho_"),
    "GITLAB": routable,
    "NPM": lambda seeded: with_crc32(seeded, "npm_"),
    "JWT": lambda seeded: web_token(seeded, EXPIRES),
    "JWT_EXPIRED": lambda seeded: web_token(seeded, 1514862245),
    "NTLM": ntlm_answer,
    "NKEY": nats_seed,
    "MATRIX": matrix_token,
    "DISCORD": bot_token,
    "BASIC": lambda seeded: b64(f"ops:{characters(seeded, ALPHABETS['ALNUM'], 16)}".encode()),
    "UUID": uuid,
    "ACCOUNT": lambda seeded: str(seeded.randrange(100_000_000_000, 999_999_999_999)),
    "NOTHING": lambda _: "",  # parts a word that a rule would find in the case file itself
}
PUBLIC = {"AKID", "ASIA", "OLD_AKID", "CANARY", "HEX40", "UUID", "ACCOUNT", "NOTHING"}
"""Values that reports may show whole."""
ALPHABETS: dict[str, str] = {
    "B64": BASE64,
    "ALNUM": string.ascii_letters + string.digits,
    "HEX": "0123456789abcdef",
    "LOWER": string.ascii_lowercase,
    "LETTER": string.ascii_letters,
    "UPPER": string.ascii_uppercase + string.digits,
    "DIGIT": string.digits,
    "BASE32": BASE32,
    "BASE58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "BECH32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
FILTERS: dict[str, Callable[[str], str]] = {
    "b64": lambda value: b64(value.encode()),
    "percent": lambda value: quote(value, safe=""),
    "json": lambda value: json.dumps(value)[1:-1],
    "bare": lambda value: "".join(line for line in value.split("\n") if "-" not in line),  # PEM without its armour
    "lines": lambda value: '" +\n  "'.join(line for line in value.split("\n") if "-" not in line),
    "php": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),  # as PHP's json_encode writes it
}
