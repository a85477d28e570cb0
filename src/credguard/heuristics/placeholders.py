"""Values that are not credentials: AWS's documented examples, public test keys and placeholders."""

from __future__ import annotations

import re
from itertools import pairwise
from math import log2

from credguard.lazy_re import compile_lazily

# Values that are printed in full in AWS's guides, SDK docs and well-known emulators. Most contain the word EXAMPLE and
# are matched by that; this lists the others, and the bases of variations.
EXAMPLE_VALUES = frozenset({
    b"AKIAJ5C56P35AEBRX2QQ",  # AWS CLI reference, iam examples
    b"AKIA32P3D2JDNMVAJLGF",  # AWS CLI reference, iam examples
    b"ASIAJUMHIZPTOKTBMK5A",  # IAM User Guide, custom identity broker
    b"ASIAY34FZKBOKMUTVV7A",  # awsteele.com 2020-09-26, copied into many fixtures
    b"022QF06E7MXBSH9DHM02",  # 2009 developer guide
    b"kWcrlUX5JEDGM/LtmEENI/aVmYvHNif5zB+d9+ct",  # its secret
    b"Q3AM3UQ867SPQQA43P2F",  # MinIO play server, public
    b"zuf+tfteSlswRu7BJ86wekitnifILbZam1KYY3TG",  # its secret
    b"k1zPZM6uVxMQ3oxqgoYlNuJPyRTZ1vREs76zTQE3eJk=",  # AWS CLI reference, service-specific credential
    b"AKIAIOSFODNN7EAXMPLE",  # a common misspelling of the documented ID
})  # fmt: skip
# Fragments of documented secrets and tokens: a value that contains one is a variation of the example.
_EXAMPLE_PARTS = (b"EXAMPLE", b"wJalrXUtnFEMI", b"je7MtGbClwBF", b"IOSFODNN7", b"AKIAI44QH8DHB")
_WORDS = compile_lazily(
    rb"example|sample|placeholder|redacted|changeme|change_me|pacific|notareal|something|temporary|bogus|thisisa|realid|"
    rb"secretsecret|deadbeef|xxxxx|dummy|insert|replace|yourkey|"
    rb"youraws|yoursecret|youraccess|secretkey|accesskey|awskey|notreal|not_real|invalid|foobar|goeshere|"
    rb"abcdefgh|12345678|23456789|98765432|qwerty|aaaaaa|zzzzzz|000000|111111|asdfgh",
    re.IGNORECASE,
)
_SHORT_WORDS = compile_lazily(
    rb"(?:FAKE|TEST|MOCK|DEMO|YOUR).{0,12}(?:FAKE|TEST|MOCK|DEMO|KEY|SECRET|TOKEN|ACCESS)", re.I
)
_NOT_LETTERS = compile_lazily(rb"[^A-Za-z]+")
_LOWEST = 3.0


def is_example(value: bytes) -> bool:
    """True for a value from AWS's documentation, exact or varied; percent-encoding is decoded."""
    plain = value.replace(b"%2F", b"/").replace(b"%2f", b"/").replace(b"%2B", b"+").replace(b"%2b", b"+")
    return plain in EXAMPLE_VALUES or any(part in plain for part in _EXAMPLE_PARTS)


def is_placeholder(value: bytes) -> bool:
    """True for a value that a person typed instead of a credential: a word, a sequence, a repetition.

    Random keys rarely match: the chance that one contains such a word is below 1 in 100,000.
    """
    return has_stand_in(value) or (
        compute_entropy(value) < _LOWEST
        or measure_step_run(value) >= 8
        or measure_step_run(_NOT_LETTERS.sub(b"", value).lower()) >= 8
    )


def has_stand_in(value: bytes) -> bool:
    """True for a value with a word that stands for a credential, or one from AWS's documentation."""
    return is_example(value) or _WORDS.search(value) is not None or _SHORT_WORDS.search(value) is not None


def compute_entropy(value: bytes) -> float:
    """Shannon entropy in bits per byte, 0 for an empty value."""
    size = len(value)
    return -sum(n / size * log2(n / size) for n in map(value.count, set(value)))


def measure_step_run(value: bytes) -> int:
    """The length of the longest run whose neighbors differ by the same -1, 0 or +1."""
    best = run = 1
    previous = None
    for left, right in pairwise(value):
        step = right - left
        run = run + 1 if step == previous and -1 <= step <= 1 else (2 if -1 <= step <= 1 else 1)
        previous = step
        best = max(best, run)
    return best
