"""Which credentials stand in several projects: a pure comparison of what a run has found, by digests alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.findings import Confidence, Finding, Severity
from credguard.model.secret import compute_fingerprint
from credguard.rule import Trait
from credguard.rules import list_rule_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from credguard.model.findings import Location
    from credguard.rule import Rule

_MANIFESTS = frozenset(
    "package.json pyproject.toml setup.py setup.cfg requirements.txt pipfile go.mod cargo.toml pom.xml build.gradle "
    "build.gradle.kts build.sbt gemfile composer.json mix.exs pubspec.yaml deno.json chart.yaml serverless.yml "
    "serverless.yaml serverless.ts serverless.json cdk.json samconfig.toml pulumi.yaml project.json package.swift "
    "project.clj manage.py".split()
)
_MANIFEST_ENDINGS = (".tf", ".csproj", ".fsproj", ".gemspec", ".cabal")
_NO_PROJECT = frozenset(
    "node_modules vendor third_party site-packages bower_components test tests testing testdata fixture fixtures "
    "__fixtures__ __tests__ spec specs mocks __mocks__ modules .terraform".split()
)
_TEMPORARY = compile_lazily(r"ASIA[A-Z2-7]{16}")


@dataclass(frozen=True, slots=True)
class Project:
    """A repository of the run (by the label before its paths), or a sub-project of it (by its folder)."""

    repository: str
    folder: str = ""

    @property
    def name(self) -> str:
        """What to call it."""
        return self.repository + self.folder or "."


class Repository:
    """One audited folder: the label before its paths, and its sub-projects by the names of its files."""

    def __init__(self, label: str, files: Iterable[str]) -> None:
        self.label = label
        self.folders = find_sub_projects(files)

    def find_project(self, path: str) -> Project | None:
        """The project that a finding's path belongs to, None for a path of another repository."""
        if not path.startswith(self.label):
            return None
        parts = path[len(self.label) :].split("/")
        folders = ("/".join(parts[:end]) + "/" for end in range(1, len(parts)))
        return Project(self.label, next((folder for folder in folders if folder in self.folders), ""))


def find_sub_projects(files: Iterable[str]) -> frozenset[str]:
    """The topmost folders below the root that hold a manifest, each with a final `/`."""
    with_manifest = set()
    for path in files:
        folder, _, name = path.rpartition("/")
        low = name.lower()
        if folder and (low in _MANIFESTS or low.endswith(_MANIFEST_ENDINGS)):
            with_manifest.add(folder + "/")
    kept = {folder for folder in with_manifest if _NO_PROJECT.isdisjoint(folder.lower().split("/"))}
    return frozenset(folder for folder in kept if not any(above in kept for above in _list_parents(folder)))


def _list_parents(folder: str) -> Iterable[str]:
    parts = folder.split("/")[:-1]
    return ("/".join(parts[:end]) + "/" for end in range(1, len(parts)))


def find_shared(findings: Iterable[Finding], repositories: Sequence[Repository], rule: Rule) -> list[Finding]:
    """A finding of `rule` for each credential that stands in two repositories, or in two sub-projects of one."""
    compared = list_rule_ids(Trait.LONG_LIVED)
    groups = group_by_credential([f for f in findings if f.rule_id in compared and f.values and not _is_temporary(f)])
    by_label = {repository.label: repository for repository in repositories}
    results = []
    for group in groups:
        places: dict[Project, Location] = {}
        for finding in group:
            for place in finding.locations:
                project = _find_owner(place.path, by_label)
                if project:
                    places.setdefault(project, place)
        places = _select_comparable(places)
        if len(places) > 1:
            results.append(_build_finding(group, places, rule))
    return results


def _is_temporary(finding: Finding) -> bool:
    return _TEMPORARY.fullmatch(str(finding.attributes.get("access_key_id", ""))) is not None


def _find_owner(path: str, repositories: Mapping[str, Repository]) -> Project | None:
    """The project of the repository with the longest label that fits; a label ends with `/`, or is empty."""
    end = len(path)
    while end >= 0:
        repository = repositories.get(path[:end])
        if repository:
            return repository.find_project(path)
        end = path.rfind("/", 0, end - 1) + 1 if end > 0 else -1
    return None


def _select_comparable(places: dict[Project, Location]) -> dict[Project, Location]:
    """Without a repository's files outside of sub-projects, unless another repository has the credential too."""
    if len({project.repository for project in places}) > 1:
        return places
    return {project: place for project, place in places.items() if project.folder}


def group_by_credential(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings in groups that have a value in common: a pair links its ID and its secret."""
    leader: dict[str, str] = {}

    def find(value: str) -> str:
        while leader.setdefault(value, value) != value:
            leader[value] = value = leader[leader[value]]
        return value

    for finding in findings:
        first, *rest = sorted(finding.values)
        for value in rest:
            leader[find(value)] = find(first)
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(find(min(finding.values)), []).append(finding)
    return list(groups.values())


def _build_finding(group: Sequence[Finding], places: dict[Project, Location], rule: Rule) -> Finding:
    key_id = next((k for f in group if isinstance(k := f.attributes.get("access_key_id"), str)), "")
    account = next((f.attributes["account"] for f in group if f.attributes.get("account")), None)
    names = [project.name for project in places]
    planted = all(finding.severity is Severity.LOW for finding in group)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    attributes = {"access_key_id": key_id, "account": account, "projects": names}
    return Finding(
        rule.id,
        rule.name,
        Severity.LOW if planted else rule.severity,
        Confidence.HIGH,
        f"{f'access key {key_id}' if key_id else 'one AWS credential'} is used by {len(names)} projects: "
        + ", ".join(names[:3]) + more,
        compute_fingerprint(rule.id, (key_id.encode() or min(v for f in group for v in f.values).encode(),)),
        tuple(places.values()),
        {name: value for name, value in attributes.items() if value},
        rule.practices,
        (rule.hint, *(step.replace("AKID", key_id or "AKID") for step in rule.remediation)),
    )  # fmt: skip
