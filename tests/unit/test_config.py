"""Reading a policy: what it may say, what it is refused for, and how it is put together."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.errors import PolicyError
from credguard.git.repository import Git
from credguard.model.findings import Severity
from credguard.policy import load
from credguard.policy.model import Action, Policy, RuleSetting
from credguard.policy.strict_yaml import parse_strict
from credguard.rules import load_rules
from credguard.sources.snapshots import CommitSnapshot, FolderSnapshot
from tests.repos import Repository, write

if TYPE_CHECKING:
    from pathlib import Path

RULES = {rule.id: rule.name for rule in load_rules()}
MARK = "0123456789abcdef" * 2


def read(folder: Path, text: str | bytes, **beside: str) -> load.LoadedPolicy:
    write(folder, {load.POLICY_NAME: text, **{f"{name}.yaml": content for name, content in beside.items()}})
    loaded = load.find_policy(FolderSnapshot(folder), RULES)
    assert loaded
    return loaded


def refused(folder: Path, text: str | bytes, **beside: str) -> str:
    with pytest.raises(PolicyError) as caught:
        read(folder, text, **beside)
    assert caught.value.code == 2 and "\n" not in caught.value.message + caught.value.hint
    return f"{caught.value.message}; {caught.value.hint}"


def test_none(tmp_path: Path) -> None:
    assert load.find_policy(FolderSnapshot(tmp_path), RULES) is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "version: 1\n", "rules:\nallow:\n", "\ufeffversion: 1\n"])
def test_what_says_nothing_leaves_the_defaults(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).policy == Policy()


def test_everything(tmp_path: Path) -> None:
    policy = read(
        tmp_path,
        f"""
version: 1
fail-on: high
rules:
  CG202: off
  CG201: low
  CG101: {{enabled: on, severity: critical, stages: {{pre-commit: warn}}}}
