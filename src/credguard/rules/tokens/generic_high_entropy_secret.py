"""A value that is named a password, secret, token or key, and looks like one.

What it does
    Reads assignments in code and settings of any language, JSON and XML that give name and value apart, SQL
    (`IDENTIFIED BY`, `PASSWORD '…'`), `mysql -p'…'` and query strings. A finding has one of three degrees. High
    confidence, in every policy: a password that mixes letters with digits or signs, or has letters that make no word; a
    generated value (eight characters or more) with the name of a secret, a token, or a key that says what it is for
    (`x-api-key`, `client_secret`, `ENCRYPTION_KEY`). Medium, where the policy switches the rule on (`CG190: on`, as
    `strict` does): a secret or token that may have been typed. Low, there too: a password of words and a number; a
    generated value that is named `key`, `salt`, `auth`, `cookie` or `session`, or whose name goes on after the secret
    (`token_github`), but none in a file with more than 25 of these. Not reported are variables, calls, types, paths,
    words, templates, versions, dates, algorithms, sequences, base64 of words, digests of passwords, public keys, web
    tokens, the name itself, and names of public values (`nextToken`, `csrf_token`, `primary_key`). Values with a known
    form are left to the rule for that form. A password that was typed has low severity where the path is of a test.

Why it matters
    Most passwords have no recognizable form; only their name identifies them.

How to fix
    Read the value from the environment or a secrets store, and replace it where it was used.

References
    https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html
    https://cwe.mitre.org/data/definitions/798.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.heuristics.generic_values import Form
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Confidence, Detection, Part, PartRole, Severity
from credguard.model.secret import Secret
from credguard.rule import SECRET_PRACTICES, Rule, Trait
from credguard.rules.tokens._generic_names import Kind, classify_name
from credguard.rules.tokens._generic_places import (
    BARE_PATTERN,
    DOUBTFUL_BARE_PATTERN,
    DOUBTFUL_QUOTED_PATTERN,
    QUOTED_PATTERN,
    SPOKEN_PATTERN,
    list_places,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_CODE_FILES = frozenset(
    "py java go js jsx ts tsx rb kt cs php scala groovy c h cc cpp hpp m swift rs dart lua pl ex exs gradle vue".split()
)


_TESTS = compile_lazily(
    r"(?:^|.*[/!])(?:(?:tests?|specs?|__tests__|testdata|fixtures|e2e|cypress)/.*|test_[^/]*|"
    r"[^/]*(?:[_.\-](?:test|spec)|Tests?|IT)\.[a-z]{1,5})",
    re.DOTALL,
)
"""The path of code that tests, and of what it reads."""
_WORDING = compile_lazily(
    r"(?:.*[/!])?(?:(?:i18n|l10n|lang|langs|locales?|languages?|translations?)/.*|messages[_.][^/]*|"
    r"[a-z]{2}(?:[-_][A-Za-z]{2,4})?\.(?:json|js|ts|ya?ml|properties|php|po|xlf|resx))",
    re.DOTALL,
)
"""The path of texts in several languages: letters alone are words of one there."""
_LOCKS = compile_lazily(r"(?:\.lock|[\-.]lock\.(?:json|ya?ml|hcl)|\.sum)\Z")
"""The path of names, versions and digests of packages."""


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    code = blob.path.rpartition(".")[2].lower() in _CODE_FILES
    if _LOCKS.search(blob.path):
        return
    wording = _WORDING.fullmatch(blob.path) is not None
    for place in list_places(blob.data, hits, code=code):
        if wording and not any(48 <= byte <= 57 for byte in blob.data[place.start : place.end]):
            continue
        part = Part(PartRole.SECRET, place.start, place.end, Secret(blob.data[place.start : place.end]))
        word = "password" if classify_name(place.name) is Kind.PASSWORD else "secret"
        chosen = place.form is not Form.GENERATED and _TESTS.fullmatch(blob.path) is not None
        severity = Severity.HIGH if place.confidence is Confidence.HIGH else Severity.MEDIUM
        message = f"what looks like a {word} {part.secret.shown}"
        if chosen:
            severity, message = Severity.LOW, f"{message} (in a test, by its path)"
        yield Detection(message, (part,), severity, place.confidence)


RULE = Rule(
    id="CG190",
    name="generic-high-entropy-secret",
    severity=Severity.HIGH,
    summary="A value that is named a secret and looks like one",
    hint="read it from the environment or a secrets store, and replace it where it was used",
    practices=SECRET_PRACTICES,
    traits=frozenset((Trait.GUESS,)),
    patterns=(QUOTED_PATTERN, BARE_PATTERN, SPOKEN_PATTERN, DOUBTFUL_QUOTED_PATTERN, DOUBTFUL_BARE_PATTERN),
    check_blob=_check,
    least=Confidence.HIGH,
    optional_patterns=(DOUBTFUL_QUOTED_PATTERN, DOUBTFUL_BARE_PATTERN),
    remediation=(
        "replace it first: change the password, revoke the token, create another key",
        "keep the new one in a secrets store or the CI's own store",
        "git filter-repo --sensitive-data-removal --replace-text expressions.txt  # only after that, in a fresh clone",
    ),
    references=("https://cwe.mitre.org/data/definitions/798.html",),
)
