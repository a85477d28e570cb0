"""A GitLab access, deploy, runner, trigger or agent token, or another one with GitLab's prefixes.

What it does
    Finds personal, project and group access tokens (`glpat-`), also the routable ones with a dot, deploy tokens
    (`gldt-`), runner tokens (`glrt-`, `GR1348941`), trigger (`glptt-`), feed (`glft-`), job (`glcbt-`), agent
    (`glagent-`), SCIM (`glsoat-`), incoming mail (`glimt-`) tokens and OAuth secrets (`gloas-`). Values that are
    words, runs or sequences are silent.

Why it matters
    Whoever has the token reads or writes the repositories, packages and variables that its owner can, from anywhere.

How to fix
    Revoke the token in GitLab under Access tokens (or the project's or runner's settings), then issue another one
    with fewer scopes and an early end.

References
    https://docs.gitlab.com/security/tokens/
"""

from __future__ import annotations

from credguard.rules._provider import AFTER_DASH, kind, token_rule

_KINDS = (
    kind("gitlab", "GitLab access token", rb"glpat-", (rb"[A-Za-z0-9_\-]", 20), rb"[A-Za-z0-9_\-.]{0,300}", AFTER_DASH),
    kind(
        "gitlab-deploy",
        "GitLab deploy token",
        rb"gldt-",
        (rb"[A-Za-z0-9_\-]", 20),
        rb"[A-Za-z0-9_\-.]{0,300}",
        AFTER_DASH,
    ),
    kind(
        "gitlab-feed", "GitLab feed token", rb"glft-", (rb"[A-Za-z0-9_\-]", 20), rb"[A-Za-z0-9_\-.]{0,300}", AFTER_DASH
    ),
    kind(
        "gitlab-runner",
        "GitLab runner token",
        rb"glrt-",
        (rb"[A-Za-z0-9_\-]", 20),
        rb"[A-Za-z0-9_\-.]{0,300}",
        AFTER_DASH,
    ),
    kind(
        "gitlab-scim",
        "GitLab SCIM token",
        rb"glsoat-",
        (rb"[A-Za-z0-9_\-]", 20),
        rb"[A-Za-z0-9_\-.]{0,300}",
        AFTER_DASH,
    ),
    kind(
        "gitlab-trigger",
        "GitLab trigger token",
        rb"glptt-",
        (rb"[A-Za-z0-9_\-]", 40),
        rb"[A-Za-z0-9_\-.]{0,300}",
        AFTER_DASH,
    ),
    kind(
        "gitlab-job", "GitLab job token", rb"glcbt-", (rb"[A-Za-z0-9_\-]", 20), rb"[A-Za-z0-9_\-.]{0,300}", AFTER_DASH
    ),
    kind(
        "gitlab-mail",
        "GitLab incoming mail token",
        rb"glimt-",
        (rb"[A-Za-z0-9_\-]", 25),
        rb"[A-Za-z0-9_\-.]{0,300}",
        AFTER_DASH,
    ),
    kind(
        "gitlab-agent",
        "GitLab agent token",
        rb"glagent-",
        (rb"[A-Za-z0-9_\-]", 50),
        rb"[A-Za-z0-9_\-.]{0,300}",
        AFTER_DASH,
    ),
    kind(
        "gitlab-oauth",
        "GitLab OAuth secret",
        rb"gloas-",
        (rb"[A-Za-z0-9_\-]", 64),
        rb"[A-Za-z0-9_\-.]{0,300}",
        AFTER_DASH,
    ),
    kind(
        "gitlab-registration",
        "GitLab runner registration token",
        rb"GR1348941",
        (rb"[A-Za-z0-9_\-]", 20),
        rb"[A-Za-z0-9_\-.]{0,300}",
        AFTER_DASH,
    ),
)
RULE = token_rule(
    161,
    "gitlab-token",
    "A GitLab token",
    _KINDS,
    revoke="GitLab > Edit profile or project Settings > Access tokens > Revoke",
    references=("https://docs.gitlab.com/security/tokens/",),
)
