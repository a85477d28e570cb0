"""Determines what a CI job should scan, from the event and the variables of each CI system."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credguard.ci.interface import CiTask
from credguard.ci.systems import SYSTEMS
from credguard.errors import CredguardError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.ci.interface import TaskPlanner

_MOST_EVENT_BYTES = 32 << 20
UNKNOWN_SYSTEM = "unknown"
"""The system where none is known by its variables."""


def plan_job(environ: Mapping[str, str]) -> CiTask:
    """What the job in this environment should scan; raises CredguardError for an event that must not be handled."""
    for system in SYSTEMS:
        if system.variable and environ.get(system.variable):
            return _PLANS[system.name](environ)
    if environ.get("CI", "").lower() in ("", "0", "false", "no"):
        return CiTask(UNKNOWN_SYSTEM, "tree", "this is not a CI job: scanning the checkout")
    return _plan_unknown(environ.get("CREDGUARD_DEFAULT_BRANCH", ""))


def _plan_unknown(default: str) -> CiTask:
    """An unknown system: the checkout compared with the default branch."""
    base = f"refs/remotes/origin/{default or 'HEAD'}"
    wanted = (f"refs/heads/{default}",) if default else ()
    why = f"no CI system was detected from its variables: HEAD compared with {default or 'the default branch'}"
    return CiTask(UNKNOWN_SYSTEM, "change", why, ("HEAD",), (base,), base, None, wanted)


def _normalize_oid(oid: str | None) -> str | None:
    """An object ID, None for a missing one and for zeros."""
    return oid if oid and oid.strip("0") else None


def _plan_range(
    system: str, why: str, head: str, base: str | None, default: str, tag: str | None = None, branch: str = ""
) -> CiTask:
    """The commits of `head` that `base`, or without one the default branch, does not have; `branch` is the one pushed
    to. The policy is the default branch's, or for a push to that one the base's."""
    known = base or (f"refs/remotes/origin/{default}" if default else None)
    if known is None:
        why += "; nothing to compare with: scanning the whole history"
        return CiTask(system, "history", why, base="refs/remotes/origin/HEAD", tag=tag)
    wanted = tuple(dict.fromkeys(filter(None, (head, base, default and f"refs/heads/{default}"))))
    # An earlier push may have loosened the policy of a branch: the default branch has the agreed policy.
    trusted = (known if default == branch else f"refs/remotes/origin/{default}") if default else None
    return CiTask(system, "change", why, (head,), (known,), trusted, tag, wanted)


def _apply_default_policy(plan: CiTask, target: str, default: str) -> CiTask:
    """The plan of a merge into a branch; if that is not the default branch, with the default branch's policy."""
    if not target or not default or target == default:
        return plan
    wanted = tuple(dict.fromkeys((*plan.wanted, f"refs/heads/{default}")))
    return replace(plan, base=f"refs/remotes/origin/{default}", wanted=wanted)


def _plan_github(environ: Mapping[str, str]) -> CiTask:
    """GitHub Actions (docs.github.com, "Events that trigger workflows")."""
    name = environ.get("GITHUB_EVENT_NAME", "")
    event = _read_event(environ.get("GITHUB_EVENT_PATH", ""))
    head = environ.get("GITHUB_SHA") or "HEAD"
    default = _get_text(event, "repository", "default_branch")
    if name == "pull_request_target":
        raise CredguardError(
            "pull_request_target gives an untrusted change this repository's token and secrets",
            "run this step on pull_request",
        )
    if name in ("pull_request", "pull_request_review"):
        base = _get_text(event, "pull_request", "base", "sha")
        proposed = _get_text(event, "pull_request", "head", "sha")
        if not base or not proposed:
            raise CredguardError("the event of this pull request has no base and head", "see GITHUB_EVENT_PATH")
        heads = tuple(dict.fromkeys((head, proposed)))
        words = f"pull request: {proposed[:12]} against {base[:12]}"
        plan = CiTask("GitHub Actions", "change", words, heads, (base,), base, None, (*heads, base))
        return _apply_default_policy(plan, _get_text(event, "pull_request", "base", "ref"), default)
    if name == "merge_group":
        base, proposed = (
            _get_text(event, "merge_group", "base_sha"),
            _get_text(event, "merge_group", "head_sha") or head,
        )
        return _plan_range("GitHub Actions", "merge queue", proposed, base or None, default, branch=default)
    if name == "push":
        return _plan_github_push(event, head, default)
    return CiTask("GitHub Actions", "history", f"{name or 'no'} event: scanning the checkout and its whole history")


