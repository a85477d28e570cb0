"""Looks for keys in what AI agents keep in a home folder: transcripts and settings. No content is ever shown."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.model.findings import Blob, Coverage, Detection, Location, Severity, Skip
from credguard.model.limit_reasons import explain_size
from credguard.model.result import Result
from credguard.rule import SECRET_VALUES
from credguard.rules.machine import key_in_agent_transcript, key_in_mcp_config
from credguard.scanning.placement import build_finding
from credguard.sources.agent_files import list_agent_files, list_linked_folders
from credguard.system.compat import open_to_read

if TYPE_CHECKING:
    from credguard.model.findings import Finding
    from credguard.scanning.pipeline import Pipeline
    from credguard.sources.agent_files import AgentFile

RULES = (key_in_agent_transcript.RULE, key_in_mcp_config.RULE)


def examine_agent_files(pipeline: Pipeline, home: str) -> Result:
    """The keys in the files of AI agents in a home folder, each once a file."""
    results = []
    try:
        results += [_examine(pipeline, home, one) for one in list_agent_files(home)]
    except OSError as error:
        place = _shorten(home, error.filename or home)
        results.append(_skip(place, f"could not be listed: {error.strerror}; run as the user who owns it"))
    linked = "is reached by a link, which is not followed; scan the folder it leads to"
    results += [_skip(_shorten(home, os.path.join(home, one)), linked) for one in list_linked_folders(home)]
    if not results:
        note = f"{_shorten(home, home)} has no files of AI agents at the usual places"
        results.append(Result(coverage=Coverage(notes=[note])))
    return Result(rules=frozenset(rule.id for rule in RULES)).merge(*results)


def _examine(pipeline: Pipeline, home: str, one: AgentFile) -> Result:
    path = os.path.join(home, one.path)
    shown = _shorten(home, path)
    _, masks = pipeline.scan_names([shown])
    shown = masks.get(shown, shown)
    try:
        descriptor = open_to_read(path)
        with os.fdopen(descriptor, "rb") as handle:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                return Result()
            if info.st_size > pipeline.limit:
                return _skip(shown, explain_size(info.st_size, pipeline.limit))
            data = handle.read(pipeline.limit)
    except OSError as error:
        return _skip(shown, f"could not be read: {error.strerror}; run as the user who owns it")
    found: dict[str, list[Finding]] = {}
    for finding in pipeline.scanner.scan_blob(Blob(data, shown)):
        if finding.rule_id.startswith(SECRET_VALUES) and finding.severity >= Severity.MEDIUM:
            found.setdefault(finding.fingerprint, []).append(finding)
    findings = tuple(_build(one, shown, every) for every in found.values())
    return Result(findings, Coverage(files=1, blobs=1, bytes=len(data)))


def _build(one: AgentFile, shown: str, every: list[Finding]) -> Finding:
    rule, what = (RULES[0], "a transcript") if one.is_transcript else (RULES[1], "the settings")
    first = every[0]
    line = min(place.line for finding in every for place in finding.locations)
    count = sum(max(1, len({place.line for place in finding.locations})) for finding in every)
    often = f", {count} times" if count > 1 else ""
    detection = Detection(
        f"{what} of {one.agent} holds {first.rule_name}: {first.message}{often}", path=shown, line=line,
        attributes={"agent": one.agent, "places": count}, identity=(first.fingerprint.encode(),),
    )  # fmt: skip
    return replace(build_finding(rule, detection, (Location(shown, line, 1, line, 1),)), context=())


def _skip(path: str, reason: str) -> Result:
    return Result(coverage=Coverage(skipped=[Skip(path, reason)]))


def _shorten(home: str, path: str) -> str:
    own = os.path.expanduser("~")
    if os.path.realpath(home) == os.path.realpath(own):
        rest = os.path.relpath(path, home)
        return "~" if rest == "." else f"~/{rest}".replace(os.sep, "/")
    return path
