"""What practices are about, found in what a run scans, and which of them an input that was not read could concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.ci.systems import find_settings_system
from credguard.model.findings import OF_ACCOUNT, OF_CONTENTS, OF_EVERYTHING, OF_HISTORY
from credguard.model.practices import PRACTICES
from credguard.parsers.dockerfile import is_dockerfile
from credguard.rule import SECRET_PRACTICES, Trait, is_custom
from credguard.rules import get_rule, list_rule_ids
from credguard.rules.aws.own_credential import has_own_credentials
from credguard.rules.files.real_value_in_example_file import is_example_file
from credguard.rules.machine.malformed_credentials import find_private_env_files
from credguard.sources.credential_files import find_credential_shape
from credguard.sources.env_files import classify_env_file
from credguard.sources.file_roles import get_inner_name, is_archive, is_message, is_settings, is_source, is_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from credguard.model.findings import Blob, Skip
    from credguard.sources.worktree import WorkTree

COMMITS = "P01"
"""The practice about whatever is committed."""
_ENV_FILES, _MESSAGES, _MACHINE, _WELL_FORMED = "P02", "P10", "P14", "P18"
_PATHS: dict[str, Callable[[str], object]] = {
    "P03": is_source,
    "P13": find_settings_system,
    "P15": is_table,
    "P16": is_settings,
    "P17": lambda path: is_example_file(get_inner_name(path)),
}
"""Practices that are about files, and whether a path is one of these."""
_CODE = tuple(
    ".json .yaml .yml .tf .hcl .template .ts .js .mjs .py .go .java .kt .cs .rb .sh .ps1 .bicep .groovy".split()
)
_WORDS: dict[str, tuple[tuple[bytes, ...], ...]] = {
    "P06": (
        (b"Effect", b"Allow", b"Action"), (b"aws_iam_",), (b"AWS::IAM::",), (b"PolicyStatement",),
        (b":iam::aws:policy/",), (b"-role-policy",), (b"-user-policy",),
    ),
    "P09": ((b"aws_cloudtrail",), (b"AWS::CloudTrail::",), (b"aws cloudtrail",), (b"aws-cloudtrail",)),
    "P12": (
        (b"aws_instance",), (b"aws_lambda_",), (b"aws_ecs_",), (b"aws_launch_",), (b"aws_batch_",), (b"aws_eks_",),
        (b"aws_sagemaker_",), (b"aws_apprunner_",), (b"AWS::EC2::Instance",), (b"AWS::EC2::LaunchTemplate",),
        (b"AWS::Lambda::",), (b"AWS::ECS::",), (b"AWS::Batch::",), (b"AWS::SageMaker::",), (b"AWS::Serverless::",),
        (b"AWS::AppRunner::",), (b"containerDefinitions",), (b"aws-cdk",), (b"aws_cdk",), (b"lambda_handler",),
        (b"eks.amazonaws.com/role-arn",), (b"name: aws", b"functions:"),
    ),
}  # fmt: skip
"""Practices that are about what files hold, and words of which all of one group stand in such a file."""
_CLUES = (b"aws", b"AWS::")
_GROUPS = tuple(
    (next((clue for clue in _CLUES if any(clue in word for word in words)), words[0]), practice, words)
    for practice, groups in _WORDS.items()
    for words in groups
)
"""The groups, each behind what no text lacks that has all of its words: there are few of these, and most texts have
none."""
_ALL_CLUES = frozenset(clue for clue, _, _ in _GROUPS)
_HEAD = 1 << 16
_EVERY = frozenset(practice.id for practice in PRACTICES)
_WITH_HISTORY = frozenset(practice.id for practice in PRACTICES if practice.history)
_SECRETS = frozenset((COMMITS, "P03", "P16"))


def find_tree_material(tree: WorkTree) -> set[str]:
    """The practices that a work tree has something for, as far as paths and env files tell."""
    found = {one for one, is_about in _PATHS.items() if any(map(is_about, tree.files))}
    if tree.files:
        found.add(COMMITS)
    if tree.repository is not None:
        found.add(_ENV_FILES)
    if has_own_credentials() or any(map(find_credential_shape, tree.files)):
        found.add(_MACHINE)
    private = (*find_private_env_files(tree), *(path for path in tree.files if path.endswith(".aws/credentials")))
    if any(b"aws_" in (tree.read(path) or b"").lower() for path in private):
        found.add(_WELL_FORMED)
    return found


def add_blob_material(blob: Blob, seen: set[str]) -> None:
    """Adds to `seen` the practices that the beginning of a file shows something for."""
    if seen.issuperset(_WORDS) or not _may_hold_words(blob.path):
        return
    head = blob.data[:_HEAD]
    present = {clue for clue in _ALL_CLUES if clue in head}
    for clue, practice, words in _GROUPS if present else ():
        if clue in present and practice not in seen and all(word in head for word in words):
            seen.add(practice)
    if b"AWS_" in head and is_dockerfile(get_inner_name(blob.path)):
        seen.add("P12")


def _may_hold_words(path: str) -> bool:
    return path.endswith(_CODE) or is_dockerfile(get_inner_name(path))


def list_concerned(skip: Skip, labels: Iterable[str]) -> frozenset[str]:
    """The practices that what was not read could concern; `labels` stand before the paths of the run's folders."""
    if skip.extent == OF_HISTORY:
        return _WITH_HISTORY
    if skip.extent == OF_CONTENTS:
        return _WITH_HISTORY - {_ENV_FILES}  # which paths tell
    if skip.extent == OF_ACCOUNT:
        return frozenset(one for rule in list_rule_ids(Trait.ON_ACCOUNT) for one in get_rule(rule).practices)
    if skip.extent not in ("", OF_EVERYTHING):
        return frozenset(SECRET_PRACTICES if is_custom(skip.extent) else get_rule(skip.extent).practices)
    path = _remove_label(skip.path, labels)
    if skip.extent == OF_EVERYTHING or path in ("", "."):
        return _EVERY
    more = _WORDS if _may_hold_words(path) else ()
    return frozenset((*_list_file_practices(path), *more))


def list_material(skip: Skip, labels: Iterable[str]) -> frozenset[str]:
    """The practices for which what was not read shows that there is something to check."""
    if skip.extent not in ("", OF_EVERYTHING):
        return frozenset()
    path = _remove_label(skip.path, labels)
    if skip.extent == OF_EVERYTHING or path in ("", "."):
        return _EVERY
    return frozenset(_list_file_practices(path))


def _remove_label(path: str, labels: Iterable[str]) -> str:
    return path[len(max((label for label in labels if path.startswith(label)), key=len, default="")) :]


def _list_file_practices(path: str) -> Iterator[str]:
    yield COMMITS
    yield from (one for one, is_about in _PATHS.items() if is_about(path))
    if is_archive(path):
        yield from _SECRETS
    if _may_hold_words(path) and is_settings(path):
        yield from _WORDS
    name = get_inner_name(path)
    env_file = classify_env_file(name) is not None
    if env_file or name.endswith("ignore") or is_dockerfile(name):
        yield _ENV_FILES
    if env_file or name == "credentials":
        yield _WELL_FORMED
    if find_credential_shape(path):
        yield _MACHINE
    if is_message(path):
        yield _MESSAGES


def has_compared_values(rule_ids: Iterable[str]) -> bool:
    """True where a finding of these rules could be shared by projects."""
    return not set(list_rule_ids(Trait.LONG_LIVED)).isdisjoint(rule_ids)
