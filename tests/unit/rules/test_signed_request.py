"""Which key IDs and tokens belong to a signed request, and until when it works."""

from __future__ import annotations

import random

import pytest

from credguard.aws.signed_request import find_embedded_request, find_signed_request, is_inside_signed_request
from credguard.heuristics.expiry import (
    format_expiry,
    format_rfc3339,
    grade_by_expiry,
    is_past,
    parse_epoch,
    parse_iso_time,
)
from credguard.model.findings import Severity
from tests.keys import MAKERS, signed_query

SEEDED = random.Random("signed requests")
KEY_ID = MAKERS["ASIA"](SEEDED).encode()
TOKEN = MAKERS["TOKEN"](SEEDED).encode()
SIGNATURE = b"0123456789abcdef" * 4
SCOPE = KEY_ID + b"%2F20990101%2Feu-west-1%2Fs3%2Faws4_request"
DATES = b"&X-Amz-Date=20990101T000000Z&X-Amz-Expires=60"
URL = b"https://b/?X-Amz-Credential=" + SCOPE + DATES + b"&X-Amz-Security-Token=" + TOKEN.replace(b"/", b"%2F")
URL += b"&X-Amz-Signature=" + SIGNATURE


def place(data: bytes, value: bytes, after: int = 0) -> tuple[int, int]:
    """Where `value` stands."""
    start = data.index(value, after)
    return start, start + len(value)


def test_the_parts_of_a_url() -> None:
    request = find_signed_request(URL, *place(URL, KEY_ID))
    assert request
    assert (request.start, request.end) == (0, len(URL))
    assert URL[slice(*request.signature)] == SIGNATURE
    assert (request.method, request.region, request.service) == ("v4", "eu-west-1", "s3")
    assert request.expires
    assert format_rfc3339(request.expires) == "2099-01-01T00:01:00Z"


def test_a_token_inside_the_url_belongs_to_it_and_one_outside_does_not() -> None:
    inside = TOKEN.replace(b"/", b"%2F")
    data = b"aws_session_token = " + TOKEN + b"\n" + URL
    assert is_inside_signed_request(data, *place(data, inside, data.index(b"https")))
    assert not is_inside_signed_request(data, *place(data, TOKEN))


def test_a_token_header_belongs_to_the_request_beside_it() -> None:
    data = b"x-amz-security-token: " + TOKEN + b"\nAuthorization: AWS4-HMAC-SHA256 Credential=" + KEY_ID
    data += b"/20990101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=" + SIGNATURE
    assert is_inside_signed_request(data, *place(data, TOKEN))


@pytest.mark.parametrize("after", [b"", b"\n", b" " + SIGNATURE, b"&X-Amz-Signature=short"])
def test_without_a_signature_there_is_no_request(after: bytes) -> None:
    data = b"X-Amz-Credential=" + SCOPE + after
    assert not is_inside_signed_request(data, *place(data, KEY_ID))


def test_dates_that_do_not_exist() -> None:
    data = URL.replace(b"20990101", b"20991399")
    request = find_signed_request(data, *place(data, KEY_ID))
    assert request
    assert request.expires is None


def test_the_request_inside_a_token() -> None:
    found = find_embedded_request(signed_query(random.Random("token"), "sts", 60).encode())
    assert found
    assert found[1].service == "sts"
    assert find_embedded_request(b"nothing") is None


def test_moments() -> None:
    past, ahead = parse_iso_time(b"20150830T123600Z"), parse_epoch(b"4102444800")
    assert past
    assert ahead
    assert is_past(past)
    assert not is_past(ahead)
    assert grade_by_expiry(past, Severity.HIGH) == Severity.LOW
    assert grade_by_expiry(ahead, Severity.HIGH) == grade_by_expiry(None, Severity.HIGH) == Severity.HIGH
    assert format_expiry(past) == "expired 2015-08-30T12:36:00Z"
    assert format_expiry(ahead) == "valid until 2100-01-01T00:00:00Z"
    assert format_expiry(None) == "expiry unknown"
    assert parse_iso_time(b"2015-08-30T12:36:00.5UTC") is not None
    assert parse_iso_time(b"99990231T000000Z") is parse_iso_time(b"soon") is None
    assert parse_epoch(b"9" * 30) is None
