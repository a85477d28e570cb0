"""The calls of credguard that a change alters, and how."""

from __future__ import annotations

import posixpath
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from credguard.ci import systems
from credguard.enforcement.conditions import SHRUGS
from credguard.enforcement.tree_diff import (
    TreeDifference,
    canonicalize,
    find_differences,
    format_differences,
    format_key,
    redact_text,
)
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from credguard.enforcement.call_sites import Site
    from credguard.enforcement.calls import Calls

_NAMED = 80


class RemovedCall(NamedTuple):
    """A call of credguard that a change alters: its file, a description that continues "the change", the location, and
    an identity of exactly this difference."""

    path: str
    words: str
    place: str
    line: int
    identity: str


def find_removed_calls(before: Calls, after: Calls, pins: Collection[str] = ()) -> Iterator[RemovedCall]:
    """Each call of `before` that differs in `after`, in itself or in what it inherits; calls with the same differences
    are one. A revision that is among `pins` may replace another of the same origin."""
    seen: set[str] = set()
    for path, sites in before.sites.items():
        for site, now in _pair_sites(path, sites, before, after):
            taken = _compare_sites(site, now, pins) if now else _describe_removal(site, after)
            if taken and taken.identity not in seen:
                seen.add(taken.identity)
                yield taken


def _pair_sites(path: str, sites: tuple[Site, ...], before: Calls, after: Calls) -> Iterator[tuple[Site, Site | None]]:
    """Each changed call of a file, with its replacement."""
    broken = after.find_problem(path) and not before.find_problem(path)
    there = {} if broken else {_make_key(site): site for site in after.sites.get(path, ())}
    keys = {_make_key(site): site for site in sites}
    free = {key: site for key, site in there.items() if key not in keys}
    for key, site in keys.items():
        same = there.get(key)
        if same:
            if same.flaws - site.flaws:
                yield site, same
        elif not _is_moved(site, after):
            now = _find_counterpart(site, list(free.values()))
            free = {key: one for key, one in free.items() if one is not now}
            yield site, now


def _make_key(site: Site) -> object:
    return tuple(sorted((path, canonicalize(node)) for path, node in site.parts.items()))


def _is_moved(site: Site, after: Calls) -> bool:
    """True if another file of the same system makes the same call in the same way."""
    system, folder = systems.find_settings_system(site.path), posixpath.dirname(site.path)
    if system != "github":
        return False
    wanted = _make_nameless_key(site)
    return any(
        _make_nameless_key(other) == wanted
        for path, sites in after.sites.items()
        if path != site.path and posixpath.dirname(path) == folder
        for other in sites
    )


def _make_nameless_key(site: Site) -> object:
    return tuple(sorted(("" if path == site.path else path, canonicalize(node)) for path, node in site.parts.items()))


def _find_counterpart(site: Site, found: list[Site]) -> Site | None:
    """The call that is most similar to an old one."""
    same = [one for one in found if one.label == site.label]
    near = [one for one in found if one.label.partition("[")[0] == site.label.partition("[")[0]]
    if site.label.startswith(("scripts.", "repos")) and not same:
        near = [one for one in near if one.calls == site.calls] or ([] if site.label.startswith("scripts.") else near)
    return next(iter(same or near or found), None)


def _compare_sites(site: Site, now: Site, pins: Collection[str]) -> RemovedCall | None:
    every = [*find_differences(site.parts, now.parts), *_iter_new_flaws(site, now)]
    found = [one for one in every if not _is_pinned(one, now, pins)]
    if not found:
        return None
    if _is_stricter(site, now, found):
        return None
    first = found[0]
    where = f" ({format_key(site.label)[:_NAMED]})" if site.label else ""
    text = f"changes how {site.path} calls credguard{where}: {format_differences(found)}"
    return RemovedCall(site.path, text, first.path, first.line, _compute_identity(site, found))


def _iter_new_flaws(site: Site, now: Site) -> Iterator[TreeDifference]:
    for flaw in sorted(now.flaws - site.flaws):
        yield TreeDifference(
            site.path, "", f"cannot be read by GitHub for {flaw}", now.line, flaw.encode("utf-8", "replace")
        )


def _is_stricter(site: Site, now: Site, found: list[TreeDifference]) -> bool:
    """True if a call's failure was certainly ignored, and the only difference is that it now counts."""
    if site.enforces or not now.enforces or [one.words for one in site.calls] != [one.words for one in now.calls]:
        return False
    return all(_only_hardens(one) for one in found)


def _only_hardens(one: TreeDifference) -> bool:
    key = one.key.rpartition(".")[2].partition("[")[0]
    if key in SHRUGS:
        return True
    if one.old is None:
        return False
    return _SHRUG.sub("", one.old).strip() == (one.new or "").strip()


_SHRUG = compile_lazily(
    r"[ \t]*\|\|[ \t]*(?:true|:|exit 0|echo[^\n|;&]*)[ \t]*$|^[ \t]*(?:set \+e|true|exit 0)[ \t]*$", re.MULTILINE
)


def _describe_removal(site: Site, after: Calls) -> RemovedCall:
    why = after.explain_absence(site.path)
    where = f" in {format_key(site.label)[:_NAMED]}" if site.label else ""
    text = f"makes that {site.path} no longer calls {_format_calls(site)}{where}" + (f": it {why}" if why else "")
    line = 1 if why else site.line
    return RemovedCall(site.path, text, site.path, line, f"{site.path} gone {site.label} {why}")


def _compute_identity(site: Site, found: list[TreeDifference]) -> str:
    return f"{site.path} {blake2b(b''.join(one.identity for one in found), digest_size=12).hexdigest()}"


def _is_pinned(one: TreeDifference, now: Site, pins: Collection[str]) -> bool:
    """True if only a revision differs, and the new one is pinned."""
    if one.old is None or one.new is None or not pins:
        return False
    if one.key.rpartition(".")[2] == "rev":
        tree = now.parts[one.path]
        sources = [value.text for node in tree.walk() for key, value in node.pairs if key.text == "repo"]
        return any(f"{source}@{one.new}" in pins for source in sources)
    for pin in pins:
        name, mark, _ = pin.rpartition("==") if "==" in pin else pin.rpartition("@")
        pattern = rf"(?<![\w./-]){re.escape(name + mark)}[\w.+-]+" if name else ""
        if pattern and re.sub(pattern, lambda _, pin=pin: pin, one.old) == one.new:  # type: ignore[misc]
            return True
    return False


def _format_calls(site: Site) -> str:
    """Describes what is called."""
    found = {redact_text(call.words, "uses") for call in site.calls if call.words}
    return ", ".join(sorted(found)) or "credguard"