def _plan_github_push(event: Mapping[str, Any], head: str, default: str) -> CiTask:
    ref, before = _get_text(event, "ref"), _normalize_oid(_get_text(event, "before"))
    after = _normalize_oid(_get_text(event, "after"))
    if event.get("deleted") or after is None:
        return CiTask("GitHub Actions", "nothing", f"{ref or 'a ref'} was deleted: nothing new to scan")
    if ref.startswith("refs/tags/"):
        return _plan_range("GitHub Actions", f"push of {ref}", head, None, default, tag=ref)
    kind = "force-push" if event.get("forced") else "push" if before else "push of a new branch"
    if before is None and ref == f"refs/heads/{default}":
        return CiTask("GitHub Actions", "history", "first push of the default branch: scanning the whole history")
    return _plan_range(
        "GitHub Actions", f"{kind} to {ref}", head, before, default, branch=ref.removeprefix("refs/heads/")
    )


def _plan_gitlab(environ: Mapping[str, str]) -> CiTask:
    """GitLab CI (docs.gitlab.com, "Predefined CI/CD variables reference")."""
    source, head = environ.get("CI_PIPELINE_SOURCE", ""), environ.get("CI_COMMIT_SHA") or "HEAD"
    default = environ.get("CI_DEFAULT_BRANCH", "")
    if source == "merge_request_event":
        base = _normalize_oid(environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA"))
        target = environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "")
        return _apply_default_policy(_plan_range("GitLab CI", "merge request", head, base, target), target, default)
    if source in ("push", "external_pull_request_event") or (not source and environ.get("CI_COMMIT_BEFORE_SHA")):
        tag = environ.get("CI_COMMIT_TAG")
        if tag:
            return _plan_range("GitLab CI", f"push of tag {tag}", head, None, default, tag=f"refs/tags/{tag}")
        before = _normalize_oid(environ.get("CI_COMMIT_BEFORE_SHA"))
        if before is None and environ.get("CI_COMMIT_BRANCH") == default:
            return CiTask("GitLab CI", "history", "first push of the default branch: scanning the whole history")
        return _plan_range("GitLab CI", "push", head, before, default, branch=environ.get("CI_COMMIT_BRANCH", ""))
    return CiTask("GitLab CI", "history", f"{source or 'no'} pipeline: scanning the checkout and its whole history")


def _plan_circleci(environ: Mapping[str, str]) -> CiTask:
    """CircleCI (circleci.com/docs, "Project values and variables"); it does not provide the base commit."""
    return _plan_branch(
        "CircleCI", environ.get("CIRCLE_SHA1"), environ.get("CIRCLE_BRANCH"), environ.get("CIRCLE_TAG"),
        environ.get("CREDGUARD_DEFAULT_BRANCH", "main"),
    )  # fmt: skip


def _plan_bitbucket(environ: Mapping[str, str]) -> CiTask:
    """Bitbucket Pipelines (support.atlassian.com, "Variables and secrets")."""
    head = environ.get("BITBUCKET_COMMIT") or "HEAD"
    target = environ.get("BITBUCKET_PR_DESTINATION_BRANCH")
    if target:
        # The destination commit is abbreviated; the branch is not.
        return _plan_range("Bitbucket Pipelines", f"pull request into {target}", head, None, target)
    default = environ.get("CREDGUARD_DEFAULT_BRANCH", "main")
    return _plan_branch(
        "Bitbucket Pipelines", head, environ.get("BITBUCKET_BRANCH"), environ.get("BITBUCKET_TAG"), default
    )


