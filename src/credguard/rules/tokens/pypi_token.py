"""An API token of PyPI or TestPyPI.

What it does
    Finds `pypi-` tokens: macaroons whose first field is pypi.org or test.pypi.org.

Why it matters
    Anyone with it can upload a release of the packages that it is for, and their users install it.

How to fix
    Delete the token in the account's settings, check the release history, and publish with OIDC (trusted publishers)
    instead.

References
    https://docs.pypi.org/project-management/secret-reporting/
    https://docs.pypi.org/trusted-publishers/
"""

from __future__ import annotations

from credguard.rules.tokens._token_rule import AFTER_DASH, build_token_rule, make_kind

_KINDS = (
    make_kind(
        "pypi", "PyPI token", rb"pypi-AgEIcHlwaS5vcmc", (rb"[A-Za-z0-9_\-]", 50), rb"[A-Za-z0-9_\-]{0,400}", AFTER_DASH
    ),
    make_kind(
        "pypi-test",
        "TestPyPI token",
        rb"pypi-AgENdGVzdC5weXBpLm9yZw",
        (rb"[A-Za-z0-9_\-]", 50),
        rb"[A-Za-z0-9_\-]{0,400}",
        AFTER_DASH,
    ),
)
RULE = build_token_rule(
    165,
    "pypi-token",
    "A PyPI token",
    _KINDS,
    revoke="https://pypi.org/manage/account/token/ > Remove",
    references=(
        "https://docs.pypi.org/project-management/secret-reporting/",
        "https://docs.pypi.org/trusted-publishers/",
    ),
)
