"""Which files of the build context a Dockerfile copies, and which folder that context is."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.parsers.dockerignore import IgnorePattern, clean, is_excluded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAME = compile_lazily(r"(?:dockerfile|containerfile)(?:[._-].+)?|.+[._-](?:dockerfile|containerfile)")
_NO_DOCKERFILE = tuple(
    ".dockerignore .containerignore .md .rst .py .go .ts .js .rb .java .rs .json .yml .yaml .txt .html .snap .sh .lua "
    ".vim .png .svg".split()
)
_ESCAPE = compile_lazily(rb"#\s*escape\s*=\s*`", re.IGNORECASE)
_HEREDOC = compile_lazily(rb"(?<!<)<<-?[\"']?([A-Za-z_]\w{0,60})[\"']?")
_INSTRUCTION = compile_lazily(rb"\s*(?:onbuild\s+)?(copy|add|run)\s+(.*)", re.IGNORECASE | re.DOTALL)
_FLAG = compile_lazily(r"\s*--([a-z-]+)(?:=(\S*))?(?=\s|$)")
_REMOTE = compile_lazily(r"[a-z][a-z0-9+.-]*://|git@|<<", re.IGNORECASE)
_LINES = 5000
_BUILD = compile_lazily(rb"^([ \t]*)(?:-[ \t]+)?build[ \t]*:[ \t]*(.*)$", re.MULTILINE)
_KEY = compile_lazily(rb"^([ \t]+)(context|dockerfile)[ \t]*:[ \t]*[\"']?([^\"'\s#]+)", re.MULTILINE)
_SPECIAL = frozenset("*?[\\")
# Folders that contain Dockerfiles and little else: builds are started above them.
_SET_ASIDE = frozenset(
    "docker .docker dockerfiles build builds deploy deployment container containers ci .ci infra ops".split()
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY or ADD from the context: its line, its sources as patterns, and the patterns of `--exclude`."""

    line: int
    sources: tuple[IgnorePattern, ...]
    excluded: tuple[IgnorePattern, ...] = ()

    @property
    def whole(self) -> bool:
        """True if the whole context is copied."""
        return any(source.text == "." for source in self.sources)

    def is_copied(self, path: str) -> bool:
        """True if the path, relative to the context, is copied."""
        taken = self.whole or any(source.is_match(path) for source in self.sources)
        return taken and not is_excluded(self.excluded, path)


def is_dockerfile(low: str) -> bool:
    """True for a Dockerfile's or Containerfile's name, lower-cased."""
    if "dockerfile" not in low and "containerfile" not in low:
        return False
    return _NAME.fullmatch(low) is not None and not low.endswith(_NO_DOCKERFILE)


def find_copies(data: bytes) -> Iterator[Copy]:
    """The instructions that copy from the context; `--from` a stage, remote sources and heredocs do not."""
    for line, name, arguments in iter_instructions(data):
        flags, rest = _parse_flags(arguments.decode("utf-8", "surrogateescape").strip())
        if name != b"run" and not any(flag == "from" for flag, _ in flags):
            sources = tuple(
                _parse_source(word) for word in _split_words(rest)[:-1] if not _REMOTE.match(word) and "$" not in word
            )
            if sources:
                yield Copy(
                    line, sources, tuple(IgnorePattern(clean(value)) for flag, value in flags if flag == "exclude")
                )


def _parse_flags(text: str) -> tuple[list[tuple[str, str]], str]:
    """The leading `--name=value` words, and what follows them."""
    flags = []
    while flag := _FLAG.match(text):
        flags.append((flag[1], flag[2] or ""))
        text = text[flag.end() :].lstrip()
    return flags, text


def _parse_source(word: str) -> IgnorePattern:
    """A source as a pattern; the context itself, in any notation, is `.`."""
    cleaned = clean(word)
    return IgnorePattern("." if cleaned in ("", "/", ".") else cleaned)


