"""The table of CI systems: the variable that identifies a system, and the files that configure it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import re

_YAML = r".*\.ya?ml$"


@dataclass(frozen=True, slots=True)
class CiSystem:
    """A CI system.

    `variable` is set in each of its jobs (empty if credguard does not detect its events). `files` and `folders` are
    where it reads its settings in a repository; `pattern` (of lower-case paths) is where such files are kept, also as
    templates and under other names.
    """

    name: str
    variable: str = ""
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None


SYSTEMS = (
    CiSystem(
        "github", "GITHUB_ACTIONS", folders=(".github/workflows", ".gitea/workflows", ".forgejo/workflows"),
        pattern=compile_lazily(r"(?:^|/)\.github/(?:workflows|actions)/" + _YAML + r"|(?:^|/)action\.ya?ml$"),
    ),
    CiSystem(
        "gitlab", "GITLAB_CI", (".gitlab-ci.yml",), (".gitlab", ".gitlab/ci", ".gitlab-ci"),
        compile_lazily(
            r"(?:^|/)(?:\.gitlab-ci[^/]*|[^/]*\.gitlab-ci)\.ya?ml$|(?:^|/)\.?gitlab(?:-ci|-templates)?/" + _YAML
        ),
    ),
    CiSystem(
        "circleci", "CIRCLECI", (".circleci/config.yml", "circle.yml"), (".circleci",),
        compile_lazily(r"(?:^|/)\.circleci/" + _YAML + r"|(?:^|/)circle\.yml$"),
    ),
    CiSystem(
        "bitbucket", "BITBUCKET_BUILD_NUMBER", ("bitbucket-pipelines.yml",),
        pattern=compile_lazily(r"(?:^|/)bitbucket-pipelines[^/]*\.ya?ml$"),
    ),
    CiSystem(
        "codebuild", "", ("buildspec.yml", "buildspec.yaml"),
        pattern=compile_lazily(r"(?:^|/)[^/]*buildspec[^/]*\.(?:ya?ml|json)$|(?:^|/)buildspecs?/" + _YAML),
    ),
    CiSystem(
        "azure", "TF_BUILD", ("azure-pipelines.yml", "azure-pipelines.yaml"), (".azure-pipelines", "azure-pipelines"),
        compile_lazily(
            r"(?:^|/)[^/]*azure-?pipelines?[^/]*\.ya?ml$|"
            r"(?:^|/)\.?(?:azure-?pipelines?|azuredevops|ado|vsts-ci)/" + _YAML
        ),
    ),
    CiSystem(
        "jenkins", "JENKINS_URL", ("Jenkinsfile",), ("jenkins", ".jenkins"),
        compile_lazily(r"(?:^|/)[^/]*jenkinsfile[^/]*$|\.(?:groovy|jenkins)$"),
    ),
    CiSystem(
        "buildkite", "BUILDKITE", ("buildkite.yml", "buildkite.yaml"), (".buildkite",),
        compile_lazily(r"(?:^|/)\.buildkite/" + _YAML + r"|(?:^|/)buildkite[^/]*\.ya?ml$"),
    ),
    CiSystem("travis", files=(".travis.yml",)),
    CiSystem("drone", files=(".drone.yml", ".drone.yaml")),
    CiSystem("woodpecker", files=(".woodpecker.yml", ".woodpecker.yaml"), folders=(".woodpecker",)),
    CiSystem("appveyor", files=("appveyor.yml", ".appveyor.yml")),
    CiSystem("cirrus", files=(".cirrus.yml",)),
    CiSystem("cloudbuild", files=("cloudbuild.yaml", "cloudbuild.yml", "cloudbuild.json")),
    CiSystem("semaphore", files=(".semaphore/semaphore.yml",), folders=(".semaphore",)),
    CiSystem("sourcehut", files=(".build.yml",), folders=(".builds",)),
)  # fmt: skip
FILES = tuple(path for system in SYSTEMS for path in system.files)
FOLDERS = tuple(folder for system in SYSTEMS for folder in system.folders)
VARIABLES = tuple(system.variable for system in SYSTEMS if system.variable)


def detect_ci_system(path: str) -> str:
    """The CI system that a file of that path may be written for, empty for none."""
    low = path.lower()
    return next((one.name for one in SYSTEMS if one.pattern and one.pattern.search(low)), "")


def find_settings_system(path: str) -> str:
    """The CI system that reads its settings at that path, empty for none."""
    folder = path.rpartition("/")[0]
    for one in SYSTEMS:
        if path in one.files or (folder in one.folders and (path.endswith((".yml", ".yaml")) or one.name == "jenkins")):
            return one.name
    return ""
