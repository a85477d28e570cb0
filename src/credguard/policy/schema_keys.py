"""The table of everything that a policy may say.

It validates; the JSON Schema and the reference page come from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from credguard.model.findings import Severity
from credguard.policy.custom_rule_values import CustomRules
from credguard.policy.model import (
    ABOUT_THE_RUN,
    BASELINE,
    STAGES,
    Action,
    Allow,
    OnError,
    RuleSetting,
    Unreadable,
    is_whole_credential,
)
from credguard.policy.path_types import Glob, InsidePath
from credguard.policy.value_types import (
    AccountId,
    Choice,
    Day,
    Entries,
    Key,
    ListOf,
    RuleId,
    Size,
    Switch,
    Table,
    Text,
    ValueType,
    WholeNumber,
)
from credguard.rule import Trait
from credguard.rules import EXAMPLE_ID, list_rule_ids

if TYPE_CHECKING:
    from datetime import date

    from credguard.policy.strict_yaml import Value
    from credguard.policy.value_types import ReadingContext, Schema

_SEVERITIES = tuple(severity.label for severity in Severity)
_STAGE_ACTIONS = Table({stage: Key(Choice(*Action), f"what {stage} does with a finding") for stage in STAGES})
_WHOLE_IDS = list_rule_ids(Trait.WHOLE)
_RUN = "says that the run is incomplete; it cannot be set"
_WHOLE = "is about whole credentials, which no path exempts; use `allow` with a fingerprint"


class RuleSettingValue(ValueType):
    """What holds for a rule: a switch, a severity, or a table of both and of actions by stage."""

    words = "on, off, a severity, or a mapping"
    table = Table({
        "enabled": Key(Switch(), "whether the rule reports at all", "on"),
        "severity": Key(Choice(*_SEVERITIES), "the severity of its findings", "the rule's own"),
        "stages": Key(_STAGE_ACTIONS, "what a stage does with its findings", "as in `stages`"),
    })  # fmt: skip

    def _read(self, value: Value, reading: ReadingContext, at: str) -> RuleSetting:
        if value.kind == "text" and value.text in _SEVERITIES:
            return RuleSetting(severity=Severity[value.text.upper()])
        if value.kind == "text" and value.text in ("on", "off", "true", "false"):
            return RuleSetting(enabled=value.text in ("on", "true"))
        if value.kind != "mapping":
            raise reading.make_error(value, at, f"wants {self.words} of enabled, severity and stages")
        read = cast("dict[str, object]", self.table.read(value, reading, at))
        severity = read.get("severity")
        return RuleSetting(
            cast("bool | None", read.get("enabled")),
            Severity[str(severity).upper()] if severity else None,
            cast("dict[str, Action]", read.get("stages", {})),
        )

    def _build_schema(self) -> Schema:
        table = self.table.build_schema() | {"type": "object"}
        return {"anyOf": [{"enum": ["on", "off", True, False, *_SEVERITIES]}, table]}


class AllowValue(ValueType):
    """One entry of `allow`."""

    words = "mappings"
    table = Table({
        "rule": Key(RuleId(ABOUT_THE_RUN, _RUN), "the rule; needed with `path`"),
        "fingerprint": Key(
            Text("a fingerprint of 32 hex digits", "[0-9a-f]{32}"), "the finding's fingerprint, which reports show"
        ),
        "path": Key(
            Glob(), f"instead of a fingerprint: all findings of the rule there; not for {', '.join(_WHOLE_IDS)}"
        ),
        "reason": Key(Text(), "why it may stay; needed"),
        "expires": Key(Day(), "the last day on which it counts (UTC)", "never"),
        "by": Key(Text(), "who decided"),
    }, required=("reason",))  # fmt: skip

    def _read(self, value: Value, reading: ReadingContext, at: str) -> Allow:
        read = cast("dict[str, str]", self.table.read(value, reading, at))
        if ("fingerprint" in read) == ("path" in read):
            raise reading.make_error(value, at, "wants either a fingerprint or a path", "reports show the fingerprint")
        rule = read.get("rule", "")
        if "path" in read and not rule:
            raise reading.make_error(
                value, at, "a path needs a rule beside it", f"add `rule: {EXAMPLE_ID}`, for example"
            )
        if "path" in read and is_whole_credential(rule):
            raise reading.make_error(value, at, f"{rule} {_WHOLE}")
        return Allow(
            read["reason"], rule, read.get("fingerprint", ""), read.get("path", ""),
            cast("date | None", read.get("expires")), read.get("by", ""), (reading.path, value.line),
        )  # fmt: skip

    def _build_schema(self) -> Schema:
        soft = RuleId((*ABOUT_THE_RUN, *_WHOLE_IDS)).build_schema()
        by_path = {"required": ["path", "rule"], "properties": {"rule": soft}}
        return self.table.build_schema() | {"oneOf": [{"required": ["fingerprint"]}, by_path]}


class UnreadableValue(ValueType):
    """One entry of `paths.unreadable`."""

    words = "mappings"
    table = Table({
        "path": Key(Glob(), "the files that cannot be read, now or in the past"),
        "object": Key(
            Text("an object ID of 12 hex digits or more", "[0-9a-f]{12,64}"),
            "instead of a path: an object that the history lacks",
        ),
        "reason": Key(Text(), "why that is known and may stay; needed"),
        "expires": Key(Day(), "the last day on which it counts (UTC)", "never"),
    }, required=("reason",))  # fmt: skip

    def _read(self, value: Value, reading: ReadingContext, at: str) -> Unreadable:
        read = cast("dict[str, str]", self.table.read(value, reading, at))
        if ("object" in read) == ("path" in read):
            raise reading.make_error(value, at, "wants either a path or an object", "reports show both")
        expires, source = cast("date | None", read.get("expires")), (reading.path, value.line)
        return Unreadable(read.get("path", ""), read["reason"], expires, read.get("object", ""), source)

    def _build_schema(self) -> Schema:
        return self.table.build_schema() | {"oneOf": [{"required": ["path"]}, {"required": ["object"]}]}


_PIN = Text("ORIGIN@REVISION as it is written there, or NAME==VERSION", r"[^\s@=]\S{0,290}(?:@|==)[\w.+-]{1,100}")
_RULES = Entries(RuleId(ABOUT_THE_RUN, _RUN), RuleSettingValue())
_RULES_OF_A_PATH = Entries(RuleId((*ABOUT_THE_RUN, *_WHOLE_IDS), _WHOLE), RuleSettingValue())
POLICY_TABLE = Table({
    "version": Key(WholeNumber(1, 1), "the version of this format", "1"),
    "extends": Key(
        ListOf(Text("recommended, strict, or a file such as ./team.yaml"), single=True),
        "policies that this one is laid over, the first at the bottom: packaged ones, or files beside it",
    ),
    "fail-on": Key(Choice(*_SEVERITIES), "the lowest severity that blocks", "medium"),
    "rules": Key(_RULES, "switches rules on and off, sets their severity and what a stage does with them"),
    "stages": Key(_STAGE_ACTIONS, "what a stage does with findings at or above `fail-on`", "block, in every stage"),
    "paths": Key(
        Table({
            "exclude": Key(
                ListOf(Glob()),
                f"paths whose findings do not count, but for those of {', '.join(_WHOLE_IDS)}; what cannot be read"
                " there makes no run incomplete",
            ),
            "unreadable": Key(
                ListOf(UnreadableValue()),
                "files and objects of which it is known that they cannot be read: they make no run incomplete",
            ),
            "rules": Key(Entries(Glob(), _RULES_OF_A_PATH), "settings of rules for the paths that a pattern selects"),
        }),
        "what holds for parts of the repository",
    ),
    "accounts": Key(
        Table({"own": Key(ListOf(AccountId()), "our accounts: their keys are critical, those of others at most high")}),
        "AWS accounts",
    ),
    "rotation-days": Key(WholeNumber(1, 3650), "the age in days at which a key has to be replaced", "90"),
    "limits": Key(
        Table({
            "file-size": Key(Size(), "larger files are not read, and reports name them", "256M"),
            "depth": Key(WholeNumber(0, 100), "how deep archives and encodings inside each other are opened", "5"),
        }),
        "how much is scanned; what a limit below the usual one leaves out makes no run incomplete",
    ),
    "markers": Key(
        Table({
            "foreign": Key(
                Switch(), "whether inline comments of gitleaks, detect-secrets and other scanners count as well", "on"
            ),
        }),
        "inline comments that suppress a finding",
    ),
    "baseline": Key(InsidePath(), "the file of known findings", BASELINE),
    "allow": Key(ListOf(AllowValue()), "recorded exceptions"),
    "enforcement": Key(
        Table({
            "pins": Key(
                ListOf(_PIN),
                "revisions that a change may put in place of another of the same origin where credguard is called",
            ),
        }),
        "the hooks and CI steps that call credguard",
    ),
    "agent": Key(
        Table({
            "mode": Key(Choice(*Action), "what it does with a finding", "block"),
            "on-error": Key(Choice(*OnError), "what it does when it cannot check", "deny"),
        }),
        "the hook of AI agents; read from the commit that is checked out",
    ),
    "custom-rules": Key(CustomRules(), "rules of your own"),
})  # fmt: skip
