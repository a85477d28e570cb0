"""Locates stored AWS access keys in GitHub workflows and composite actions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws.static_keys import KeyPart, has_foreign_endpoint, has_other_maker_host, is_foreign, match_key_part
from credguard.lazy_re import compile_lazily
from credguard.rules.infrastructure._ci_keys import KeyUse, find_text_line, flatten_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.parsers.document import Node

    Entry = tuple[int, KeyPart, str, str]  # line, half, context (secrets, vars, inputs), name

_EXPRESSION = compile_lazily(r"\$\{\{(.{1,400}?)\}\}", re.DOTALL)
_STORED = compile_lazily(r"\b(secrets|vars|inputs)\s{0,4}(?:\.\s{0,4}([\w-]{1,100})|\[\s{0,4}['\"]?([\w.-]{1,100}))")
_NAME_BEFORE = compile_lazily(r"([A-Za-z][\w.\-]{2,100})[\"']?[ \t]{0,4}[:=, ][ \t]{0,4}[\"']?$")
_ACTION = compile_lazily(r"[\w.\-]{1,100}(?:/[\w.\-]{1,100}){1,6}")
_PASSED_OVER = frozenset(("if", "name", "description", "id", "uses", "shell", "working-directory"))
_LABEL = compile_lazily(r"[\w.\-]{1,80}")


def find_key_uses(document: Node) -> Iterator[KeyUse]:
    """Every part of a workflow or composite action that gets a key from secrets, variables or inputs."""
    top = document.get("env")
    outer = flatten_node(top) if top else ""
    if top:
        yield from _build_use(top, "the workflow", "its environment", document, outer)
    jobs = document.get("jobs")
    for key, job in jobs.pairs if jobs else ():
        label = "job " + _match_label(key.text)
        env = job.get("env")
        around = outer + "\n" + (flatten_node(env) if env else "")
        if env:
            yield from _build_use(env, label, "its environment", job, around)
        yield from _find_in_job(job, label, around)
    runs = document.get("runs")
    if runs:
        yield from _find_in_job(runs, "the action", outer)


def _find_in_job(job: Node, label: str, around: str) -> Iterator[KeyUse]:
    """The secrets that a job passes to a reusable workflow, its containers' environments, and its steps."""
    called = job.get("uses")
    for name in ("secrets", "with"):
        handed = job.get(name)
        if handed and called:
            yield from _build_use(handed, label, _match_action(called), handed, around)
    services = job.get("services")
    containers = [job.get("container"), *(value for _, value in (services.pairs if services else ()))]
    for container in containers:
        env = container.get("env") if container else None
        if container and env:
            yield from _build_use(env, label, "its environment", container, around)
    steps = job.get("steps")
    for step in steps.items if steps else ():
        taker = step.get("uses")
        yield from _build_use(step, label, _match_action(taker) if taker else "a script", step, around)


def _match_action(node: Node) -> str:
    found = _ACTION.search(node.text)
    return found[0] if found else "an action"


def _match_label(text: str) -> str:
    found = _LABEL.match(text)
    return found[0] if found else "?"


def _build_use(node: Node, where: str, taker: str, holder: Node, around: str) -> Iterator[KeyUse]:
    """The node as one use, if it gets a stored key for AWS."""
    entries = sorted(_iter_entries(node), key=lambda entry: entry[0])
    secrets = [entry for entry in entries if entry[2] != "inputs"]
    if len(secrets) < len(entries) and any(half is KeyPart.TOKEN for _, half, _, _ in entries):
        entries = secrets  # callers may pass temporary credentials
    entries = [entry for entry in entries if entry[1] is not KeyPart.TOKEN]
    if not secrets and not any(half is KeyPart.SECRET for _, half, _, _ in entries):
        return
    if (
        not entries
        or has_foreign_endpoint(flatten_node(node) + "\n" + around)
        or has_other_maker_host(flatten_node(holder))
    ):
        return
    taker = _pick_taker(node, taker, entries[0][0])
    names = tuple(dict.fromkeys(name for _, _, _, name in entries))
    yield KeyUse(entries[0][0], where, taker, names, _find_region(node))


def _pick_taker(step: Node, taker: str, line: int) -> str:
    """The environment for a step whose key is there and not in `with`."""
    env = step.get("env")
    return "its environment" if env and any(key.line == line for key, _ in env.pairs) else taker


def _iter_entries(node: Node) -> Iterator[Entry]:
    """What the mappings below set from a store, by name, and what scripts set."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        waiting.extend(reversed(one.items))
        for key, value in one.pairs:
            if key.text in _PASSED_OVER:
                continue
            if value.kind == "scalar":
                yield from _read_scalar(key, value)
            else:
                waiting.append(value)
        for item in one.items:
            if item.kind == "scalar":
                yield from _read_text(item.text, find_text_line(item), "")


def _read_scalar(key: Node, value: Node) -> Iterator[Entry]:
    single = "\n" not in value.text.strip()
    yield from _read_text(value.text, key.line if single else find_text_line(value), key.text)


def _read_text(text: str, line: int, name: str) -> Iterator[Entry]:
    """The stored names that a text's expressions read, if they or the words before them name a key."""
    if "${{" not in text:
        return
    for found in _EXPRESSION.finditer(text):
        before = _NAME_BEFORE.search(text[max(0, found.start() - 120) : found.start()])
        own = match_key_part(name) or (match_key_part(before[1]) if before else None)
        for stored in _STORED.finditer(found[1]):
            word = stored[2] or stored[3] or ""
            half = match_key_part(word) or own
            if half and not is_foreign(word) and not is_foreign(name):
                yield line + text.count("\n", 0, found.start()), half, stored[1], word


def _find_region(step: Node) -> str:
    settings = step.get("with")
    region = settings.get("aws-region") if settings else None
    return region.text if region and re.fullmatch(r"[a-z]{2}(?:-[a-z]+){1,3}-\d", region.text) else ""
