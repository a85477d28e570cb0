"""What is made out of each CI system's variables and events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from credguard.ci.event import plan_job
from credguard.errors import CredguardError

if TYPE_CHECKING:
    from pathlib import Path

    from credguard.ci.interface import CiTask

OLD, NEW, SIDE = "1" * 40, "2" * 40, "3" * 40
NONE = "0" * 40
REPOSITORY = {"default_branch": "main", "full_name": "octo/app"}
ORIGIN = "refs/remotes/origin/main"


def github(folder: Path, name: str, event: object, sha: str = NEW) -> CiTask:
    """The plan for a GitHub event with this payload."""
    payload = folder / "event.json"
    payload.write_text(json.dumps(event))
    environ = {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(payload), "GITHUB_SHA": sha}
    return plan_job({"GITHUB_ACTIONS": "true", "CI": "true", **environ})


def push(**changes: object) -> dict[str, object]:
    event = {"ref": "refs/heads/topic", "before": OLD, "after": NEW, "deleted": False, "forced": False}
    return event | {"repository": REPOSITORY} | changes


def test_a_pull_request_is_its_commits_and_the_merge_against_the_base(tmp_path: Path) -> None:
    event = {"pull_request": {"base": {"sha": OLD, "ref": "main"}, "head": {"sha": SIDE}}, "repository": REPOSITORY}
    made = github(tmp_path, "pull_request", event)
    assert (made.mode, made.heads, made.excluded, made.base) == ("change", (NEW, SIDE), (OLD,), OLD)


def test_pull_request_target_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(CredguardError, match="secrets") as refused:
        github(tmp_path, "pull_request_target", {"pull_request": {"base": {"sha": OLD}, "head": {"sha": NEW}}})
    assert "pull_request" in refused.value.hint


@pytest.mark.parametrize(
    ("changes", "mode", "excluded", "base"),
    [
        ({}, "change", (OLD,), ORIGIN),
        ({"forced": True}, "change", (OLD,), ORIGIN),
        ({"ref": "refs/heads/main"}, "change", (OLD,), OLD),
        ({"before": NONE}, "change", (ORIGIN,), ORIGIN),
        ({"before": NONE, "ref": "refs/heads/main"}, "history", (), None),
        ({"ref": "refs/tags/v1", "before": NONE}, "change", (ORIGIN,), ORIGIN),
        ({"after": NONE, "deleted": True}, "nothing", (), None),
    ],
)
def test_pushes(tmp_path: Path, changes: dict[str, object], mode: str, excluded: tuple[str, ...], base: str) -> None:
    made = github(tmp_path, "push", push(**changes))
    assert (made.mode, made.excluded, made.base) == (mode, excluded, base)


def test_a_pushed_tag_is_named_so_that_its_message_is_judged(tmp_path: Path) -> None:
    assert github(tmp_path, "push", push(ref="refs/tags/v1", before=NONE)).tag == "refs/tags/v1"


def test_a_merge_group_is_judged_against_its_base(tmp_path: Path) -> None:
    event = {"merge_group": {"base_sha": OLD, "head_sha": SIDE}, "repository": REPOSITORY}
    made = github(tmp_path, "merge_group", event)
    assert (made.mode, made.heads, made.excluded, made.base) == ("change", (SIDE,), (OLD,), OLD)


@pytest.mark.parametrize("name", ["schedule", "workflow_dispatch", "release", ""])
def test_events_without_a_change_judge_everything(tmp_path: Path, name: str) -> None:
    assert github(tmp_path, name, {"repository": REPOSITORY}).mode == "history"


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000])
def test_an_event_that_cannot_be_read_is_an_error(tmp_path: Path, text: str) -> None:
    payload = tmp_path / "event.json"
    payload.write_text(text)
    with pytest.raises(CredguardError):
        plan_job({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(payload)})


OTHERS = {
    "gitlab merge request": (
        {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_SHA": NEW,
         "CI_MERGE_REQUEST_DIFF_BASE_SHA": OLD, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"},
        ("GitLab CI", "change", (OLD,)),
    ),
    "gitlab push": (
        {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": NEW, "CI_COMMIT_BEFORE_SHA": OLD,
         "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "x"},
        ("GitLab CI", "change", (OLD,)),
    ),
    "gitlab new branch": (
        {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": NEW, "CI_COMMIT_BEFORE_SHA": NONE,
         "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "x"},
        ("GitLab CI", "change", (ORIGIN,)),
    ),
    "gitlab schedule": (
        {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_SHA": NEW}, ("GitLab CI", "history", ()),
    ),
    "circleci branch": (
        {"CIRCLECI": "true", "CIRCLE_SHA1": NEW, "CIRCLE_BRANCH": "x"}, ("CircleCI", "change", (ORIGIN,)),
    ),
    "circleci main": (
        {"CIRCLECI": "true", "CIRCLE_SHA1": NEW, "CIRCLE_BRANCH": "main"}, ("CircleCI", "history", ()),
    ),
    "bitbucket pull request": (
        {"BITBUCKET_BUILD_NUMBER": "7", "BITBUCKET_COMMIT": NEW, "BITBUCKET_PR_DESTINATION_BRANCH": "main"},
        ("Bitbucket Pipelines", "change", (ORIGIN,)),
    ),
    "azure pull request": (
        {"TF_BUILD": "True", "BUILD_REASON": "PullRequest", "BUILD_SOURCEVERSION": NEW,
         "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"},
        ("Azure Pipelines", "change", (ORIGIN,)),
    ),
    "jenkins change request": (
        {"JENKINS_URL": "http://ci", "GIT_COMMIT": NEW, "CHANGE_TARGET": "main"}, ("Jenkins", "change", (ORIGIN,)),
    ),
    "jenkins since the last good build": (
        {"JENKINS_URL": "http://ci", "GIT_COMMIT": NEW, "GIT_PREVIOUS_SUCCESSFUL_COMMIT": OLD, "BRANCH_NAME": "x"},
        ("Jenkins", "change", (OLD,)),
    ),
    "buildkite pull request": (
        {"BUILDKITE": "true", "BUILDKITE_COMMIT": NEW, "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main"},
        ("Buildkite", "change", (ORIGIN,)),
    ),
    "buildkite tag": (
        {"BUILDKITE": "true", "BUILDKITE_COMMIT": NEW, "BUILDKITE_TAG": "v1", "BUILDKITE_BRANCH": "v1"},
        ("Buildkite", "change", (ORIGIN,)),
    ),
    "nothing known": ({"CI": "true"}, ("unknown", "change", ("refs/remotes/origin/HEAD",))),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_systems(name: str) -> None:
    environ, expected = OTHERS[name]
    made = plan_job(environ)
    assert (made.system, made.mode, made.excluded) == expected
    assert made.why
