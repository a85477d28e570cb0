"""Shell commands as words: quotes, variables, substitutions and redirections as a shell of Unix reads them.

It follows what hands a file to a program, not the language: what it does not know it leaves as it is written.
"""

from __future__ import annotations

import os

_OPERATORS = (";", "&", "|", "\n", "(", ")")
_ENDS_OF_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SCREENS = ("/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/", "/proc/self/fd/")
_EXPORTS = ("export", "declare", "typeset", "local", "readonly")
_SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
MOST_COMMANDS = 2000
"""A longer script is refused: following it takes time, and nobody reads it."""


class TooLongError(Exception):
    """The command has more parts than are followed."""


class Command:
    """One command: its `words`, the files it reads by `<`, the texts of its here-documents, what it substitutes
    (commands as text), the files that its output goes into (`saved`), and whether another program gets it (`piped`)."""

    __slots__ = ("files", "here", "inner", "piped", "saved", "sets", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.files: list[str] = []
        self.here: list[str] = []
        self.inner: list[str] = []
        self.sets: list[tuple[str, str]] = []
        self.saved: list[str] = []
        self.piped = False


class _Reader:
    def __init__(self, text: str, variables: dict[str, str]) -> None:
        self.text, self.at, self.variables = text.replace("\r\n", "\n"), 0, variables
        self.commands: list[Command] = []
        self.command = Command()
        self.waiting: list[tuple[str, bool, Command]] = []

    def read_all(self) -> list[Command]:
        """Every command, in order."""
        text = self.text
        while self.at < len(text):
            sign = text[self.at]
            if sign == "\\" and text.startswith("\\\n", self.at):
                self.at += 2
            elif sign in " \t":
                self.at += 1
            elif sign == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            elif sign in _OPERATORS:
                self._end_command(sign)
            elif sign in "<>" or (sign.isdigit() and text[self.at + 1 : self.at + 2] in ("<", ">")):
                self._read_redirection()
            else:
                self._take_word(self._read_word())
        self._end_command(";")
        return self.commands

    def _end_command(self, sign: str) -> None:
        pair = self.text[self.at : self.at + 2]
        self.command.piped = sign == "|" and pair != "||"
        if self.command.words or self.command.files or self.command.inner or self.command.sets:
            self.commands.append(self.command)
            if len(self.commands) > MOST_COMMANDS:
                raise TooLongError
        if self.at < len(self.text):
            self.at += 2 if pair in ("||", "&&", ";;", "|&") else 1
        self.command = Command()
        if sign == "\n":
            self._read_documents()

    def _read_documents(self) -> None:
        for mark, strip, command in self.waiting:
            lines = []
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line, self.at = self.text[self.at : end], end + 1
                if (line.lstrip("\t") if strip else line) == mark:
                    break
                lines.append(line)
            command.here.append("\n".join(lines))
        self.waiting = []

    def _take_word(self, word: str) -> None:
        name, sign, value = word.partition("=")
        if sign and not self.command.words and name.rstrip("+").replace("_", "a").isalnum():
            self.variables[name.rstrip("+")] = value
            self.command.sets.append((name, value))
            return
        if sign and self.command.words[:1] and self.command.words[0] in _EXPORTS and name.isidentifier():
            self.variables[name] = value
        self.command.words += expand_braces(word) if not self.command.words else [word]

    def _read_redirection(self) -> None:
        text, descriptor = self.text, "1"
        if text[self.at].isdigit():
            descriptor = text[self.at]
            self.at += 1
        for mark in ("<<<", "<<-", "<<", "<&", "<>", "<(", ">(", ">>", ">|", ">&", "<", ">"):
            if text.startswith(mark, self.at):
                break
        self.at += len(mark)
        if mark in ("<(", ">("):
            self.command.inner.append(self._read_until_closed())
            return
        while text[self.at : self.at + 1] in (" ", "\t") and self.at < len(text):
            self.at += 1
        word = self._read_word()
        if mark == "<<<":
            self.command.here.append(word)
        elif mark in ("<<", "<<-"):
            self.waiting.append((word, mark == "<<-", self.command))
        elif mark in ("<", "<>"):
            self.command.files.append(word)
        elif mark in (">", ">>", ">|") and descriptor == "1" and not word.startswith(_SCREENS):
            self.command.saved.append(word)

    def _read_word(self) -> str:
        """One word, with quotes taken off and known variables filled in."""
        text, parts, begin = self.text, [], self.at
        while self.at < len(text):
            sign = text[self.at]
            if sign in " \t" or sign in _OPERATORS or sign in "<>":
                break
            if sign == "'":
                parts.append(self._read_quoted())
            elif sign == '"':
                parts.append(self._read_double())
            elif sign == "\\":
                parts.append(text[self.at + 1 : self.at + 2].replace("\n", ""))
                self.at += 2
            elif sign in "$`":
                parts.append(self._read_expansion())
            else:
                parts.append(sign)
                self.at += 1
        if self.at == begin:
            self.at += 1
        word = "".join(parts)
        word = "." + word[2:] if word.startswith("~+") else word
        return os.path.expanduser(word) if word.startswith("~") else word

    def _read_quoted(self) -> str:
        end = self.text.find("'", self.at + 1)
        end = len(self.text) if end < 0 else end
        value, self.at = self.text[self.at + 1 : end], end + 1
        return value

    def _read_double(self) -> str:
        text, parts = self.text, []
        self.at += 1
        while self.at < len(text) and text[self.at] != '"':
            if text[self.at] == "\\":
                parts.append(text[self.at + 1 : self.at + 2])
                self.at += 2
            elif text[self.at] in "$`":
                parts.append(self._read_expansion())
            else:
                parts.append(text[self.at])
                self.at += 1
        self.at += 1
        return "".join(parts)

    def _read_expansion(self) -> str:
        text = self.text
        if text[self.at] == "`":
            end = text.find("`", self.at + 1)
            end = len(text) if end < 0 else end
            inner, self.at = text[self.at + 1 : end], end + 1
            return self._substitute(inner)
        if text.startswith("$((", self.at) or not text.startswith(("$(", "$'", "${"), self.at):
            return self._read_variable()
        if text.startswith("$(", self.at):
            self.at += 2
            return self._substitute(self._read_until_closed())
        if text.startswith("${", self.at):
            end = text.find("}", self.at)
            end = len(text) if end < 0 else end
            name, self.at = text[self.at + 2 : end], end + 1
            if name.startswith("!"):  # the variable that another one names
                return f"${{{name}}}"
            plain = name.lstrip("!#").partition(":")[0].rstrip("@*")
            return self._look_up(plain, f"${{{name}}}")
        self.at += 1
        return _unescape(self._read_ansi())

    def _read_ansi(self) -> str:
        begin = self.at = self.at + 1
        while self.at < len(self.text) and self.text[self.at] != "'":
            self.at += 2 if self.text[self.at] == "\\" else 1
        value, self.at = self.text[begin : self.at], self.at + 1
        return value

    def _read_variable(self) -> str:
        begin = self.at = self.at + 1
        while self.at < len(self.text) and self.text[self.at] in _ENDS_OF_NAME:
            self.at += 1
        name = self.text[begin : self.at]
        return self._look_up(name, f"${name}")

    def _look_up(self, name: str, written: str) -> str:
        """The value of a variable that the command sets, or of one that leads to a file; others stay as written."""
        if name in self.variables:
            return self.variables[name]
        value = os.environ.get(name, "")
        return value if value.startswith(("/", "~")) and name.isupper() else written

    def _substitute(self, inner: str) -> str:
        """Notes the inner command; what `echo` gives is known."""
        self.command.inner.append(inner)
        begin = inner.lstrip()
        for name in ("echo ", "printf "):
            if begin.startswith(name) and not any(sign in begin for sign in "|;&$`<>("):
                words = _Reader(begin[len(name) :], self.variables).read_all()
                return " ".join(words[0].words) if words else ""
        return "$(…)"

    def _read_until_closed(self) -> str:
        """The text up to the bracket that closes what has just been opened."""
        text, begin, depth, quote = self.text, self.at, 1, ""
        while self.at < len(text):
            sign = text[self.at]
            if sign == "\\" and quote != "'":
                self.at += 1
            elif quote:
                quote = "" if sign == quote else quote
            elif sign in "'\"":
                quote = sign
            elif sign == "(":
                depth += 1
            elif sign == ")":
                depth -= 1
                if not depth:
                    break
            self.at += 1
        inner, self.at = text[begin : self.at], self.at + 1
        return inner


def _unescape(text: str) -> str:
    r"""The text of `$'…'`, whose `\xHH` and `\NNN` are decoded."""
    parts, at = [], 0
    while at < len(text):
        if text[at] != "\\":
            parts.append(text[at])
            at += 1
            continue
        rest = text[at + 1 :]
        digits = rest[1:3] if rest[:1] == "x" else rest[:3]
        try:
            parts.append(chr(int(digits, 16 if rest[:1] == "x" else 8) & 0xFF))
            at += 1 + len(digits) + (rest[:1] == "x")
        except ValueError:
            parts.append(_SIMPLE_ESCAPES.get(rest[:1], rest[:1]))
            at += 2
    return "".join(parts)


def parse_commands(text: str, variables: dict[str, str]) -> list[Command]:
    """The commands of a text; assignments in it are added to `variables`. Raises TooLongError."""
    return _Reader(text, variables).read_all()


def expand_braces(word: str) -> list[str]:
    """The words that `{a,b}` makes of one, as far as it goes without nesting."""
    start, end = word.find("{"), word.find("}")
    if not 0 <= start < end or "," not in word[start:end] or "{" in word[start + 1 : end]:
        return [word]
    middles = word[start + 1 : end].split(",")[:100]
    return [word[:start] + middle + tail for middle in middles for tail in expand_braces(word[end + 1 :])][:100]
