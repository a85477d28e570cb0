"""Stages of GitLab's pipelines: which jobs make a job wait for a manual action."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credguard.parsers.document import Node


def find_stages_before(document: Node, job: Node) -> tuple[str, frozenset[str]]:
    """The stage of a job (empty if unknown), and those that have to end before it starts; none for a job with its own
    `needs`."""
    listed = document.get("stages")
    named = [item.text for item in listed.items] if listed and listed.items else ["build", "test", "deploy"]
    every = [".pre", *named, ".post"]
    own = job.get("stage")
    stage = own.text if own else "" if job.get("extends") else "test"
    if stage not in every:
        return "", frozenset()
    return stage, frozenset(() if job.get("needs") else every[: every.index(stage)])


def extract_gate(job: Node, stages: frozenset[str]) -> Node | None:
    """The part of a GitLab job in one of these stages that makes later jobs wait for a manual action."""
    stage = job.get("stage")
    if not stages or (stage.text if stage else "test") not in stages:
        return None
    rules, fails = job.get("rules"), job.get("allow_failure")
    if fails and fails.text.lower() == "true":
        return None
    waits = any(_waits(rule) and not rule.get("allow_failure") for rule in rules.items) if rules else False
    if not waits and not (_waits(job) and fails):  # whose failure is ignored anyway
        return None
    pairs = tuple((key, value) for key, value in job.pairs if key.text in ("when", "allow_failure", "rules"))
    return replace(job, pairs=pairs)


def _waits(node: Node) -> bool:
    when = node.get("when")
    return when is not None and when.text == "manual"
