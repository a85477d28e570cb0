"""The entries of .dockerignore that exclude env files from images, tested with the rule before they are proposed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.fixes.edit import Edit, RefusedError, append_lines, load_text
from credguard.model.findings import Severity
from credguard.rules.files import env_file_in_docker_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.model.findings import Detection
    from credguard.sources.worktree import WorkTree


def build_dockerignore_edits(tree: WorkTree, files: Iterable[str], *, idle: bool) -> tuple[list[Edit], list[str]]:
    """The changes after which no Dockerfile that uses one of these ignore files copies an env file; with `idle` also
    those whose context has no env file yet, of which the rule reports one at a time.

    Then what has to be done by hand.
    """
    wanted, before, after = set(files), dict[str, bytes | None](), dict[str, bytes]()
    refused: dict[str, str] = {}
    while told := [
        one
        for one in _run_rule(tree, after)
        if (_get_ignore_file(one) in wanted or (idle and one.severity is Severity.LOW))
        and _get_ignore_file(one) not in refused
    ]:
        for path in dict.fromkeys(map(_get_ignore_file, told)):
            with _note_refusal(refused, path):
                before.setdefault(path, load_text(tree.root, path))
                lines = dict.fromkeys(
                    line for one in told if _get_ignore_file(one) == path for line in _get_ignore_lines(one)
                )
                after[path] = _append_entries(after.get(path, before[path] or b""), list(lines), again=path in after)
    return [Edit(path, before[path], text) for path, text in after.items()], list(refused.values())


def _append_entries(text: bytes, lines: list[str], *, again: bool) -> bytes:
    """The text with the lines after it; raises RefusedError if they are already there without effect."""
    if again and set(lines) <= set(text.decode("utf-8", "surrogateescape").splitlines()):
        page = f"`credguard explain {env_file_in_docker_context.RULE.id}`"
        raise RefusedError(f"does not exclude the env files with any known entry: see {page}")
    return append_lines(text, lines)


@contextmanager
def _note_refusal(refused: dict[str, str], path: str) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        refused[path] = f"{path} {error}"


def _get_ignore_file(detection: Detection) -> str:
    return str(detection.attributes["ignore_file"])


def _get_ignore_lines(detection: Detection) -> list[str]:
    lines = detection.attributes.get("ignore_lines")
    return [str(line) for line in lines] if isinstance(lines, list) else []


def _run_rule(tree: WorkTree, texts: dict[str, bytes]) -> list[Detection]:
    """What the rule would report if the files had these texts."""

    def read(path: str) -> bytes | None:
        return texts[path] if path in texts else tree.read(path)

    return list(env_file_in_docker_context.check_tree(replace(tree, reader=read, _cache={})))
