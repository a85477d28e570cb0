"""What must hold always: planted credentials are found, no output shows a secret, nothing raises."""

from __future__ import annotations

import base64
import json
import random
import string
import urllib.parse
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credguard.aws.key_id import decode_account
from credguard.engine.conclude import build_result
from credguard.engine.run import Run
from credguard.engine.session import Session
from credguard.model.findings import Blob
from credguard.report import json as json_report
from credguard.report import text as text_report
from credguard.scanning.scanner import Scanner

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
BASE64 = string.ascii_letters + string.digits + "+/"
always = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip

# {i} ID, {s} secret; e… percent-encoded, b… base64, j… with escaped slashes.
PAIR_FORMS = [
    "[default]\naws_access_key_id = {i}\naws_secret_access_key = {s}\n",
    "AWS_ACCESS_KEY_ID={i}\r\nAWS_SECRET_ACCESS_KEY={s}\r\n",
    "export AWS_ACCESS_KEY_ID='{i}'\nexport AWS_SECRET_ACCESS_KEY='{s}' # prod\n",
    '{{"AccessKeyId": "{i}", "SecretAccessKey": "{s}"}}',
    '{{"accessKeyId":"{i}","secretAccessKey":"{js}"}}',
    "accessKeyId: {i}\nsecretAccessKey: {s}\n",
    "'key' => '{i}',\n'secret' => '{s}',\n",
    "Access key ID,Secret access key\n{i},{s}\n",
    "User name,Password,Access key ID,Secret access key,Console login link\nbob,,{i},{s},https://x\n",
    "AWSAccessKeyId={i}\nAWSSecretKey={s}\n",
    "{i}:{s}\n",
    "s3://{i}:{es}@bucket/path\n",
    'new BasicAWSCredentials("{i}", "{s}")\n',
    'NewStaticCredentials(\n\t"{i}",\n\t"{s}",\n\t"")\n',
    "ENV AWS_ACCESS_KEY_ID {i}\nENV AWS_SECRET_ACCESS_KEY {s}\n",
    "setx AWS_ACCESS_KEY_ID {i}\r\nsetx AWS_SECRET_ACCESS_KEY {s}\r\n",
    "set -gx AWS_ACCESS_KEY_ID {i}\nset -gx AWS_SECRET_ACCESS_KEY {s}\n",
    "aws configure set aws_access_key_id {i}\naws configure set aws_secret_access_key {s}\n",
    "<accessKey>{i}</accessKey>\n<secretKey>{s}</secretKey>\n",
    "<name>fs.s3a.access.key</name><value>{i}</value>\n<name>fs.s3a.secret.key</name>\n<value>{s}</value>\n",
    "data:\n  AWS_ACCESS_KEY_ID: {bi}\n  AWS_SECRET_ACCESS_KEY: {bs}\n",
    '"source": ["os.environ[\'AWS_ACCESS_KEY_ID\'] = \\"{i}\\"\\n", '
    '"os.environ[\'AWS_SECRET_ACCESS_KEY\'] = \\"{s}\\"\\n"]',
    'provider "aws" {{\n  access_key = "{i}"\n  secret_key = "{s}"\n}}\n',
    "mc alias set store https://s3.amazonaws.com {i} {s}\n",
]


@cache
def scanner() -> Scanner:
    return Scanner()


def new_pair(seed: int) -> tuple[str, str]:
    source = random.Random(seed)
    while True:
        key_id = "AKIA" + "".join(source.choices(BASE32, k=16))
        if decode_account(key_id.encode()):
            return key_id, "".join(source.choices(BASE64, k=40))


def filled(form: str, key_id: str, secret: str) -> str:
    return form.format(
        i=key_id, s=secret, es=urllib.parse.quote(secret, safe=""), js=secret.replace("/", "\\/"),
        bi=base64.b64encode(key_id.encode()).decode(), bs=base64.b64encode(secret.encode()).decode(),
    )  # fmt: skip


