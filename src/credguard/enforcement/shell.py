"""Parses commands like a shell: without comments, which of them run credguard, and which files they reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT_SUFFIXES = frozenset(
    "run script before_script after_script command commands cmd bash sh inline steps "
    "pre-commit pre-push commit-msg".split()
)
"""Keys of scripts."""
_JUDGING = frozenset(("ci", "scan", "hook", "audit", "install", "fleet"))
_QUIET = frozenset(("--version", "--help", "-h", "-V"))
_ENDS = frozenset(("exit", "exit 0", "return", "return 0", "true", ":"))
_RUNNERS = frozenset(
    "python python3 py pipx uvx uv poetry pdm hatch rye nix docker podman npx npm pnpm yarn bash sh zsh dash ksh "
    "busybox sudo doas env exec command nice time timeout nohup stdbuf xvfb-run conda mamba micromamba mise asdf "
    "direnv eval bundle wsl winpty pwsh powershell cmd call start".split()
)
_KEYWORDS = frozenset("if elif while until ! then do else { (".split())
_ASIDE = frozenset("if elif while until !".split())
_INSTALLS = compile_lazily(r"\b(?:install|add|inject|download|fetch|build|pull|sync)\b")
_ASSIGNMENT = compile_lazily(r"[A-Za-z_]\w*\+?=.*", re.DOTALL)
_TOKEN = compile_lazily(
    r""""(?:[^"\\]|\\.)*"|'[^']*'|\\\r?\n|\\.|\|\||&&|\|&|>&|&>|[;|&()\n]|[^\s;|&()'"\\]+|["'\\]""", re.DOTALL
)
_FAILS = compile_lazily(r"(?:exit|return)[ \t]+(?:[1-9]\d*|\"?\$\??\w*\"?)|false")
_PYTHON = compile_lazily(r"python[\d.]*|py")
_BLANKS = compile_lazily(r"[ \t]+")
_PATH = compile_lazily(r"[\w@+.-]*(?:/[\w@+.-]+)*")
_MOST = 2_000
"""The most commands of one text that are parsed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of credguard: its words, and whether its failure is ignored."""

    words: str
    muted: bool = False


@dataclass(slots=True)
class _Command:
    """A simple command, with what comes before and after it."""

    words: list[str]
    before: str = ""
    behind: str = ""


def iter_code_lines(text: str, *, comments: bool = True, first: int = 0) -> Iterator[tuple[int, str]]:
    """The lines of a script by number (from 0), stripped, without empty lines, and without comments if those of a shell
    are meant. If a quote or a here-document may be open, or a backslash joins lines, nothing counts as a comment; nor
    in the `first` lines."""
    quote, tied = "", False
    comments = comments and "<<" not in text
    for number, line in enumerate(text.split("\n")):
        plain = not comments or tied or number < first or (number == 0 and line.startswith("#!"))
        code, quote = (line, quote) if plain else _strip_comment(line, quote)
        code = code.strip(" \t\r")
        if code and '"' not in code and "'" not in code and "\\" not in code:
            code = _BLANKS.sub(" ", code)
        if code or tied:
            yield number, code
        tied = code.endswith("\\")


def _strip_comment(line: str, quote: str) -> tuple[str, str]:
    """The line without its comment, and the quote that is open after it."""
    if not quote and "#" not in line and not any(mark in line for mark in "'\"\\"):
        return line, ""
    escaped, before = False, " "
    for index, mark in enumerate(line):
        if escaped:
            escaped = False
        elif mark == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if mark == quote else quote
        elif mark in "'\"":
            quote = mark
        elif mark == "#" and before in " \t;|&(":
            # make continues a comment after a backslash
            return (line if line.rstrip().endswith("\\") else line[:index]), quote
        before = mark
    return line, quote


def find_calls(text: str, depth: int = 0) -> list[Call]:
    """The calls of credguard that a script makes; printing, installing or only naming it does not count."""
    if "credguard" not in text:
        return []
    text = expand_variables(text)
    found: list[Call] = []
    off = ""
    commands = list(_iter_commands("\n".join(line for _, line in iter_code_lines(text))))
    for index, command in enumerate(commands):
        words, aside = _strip_keywords(command.words)
        line = " ".join(words)
        for name in _find_command_calls(words, depth):
            muted = bool(off) or aside or name.muted or _is_muted(command, commands[index + 1 :], off)
            found.append(Call(name.words, muted and not _has_later_failure(command, aside, commands[index + 1 :])))
        if line in _ENDS - {"true", ":"} and command.before not in ("&&", "||"):
            off = "exit"
        elif line.startswith("set ") and re.search(r"\+\w*e|\+o errexit", line):
            off = "set +e"
        elif line.startswith("trap ") and re.search(r"exit 0|true", line):
            off = "trap"
    return found


def expand_variables(text: str, included: str = "") -> str:
    """A script, Makefile or Taskfile with its variables expanded if it, or a file that it includes, sets them to
    credguard."""
    for match in [*_SET.finditer(text), *_SET.finditer(included)][:_MOST_VARIABLES]:
        use = rf"\"?\$(?:{match[1]}\b|\{{{match[1]}\}}|\({match[1]}\))\"?|\{{\{{[ \t]*\.?{match[1]}[ \t]*\}}\}}"
        value = match[2].strip("\"' \t")
        text = re.sub(use, lambda _, value=value: value, text)  # type: ignore[misc]
    return text


