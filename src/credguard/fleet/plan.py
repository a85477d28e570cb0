"""The plan of a fleet: which repositories are to be scanned, one line of JSON for each, without any credential."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from credguard.errors import CredguardError
from credguard.git import clone
from credguard.report import make_printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<authority>[^/]*)(?P<path>.*)", re.DOTALL)
_SCP = re.compile(r"(?P<user>[^/\\:\s@]+)@(?P<host>[^/\\:\s@]+):(?P<path>.*)", re.DOTALL)
_ID = re.compile(r"[0-9a-f]{16}")
_LARGEST_PLAN = 256 << 20
_KINDS = {"size": int, "archived": bool, "fork": bool}


@dataclass(frozen=True, slots=True)
class PlannedRepository:
    """A repository of the plan: `id` names its result in the store, `address` is a URL or an absolute path without a
    credential, `name` what reports call it; the rest is what its host says, `size` in bytes (0: unknown)."""

    id: str
    address: str
    name: str
    size: int = 0
    default_branch: str = ""
    archived: bool = False
    fork: bool = False
    visibility: str = ""
    pushed_at: str = ""


def make_entry(
    address: str, *, size: int = 0, default_branch: str = "", archived: bool = False, fork: bool = False,
    visibility: str = "", pushed_at: str = "",
) -> PlannedRepository:  # fmt: skip
    """The entry of an address; raises CredguardError, which does not repeat it, for one that holds a credential or that
    git would not simply fetch."""
    check_address(address)
    key = _normalize(address)
    return PlannedRepository(
        blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest(), address, make_printable(key),
        max(0, size), default_branch, archived, fork, visibility, pushed_at,
    )  # fmt: skip


def check_address(address: str) -> None:
    """Raises CredguardError unless the address is an absolute path, or a URL that holds no credential."""
    if re.search(r"[\x00-\x1f\x7f]", address):
        raise CredguardError("an address has a control character", "check the list")
    if not clone.is_url(address):
        if not os.path.isabs(address):
            raise CredguardError("an address is neither a URL nor an absolute path", "check the list")
        return
    clone.refuse_address(address)
    found = _URL.fullmatch(address)
    user, _, _ = found["authority"].rpartition("@") if found else ("", "", "")
    is_web = bool(found) and address[:4].lower() == "http"
    if (user and (is_web or ":" in user)) or "@" in (found["path"] if found else "") or re.search(r"[?#;]", address):
        raise CredguardError(
            "an address holds a user, a password or parameters", "give it without: git's credential helper has them"
        )


def _normalize(address: str) -> str:
    """What all spellings of an address have in common: host and path, or the folder without links."""
    url, copied = _URL.fullmatch(address), _SCP.fullmatch(address)
    if url and url["scheme"].lower() == "file":
        return os.path.realpath(clone.parse_file_url(address))
    if url:
        return url["authority"].rpartition("@")[2].lower() + url["path"].rstrip("/").removesuffix(".git").rstrip("/")
    if copied:
        return f"{copied['host'].lower()}/{copied['path'].strip('/').removesuffix('.git')}"
    return os.path.realpath(address)


def order_entries(entries: Iterable[PlannedRepository]) -> list[PlannedRepository]:
    """The entries by name, each once; those that would be called alike get their ID into the name."""
    by_id = {entry.id: entry for entry in entries}
    names: dict[str, int] = {}
    for entry in by_id.values():
        names[entry.name] = names.get(entry.name, 0) + 1
    unique = (replace(one, name=f"{one.name} ({one.id})") if names[one.name] > 1 else one for one in by_id.values())
    return sorted(unique, key=lambda entry: (entry.name, entry.id))


def format_plan(entries: Sequence[PlannedRepository]) -> bytes:
    """The plan as lines of JSON."""
    return b"".join(json.dumps(asdict(entry)).encode() + b"\n" for entry in entries)


def parse_plan(data: bytes, name: str) -> list[PlannedRepository]:
    """The entries of a plan; raises CredguardError, which names the line and quotes nothing of it."""
    if len(data) > _LARGEST_PLAN:
        raise CredguardError(f"{name} is over {_LARGEST_PLAN >> 20} MiB", "check the name")
    entries: list[PlannedRepository] = []
    known: set[str] = set()
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            entry = _parse_line(line, f"{name}:{number}")
            if entry.id in known:
                raise CredguardError(f"{name}:{number}: this repository is there twice", "make the plan anew")
            known.add(entry.id)
            entries.append(entry)
    if not entries:
        raise CredguardError(f"{name} plans no repository", "make one with `credguard fleet plan`")
    return entries


def _parse_line(line: bytes, place: str) -> PlannedRepository:
    try:
        fields = json.loads(line)
        entry = PlannedRepository(**{name: _KINDS.get(name, str)(value) for name, value in fields.items()})
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise CredguardError(f"{place}: no entry of a plan", "make one with `credguard fleet plan`") from None
    try:
        check_address(entry.address)
    except CredguardError as error:
        raise CredguardError(f"{place}: {error.message}", error.hint) from None
    if not _ID.fullmatch(entry.id) or entry.id != make_entry(entry.address).id:
        raise CredguardError(f"{place}: the ID is not that of the address", "make the plan anew")
    return replace(entry, name=make_printable(entry.name))


def read_plan(path: str) -> list[PlannedRepository]:
    """The entries of a plan in a file; raises CredguardError."""
    try:
        with open(path, "rb") as handle:
            return parse_plan(handle.read(_LARGEST_PLAN + 1), path)
    except OSError as error:
        raise CredguardError(f"{path} could not be read: {error.strerror}", "check the name") from error
