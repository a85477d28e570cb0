"""Lays what policy files say over each other: single values replace, lists and tables add up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from credguard.model.findings import Severity
from credguard.model.limit_reasons import DEPTH, FILE_SIZE
from credguard.policy.model import Policy, RuleSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Layer = Mapping[str, Any]


def merge_layer(base: Policy, layer: Layer) -> Policy:
    """The policy that a file's values make of the one that it extends."""
    paths, limits = layer.get("paths", {}), layer.get("limits", {})
    return replace(
        base,
        fail_on=Severity[layer["fail-on"].upper()] if "fail-on" in layer else base.fail_on,
        rules=_merge_rules(base.rules, layer.get("rules", {})),
        stages={**base.stages, **layer.get("stages", {})},
        unreadable=(*base.unreadable, *paths.get("unreadable", ())),
        exclude=(*base.exclude, *paths.get("exclude", ())),
        paths=(*base.paths, *paths.get("rules", {}).items()),
        own_accounts=base.own_accounts.union(layer.get("accounts", {}).get("own", ())),
        rotation_days=layer.get("rotation-days", base.rotation_days),
        file_size=limits.get("file-size", base.file_size),
        depth=limits.get("depth", base.depth),
        chosen_limits=base.chosen_limits.difference(limits).union(_list_lowered(limits)),
        foreign_markers=layer.get("markers", {}).get("foreign", base.foreign_markers),
        baseline=layer.get("baseline", base.baseline),
        pins=base.pins.union(layer.get("enforcement", {}).get("pins", ())),
        agent_mode=layer.get("agent", {}).get("mode", base.agent_mode),
        agent_on_error=layer.get("agent", {}).get("on-error", base.agent_on_error),
        allow=(*base.allow, *layer.get("allow", ())),
        custom=tuple({rule.id: rule for rule in (*base.custom, *layer.get("custom-rules", ()))}.values()),
    )


def _list_lowered(limits: Mapping[str, Any]) -> Iterator[str]:
    """The limits below what holds without a policy: what they leave out is left out by choice."""
    usual = {FILE_SIZE: Policy().file_size, DEPTH: Policy().depth}
    return (name for name, value in limits.items() if value < usual[name])


def _merge_rules(base: Mapping[str, RuleSetting], over: Mapping[str, object]) -> dict[str, RuleSetting]:
    given = cast("Mapping[str, RuleSetting]", over)
    return {**base, **{rule: setting.merge_onto(base.get(rule, RuleSetting())) for rule, setting in given.items()}}
