"""Malformed credentials of profiles and .env files: what only the doctor says, and what must always hold."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.aws.malformed import find_env_faults, find_profile_faults
from credguard.model.findings import Severity
from tests.keys import Filler
from tests.pace import PACE


def topics(text: str, *, config: bool = False) -> list[str]:
    data = Filler("malformed").fill(text).encode()
    return [fault.topic for fault in find_profile_faults(data, config=config)]


PAIR = "aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (f"[default]\n{PAIR}", []),
        (f"# ours\n; mine\n[default]\n{PAIR}s3 =\n  max_concurrent_requests = 20\nregion: x\n", []),
        ("[default]\n  aws_access_key_id = {{AKID}}\n  aws_secret_access_key = {{SECRET}}\n", []),
        ("[m]\naws_access_key_id = minioadmin\naws_secret_access_key = our-own\nendpoint_url = http://x\n", []),
        ("[default]\nAWS_ACCESS_KEY_ID = {{AKID}}\nAWS_SECRET_ACCESS_KEY = {{SECRET}}\n", []),
        (f"[default]\r\n{PAIR}", ["windows-line-ends"]),
        (f"\ufeff[default]\n{PAIR}", ["byte-order-mark"]),
        ("[d]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = YOUR_SECRET\n", ["placeholder"] * 2),
        ("[d]\naws_access_key_id = <your key>\naws_secret_access_key = ${SECRET}\n", ["placeholder"] * 2),
        ("[ ]\n[]\n[default]\n", ["stray-line"]),
        (f"[default]\n{PAIR}aws_access_key_id = {{{{AKID.2}}}}\n", ["name-twice"]),
        ("[default]\naws_access_key_id = {{AKID}} \naws_secret_access_key = {{SECRET}}\n", ["blank"]),
        ("[default]\naws_access_key_id = {{AKID}}\u00a0\naws_secret_access_key = {{SECRET}}\n", ["not-ascii"]),
        ("[default]\naws_access_key_id = '{{AKID}}\naws_secret_access_key = {{SECRET}}\n", ["quotes"]),
        (f"[default]\n{PAIR}aws_session_token = {{{{TOKEN}}}}\n", ["needless-token"]),
        ("[d]\naws_secret_access_key = {{SECRET}}\n", ["half"]),
    ],
)  # fmt: skip
def test_credentials_file(text: str, expected: list[str]) -> None:
    assert topics(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[default]\nregion = x\n[profile a]\nregion = y\n[sso-session s]\nx = y\n[services z]\ns3 =\n  a = b\n", []),
        ("[a]\nregion = y\n", ["no-profile-word"]),
        ("[plugins]\nx = y\n[preview]\ncloudfront = true\n", []),
        (f"[profile a]\n{PAIR}", []),
    ],
)  # fmt: skip
def test_config_file(text: str, expected: list[str]) -> None:
    assert topics(text, config=True) == expected


def test_what_may_be_meant_is_low() -> None:
    data = Filler("low").fill(f"[default]\r\n{PAIR}[x]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n").encode()
    assert {fault.topic: fault.severity for fault in find_profile_faults(data)} == {
        "windows-line-ends": Severity.LOW, "placeholder": Severity.LOW, "half": None
    }  # fmt: skip


PIECES = st.sampled_from(
    ["[default]\n", "[profile x]\n", "[", "]", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY = ", "AWS_SESSION_TOKEN=",
     "aws_access_key_id=", "aws_secret_access_key: ", "aws_session_token = ", "export ", "  ", "\t", '"', "'", "\n",
     "\r",
     "\r\n", "#", ";", "\u00a0", "\ufeff", "\0", "=", "{{AKID}}", "{{ASIA}}", "{{SECRET}}", "{{TOKEN}}", "${X}", "AKIA",
     "{{AKID}}X", "{{SECRET}}/", "{{SECRET|percent}}"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=24), st.integers(0, 99))
def test_nothing_raises_and_no_secret_is_shown(pieces: list[str], seed: int) -> None:
    filler = Filler(f"pieces {seed}")
    data = filler.fill("".join(pieces)).encode()
    for faults in (find_env_faults(data), find_profile_faults(data), find_profile_faults(data, config=True)):
        said = " ".join(fault.said for fault in faults)
        assert not [secret for secret in filler.secrets if secret[4:16] in said]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    for text in (data, b"[a]\naws_secret_access_key=" + data, b"AWS_SECRET_ACCESS_KEY=" + data):
        list(find_env_faults(text))
        list(find_profile_faults(text))


UNITS = [b"<", b"\t", b" ", b"a", b"[", b"AWS_ACCESS_KEY_ID", b"AWS_SECRET_ACCESS_KEY=\n", b"a=\n", b"\xc2\xa0"]


@pytest.mark.parametrize("unit", UNITS)
def test_long_files_take_no_longer_than_long(unit: bytes) -> None:
    lines = random.Random(1).choices([b"AWS_ACCESS_KEY_ID=", b"aws_secret_access_key = ", b""], k=70)
    data = b"\n".join(line + unit * (15_000 // len(unit)) for line in lines)
    start = time.process_time()
    list(find_env_faults(data))
    list(find_profile_faults(data))
    assert time.process_time() - start < 5 * PACE
