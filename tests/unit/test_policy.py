"""What becomes of a finding: rules, stages, paths, accounts, exceptions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from credguard.decoders import archives
from credguard.model.findings import Confidence, Coverage, Finding, Location, Outcome, Severity, Skip, Verdict
from credguard.policy.model import (
    ABOUT_THE_RUN,
    STAGES,
    Action,
    Allow,
    Policy,
    RuleSetting,
    decide,
    exit_code,
)
from credguard.sources import files

OFF, ON = RuleSetting(enabled=False), RuleSetting(enabled=True)
MARK = "0123456789abcdef" * 2


def finding(rule: str = "CG101", path: str = "src/a.py", severity: Severity = Severity.HIGH, **more: object) -> Finding:
    made = Finding(rule, "name", severity, Confidence.HIGH, "message", MARK, (Location(path),))
    return replace(made, **more)  # type: ignore[arg-type]


def verdict(policy: Policy, one: Finding | None = None, **more: str) -> Verdict:
    result = decide(one or finding(), policy, **more)
    assert result
    return result


def test_by_default_medium_blocks_everywhere() -> None:
    for stage in STAGES:
        assert verdict(Policy(), finding(severity=Severity.MEDIUM), stage=stage).outcome == "report"
        low = verdict(Policy(), finding(severity=Severity.LOW), stage=stage)
        assert (low.outcome, low.reason) == ("below-threshold", "below medium")


class TestRules:
    def test_off(self) -> None:
        assert decide(finding(), Policy(rules={"CG101": OFF})) is None
        assert verdict(Policy(rules={"CG101": OFF}), finding("CG102")).outcome == "report"

    def test_severity(self) -> None:
        policy = Policy(rules={"CG101": RuleSetting(severity=Severity.LOW)})
        assert verdict(policy).outcome == "below-threshold" and verdict(policy).finding.severity is Severity.LOW

    def test_the_command_line_wins(self) -> None:
        policy = Policy(rules={"CG101": OFF}, select=("CG1",))
        assert verdict(policy).outcome == "report"
        assert decide(finding(), Policy(rules={"CG101": ON}, ignore=("CG101",))) is None
        assert decide(finding("CG201"), policy) is None

    def test_less_sure_findings_are_for_who_asks(self) -> None:
        sure, unsure = finding("CG190"), finding("CG190", confidence=Confidence.MEDIUM)
        assert verdict(Policy(), sure).outcome == "report" and decide(unsure, Policy()) is None
        for policy in (Policy(rules={"CG190": ON}), Policy(select=("CG190",)), Policy(select=("CG19",))):
            assert verdict(policy, unsure).outcome == "report" and policy.may_show_all("CG190")
        assert decide(unsure, Policy(select=("CG1",))) is None
        assert verdict(Policy(), finding(confidence=Confidence.LOW)).outcome == "report"

    def test_less_sure_findings_at_a_path(self) -> None:
        policy = Policy(paths=(("src/**", {"CG190": ON}),))
        unsure = finding("CG190", confidence=Confidence.LOW)
        assert verdict(policy, unsure).outcome == "report" and policy.may_show_all("CG190")
        assert decide(unsure, policy, path="lib/a.py") is None

    @pytest.mark.parametrize("rule", ABOUT_THE_RUN)
    def test_what_is_about_the_run_is_never_suppressed(self, rule: str) -> None:
        stages = dict.fromkeys(STAGES, Action.OFF)
        policy = Policy(Severity.CRITICAL, ("CG103",), ("CG0",), stages=stages, exclude=("*",))
        one = finding(rule, severity=Severity.MEDIUM, known="before", inline="comment")
        assert verdict(policy, one, allowed="because", listed="listed").outcome == "report"


class TestStages:
    def test_warn(self) -> None:
        policy = Policy(stages={"ci": Action.WARN})
        told = verdict(policy, stage="ci")
        assert (told.outcome, told.reason) == ("below-threshold", "warn in ci")
        assert verdict(policy, stage="pre-commit").outcome == "report"

    def test_off(self) -> None:
        policy = Policy(stages={"ci": Action.OFF}, rules={"CG103": RuleSetting(stages={"ci": Action.BLOCK})})
        assert decide(finding(), policy, stage="ci") is None
        assert verdict(policy, finding("CG103"), stage="ci").outcome == "report"

    def test_of_one_rule(self) -> None:
        policy = Policy(rules={"CG101": RuleSetting(stages={"pre-commit": Action.WARN, "ci": Action.OFF})})
        assert verdict(policy, stage="pre-commit").reason == "warn in pre-commit"
        assert decide(finding(), policy, stage="ci") is None
        assert verdict(policy, stage="pre-push").outcome == "report"


class TestPaths:
    @pytest.mark.parametrize(
        ("pattern", "path", "excluded"),
        [
            ("vendor/", "vendor/a.py", True),
            ("vendor/", "src/vendor/a.py", True),
            ("vendor/", "vendor", False),
            ("/vendor/", "src/vendor/a.py", False),
            ("*.min.js", "a/b.min.js", True),
            ("docs/**", "docs/a/b.md", True),
            ("docs/*.md", "docs/a/b.md", False),
            ("a?.py", "src/ab.py", True),
            ("*.v2", "yaml.v2/a.go", True),
            ("caf*", "caf\udce9/a.py", True),
            ("x", "src/a.py", False),
        ],
    )
    def test_exclude(self, pattern: str, path: str, excluded: bool) -> None:
        told = verdict(Policy(exclude=(pattern,)), finding(path=path))
        assert (told.outcome, told.reason) == (
            ("allowed", f"the policy excludes {pattern}") if excluded else ("report", "")
        )

    def test_the_last_pattern_counts(self) -> None:
        policy = Policy(exclude=("tests/*", "!tests/live.py"))
        assert verdict(policy, finding(path="tests/a.py")).outcome == "allowed"
        assert verdict(policy, finding(path="tests/live.py")).outcome == "report"

    @pytest.mark.parametrize("rule", ["CG103", "CG104", "CG109", "CG301"])
    def test_no_path_hides_a_whole_credential(self, rule: str) -> None:
        quiet = RuleSetting(enabled=False, severity=Severity.LOW, stages={"audit": Action.OFF})
        policy = Policy(exclude=("*",), paths=(("*", {rule: quiet}),))
        assert verdict(policy, finding(rule, severity=Severity.CRITICAL)).outcome == "report"
        assert not Allow("why", rule=rule, path="*").is_applicable(finding(rule), "src/a.py")

    def test_settings(self) -> None:
        policy = Policy(
            paths=(("tests/**", {"CG101": RuleSetting(severity=Severity.LOW)}), ("tests/b.py", {"CG101": OFF}))
        )
        assert verdict(policy, finding(path="tests/a.py")).outcome == "below-threshold"
        assert verdict(policy, finding(path="tests/b.py")).reason == "the policy switches the rule off at this path"
        assert verdict(policy).outcome == "report"

    def test_on_at_one_path_only(self) -> None:
        policy = Policy(rules={"CG101": OFF}, paths=(("prod/", {"CG101": ON}),))
        assert policy.is_enabled("CG101")
        assert decide(finding(), policy) is None
        assert verdict(policy, finding(path="prod/a.py")).outcome == "report"

    def test_the_path_may_be_given(self) -> None:
        assert verdict(Policy(exclude=("/sub/a.py",)), finding(path="a.py"), path="sub/a.py").outcome == "allowed"


class TestAccounts:
    policy = Policy(own_accounts=frozenset({"210987654321"}))

    def severity(self, rule: str, severity: Severity, **attributes: object) -> Severity:
        return verdict(
            replace(self.policy, fail_on=Severity.LOW), finding(rule, "a", severity, attributes=attributes)
        ).finding.severity

    def test_ours_is_critical(self) -> None:
        assert self.severity("CG101", Severity.HIGH, account="210987654321") is Severity.CRITICAL
        assert self.severity("CG107", Severity.HIGH, account="210987654321") is Severity.CRITICAL

    def test_a_strangers_is_high(self) -> None:
        assert self.severity("CG103", Severity.CRITICAL, account="111122223333") is Severity.HIGH
        assert self.severity("CG101", Severity.MEDIUM, account="111122223333") is Severity.MEDIUM

    def test_a_canary_is_low(self) -> None:
        assert self.severity("CG103", Severity.LOW, account="052310077262", kind="canary") is Severity.LOW
        policy = Policy(rules={"CG103": RuleSetting(severity=Severity.CRITICAL)})
        canary = finding("CG103", severity=Severity.LOW, attributes={"kind": "canary"})
        assert verdict(policy, canary).finding.severity is Severity.LOW

    def test_without_an_account(self) -> None:
        assert self.severity("CG103", Severity.CRITICAL, account=None) is Severity.CRITICAL

    def test_a_dead_key_of_ours_stays_low(self) -> None:
        assert self.severity("CG108", Severity.LOW, account="210987654321") is Severity.LOW

    def test_nobody_is_a_stranger_without_own_accounts(self) -> None:
        one = finding("CG103", severity=Severity.CRITICAL, attributes={"account": "111122223333"})
        assert verdict(Policy(), one).finding.severity is Severity.CRITICAL


class TestSuppressed:
    def test_in_this_order(self) -> None:
        one = finding(inline="comment")
        assert verdict(Policy(), one, allowed="entry", listed="line").outcome == "inline"
        assert verdict(Policy(), allowed="entry", listed="line").reason == "entry"
        assert verdict(Policy(), listed="line").outcome == "baseline"
        assert verdict(Policy(), finding(known="in HEAD")).reason == "in HEAD"

    def test_an_exception_by_value(self) -> None:
        entry = Allow("why", fingerprint=MARK)
        assert entry.is_applicable(finding(), "anywhere") and entry.is_applicable(finding("CG103"), "x")
        assert not entry.is_applicable(finding(fingerprint="f" * 32), "x")
        assert not replace(entry, rule="CG102").is_applicable(finding(), "x")

    def test_an_exception_by_path(self) -> None:
        entry = Allow("why", "CG101", path="tests/**")
        assert entry.is_applicable(finding(), "tests/a.py")
        assert not entry.is_applicable(finding(), "src/a.py") and not entry.is_applicable(
            finding("CG102"), "tests/a.py"
        )


class TestDigest:
    def test_says_what_counts(self) -> None:
        policies = [
            Policy(), Policy(Severity.LOW), Policy(rules={"CG101": OFF}), Policy(rules={"CG101": ON}),
            Policy(stages={"ci": Action.WARN}), Policy(exclude=("a",)),
            Policy(own_accounts=frozenset({"210987654321"})),
            Policy(allow=(Allow("why", fingerprint=MARK),)), Policy(allow=(Allow("other", fingerprint=MARK),)),
            Policy(allow=(Allow("why", fingerprint=MARK, expires=date(2027, 1, 1)),)), Policy(baseline="x"),
            Policy(exclude=("a", "b")), Policy(exclude=("b", "a")), Policy(foreign_markers=False),
        ]  # fmt: skip
        assert len({policy.digest for policy in policies}) == len(policies)

    def test_and_nothing_else(self) -> None:
        here, there = Allow("why", fingerprint=MARK, source=("a", 1)), Allow("why", fingerprint=MARK, source=("b", 9))
        other = Allow("why", fingerprint="f" * 32)
        assert Policy(allow=(here, other)).digest == Policy(allow=(other, there)).digest
        assert Policy(stages={"ci": Action.BLOCK}).digest == Policy().digest


def test_the_limits_are_those_of_the_readers() -> None:
    assert (Policy().file_size, Policy().depth) == (files.DEFAULT_LIMIT, archives.DEPTH)


def test_exit_code() -> None:
    missing = Coverage(skipped=[Skip("a", "gone")])
    assert exit_code([Verdict(finding(), Outcome.REPORT)], missing) == 1
    silent = [Verdict(finding(), Outcome.ALLOWED, "x"), Verdict(finding("CG001"), Outcome.REPORT)]
    assert exit_code(silent, missing) == 3
    assert exit_code([Verdict(finding(), Outcome.BASELINE, "x")], Coverage()) == 0
