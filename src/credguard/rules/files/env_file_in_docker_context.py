"""A Dockerfile copies the .env file into its image.

What it does
    Reads every Dockerfile and Containerfile (continued lines, JSON form, heredocs, ONBUILD) and reports a COPY or ADD
    that copies an env file from the build context: the whole context (`COPY . .`), a folder that contains one, or the
    file by name, unless .dockerignore excludes it. `COPY --from`, remote sources and `--exclude` are handled. The
    context is the one set in a compose file, else the folder of the copied files. `<Dockerfile>.dockerignore` overrides
    .dockerignore, and for a Containerfile .containerignore overrides both. Patterns have their Docker meaning: `.env`
    matches only at the context's root, `**/.env` anywhere; the last match wins. Medium if an env file is in the context
    or its folder uses env files (an example, a loader among the dependencies or in the code, `env_file:`), one finding
    per context; low elsewhere, one finding for all. Env files
    without secrets that a framework commits by convention (see CG201), and ambiguous names, are ignored.

Why it matters
    A copied file stays in the layers of the image, even if a later step deletes it: anyone who can pull the image can
    read the secrets. The context is also sent to the builder, which may be another machine.

How to fix
    Add the lines to .dockerignore, rebuild and delete the old images. Pass the values when the container runs
    (`--env-file`, `env_file:`, the secrets of the platform), or to a build step with `RUN --mount=type=secret`.

References
    https://docs.docker.com/build/concepts/context/#dockerignore-files;
    https://docs.docker.com/build/building/secrets/
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.heuristics.real_values import SecretConfidence, find_secret_variables
from credguard.model.findings import Detection, Severity
from credguard.parsers import dockerfile as _dockerfile
from credguard.parsers import dockerignore
from credguard.parsers.utf16 import has_mark
from credguard.rule import Fix, Rule
from credguard.sources.env_conventions import is_meant_to_be_tracked
from credguard.sources.env_files import (
    EnvFileKind,
    EnvUse,
    find_common_env_files,
    is_compose,
    is_fixture,
    is_vendored,
    list_env_files,
)
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.sources.worktree import WorkTree

_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a Dockerfile copies which env files, relative to the context; `lies` if one exists there now."""

    dockerfile: str
    context: str
    ignore: str
    line: int
    whole: bool
    taken: tuple[str, ...]
    lies: bool


def check_tree(tree: WorkTree) -> Iterator[Detection]:
    """One detection for each build context whose env file is copied."""
    dockerfiles = [path for path in tree.files if _is_built(path)]
    if not dockerfiles:
        return
    composed = {path: context for one in tree.files if is_compose(one) for path, context in _find_builds(tree, one)}
    private, harmless = _split_env_files(tree)
    causes: dict[tuple[str, str], list[_Place]] = {}
    for path in dockerfiles:
        data = tree.read(path) or b""
        context = composed.get(path)
        if context is None:
            context = _dockerfile.find_context(path, data, lambda one: os.path.lexists(tree.resolve_path(one) or ""))
        ignore = _find_ignore_file(tree, path, context)
        place = _find_first_copy(tree, path, data, context, ignore, private, harmless)
        if place:
            causes.setdefault((context, ignore), []).append(place)
    idle: list[_Place] = []
    use = EnvUse(tree)
    for (context, ignore), places in causes.items():
        if any(place.lies for place in places) or use.is_used_in(context):
            yield _build_detection(tree, context, ignore, places, Severity.MEDIUM)
        else:
            idle += places
    if idle:
        yield _build_detection(tree, idle[0].context, idle[0].ignore, idle, Severity.LOW)


def _is_built(path: str) -> bool:
    low = path[path.rfind("/") + 1 :].lower()
    return _dockerfile.is_dockerfile(low) and not is_vendored(path) and not is_fixture(path)


def _find_builds(tree: WorkTree, path: str) -> Iterator[tuple[str, str]]:
    return _dockerfile.find_compose_builds(path, tree.read(path) or b"")


def _split_env_files(tree: WorkTree) -> tuple[set[str], set[str]]:
    """The env files to exclude from images, and those that may be copied."""
    private: set[str] = set()
    harmless: set[str] = set()
    for path, kind in list_env_files(tree.files):
        if kind is EnvFileKind.EXAMPLE or is_fixture(path):
            continue
        if kind in (EnvFileKind.ENV, EnvFileKind.PRIVATE) and not is_meant_to_be_tracked(tree, path):
            private.add(path)
            continue
        best = max(find_secret_variables(tree.read(path) or b"").values(), default=SecretConfidence.NOTHING)
        (
            private
            if best >= (SecretConfidence.WEAK if kind is EnvFileKind.ENV else SecretConfidence.CHOSEN)
            else harmless
        ).add(path)
    return private, harmless


