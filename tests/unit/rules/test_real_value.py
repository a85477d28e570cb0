"""What is a real secret under a name, and what is none."""

from __future__ import annotations

import random
import string
import time

import pytest

from credguard.heuristics.real_values import SecretConfidence, classify_value, is_random
from credguard.parsers.assignments import parse_dotenv, parse_pairs
from tests.pace import PACE

NOTHING = [
    ("DB_PASSWORD", "postgres"), ("DB_PASSWORD", ""), ("NEO4J_PASSWORD", "neo4j_password"), ("PASSWORD", "P@ssw0rd123"),
    ("GRAFANA_PASSWORD", "grafana123"), ("ADMIN_PASSWORD", "Admin123!"), ("SECRET_KEY", "this-is-a-secret-key-for-dev"),
    ("JWT_SECRET", "your-super-secret-jwt-token-with-at-least-32-characters-long"), ("TOKEN", "${TOKEN}"),
    ("TOKEN", "$(cat token)"), ("TOKEN", "{{ token }}"), ("TOKEN", "<token-goes-in>"), ("TOKEN", "%TOKEN%"),
    ("TOKEN", "vault:secret/data/app#token"), ("TOKEN", "op://vault/item/field"), ("TOKEN", "ENC[AES256_GCM,data:x]"),
    ("TOKEN_URL", "https://example.com/oauth2/token"), ("TOKEN_LIFETIME", "1440"),
    ("THROTTLE_TOKEN_OBTAIN", "50/minute"),
    ("PRIVATE_KEY_PATH", "/etc/ssl/private/key-2024.pem"), ("SECRET_FILE", "Xk29dLLq8Zt41Qw7"),
    ("PUBLIC_KEY", "Xk29dLLq8Zt41Qw7"), ("SITE_KEY", "Xk29dLLq8Zt41Qw7"), ("NEXT_PUBLIC_API_KEY", "Xk29dLLq8Zt41Qw7"),
    ("PASSWORD_MIN_LENGTH", "12"), ("MONKEY", "Xk29dLLq8Zt41Qw7"),
    ("DATABASE_URL", "postgres://user:password@localhost/db"),
    ("DATABASE_URL", "postgres://shop:shop@db/shop"), ("DB_URL", "mongodb+srv://<user>:<password>@cluster0.mongodb.net"),
    ("SENTRY_DSN", "https://0123abcd45ef67ab89cd01ef23ab45cd@sentry.io/123"),
    ("HASHED_PASSWORD", "$2b$12$" + "aB3" * 18),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), ("AWS_SECRET_ACCESS_KEY", "test"),
    ("SESSION_SECRET", "keyboard cat"), ("ENABLE_TOKEN_AUTH", "true"), ("BUCKET", "s3-bucket-eu-west-1-prod-2"),
]  # fmt: skip
SECRETS = [
    ("DB_PASSWORD", "fluffy2019", SecretConfidence.WEAK), ("DB_PASSWORD", "sunshine", SecretConfidence.WEAK),
    ("DB_PASSWORD", "Xk29dLLq8", SecretConfidence.CHOSEN), ("PASSWORD", "Tr0ub4dor&3", SecretConfidence.CHOSEN),
    ("DATABASE_URL", "postgres://app:Xk29dLLq8@db.internal/app", SecretConfidence.CHOSEN),
    ("REDIS_URL", "redis://:Gh7kLm2QzGh7kLm2Q9@cache:6379/0", SecretConfidence.RANDOM),
    ("DB_PASSWORD", "8ae31cacf141669ddfb5da", SecretConfidence.RANDOM),
    ("dbPassword", "Zq8rT2mVx9Lb4Nc7", SecretConfidence.RANDOM),
    ("AUTH_SECRET", "N/c6mnaS5+SWq81+819OrzQZlmx1Vxtp/orjttJSmw8=", SecretConfidence.RANDOM),
    ("API_TOKEN_2", "Zq8rT2mVx9Lb4Nc7", SecretConfidence.RANDOM),
    ("X", "ghp_" + "aB3dE6gH9j" * 3 + "kLmN0p", SecretConfidence.KNOWN),
]  # fmt: skip
ALPHABETS = [
    (string.ascii_letters + string.digits, 32, 0.98), (string.ascii_letters + string.digits + "+/", 40, 0.99),
    ("0123456789abcdef", 32, 0.99), (string.ascii_lowercase + string.digits, 32, 0.95),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), NOTHING)
def test_nothing(name: str, value: str) -> None:
    assert classify_value(name.encode(), value.encode()) is SecretConfidence.NOTHING


@pytest.mark.parametrize(("name", "value", "expected"), SECRETS)
def test_secret(name: str, value: str, expected: SecretConfidence) -> None:
    assert classify_value(name.encode(), value.encode()) is expected


@pytest.mark.parametrize(("alphabet", "length", "least"), ALPHABETS)
def test_generated_values_are_seen(alphabet: str, length: int, least: float) -> None:
    seeded = random.Random(7)
    seen = sum(is_random("".join(seeded.choices(alphabet, k=length)).encode()) for _ in range(2000))
    assert seen >= least * 2000


@pytest.mark.parametrize(
    "unit",
    [b'a="', b"a='b\n", b"a", b'A="x\n', b" ", b"\t#", b"#\n", b"export ", b'A="\\"', b"TOKEN=a:b@c.", b"A_KEY=sk-",
     b"PASSWORD=://a:", b"K=<", b"a=\"\\", b"TOKEN=eyJ-eyJ-.", b"P=" + b"9" * 190 + b"x\n"],
)  # fmt: skip
def test_hostile_text_takes_linear_time(unit: bytes) -> None:
    text = unit * (300_000 // len(unit))
    started = time.process_time()
    for read in (parse_dotenv, parse_pairs):
        for one in read(text):
            classify_value(one.name, one.value)
    assert time.process_time() - started < 5 * PACE


def test_no_bytes_raise() -> None:
    seeded = random.Random(3)
    for _ in range(300):
        text = bytes(seeded.choices(b"A=\"'#:\n\\ $\xff\x00token{}", k=200))
        for read in (parse_dotenv, parse_pairs):
            for one in read(text):
                assert text[one.start : one.end] == one.value
                classify_value(one.name, one.value)
