"""No change makes the policy that it is judged by looser unseen: not by order, not in two steps, not by a threshold.

Policies are compared by what they decide. What a change loosens is a finding (CG005) that blocks whatever the policies
before and after it say of rules, stages, severities and thresholds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from credguard.policy import globs
from credguard.policy.schema_keys import POLICY_TABLE as KEYS
from credguard.policy.value_types import Entries, ListOf, Table
from tests import processes
from tests.hooking import LEAK, git, set_hooks
from tests.judging import BASELINE, LONE, POLICY, found, judge, mark, only
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from credguard.policy.value_types import ValueType

PRINT = "0123456789abcdef0123456789abcdef"
ALLOW = f"allow: [{{fingerprint: {PRINT}, rule: CG101, reason: x, expires: 2999-01-01}}]\n"
UNREADABLE = "paths: {unreadable: [{path: a.zip, reason: x, expires: 2999-01-01}]}\n"
CUSTOM = (
    "custom-rules:\n- {id: ACME1, name: acme, summary: s, severity: high, keywords: [acme, at_], "
    "pattern: 'acme (at_([a-z]{12}))', capture: 2, entropy: 1, paths: ['src/**'], except: ['at_b'], "
    "stop-words: [word], match: ['acme at_abcdefghijkl'], no-match: ['acme at_short']}\n"
)
LOOSER: dict[str, tuple[str, str] | None] = {
    "version": None,  # there is one
    "extends": ("extends: strict\n", "extends: recommended\n"),
    "fail-on": ("fail-on: low\n", "fail-on: high\n"),
    "rules": ("version: 1\n", "rules: {CG101: off}\n"),
    "rules.enabled": ("rules: {CG190: {enabled: on}}\n", "rules: {CG190: {severity: high}}\n"),
    "rules.severity": ("rules: {CG101: {severity: high}}\n", "rules: {CG101: {severity: low}}\n"),
    "rules.stages": ("version: 1\n", "rules: {CG101: {stages: {ci: warn}}}\n"),
    "stages": ("version: 1\n", "stages: {pre-push: off}\n"),
    "paths.exclude": ("version: 1\n", "paths: {exclude: [docs/]}\n"),
    "paths.unreadable": ("version: 1\n", UNREADABLE),
    "paths.unreadable.path": (UNREADABLE, UNREADABLE.replace("a.zip", "b.zip")),
    "paths.unreadable.object": ("version: 1\n", "paths: {unreadable: [{object: 0123456789ab, reason: x}]}\n"),
    "paths.unreadable.reason": None,  # words
    "paths.unreadable.expires": (UNREADABLE, UNREADABLE.replace(", expires: 2999-01-01", "")),
    "paths.rules": ("version: 1\n", "paths: {rules: {docs/: {CG101: low}}}\n"),
    "accounts.own": ("accounts: {own: ['111111111111']}\n", "version: 1\n"),
    "rotation-days": ("version: 1\n", "rotation-days: 91\n"),
    "enforcement.pins": ("version: 1\n", f"enforcement: {{pins: ['https://github.com/acme/credguard@{'1' * 40}']}}\n"),
    "limits.file-size": ("version: 1\n", "limits: {file-size: 255M}\n"),
    "limits.depth": ("version: 1\n", "limits: {depth: 4}\n"),
    "markers.foreign": ("markers: {foreign: off}\n", "markers: {foreign: on}\n"),
    "baseline": ("version: 1\n", "baseline: other\n"),
    "allow.rule": (ALLOW, ALLOW.replace("rule: CG101, ", "")),
    "allow.fingerprint": (ALLOW, ALLOW.replace("0123", "1111")),
    "allow.path": (
        "allow: [{rule: CG101, path: x/y, reason: r}]\n", "allow: [{rule: CG101, path: x, reason: r}]\n"
    ),
    "allow.reason": None,  # words
    "allow.by": None,
    "allow.expires": (ALLOW, ALLOW.replace(", expires: 2999-01-01", "")),
    "agent.mode": ("version: 1\n", "agent: {mode: warn}\n"),
    "agent.on-error": ("version: 1\n", "agent: {on-error: warn}\n"),
    "custom-rules.id": (CUSTOM, CUSTOM.replace("ACME1", "ACME2")),
    "custom-rules.name": None,
    "custom-rules.summary": None,
    "custom-rules.severity": (CUSTOM, CUSTOM.replace("severity: high", "severity: low")),
    "custom-rules.keywords": (CUSTOM, CUSTOM.replace("[acme, at_]", "[acme]")),
    "custom-rules.pattern": (CUSTOM, CUSTOM.replace("{12}", "{12,13}")),
    "custom-rules.capture": (CUSTOM, CUSTOM.replace("capture: 2", "capture: 1")),
    "custom-rules.entropy": (CUSTOM, CUSTOM.replace("entropy: 1", "entropy: 2")),
    "custom-rules.paths": (CUSTOM, CUSTOM.replace("src/**", "src/a/**")),
    "custom-rules.except": (CUSTOM, CUSTOM.replace("['at_b']", "['at_b', 'at_c']")),
    "custom-rules.stop-words": (CUSTOM, CUSTOM.replace("[word]", "[word, more]")),
    "custom-rules.match": (CUSTOM, CUSTOM.replace("['acme at_abc", "['acme at_mnopqrstuvwx', 'acme at_abc")),
    "custom-rules.no-match": None,
}  # fmt: skip
SETTINGS_OF_A_PATH = [key.replace("rules", "paths.rules") for key in LOOSER if key.startswith("rules.")]


def keys(kind: ValueType, at: str = "") -> Iterator[str]:
    """Every dotted key that a policy may hold, actions by stage and the like apart."""
    inner: Any = kind
    while isinstance(inner, (ListOf, Entries)):
        inner = inner.item if isinstance(inner, ListOf) else inner.value
    table = inner if isinstance(inner, Table) else getattr(inner, "table", None) or getattr(inner, "item", None)
    table = table if isinstance(table, Table) or table is None else getattr(table, "table", None)
    if table is None or at.endswith("stages"):
        yield at
        return
    for name, key in table.keys.items():
        yield from keys(key.kind, f"{at}.{name}" if at else name)


def test_every_key_is_compared() -> None:
    """Who adds a key says here how a change of it is looser."""
    missing = set(keys(KEYS)) - {*LOOSER, *SETTINGS_OF_A_PATH}
    assert not missing
    assert len(set(keys(KEYS))) > 25


@pytest.mark.parametrize("key", [key for key, texts in LOOSER.items() if texts])
def test_looser_by(make: Callable[..., Repository], key: str) -> None:
    texts = LOOSER[key]
    assert texts
    repo = make(texts[0], other=f"{PRINT} CG101 x -- known\n")
    repo.commit("looser", {POLICY: texts[1]})
    assert only(repo)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["docs/", "!docs/keys/"], ["!docs/keys/", "docs/"]),
        (["docs/", "!docs/keys/"], ["!docs/keys/", "docs/", "!src/"]),  # with a new entry that tightens
        (["docs/", "!docs/keys/"], ["!docs/keys/", "docs/", "docs/keys/"]),
        (["*.md", "!README.md", "vendor/"], ["vendor/", "!README.md", "*.md"]),
        (["docs/", "!docs/keys/"], ["docs/", "!docs/keys/", "docs/"]),  # the same entry once more
        (["docs/", "!docs/**/*.py"], ["!docs/**/*.py", "docs/a?/"]),
        (["!keys/", "docs/"], ["docs/", "docs/keys/"]),
    ],
)
def test_excluded_by_order(make: Callable[..., Repository], before: list[str], after: list[str]) -> None:
    repo = make(f"paths: {{exclude: {before}}}\n".replace("'", '"'))
    repo.commit("looser", {POLICY: f"paths: {{exclude: {after}}}\n".replace("'", '"')})
    assert only(repo)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["docs/", "vendor/"], ["vendor/", "docs/"]),
        (["docs/", "docs/"], ["docs/"]),
        (["/docs/", "!/src/x"], ["!/src/x", "/docs/"]),  # no path fits both
        (["!docs/keys/", "docs/"], ["docs/", "!docs/keys/"]),  # stricter
        (["docs/"], ["!README.md", "docs/"]),
        (["docs/", "a/"], ["!x", "a/"]),
    ],
)
def test_excluded_by_order_alike(make: Callable[..., Repository], before: list[str], after: list[str]) -> None:
    repo = make(f"paths: {{exclude: {before}}}\n".replace("'", '"'))
    repo.commit("alike", {POLICY: f"paths: {{exclude: {after}}}\n".replace("'", '"')})
    assert not only(repo)


A, B = "src/**: {CG101: low}", "src/keys/**: {CG101: high}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([A, B], [B, A]),
        ([A, B], [B, A, "new/: {CG101: critical}"]),
        ([A, B], [B, A, "src/keys/a.py: {CG101: high}"]),
        ([A, B], [A]),
        ([B], [B, A]),
        (["'*.py': {CG101: off}", "src/: {CG101: on}"], ["src/: {CG101: on}", "'*.py': {CG101: off}"]),
    ],
)  # fmt: skip
def test_settings_of_paths_by_order(make: Callable[..., Repository], before: list[str], after: list[str]) -> None:
    repo = make(f"paths: {{rules: {{{', '.join(before)}}}}}\n")
    repo.commit("looser", {POLICY: f"paths: {{rules: {{{', '.join(after)}}}}}\n"})
    assert only(repo)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([B, A], [A, B]),
        (["/a/: {CG101: low}", "/b/: {CG101: high}"], ["/b/: {CG101: high}", "/a/: {CG101: low}"]),
        (["/a/: {CG101: low}", "/b/: {CG102: low}"], ["/b/: {CG102: low}", "/a/: {CG101: low}"]),
        ([A], [A, "src/x/: {CG101: critical}"]),
    ],
)
def test_settings_of_paths_alike(make: Callable[..., Repository], before: list[str], after: list[str]) -> None:
    repo = make(f"paths: {{rules: {{{', '.join(before)}}}}}\n")
    repo.commit("alike", {POLICY: f"paths: {{rules: {{{', '.join(after)}}}}}\n"})
    assert not only(repo)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a", "b", True),  # a/b
        ("/a", "/b", False),
        ("/a/", "/a/b", True),
        ("/a*c", "/ab*", True),
        ("/a*c", "/b*", False),
        ("/[ab]", "/b", True),
        ("/x/**/y", "/x/y", True),
        ("!/a/b", "/a/*.c", False),
        ("/a/b?", "/a/b", False),
        (r"/a/\\*", "/a/b", False),
        ("/a/[[:alpha:]]b", "/a/cb", True),
    ],
)  # fmt: skip
def test_patterns_that_may_meet(one: str, other: str, meet: bool) -> None:
    assert globs.may_overlap(one, other) == globs.may_overlap(other, one) == meet


@pytest.mark.parametrize(
    "settings",
    [
        "fail-on: critical\n", "stages: {ci: warn, audit: off, pre-receive: off}\n", "rules: {CG005: off}\n",
        "rules: {CG005: low}\n", "rules: {CG005: {stages: {ci: off, audit: off}}}\n", "paths: {exclude: ['*']}\n",
        "paths: {rules: {'*': {CG005: off}}}\n",
    ],
)  # fmt: skip
def test_a_loosening_blocks_whatever_the_policy_says(make: Callable[..., Repository], settings: str) -> None:
    repo = make(settings)
    repo.commit("looser", {POLICY: settings + "rotation-days: 100\n"})
    for options in ((), ("--fail-on", "critical")):
        done = judge(repo, "main..HEAD", *options)
        assert done.returncode == 1 and ("CG005", "report") in [(one[0], one[3]) for one in found(done)]


def test_an_exception_in_the_base_that_names_it_lets_it_through(make: Callable[..., Repository]) -> None:
    text = "allow: [{rule: CG005, path: .credguard.yaml, reason: agreed}]\n"
    repo = make(text)
    repo.commit("looser", {POLICY: text + "fail-on: high\n"})
    assert judge(repo).returncode == 0
    assert ("CG005", POLICY, 2, "allowed") in found(judge(repo))


class TestInTwoPushes:
    @pytest.fixture
    def places(self, make: Callable[..., Repository], tmp_path: Path) -> tuple[Repository, Repository]:
        work, server = make("fail-on: high\n"), Repository(tmp_path / "server", bare=True)
        work.git("push", "-q", str(server.folder), "main")
        set_hooks(server, "pre-receive")
        return work, server

    def test_the_first_is_stopped(self, places: tuple[Repository, Repository]) -> None:
        work, server = places
        work.commit("looser", {POLICY: "fail-on: critical\nrules: {CG101: off}\n"})
        done = git(work.folder, "push", "-q", str(server.folder), "work")
        assert done.returncode and "CG005" in done.stderr

    @pytest.mark.parametrize("branch", ["work", "new"])
    def test_the_second_is_judged_by_the_default_branch(
        self, places: tuple[Repository, Repository], branch: str
    ) -> None:
        work, server = places
        work.commit("looser", {POLICY: "fail-on: critical\nrules: {CG101: off, CG103: off}\n"})
        (server.folder / "hooks/pre-receive").rename(server.folder / "kept")  # pushed past the check
        work.git("push", "-q", str(server.folder), "work")
        (server.folder / "kept").rename(server.folder / "hooks/pre-receive")
        work.commit("pair", {"c.ini": LEAK})
        done = git(work.folder, "push", "-q", str(server.folder), f"HEAD:{branch}")
        assert done.returncode and "CG103" in done.stderr and "CG005" in done.stderr

    def test_what_the_default_branch_loosened_itself_is_none(self, places: tuple[Repository, Repository]) -> None:
        work, server = places
        work.commit("mine", {"x.txt": "x\n"})
        assert git(work.folder, "push", "-q", str(server.folder), "work").returncode == 0
        work.git("switch", "-q", "main")
        work.commit("agreed", {POLICY: "fail-on: critical\n"})
        (server.folder / "hooks/pre-receive").rename(server.folder / "kept")
        work.git("push", "-q", str(server.folder), "main")
        (server.folder / "kept").rename(server.folder / "hooks/pre-receive")
        work.git("switch", "-q", "work")
        work.git("merge", "-q", "--no-edit", "main")
        assert git(work.folder, "push", "-q", str(server.folder), "work").returncode == 0
        work.git("reset", "-q", "--hard", "HEAD^")
        work.git("rebase", "-q", "main")
        assert git(work.folder, "push", "-qf", str(server.folder), "work").returncode == 0

    @pytest.mark.parametrize("event", ["first", "later"])
    def test_in_ci(self, places: tuple[Repository, Repository], tmp_path: Path, event: str) -> None:
        work, server = places
        loosened = work.commit("looser", {POLICY: "fail-on: critical\nrules: {CG101: off, CG103: off}\n"})
        head = work.commit("key", {"key.txt": LONE})
        (server.folder / "hooks/pre-receive").unlink()
        work.git("push", "-q", str(server.folder), "work")
        server.git("symbolic-ref", "HEAD", "refs/heads/main")
        work.git("clone", "-q", "-b", "work", str(server.folder), str(tmp_path / "ci"))
        before = loosened if event == "later" else "0" * 40
        for default in ("main", ""):
            told = {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": head}
            told |= {"CI_COMMIT_BEFORE_SHA": before, "CI_COMMIT_BRANCH": "work", "CI_DEFAULT_BRANCH": default}
            done = processes.run_text(["ci", "--format", "json"], cwd=tmp_path / "ci", env=clean_environment() | told)
            assert done.returncode == 1, done.stderr
            assert ("CG101", "key.txt", 1, "report") in found(done)

    def test_without_a_default_branch_the_recommended_policy_holds(
        self, make: Callable[..., Repository], tmp_path: Path
    ) -> None:
        work, server = make("rules: {CG103: off}\n"), Repository(tmp_path / "server", bare=True)
        server.git("symbolic-ref", "HEAD", "refs/heads/none")
        work.git("push", "-q", str(server.folder), "work")
        set_hooks(server, "pre-receive")
        work.commit("key", {"key.txt": LONE})
        done = git(work.folder, "push", "-q", str(server.folder), "work")
        assert done.returncode and "CG101" in done.stderr


def test_the_baseline_of_another_rule(make: Callable[..., Repository], tmp_path: Path) -> None:
    line = f"{mark(LONE, tmp_path)} CG102 key.txt -- known\n"
    repo = make(**{BASELINE: line})
    repo.commit("looser", {BASELINE: line.replace("CG102", "CG101"), "key.txt": LONE})
    assert ("CG101", "key.txt", 1, "report") in found(judge(repo)) and judge(repo).returncode == 1
    assert ("CG005", BASELINE, 1, "report") in found(judge(repo))