def rule_ids(data: bytes) -> set[str]:
    found = scanner()
    ids = {finding.rule_id for finding in found.scan_blob(Blob(data, "x"))}
    assert not found.failures
    return ids


surroundings = st.one_of(
    st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace")),
    st.binary(max_size=300),
    st.sampled_from(
        [b"# secret\n" * 40, b"{" * 200, b"\\" * 99, b"AKIA" * 50, b"x" * 5000, b'"', b"'''", b"\xef\xbb\xbf"]
    ),
)


@pytest.mark.parametrize("form", PAIR_FORMS)
@settings(always, max_examples=25)
@given(seed=st.integers(0, 2**32), before=surroundings, after=surroundings)
def test_a_planted_pair_is_found_in_any_surroundings(form: str, seed: int, before: bytes, after: bytes) -> None:
    key_id, secret = new_pair(seed)
    planted = filled(form, key_id, secret).encode()
    assert "CG103" in rule_ids(before + b"\n" + planted + b"\n" + after)


@pytest.mark.parametrize("form", PAIR_FORMS)
@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_planted_pair_is_found_in_utf16(form: str, codec: str) -> None:
    planted = "первая строка\n" + filled(form, *new_pair(7))
    assert "CG103" in rule_ids(planted.encode(codec))
    assert "CG103" in rule_ids(planted.encode(codec) + b"\0")


@always
@given(seed=st.integers(0, 2**32), gap=st.integers(0, 60_000))
def test_halves_are_joined_however_far_apart(seed: int, gap: int) -> None:
    key_id, secret = new_pair(seed)
    text = f"aws_access_key_id = {key_id}\n" + "# filler\n" * (gap // 9) + f"aws_secret_access_key = {secret}\n"
    findings = scanner().scan_blob(Blob(text.encode(), "x"))
    assert [f.rule_id for f in findings] == ["CG103"]
    assert [place.role for place in findings[0].locations] == ["access_key_id", "secret_access_key"]


@always
@given(data=st.binary(max_size=4000))
def test_scanning_never_raises(data: bytes) -> None:
    rule_ids(data)


KEYWORDS = st.sampled_from(
    ["secret", "AKIA", "ASIA", "aws_secret_access_key", "=", ":", '"', "\\", "\n", ",", "Secret access key", "token",
     "-----BEGIN RSA PRIVATE KEY-----", "X-Amz-Credential=", "X-Amz-Signature=", "<root_account>", "%2F", "/" * 40,
     "A" * 40, "aB3/" * 10, "\0", "QUtJ", "ABSK", "IQoJb3JpZ2luX2Vj", "amzn.mws.", "-at-", "\ufeff", "{", "}",
     "a\0w\0s\0", "s\0e\0c\0r\0e\0t\0", "arn:aws:iam::", ":root", "AccountAccessKeysPresent", "smtp", "password",
     "da2-", "k8s-aws-v1."]
)  # fmt: skip


@settings(always, max_examples=400)
@given(parts=st.lists(KEYWORDS, max_size=40))
def test_scanning_never_raises_on_the_words_it_looks_for(parts: list[str]) -> None:
    rule_ids("".join(parts).encode())


@settings(always, max_examples=60)
@given(seed=st.integers(0, 2**32), form=st.sampled_from(PAIR_FORMS), name=st.booleans())
def test_no_report_shows_a_secret(seed: int, form: str, name: bool) -> None:
    key_id, secret = new_pair(seed)
    secret = secret.replace("/", "a")
    session = Session()
    found = session.make_pipeline().scan(
        [Blob(filled(form, key_id, secret).encode(), f"secret_key={secret}" if name else "x")]
    )
    result = build_result(session, Run(found), {})
    shown = secret if not name else secret[:5] + "-"  # a blob's own path is masked by Run.folder, not here
    for report in (json_report.render(result), text_report.render(result, colour=True, verbose=True)):
        assert shown.encode() not in report
        assert secret[4:20].encode() not in report or name
    assert secret not in repr(found.findings) or name
    assert json.loads(json_report.render(result))["findings"]