def _plan_azure(environ: Mapping[str, str]) -> CiTask:
    """Azure Pipelines (learn.microsoft.com, "Use predefined variables")."""
    head, reason = environ.get("BUILD_SOURCEVERSION") or "HEAD", environ.get("BUILD_REASON", "")
    ref = environ.get("BUILD_SOURCEBRANCH", "")
    target = environ.get("SYSTEM_PULLREQUEST_TARGETBRANCH", "").removeprefix("refs/heads/")
    if reason == "PullRequest" and target:
        return _plan_range("Azure Pipelines", f"pull request into {target}", head, None, target)
    if reason in ("Schedule", "Manual"):
        return CiTask("Azure Pipelines", "history", f"{reason.lower()} run: scanning the checkout and its history")
    tag = ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None
    default = environ.get("CREDGUARD_DEFAULT_BRANCH", "main")
    return _plan_branch("Azure Pipelines", head, ref.removeprefix("refs/heads/"), tag, default)


def _plan_jenkins(environ: Mapping[str, str]) -> CiTask:
    """Jenkins with its git and multibranch plugins (plugins.jenkins.io/git)."""
    head, target = environ.get("GIT_COMMIT") or "HEAD", environ.get("CHANGE_TARGET")
    if target:
        return _plan_range("Jenkins", f"change request into {target}", head, None, target)
    before = _normalize_oid(environ.get("GIT_PREVIOUS_SUCCESSFUL_COMMIT"))
    default = environ.get("CREDGUARD_DEFAULT_BRANCH", "main")
    if before and not environ.get("TAG_NAME"):
        return _plan_range(
            "Jenkins", f"everything since {before[:12]}, the last successful build", head, before, default
        )
    branch = environ.get("BRANCH_NAME") or environ.get("GIT_BRANCH", "").removeprefix("origin/")
    return _plan_branch("Jenkins", head, branch, environ.get("TAG_NAME"), default)


def _plan_buildkite(environ: Mapping[str, str]) -> CiTask:
    """Buildkite (buildkite.com/docs, "Environment variables")."""
    head = environ.get("BUILDKITE_COMMIT") or "HEAD"
    default = environ.get("BUILDKITE_PIPELINE_DEFAULT_BRANCH", "main")
    target = environ.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH")
    if target:
        return _plan_range("Buildkite", f"pull request into {target}", head, None, target)
    if environ.get("BUILDKITE_SOURCE") == "schedule":
        return CiTask("Buildkite", "history", "scheduled build: scanning the checkout and its whole history")
    return _plan_branch("Buildkite", head, environ.get("BUILDKITE_BRANCH"), environ.get("BUILDKITE_TAG"), default)


def _plan_branch(system: str, head: str | None, branch: str | None, tag: str | None, default: str) -> CiTask:
    """For systems without a base: a branch or tag against the default branch, and that one completely."""
    if tag:
        return _plan_range(system, f"tag {tag}", head or "HEAD", None, default, tag=f"refs/tags/{tag}")
    if not branch or branch == default:
        return CiTask(
            system, "history", f"{branch or 'no branch'}: nothing to compare with, scanning the whole history"
        )
    return _plan_range(system, f"branch {branch} against {default}", head or "HEAD", None, default)


def _read_event(path: str) -> dict[str, Any]:
    """The event's payload, empty if the system provides none; raises CredguardError if it cannot be read."""
    if not path:
        return {}
    try:
        with Path(path).open("rb") as handle:
            event = json.loads(handle.read(_MOST_EVENT_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise CredguardError(f"the event in {path} could not be read", "see GITHUB_EVENT_PATH") from error
    if not isinstance(event, dict):
        raise CredguardError(f"the event in {path} is not an object", "see GITHUB_EVENT_PATH")
    return event


def _get_text(event: Mapping[str, Any], *keys: str) -> str:
    """The string at a path of keys, empty if there is none."""
    value: object = event
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


_PLANS: Mapping[str, TaskPlanner] = {
    "github": _plan_github,
    "gitlab": _plan_gitlab,
    "circleci": _plan_circleci,
    "bitbucket": _plan_bitbucket,
    "azure": _plan_azure,
    "jenkins": _plan_jenkins,
    "buildkite": _plan_buildkite,
}