def find_context(path: str, data: bytes, exists: Callable[[str], bool]) -> str:
    """The folder, with its `/`, that a Dockerfile is most likely built in.

    That is the folder with the files that it copies by name, its own folder first; otherwise its own, or the parent of
    a folder that is only for Dockerfiles.
    """
    folders = [path[: path.rfind("/") + 1]]
    while folders[-1]:
        folders.append(folders[-1][: folders[-1].rstrip("/").rfind("/") + 1])
    sources = [source.text for copy in find_copies(data) for source in copy.sources]
    named = [text for text in sources if text != "." and _SPECIAL.isdisjoint(text)]
    for folder in folders:
        if any(exists(folder + name) for name in named):
            return folder
    last = folders[0].rstrip("/").rpartition("/")[2].lower()
    return folders[1] if last in _SET_ASIDE else folders[0]


def find_compose_builds(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Dockerfile and context of each `build:` of a compose file, both relative to the root."""
    own = path[: path.rfind("/") + 1]
    for match in _BUILD.finditer(data):
        inline = match[2].split(b" #")[0].strip().strip(b"\"'")
        values = {b"context": inline or b".", b"dockerfile": b"Dockerfile"}
        if not inline:
            values |= _read_block(data, match.end(), len(match[1]))
        context, dockerfile = (values[key].decode("utf-8", "surrogateescape") for key in (b"context", b"dockerfile"))
        if "$" in context + dockerfile or _REMOTE.match(context) or inline[:1] == b"{":
            continue
        folder = posixpath.normpath(posixpath.join(own, context))
        prefix = "" if folder == "." else folder + "/"
        yield posixpath.normpath(prefix + dockerfile), prefix


def _read_block(data: bytes, position: int, indent: int) -> dict[bytes, bytes]:
    """The keys of the mapping that is indented deeper than `build:`."""
    found: dict[bytes, bytes] = {}
    for line in data[position : position + 2000].split(b"\n")[1:]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        match = _KEY.match(line)
        if match:
            found.setdefault(match[2], match[3])
    return found


def _split_words(text: str) -> list[str]:
    if text.startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            return text.split()
        return [word for word in words if isinstance(word, str)]
    return text.split()


def iter_instructions(data: bytes, wanted: re.Pattern[bytes] = _INSTRUCTION) -> Iterator[tuple[int, bytes, bytes]]:
    """Line, lower-cased name and arguments of each COPY, ADD and RUN, continued lines joined; or of the `wanted` ones,
    which must include RUN, for its heredocs."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    escape = b"`" if _ESCAPE.match(data) else b"\\"
    lines = [line.rstrip() for line in data.split(b"\n")[:_LINES]]
    unended: set[bytes] = set()
    index = 0
    while index < len(lines):
        start = index
        text, index = _join_lines(lines, index, escape)
        match = wanted.match(text)
        if match:
            yield start + 1, match[1].lower(), match[2]
            for word in _HEREDOC.findall(match[2]):
                end = _find_heredoc_end(lines, index, word) if word not in unended else None
                if end is None:
                    unended.add(word)  # `1<<WORD`, or an invalid Dockerfile
                else:
                    index = end


def _join_lines(lines: list[bytes], index: int, escape: bytes) -> tuple[bytes, int]:
    """The instruction that begins at `index`, its continued lines joined, and the index after it; comments and empty
    lines between them are skipped."""
    pieces: list[bytes] = []
    while index < len(lines):
        line = lines[index]
        index += 1
        if not line or line.lstrip().startswith(b"#"):
            if pieces:
                continue
            break
        pieces.append(line.removesuffix(escape))
        if not line.endswith(escape):
            break
    return b" ".join(pieces), index


def _find_heredoc_end(lines: list[bytes], index: int, word: bytes) -> int | None:
    """The index of the line after a heredoc's end, None if it is not terminated."""
    return next((at + 1 for at in range(index, len(lines)) if lines[at].strip() == word), None)