_SET = compile_lazily(
    r"^[ \t-]*(?:(?:export|override|readonly|local|declare|set)[ \t]+){0,2}([A-Za-z_]\w{0,60})[ \t]*"
    r"(?:[?:+!]{0,3}=|:)[ \t]*"
    r"((?:[\"'][^\"'\n]*)?[^\s\"'#;&|]*credguard[^\s\"'#;&|]*[\"']?)[ \t]*(?:[#;&].*)?$",
    re.MULTILINE,
)
_MOST_VARIABLES = 20


def _iter_commands(text: str) -> Iterator[_Command]:
    """The simple commands of a text, in order."""
    current = _Command([])
    made = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in ("||", "&&", "|", "|&", "&", ";", "\n", "(", ")"):
            current.behind = token
            if current.words:
                made += 1
                if made > _MOST:
                    return
                yield current
                current = _Command([], token)
            elif token not in ("\n", "(", ")"):
                current = _Command([], token)
        elif not token.startswith("\\\n"):
            current.words.append(token[1:-1] if len(token) > 1 and token[0] in "'\"" else token)
    if current.words:
        current.behind = ""
        yield current


def _strip_keywords(words: list[str]) -> tuple[list[str], bool]:
    """The command without keywords and assignments before it; True if a keyword tests its exit code."""
    aside = False
    index = 0
    while index < len(words) and (words[index] in _KEYWORDS or _ASSIGNMENT.fullmatch(words[index])):
        aside |= words[index] in _ASIDE
        index += 1
    return words[index:], aside


def _find_command_calls(words: list[str], depth: int) -> Iterator[Call]:
    """The calls of credguard in a command."""
    if not words:
        return
    first = _strip_path(words[0])
    if first.startswith("credguard"):
        yield from _parse_call(words)
        return
    if first not in _RUNNERS and not _PYTHON.fullmatch(first):
        return
    if first == "command" and words[1:2] and words[1] in ("-v", "-V"):
        return
    for index, word in enumerate(words[1:], 1):
        if " " in word:
            yield from find_calls(word, depth + 1) if depth < 2 else ()
        elif _strip_path(word).startswith("credguard"):
            yield from _parse_call(words[index:])
            return
        if word in ("true", ":", "echo", "printf", "install"):
            return


def _parse_call(words: list[str]) -> Iterator[Call]:
    rest = [word for word in words[1:] if not word.startswith("-")]
    if rest and rest[0] in _JUDGING and not _QUIET & set(words):
        yield Call(" ".join(["credguard", *rest[: 2 if rest[0] == "hook" else 1]]))


def _strip_path(word: str) -> str:
    return word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")


def _is_muted(command: _Command, later: list[_Command], off: str) -> bool:
    if command.behind in ("&", "|", "|&") or command.before == "||":
        return True
    following = " ".join(later[0].words) if later else ""
    if command.behind == "||":
        return True
    if command.before == "&&" and off:
        return True
    return (
        command.behind in (";", "\n") and following in ("true", ":", "exit 0", "exit", "return 0") and len(later) == 1
    )


def _has_later_failure(command: _Command, aside: bool, later: list[_Command]) -> bool:
    """True for `|| exit 1`, and for a condition whose branch ends with an error."""
    if command.behind == "||" and later:
        return _FAILS.fullmatch(" ".join(later[0].words).lstrip("{ ")) is not None
    return aside and "!" in command.words and any(_FAILS.search(" ".join(one.words)) for one in later[:4])


def is_install_only(text: str) -> bool:
    """True for a text that installs credguard and does not run it."""
    return _INSTALLS.search(text) is not None and not find_calls(text)


def iter_path_words(text: str) -> Iterator[str]:
    """The words of a text that may reference files of the repository, relative to its root."""
    for word in re.findall(r"[\w@+./-]{2,300}", text):
        local = word.startswith(("./", "../"))
        path = word.lstrip("/").removeprefix("./")
        if (local or "/" in path or "." in path[1:]) and _PATH.fullmatch(path) and not path.endswith("."):
            yield path
    for match in _STARTED.finditer(text):
        yield (match[1] or match[2]).removeprefix("./")
    for match in _QUOTED.finditer(text):
        yield match[1].removeprefix("./")
    for match in _MODULE.finditer(text):
        name = match[1].replace(".", "/")
        yield from (f"{name}.py", f"{name}/__main__.py", f"{name}/__init__.py")


_STARTED = compile_lazily(
    r"(?<![\w./-])(?:ba|da|z|k)?sh(?:[ \t]+-\w+)*[ \t]+([\w@+.][\w@+.-]{0,200})"
    r"|(?:^|[\s;&|(])(?:source|\.)[ \t]+([\w@+./-]{1,200})"
)
_QUOTED = compile_lazily(r"[\"']([\w@+./-]+(?: [\w@+./-]+){1,8})[\"']")
_MODULE = compile_lazily(r"\bpy(?:thon[\d.]*)?(?:[ \t]+-[A-Za-ln-z]\w*)*[ \t]+-m[ \t]*([A-Za-z_]\w*(?:\.\w+){0,8})")
