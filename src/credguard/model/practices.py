"""The twenty best practices, and where a repository enforces them."""

from __future__ import annotations

from dataclasses import dataclass

from credguard.model.practice import Practice, PracticeStatus


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Where a repository calls credguard: `hooks` that git runs in this clone, files that set hooks up
    for everybody, CI files, and those of them that a change under test could switch off."""

    hooks: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    ci: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()


_HOOKS = "hooks stop it before it is committed (`credguard install`), CI before it is merged"
PRACTICES = (
    Practice(
        "P01", "never commit credentials to git",
        _HOOKS,
        about="commits", history=True,
    ),
    Practice(
        "P02", "keep .env out of git, and ignored",
        "`credguard fix` adds the entries",
        about="git repository", history=True,
    ),
    Practice(
        "P03", "never hard-code credentials in source",
        _HOOKS,
        about="source files", place="source",
    ),
    Practice(
        "P04", "no root-user access keys",
        "Security Hub IAM.4; AWS Config iam-root-access-key-check",
        about="account",
    ),
    Practice(
        "P05", "own credentials, user and role for each project",
        "`credguard audit A B C` compares repositories",
        about="credentials to compare",
    ),
    Practice(
        "P06", "least privilege, no administrator or full-access policies",
        "IAM Access Analyzer; Security Hub IAM.1 and IAM.21",
        about="IAM policies",
    ),
    Practice(
        "P07", "rotate access keys every 90 days",
        "Security Hub IAM.3; AWS Config access-keys-rotated",
        about="active access keys in the report",
    ),
    Practice(
        "P08", "multi-factor authentication on",
        "Security Hub IAM.5, IAM.9 and IAM.19",
        about="users in the report",
    ),
    Practice(
        "P09", "CloudTrail watched",
        "a metric filter and alarm on the trail",
        unknown="whether trails run and somebody watches them is known to the account alone",
    ),
    Practice(
        "P10", "never share credentials by mail or chat",
        "the commit-msg hook scans messages, `credguard scan` mailboxes, chat exports and HAR files",
        place="message",
    ),
    Practice(
        "P11", "no unused key left active",
        "Security Hub IAM.22; AWS Config iam-user-unused-credentials-check",
        about="active access keys in the report",
    ),
    Practice(
        "P12", "roles for what runs on AWS",
        "instance, task and execution roles",
        about="settings of what runs on AWS",
    ),
    Practice(
        "P13", "CI takes credentials from its store, better from OIDC",
        "`credguard fix` shows the OIDC patch",
        about="CI files",
    ),
    Practice(
        "P14", "~/.aws/credentials for local work, private, never shared",
        "`credguard doctor`; `credguard fix --machine` sets the modes",
        about="credential files",
    ),
    Practice(
        "P15", "the downloaded key CSV is kept safe, never committed",
        _HOOKS,
        about="CSV files", history=True,
    ),
    Practice(
        "P16", "no plain-text secrets in state and config files",
        _HOOKS,
        about="state or settings files", place="settings",
    ),
    Practice(
        "P17", "examples hold placeholders only",
        "`credguard fix` empties them",
        about="example files",
    ),
    Practice(
        "P18", "credentials are well formed",
        "`credguard doctor`, on this machine's files too",
        about="files with AWS credentials",
    ),
    Practice(
        "P19", "a leaked secret is replaced, never recovered",
        "each finding of a secret gives the steps in order: deactivate, look, replace, and only then clean the history",
        about="leaked secrets",
    ),
    Practice(
        "P20", "checks run in hooks and in CI and cannot be switched off",
        "`credguard install`, `credguard init`, `credguard ci`",
    ),
)  # fmt: skip
MARKS = {
    PracticeStatus.PASS: "pass",
    PracticeStatus.FAIL: "FAIL",
    PracticeStatus.ACCEPTED: "accepted",
    PracticeStatus.PARTIAL: "partial",
    PracticeStatus.NOT_CHECKED: "not checked",
    PracticeStatus.IDLE: "nothing to check",
}
"""What a practice's status is called in text."""
