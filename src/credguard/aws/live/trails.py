"""Whether CloudTrail records what happens in an account, and whether something reads what it records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from credguard.aws.account_state import CloudTrail, Trails
from credguard.aws.live.answers import TRAILS, Gap, Remark, make_gap
from credguard.aws.live.client import CallError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from credguard.aws.live.client import AwsClient

_EVENTS = "via CloudTrail"
"""What the detail type of EventBridge's events from CloudTrail ends with."""


def iter_trails(client: AwsClient, account: str, regions: Iterable[str], place: str) -> Iterator[Trails | Gap | Remark]:
    """The account's trails and who watches them, and what could not be asked. Raises CallError where no Region tells of
    its trails."""
    asked = _Asked(client, place)
    described = asked.describe(tuple(regions))
    trails = [asked.read(entry) for entry in described]
    watchers: list[str] = []
    for entry, trail in zip(described, trails, strict=True):
        if trail.every_region and trail.logging and trail.management and not watchers:
            watchers = asked.find_watchers(entry)
    found = Trails(account, tuple(trails), tuple(watchers))
    yield from asked.gaps
    if not asked.gaps or (found.list_good() and watchers):  # what is unknown is no finding
        yield found
    if found.list_good() and watchers:
        yield Remark((TRAILS,), f"trail {found.list_good()[0].name}, read by {watchers[0]}")


class _Asked:
    """What was asked, and the gaps of that."""

    def __init__(self, client: AwsClient, place: str) -> None:
        self.client = client
        self.gaps: list[Gap] = []
        self._place = place

    def describe(self, regions: tuple[str, ...]) -> list[Mapping[str, Any]]:
        """The trails that these Regions see, each once; raises CallError."""
        found: dict[str, Mapping[str, Any]] = {}
        for region in regions or ("",):
            answer = self.client.ask("cloudtrail", "describe_trails", region, includeShadowTrails=True)
            for entry in answer.get("trailList", ()):
                found.setdefault(entry.get("TrailARN", entry.get("Name", "")), entry)
        return list(found.values())

    def read(self, entry: Mapping[str, Any]) -> CloudTrail:
        """One trail; what cannot be asked of it is a gap."""
        arn, home = entry.get("TrailARN", ""), entry.get("HomeRegion", "")
        every_region, logging, management = bool(entry.get("IsMultiRegionTrail")), False, False
        try:
            status = self.client.ask("cloudtrail", "get_trail_status", home, Name=arn)
            logging = status.get("IsLogging") is True
            if logging and every_region:
                selectors = self.client.ask("cloudtrail", "get_event_selectors", home, TrailName=arn)
                management = _logs_management(selectors)
        except CallError as error:
            self.gaps.append(make_gap((TRAILS,), error, self._place))
        return CloudTrail(str(entry.get("Name", "")), every_region, logging, management)

    def find_watchers(self, entry: Mapping[str, Any]) -> list[str]:
        """What reads the trail: the first that is found."""
        home = entry.get("HomeRegion", "")
        group = str(entry.get("CloudWatchLogsLogGroupArn") or "")
        ways: list[tuple[Callable[[], bool], str]] = [
            (lambda: _has_rule(self.client, home), "an EventBridge rule"),
            (lambda: _is_guarded(self.client, home), "GuardDuty"),
        ]
        if group:
            ways.insert(0, (lambda: _has_alarm(self.client, group), "a metric filter with an alarm"))
        return next(([words] for has, words in ways if self._try(has)), [])

    def _try(self, has: Callable[[], bool]) -> bool:
        """What is asked; False, with a gap, where that cannot be."""
        try:
            return has()
        except CallError as error:
            self.gaps.append(make_gap((TRAILS,), error, self._place))
            return False


def _logs_management(selectors: Mapping[str, Any]) -> bool:
    """True where all management events are recorded, reads and writes."""
    for one in selectors.get("EventSelectors") or ():
        if one.get("IncludeManagementEvents") and one.get("ReadWriteType", "All") == "All":
            return True
    for one in selectors.get("AdvancedEventSelectors") or ():
        fields = {field.get("Field"): field for field in one.get("FieldSelectors", ())}
        if fields.get("eventCategory", {}).get("Equals") == ["Management"] and "readOnly" not in fields:
            return True
    return False


def _has_alarm(client: AwsClient, group: str) -> bool:
    """True where a metric filter of the log group feeds an alarm that tells somebody."""
    parts = group.split(":")
    region, name = (parts[3], parts[6]) if len(parts) > 6 else ("", group)
    metrics = {
        (metric.get("metricNamespace"), metric.get("metricName"))
        for page in client.iter_pages("logs", "describe_metric_filters", region, logGroupName=name)
        for one in page.get("metricFilters", ())
        for metric in one.get("metricTransformations", ())
    }
    alarms = client.iter_pages("cloudwatch", "describe_alarms", region) if metrics else ()
    return any(
        alarm.get("ActionsEnabled") and alarm.get("AlarmActions") and _get_metric(alarm) in metrics
        for page in alarms
        for alarm in page.get("MetricAlarms", ())
    )


def _get_metric(alarm: Mapping[str, Any]) -> tuple[object, object]:
    return alarm.get("Namespace"), alarm.get("MetricName")


def _is_guarded(client: AwsClient, region: str) -> bool:
    for page in client.iter_pages("guardduty", "list_detectors", region):
        for detector in page.get("DetectorIds", ()):
            if client.ask("guardduty", "get_detector", region, DetectorId=detector).get("Status") == "ENABLED":
                return True
    return False


def _has_rule(client: AwsClient, region: str) -> bool:
    for page in client.iter_pages("events", "list_rules", region):
        for rule in page.get("Rules", ()):
            if rule.get("State", "").startswith("ENABLED") and _is_about_calls(rule.get("EventPattern")):
                return True
    return False


def _is_about_calls(pattern: object) -> bool:
    try:
        kinds = json.loads(str(pattern or "{}")).get("detail-type", ())
    except (ValueError, AttributeError):
        return False
    return any(str(kind).endswith(_EVENTS) for kind in kinds if isinstance(kinds, list))
