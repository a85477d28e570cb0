"""What a report records of its run beside the result: the commit and remote of what was scanned, and the options."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from credguard.model.findings import ScanResult

FORMATS_WITH_RECORD = ("json", "sarif", "html")
_WITHOUT_FOLDER = ("stdin", "doctor", "fleet")
_OPTIONS = (
    "mode", "whole_files", "rev", "branch", "since", "until", "max_commits", "credential_report", "fail_on", "config",
    "policy_from", "baseline", "select", "ignore", "max_file_size", "include_ignored",
)  # fmt: skip
"""Those that decide what is scanned and what blocks."""
_SECRET_LIKE = compile_lazily(
    r"(?<![A-Za-z0-9])(?:(?=[A-Za-z0-9+/]*[0-9])(?:[A-Za-z0-9+/]{36,}|[A-Za-z0-9]{16,})|[A-Za-z]{30,})"
)
"""What is long enough to be a secret in a name that nothing has scanned, such as that of a branch."""
_COMMITS = compile_lazily(r"[.^]*[0-9a-f]{7,64}(?:[.^]+[0-9a-f]{7,64})?")


def add_record(result: ScanResult, options: argparse.Namespace) -> ScanResult:
    """The result with `checkouts` and `options` in its target."""
    record: dict[str, object] = {"options": list(_list_given_options(options))}
    if result.target.get("kind") not in _WITHOUT_FOLDER:
        record["checkouts"] = _find_checkouts(result)
    return replace(result, target={**result.target, **record})


def _list_given_options(options: argparse.Namespace) -> Iterator[str]:
    for name in _OPTIONS:
        value = getattr(options, name, None)
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            yield flag
        elif value:
            yield from (f"{flag} {_hide(str(one))}" for one in (value if isinstance(value, list) else [value]))


def _hide(text: str) -> str:
    """The text with what may be a secret only by its beginning; commits stay."""
    return text if _COMMITS.fullmatch(text) else _SECRET_LIKE.sub(lambda match: f"{match[0][:4]}****", text)


def _find_checkouts(result: ScanResult) -> list[dict[str, str]]:
    """What the folders that were scanned are checkouts of."""
    from credguard.git.checkout import describe_checkout

    paths = result.target.get("paths", ["."])
    folders = [path for path in map(str, paths if isinstance(paths, list) else ["."]) if os.path.isdir(path)]
    found = [described for folder in folders if (described := describe_checkout(Path(folder)))]
    return [one | ({"branch": _hide(one["branch"])} if "branch" in one else {}) for one in found]