stages: {{audit: warn}}
paths:
  exclude: [vendor/, "*.min.js"]
  rules:
    tests/**: {{CG101: off}}
accounts: {{own: [012345678901, "210987654321"]}}
rotation-days: 30
limits: {{file-size: 10M, depth: 3}}
markers: {{foreign: off}}
baseline: ci/known
allow:
- rule: CG101
  fingerprint: {MARK}
  reason: planted on purpose
  expires: 2027-01-31
  by: ada
- {{rule: CG205, path: "docs/**", reason: examples}}
""",
    ).policy
    assert policy.fail_on is Severity.HIGH
    assert policy.rules == {
        "CG202": RuleSetting(enabled=False),
        "CG201": RuleSetting(severity=Severity.LOW),
        "CG101": RuleSetting(True, Severity.CRITICAL, {"pre-commit": Action.WARN}),
    }
    assert policy.stages == {"audit": Action.WARN} and policy.exclude == ("vendor/", "*.min.js")
    assert policy.paths == (("tests/**", {"CG101": RuleSetting(enabled=False)}),)
    assert policy.own_accounts == {"012345678901", "210987654321"}
    assert (policy.rotation_days, policy.file_size, policy.depth) == (30, 10 << 20, 3)
    assert not policy.foreign_markers and policy.baseline == "ci/known"
    first, second = policy.allow
    assert (first.fingerprint, first.expires, first.by) == (MARK, date(2027, 1, 31), "ada")
    assert (second.rule, second.path, second.source) == ("CG205", "docs/**", (load.POLICY_NAME, 24))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fail_on: low", ".credguard.yaml:1:1: there is no key fail_on; did you mean fail-on?"),
        ("fail-on: hgih", "1:10: fail-on: wants one of low, medium, high, critical, not hgih; did you mean high?"),
        ("version: 2", "1:10: version: wants the number 1, not 2"),
        ("rules:\n  CG999: off", "2:3: rules: there is no rule CG999"),
        ("rules:\n  env-file-tracked: off", "did you mean CG201 (env-file-tracked)?"),
        ("rules: {CG001: off}", "CG001 says that the run is incomplete; it cannot be set"),
        ("rules:\n  CG101: {severty: low}", "2:11: rules.CG101: there is no key severty; did you mean severity?"),
        ("rules: {CG101: perhaps}", "1:16: rules.CG101: wants on, off, a severity, or a mapping"),
        ("rules: [CG101]", "1:8: rules: wants a mapping"),
        ("stages: {ci: bloc}", "1:14: stages.ci: wants one of block, warn, off, not bloc; did you mean block?"),
        ("stages: {cli: off}", "1:10: stages: there is no key cli; did you mean ci?"),
        ("paths: {exclude: ['a[']}", "1:19: paths.exclude: the pattern"),
        ("paths: {exclude: [../x]}", "patterns start at the root"),
        ("paths: {exclude: vendor}", "wants a list"),
        ("paths: {rules: {'tests/**': {CG103: off}}}", "use `allow` with a fingerprint"),
        ("accounts: {own: [1234]}", "1:18: accounts.own: wants an account ID of 12 digits, not 1234"),
        ("rotation-days: ninety", "wants a whole number from 1 to 3650, not ninety"),
        ("limits: {file-size: 10Q}", "wants bytes, or a number with K, M or G, not 10Q"),
        ("limits: {file-size: 0}", "not 0"),
        ("markers: {foreign: maybe}", "wants on or off, not maybe"),
        ("baseline: /etc/passwd", "wants a path inside the repository"),
        ("baseline: ../known", "wants a path inside the repository"),
        (f"allow: [{{fingerprint: {MARK}}}]", "1:9: allow: has no reason; add a reason"),
        ("allow: [{rule: CG101, reason: x}]", "wants either a fingerprint or a path"),
        (f"allow: [{{rule: CG101, path: x, fingerprint: {MARK}, reason: x}}]", "wants either a fingerprint or a path"),
        ("allow: [{path: x, reason: x}]", "a path needs a rule beside it"),
        ("allow: [{rule: CG103, path: x, reason: x}]", "CG103 is about whole credentials"),
        (f"allow: [{{fingerprint: {MARK}, reason: x, expires: 2027-02-30}}]", "there is no day 2027-02-30"),
        (f"allow: [{{fingerprint: {MARK}, reason: x, expires: soon}}]", "wants a date such as 2027-01-31, not soon"),
        (f"allow: [{{fingerprint: {MARK}, reason: ' '}}]", "wants text in one line"),
        (f"allow: [{{fingerprint: {MARK}, reason: }}]", "allow.reason: wants text in one line"),
        ("allow: [{fingerprint: abc, reason: x}]", "wants a fingerprint of 32 hex digits, not abc"),
        ("allow: {}", "wants a list"),
        ("version: 1\nversion: 1", "2:1: the key version is here twice"),
        ("rules:\n  CG202: off\n  CG202: on", "3:3: rules: the key CG202 is here twice"),
        ("rules:\n\tCG202: off", "2:1: is no valid YAML: a tab where blanks belong"),
        ("fail-on: low: high", "1:13: is no valid YAML"),
        ("{version: 1", "is no valid YAML"),
        ("- version", "wants a mapping"),
        ("yes", "wants a mapping"),
        ("? [a]\n: b", "a key has to be a word"),
        ("version: 1\n---\nversion: 1", "a second document begins here"),
        ("a: &a [x]\nb: [*a, *a]", "1:4: anchors (&) and aliases (*) have no place in a policy"),
        ("version: !!python/object:os.system 1", "tags (!) have no place in a policy"),
        ("paths:\n  exclude:\n  - !x", "3:5: tags (!)"),
        ("[" * 100, "is nested more than 20 deep"),
        (b"version: 1 # caf\xe9", "1:17: is no UTF-8 text"),
        ("version: \x01", "a control character"),
        (b"v\x00", "a control character"),
        ("#" * (1 << 20) + "\n", "is larger than 1 MiB"),
        ("extends: strct", "there is no packaged policy of this name; did you mean strict?"),
        ("extends: ./none.yaml", "1:1: extends: there is no file none.yaml"),
        ("extends: ../up.yaml", "lies outside of the repository"),
        ("extends: ./a/../../up.yaml", "lies outside of the repository"),
        ("extends: /etc/hostname.yaml", "lies outside of the repository"),
        ("version: 1\nextends:\n- recommended\n- ./.credguard.yaml", "4:1: extends: .credguard.yaml extends .cred"),
    ],
)
def test_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_an_error_quotes_no_secret(tmp_path: Path) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    for text in (f"fail-on: {secret}", f"{secret}: 1", f"rules: {{{secret}: on}}", f"x: *{secret}", f"'{secret}"):
        assert secret[:5] not in refused(tmp_path, text)


def test_a_misnamed_policy(tmp_path: Path) -> None:
    write(tmp_path, {".credguard.yml": "version: 1\n"})
    with pytest.raises(PolicyError, match=r"the policy's name is \.credguard\.yaml"):
        load.find_policy(FolderSnapshot(tmp_path), RULES)


class TestExtends:
    def test_the_file_itself_goes_last(self, tmp_path: Path) -> None:
        base = "fail-on: low\nrules: {CG201: low, CG202: off}\npaths: {exclude: [a/]}\nstages: {ci: warn, audit: off}\n"
        text = "extends: [strict, ./base.yaml]\nrules: {CG202: high}\npaths: {exclude: [b/]}\nstages: {ci: block}\n"
        loaded = read(tmp_path, text, base=base)
        policy = loaded.policy
        assert policy.fail_on is Severity.LOW and policy.exclude == ("a/", "b/")
        assert policy.rules["CG202"] == RuleSetting(enabled=False, severity=Severity.HIGH)
        assert policy.stages["ci"] == "block" and policy.stages["audit"] == "off"
        assert loaded.extends == ("base.yaml",)
        assert loaded.lines["rules.CG201"] == ("base.yaml", 2) and loaded.lines["rules.CG202"] == (load.POLICY_NAME, 2)

    def test_from_a_folder(self, tmp_path: Path) -> None:
        write(tmp_path, {"ci/team.yaml": "extends: ./more.yaml\n", "ci/more.yaml": "rotation-days: 7\n"})
        assert read(tmp_path, "extends: ./ci/team.yaml\n").policy.rotation_days == 7

    def test_the_same_file_twice_is_no_circle(self, tmp_path: Path) -> None:
        loaded = read(tmp_path, "extends: [./a.yaml, ./b.yaml]", a="extends: ./c.yaml", b="extends: ./c.yaml", c="")
        assert loaded.extends == ("a.yaml", "c.yaml", "b.yaml")

    def test_circle(self, tmp_path: Path) -> None:
        said = refused(tmp_path, "extends: ./a.yaml", a="extends: ./b.yaml", b="version: 1\nextends: ./a.yaml")
        assert "b.yaml:2:1: extends: .credguard.yaml extends a.yaml extends b.yaml extends a.yaml" in said

    def test_many(self, tmp_path: Path) -> None:
        both = {f"f{n}": f"extends: [./f{n + 1}.yaml, ./f{n + 1}.yaml]" for n in range(8)}
        assert "extends more than 20 files" in refused(tmp_path, "extends: ./f0.yaml", **both, f8="")

    @pytest.mark.parametrize("name", load.PACKAGED)
    def test_packaged(self, tmp_path: Path, name: str) -> None:
        loaded = read(tmp_path, f"extends: {name}\n")
        assert loaded.extends == () and not loaded.policy.allow and loaded.policy.fail_on <= Severity.MEDIUM

    def test_recommended_is_what_holds_anyway(self, tmp_path: Path) -> None:
        assert read(tmp_path, "extends: recommended\n").policy.digest == Policy().digest


class TestLinks:
    def test_on_disk(self, tmp_path: Path) -> None:
        write(tmp_path, {"real.yaml": "version: 1\n"})
        (tmp_path / load.POLICY_NAME).symlink_to("real.yaml")
        with pytest.raises(PolicyError, match="symbolic link"):
            load.find_policy(FolderSnapshot(tmp_path), RULES)

    def test_out_of_the_root(self, tmp_path: Path) -> None:
        write(tmp_path, {"outside/team.yaml": "version: 1\n", "repo/.keep": ""})
        (tmp_path / "repo" / "ci").symlink_to(tmp_path / "outside")
        assert "symbolic link" in refused(tmp_path / "repo", "extends: ./ci/team.yaml")

    def test_no_file(self, tmp_path: Path) -> None:
        (tmp_path / load.POLICY_NAME).mkdir()
        with pytest.raises(PolicyError, match=r"is not a file"):
            load.find_policy(FolderSnapshot(tmp_path), RULES)

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / load.POLICY_NAME)
        with pytest.raises(PolicyError, match=r"is not a file"):
            load.find_policy(FolderSnapshot(tmp_path), RULES)

    def test_in_a_commit(self, tmp_path: Path) -> None:
        repo = Repository(tmp_path)
        (tmp_path / load.POLICY_NAME).symlink_to("real.yaml")
        repo.add()
        commit = repo.commit("link", {"real.yaml": "version: 1\n"})
        with pytest.raises(PolicyError, match="symbolic link"):
            load.find_policy(CommitSnapshot(Git(tmp_path), commit), RULES)


@pytest.mark.parametrize("indexed", [False, True])
def test_from_git(tmp_path: Path, indexed: bool) -> None:
    repo = Repository(tmp_path)
    commit = repo.commit("policy", {load.POLICY_NAME: "extends: ./ci/b.yaml\n", "ci/b.yaml": "fail-on: low\n"})
    repo.write({load.POLICY_NAME: "fail-on: critical\n"})
    loaded = load.find_policy(CommitSnapshot(Git(tmp_path), "" if indexed else commit), RULES)
    assert loaded and loaded.policy.fail_on is Severity.LOW


def test_the_digest_does_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    one = read(
        tmp_path, "rules: {CG201: low, CG202: off}\nfail-on: low\naccounts: {own: [111111111111, 222222222222]}\n"
    )
    two = read(
        tmp_path, "accounts: {own: [222222222222, 111111111111]}\nfail-on: low\nrules: {CG202: off, CG201: low}\n"
    )
    three = read(tmp_path, "fail-on: low\nrules: {CG202: off, CG201: low}\n")
    assert one.policy.digest == two.policy.digest != three.policy.digest


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(PolicyError):
        parse_strict(data, "p")


_WORDS = st.sampled_from([
    "version", "rules", "CG101", "CG103", "stages", "ci", "off", "on", "low", "allow", "reason", "path", "tests/**",
    "paths", "exclude", "accounts", "own", "111122223333", "limits", "depth", "extends", "strict", "1", "expires",
])  # fmt: skip
_TREES = st.recursive(_WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3))


@pytest.mark.slow
@given(st.dictionaries(_WORDS, _TREES, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_tree_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    folder = tmp_path_factory.getbasetemp()
    write(folder, {load.POLICY_NAME: json.dumps(tree)})
    with contextlib.suppress(PolicyError):
        load.find_policy(FolderSnapshot(folder), RULES)