def _find_ignore_file(tree: WorkTree, path: str, context: str) -> str:
    """The ignore file that the builder reads for this Dockerfile."""
    choices = [f"{path}.dockerignore", f"{context}.dockerignore"]
    if "containerfile" in path[path.rfind("/") + 1 :].lower():
        choices.insert(0, f"{context}.containerignore")
    return next((choice for choice in choices if tree.read(choice) is not None), choices[-1])


def _find_first_copy(
    tree: WorkTree, path: str, data: bytes, context: str, ignore: str, private: set[str], harmless: set[str]
) -> _Place | None:
    """The Dockerfile's first copy of an env file that the ignore file does not exclude."""
    skip = len(context)
    lying = {
        one[skip:] for one in {*private, *find_common_env_files(tree, context)} - harmless if one.startswith(context)
    }
    likely = {".env"} if context + ".env" not in harmless else set()
    patterns = dockerignore.parse_dockerignore(tree.read(ignore) or b"")
    sent = [one for one in lying | likely if not dockerignore.is_excluded(patterns, one)]
    for copy in _dockerfile.find_copies(data):
        taken = sorted((one for one in sent if copy.is_copied(one)), key=lambda one: (one.count("/"), one))
        if taken:
            lies = not lying.isdisjoint(taken)
            return _Place(path, context, ignore, copy.line, copy.whole, tuple(taken), lies)
    return None


def _build_detection(tree: WorkTree, context: str, ignore: str, places: list[_Place], severity: Severity) -> Detection:
    lying = [place for place in places if place.lies]
    first = (lying or places)[0]
    what = "the whole build context" if first.whole else "files"
    shown = ", ".join(first.taken[:_NAMED])
    names = shown if first.lies else f"any {shown} in it"
    also = f" (and {len(places) - 1} more do)" if len(places) > 1 else ""
    lines = _build_ignore_lines(first.taken)
    why = _explain_cause(tree, ignore, first.taken[0])
    return Detection(
        f"{first.dockerfile} copies {what} into the image{also}, and with it {names}: {why}",
        severity=severity,
        attributes={
            "context": context or ".", "files": list(first.taken), "ignore_file": ignore, "ignore_lines": lines,
            "dockerfiles": [place.dockerfile for place in places],
        },
        remediation=(
            f"add the lines {', '.join(f'`{line}`' for line in lines)} at the end of {ignore}",
            "pass the values when the container runs, or to a build step with `RUN --mount=type=secret`",
        ),
        path=first.dockerfile, line=first.line, identity=(encode_path(first.dockerfile),),
    )  # fmt: skip


def _explain_cause(tree: WorkTree, ignore: str, path: str) -> str:
    data = tree.read(ignore)
    if data is None:
        return f"there is no {ignore}"
    if has_mark(data):
        return f"{ignore} is UTF-16, which Docker cannot read"
    patterns = dockerignore.parse_dockerignore(data)
    verdict = dockerignore.find_deciding_pattern(patterns, path)
    if verdict is not None:
        return f"line {verdict.line} of {ignore} re-includes it (`!{verdict.text}`)"
    meant = next((p for p in patterns if not p.exception and ".env" in p.text), None)
    if meant is not None:
        return f"`{meant.text}` on line {meant.line} of {ignore} does not match {path}"
    return f"no line of {ignore} excludes it"


def _build_ignore_lines(taken: tuple[str, ...]) -> list[str]:
    usual = [one for one in taken if one.rpartition("/")[2].startswith(".env")]
    lines = ["**/.env", "**/.env.*", "!**/.env.example"] if usual else []
    return lines + [one for one in taken if one not in usual]


RULE = Rule(
    id="CG204",
    name="env-file-in-docker-context",
    severity=Severity.MEDIUM,
    summary="A Dockerfile copies the .env file into its image",
    hint="exclude it in .dockerignore and pass the values when the container runs",
    practices=("P02",),
    fix=Fix.DOCKERIGNORE,
    check_tree=check_tree,
    concerns=r"(?:env|docker|container|compose|\.gitignore)[^/]*$",
    references=(
        "https://docs.docker.com/build/concepts/context/#dockerignore-files",
        "https://docs.docker.com/build/building/secrets/",
    ),
)
