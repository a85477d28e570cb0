"""What the destination of a push is known to have: by its URL, not by the name of a remote.

Tracking refs show what a fetch URL had (git-fetch, "CONFIGURED REMOTE-TRACKING BRANCHES"). They are trusted only if the
push goes to exactly that URL, and if nothing indicates that they were fetched from elsewhere. Anything uncertain is
scanned.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob
from credguard.sources import files
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credguard.git.repository import Git

    Pushed = Sequence[tuple[str, str]]

_TRACKING = "refs/remotes/"
_FORGES = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org")
"""Hosts where a path is the same repository, whatever the protocol."""
_ADDRESS = compile_lazily(r"(?:(?:https?|ssh|git)://)?(?:[^/@]*@)?([^/:@]+)(?::\d+)?[:/]+(.*)")
_USER = compile_lazily(r"\A((?:[A-Za-z][A-Za-z0-9+.\-]*://)?)[^/@]*@")
_LARGEST_FETCH_HEAD = 32 << 20
_FETCHED = compile_lazily(rb"([0-9a-f]{40,64})\t[^\t\n]*\t(?:.* of )?(\S.*)")
_FIRST_WORDS = (
    "log", "--walk-reflogs", "-z", "--format=%gs", "--no-show-signature", "--no-patch", "--no-color", "--no-notes",
    "--no-mailmap", "--end-of-options",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Spec:
    """One fetch refspec: the remote's ref (or a pattern with `*`), and its local ref."""

    source: str
    target: str
    negative: bool = False

    @classmethod
    def parse(cls, text: str) -> _Spec:
        """The refspec of a setting."""
        if text.startswith("^"):
            return cls(text[1:], "", negative=True)
        source, _, target = text.removeprefix("+").partition(":")
        return cls(source, target)

    def find_source(self, ref: str) -> str | None:
        """The remote's ref of the local `ref`, None if this refspec does not map to it."""
        return _map_ref(self.target, self.source, ref) if self.target else None

    def has_source(self, ref: str) -> bool:
        """True if it includes the remote's ref."""
        return _map_ref(self.source, self.source, ref) is not None


def list_known_commits(repository: Git, remote: str, url: str, pushed: Pushed = ()) -> list[str]:
    """The commits that tracking refs show to be at `url`, the destination of a push via `remote`; `pushed` are the
    remote's refs that git is about to update, with their current object IDs there. Raises GitError."""
    urls, specs = _read_remotes(repository)
    if not url or remote.startswith("-") or remote not in specs or not _is_only_place(repository, remote, url):
        return []
    others = [spec for name in specs if name != remote and url not in urls.get(name, ()) for spec in specs[name]]
    refs = _list_tracking_refs(repository, specs[remote], others)
    fetched = _read_fetch_head(repository)
    here = [oid for oid, place in fetched if place == _normalize_url(url)]
    begun = _find_clone_url(repository, remote)
    if begun and begun not in {_normalize_url(place) for place in (url, *urls.get(remote, ()))}:
        return here  # the remote has another URL since; what came from the old one proves nothing about the new one
    places = {_normalize_url(_get_fetch_url(repository, name)) for name in urls} if fetched and not here else set()
    if fetched and not here and not any(place in places for _, place in fetched):
        return []
    wrong = {ref for ref, (oid, source) in refs.items() if not _is_consistent(repository, oid, source, pushed)}
    if wrong and not here and not begun:
        return []
    return list(dict.fromkeys(oid for ref, (oid, _) in refs.items() if ref not in wrong))


def _read_remotes(repository: Git) -> tuple[dict[str, list[str]], dict[str, list[_Spec]]]:
    """URLs and fetch refspecs of every remote."""
    urls: dict[str, list[str]] = {}
    specs: dict[str, list[_Spec]] = {}
    for record in repository.split(
        repository.run("config", "-z", "--get-regexp", r"^remote\..*\.(url|fetch)$", ok=(0, 1))
    ):
        key, _, value = record.partition("\n")
        name, _, what = key.removeprefix("remote.").rpartition(".")
        if what == "url":
            urls.setdefault(name, []).append(value)
        else:
            specs.setdefault(name, []).append(_Spec.parse(value))
    return urls, specs


