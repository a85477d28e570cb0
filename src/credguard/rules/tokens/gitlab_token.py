"""A GitLab access, deploy, runner, trigger or agent token, or another one with GitLab's prefixes.

What it does
    Finds personal, project and group access tokens (`glpat-`), deploy tokens (`gldt-`), runner tokens (`glrt-`,
    `glrtr-`, `GR1348941`), trigger (`glptt-`), feed (`glft-`), job (`glcbt-`), agent (`glagent-`), workspace (`glwt-`),
    feature flag (`glffct-`), SCIM (`glsoat-`), incoming mail (`glimt-`) tokens and OAuth secrets (`gloas-`). A routable
    token ends in a CRC-32 of the rest: a token with a wrong one was not issued by GitLab, or was changed since, and is
    low (medium confidence for the form with a version, whose checksum is not documented). Words, repeated characters
    and sequences are not reported.

Why it matters
    Anyone with the token can read or write the repositories, packages and variables that its owner can access, from
    anywhere.

How to fix
    Revoke the token in GitLab under Access tokens (or the project's or runner's settings), then issue a new one with
    fewer scopes and a short lifetime.

References
    https://docs.gitlab.com/security/tokens/
    https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/
"""

from __future__ import annotations

from credguard.heuristics.checksums import has_valid_routable_crc
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._token_rule import AFTER_DASH, PLAIN, Grade, build_token_rule, grade_opaque, make_kind

_WORDS = compile_lazily(rb"[a-z_\-]+")
_CHARACTER = rb"[A-Za-z0-9_\-]"
_ROUTABLE = compile_lazily(rb"[A-Za-z0-9_\-]{27,300}(\.[0-9a-z]{2})?\.[0-9a-z]{9}")


def _grade_token(value: bytes) -> Grade | None:
    routable = _ROUTABLE.fullmatch(value)
    if routable and has_valid_routable_crc(value):
        return PLAIN
    if not grade_opaque(value) or _WORDS.fullmatch(value):
        return None
    if routable and not routable[1]:
        return Grade(Severity.LOW, Confidence.LOW, "its checksum is wrong")
    return Grade(confidence=Confidence.MEDIUM) if routable else PLAIN


# Kind, name, prefix, and the minimum number of characters after it.
_FORMS = (
    ("gitlab", "access token", rb"glpat-", 20),
    ("gitlab-deploy", "deploy token", rb"gldt-", 20),
    ("gitlab-feed", "feed token", rb"glft-", 20),
    ("gitlab-runner", "runner token", rb"glrt-", 20),
    ("gitlab-runner-registered", "runner token", rb"glrtr-", 20),
    ("gitlab-scim", "SCIM token", rb"glsoat-", 20),
    ("gitlab-trigger", "trigger token", rb"glptt-", 40),
    ("gitlab-job", "job token", rb"glcbt-", 20),
    ("gitlab-mail", "incoming mail token", rb"glimt-", 25),
    ("gitlab-agent", "agent token", rb"glagent-", 50),
    ("gitlab-oauth", "OAuth secret", rb"gloas-", 64),
    ("gitlab-flags", "feature flag token", rb"glffct-", 20),
    ("gitlab-workspace", "workspace token", rb"glwt-", 20),
    ("gitlab-registration", "runner registration token", rb"GR1348941", 20),
)
_KINDS = tuple(
    make_kind(
        token, f"GitLab {called}", prefix, (_CHARACTER, least), rb"[A-Za-z0-9_\-.]{0,300}", AFTER_DASH, _grade_token
    )
    for token, called, prefix, least in _FORMS
)
RULE = build_token_rule(
    161,
    "gitlab-token",
    "A GitLab token",
    _KINDS,
    revoke="GitLab > Edit profile or project Settings > Access tokens > Revoke",
    references=(
        "https://docs.gitlab.com/security/tokens/",
        "https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/",
    ),
)
