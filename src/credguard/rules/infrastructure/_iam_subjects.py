"""Shared identity providers: which of their claims name whom they vouch for, and whether a pattern admits strangers."""

from __future__ import annotations

from typing import NamedTuple

from credguard.lazy_re import compile_lazily
from credguard.rules.infrastructure._iam_values import UNKNOWN_VALUE, fill_references

GITHUB = "token.actions.githubusercontent.com"
NARROW, OWNER, OPEN = range(3)
"""Whom a pattern admits: those it names, every repository of an owner, anyone."""


class Claim(NamedTuple):
    """The text before the name of an owner in a claim, and the characters that end that name."""

    head: str = ""
    ends: str = ""


class Issuer(NamedTuple):
    """A provider: the claims of which one must be restricted, and whether everyone can get an identity from it, or only
    the members of the organization in its name."""

    claims: dict[str, Claim]
    shared: bool = True
    members: str = "identity"


_PATH = Claim(ends="/")
_WHOLE = Claim()
_ORGANIZATION = Claim("organization:", ":")
ISSUERS = {
    GITHUB: Issuer(
        {
            "sub": Claim("repo:", "/:"),
            "repository": _PATH,
            "job_workflow_ref": _PATH,
            "workflow_ref": _PATH,
            **dict.fromkeys(
                "repository_id repository_owner repository_owner_id enterprise enterprise_id actor actor_id".split(),
                _WHOLE,
            ),
        }
    ),
    "gitlab.com": Issuer(
        {
            "sub": Claim("project_path:", "/:"),
            **dict.fromkeys("project_path namespace_path".split(), _PATH),
            **dict.fromkeys("project_id namespace_id".split(), _WHOLE),
        }
    ),
    "app.terraform.io": Issuer({"sub": _ORGANIZATION}),
    "agent.buildkite.com": Issuer({"sub": _ORGANIZATION}),
    "api.pulumi.com/oidc": Issuer({"aud": _WHOLE, "sub": _WHOLE}),
    "oidc.codefresh.io": Issuer({"sub": Claim("account:", ":")}),
    "oidc.vercel.com": Issuer({"sub": Claim("owner:", ":")}),
    "oidc.circleci.com": Issuer({"sub": Claim("org/", "/")}, shared=False),
    "api.bitbucket.org": Issuer({"sub": Claim(ends=":")}, shared=False, members="repository of the workspace"),
    "cognito-identity.amazonaws.com": Issuer({"aud": _WHOLE}),
    "accounts.google.com": Issuer(dict.fromkeys(("aud", "oaud", "sub"), _WHOLE)),
    "graph.facebook.com": Issuer(dict.fromkeys(("app_id", "id"), _WHOLE)),
    "www.amazon.com": Issuer(dict.fromkeys(("app_id", "user_id"), _WHOLE)),
}
_HEADS = {"repo:": GITHUB, "project_path:": "gitlab.com"}
_WILD = "*?"
# Claims behind a wildcard that GitHub vouches for, in a customized subject: nobody else can have them.
_BOUND = compile_lazily(
    r"(?:\A|[:*?])(?:repo|repository|repository_owner|repository_owner_id|repository_id|job_workflow_ref|actor|actor_id"
    r"|enterprise|enterprise_id):[^*?:]"
)
_ANY_NAME = compile_lazily(r"/\*+(?::.*)?")
_UUID = compile_lazily(r"\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def find_issuer_of_subject(subject: str) -> str:
    """The provider whose subjects begin as this pattern does; empty if several may."""
    return next((name for head, name in _HEADS.items() if subject.startswith(head)), "")


def grade_pattern(pattern: str, claim: Claim) -> int:
    """Whom a pattern admits, found by reading it beside what a stranger's claim would be: the wildcards may stand for
    the stranger's name, the text between them may not. References are names that are unknown."""
    text = fill_references(pattern)
    for place, expected in enumerate(claim.head):
        if text[place : place + 1] == "*":
            return _grade_tail(text, place)
        if text[place : place + 1] not in {"?", expected}:
            return NARROW
    for place in range(len(claim.head), len(text)):
        if text[place] in _WILD:
            named = text[len(claim.head) : place]
            return NARROW if _is_name(named) else _grade_tail(text, place)
        if text[place] in claim.ends:
            return OWNER if _ANY_NAME.fullmatch(text, place) else NARROW
        if text[place] == UNKNOWN_VALUE and "/" not in text[place:]:
            return NARROW  # the reference may hold the owner and the name
    return NARROW


def _grade_tail(text: str, place: int) -> int:
    return NARROW if _BOUND.search(text[place:]) else OPEN


def _is_name(text: str) -> bool:
    """True for an owner that cannot be somebody else's: an ID, a name before its ID, or a reference alone."""
    return text == UNKNOWN_VALUE or "@" in text or _UUID.match(text) is not None