def _is_only_place(repository: Git, remote: str, url: str) -> bool:
    """True if the remote is fetched from `url`, and no push via it goes elsewhere: git records any push to a remote in
    its tracking refs, whatever the destination."""
    pushes = repository.run("remote", "get-url", "--push", "--all", "--", remote, ok=(0, 2, 128))
    fetch = _get_fetch_url(repository, remote)
    return bool(fetch) and all(_is_same_place(fetch, one) for one in (url, *decode_path(pushes).splitlines()))


def _get_fetch_url(repository: Git, remote: str) -> str:
    """The URL that a fetch uses, after `url.*.insteadOf`; "" for no remote."""
    found = repository.run("remote", "get-url", "--", remote, ok=(0, 2, 128))
    return decode_path(found.removesuffix(b"\n"))


def _is_same_place(one: str, other: str) -> bool:
    """True if two URLs are certainly of the same location."""
    return one == other or (_parse_forge_url(one) is not None and _parse_forge_url(one) == _parse_forge_url(other))


def _parse_forge_url(url: str) -> tuple[str, str] | None:
    found = _ADDRESS.fullmatch(url)
    if not found or found[1].lower() not in _FORGES:
        return None
    return found[1].lower(), found[2].rstrip("/").removesuffix(".git")


def _list_tracking_refs(repository: Git, own: Sequence[_Spec], others: Sequence[_Spec]) -> dict[str, tuple[str, str]]:
    """The tracking refs that belong to one remote alone: object ID, and the corresponding ref of the remote."""
    found: dict[str, tuple[str, str]] = {}
    listed = repository.run("for-each-ref", "--format=%(objectname) %(refname) %(symref)", _TRACKING)
    for line in decode_path(listed).split("\n"):
        oid, _, names = line.partition(" ")
        ref, _, link = names.partition(" ")
        sources = [source for spec in own if (source := spec.find_source(ref)) is not None] if ref and not link else []
        kept = len(set(sources)) == 1 and not any(spec.negative and spec.has_source(sources[0]) for spec in own)
        if kept and not any(spec.find_source(ref) is not None for spec in others):
            found[ref] = oid, sources[0]
    return found


def _map_ref(pattern: str, other: str, ref: str) -> str | None:
    """The other pattern with the `*` part of `ref`, which matches the pattern; None if it does not match."""
    if "*" not in pattern:
        return other if ref == pattern else None
    head, _, tail = pattern.partition("*")
    if not ref.startswith(head) or not ref.endswith(tail) or len(ref) < len(head) + len(tail):
        return None
    return other.replace("*", ref[len(head) : len(ref) - len(tail)], 1)


def _is_consistent(repository: Git, oid: str, source: str, pushed: Pushed) -> bool:
    """False if git reports that the remote's ref is neither what its tracking ref shows nor an ancestor of it."""
    there = dict(pushed).get(source, oid)
    return there == oid or bool(there.strip("0") and repository.is_ancestor(oid, there))


def _read_fetch_head(repository: Git) -> list[tuple[str, str]]:
    """Object IDs and URLs of the last fetch (FETCH_HEAD)."""
    path = os.path.join(repository.layout.git_dir, "FETCH_HEAD")
    item = files.read(path, "FETCH_HEAD", _LARGEST_FETCH_HEAD)
    lines = item.data.split(b"\n") if isinstance(item, Blob) else []
    matches = filter(None, map(_FETCHED.fullmatch, lines))
    return [(match[1].decode(), _normalize_url(decode_path(match[2]))) for match in matches]


def _find_clone_url(repository: Git, remote: str) -> str:
    """The URL of the original clone, according to its reflog; "" if unknown."""
    words = repository.split(repository.run(*_FIRST_WORDS, f"{_TRACKING}{remote}/HEAD", "--", ok=(0, 128)))
    first = words[-1] if words else ""
    return _normalize_url(first.removeprefix("clone: from ")) if first.startswith("clone: from ") else ""


def _normalize_url(url: str) -> str:
    """The URL as git writes it to FETCH_HEAD: without user, trailing slashes and `.git`."""
    return _USER.sub(r"\1", url).rstrip("/").removesuffix(".git")
