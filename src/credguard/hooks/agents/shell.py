"""What a shell command would print into the conversation of an agent: files, the environment, credentials."""

from __future__ import annotations

import os

from credguard.hooks.agents import programs
from credguard.hooks.agents.words import Command, TooLongError, expand_braces, parse_commands

_DEPTH = 8
_LONGEST_CODE = 1 << 20
_MOST_TEXTS = 40


class Prints:
    """What a command prints: `files` (as written, with wildcards), `folders` (all that is in them), `variables` (names;
    "*" for all), `calls` (what prints credentials), `found` (a folder and a name that `find` looks for), and `searches`
    (a folder and a text in lower case that the printed lines hold)."""

    __slots__ = ("calls", "files", "folders", "found", "searches", "variables")

    def __init__(self) -> None:
        self.files: list[str] = []
        self.folders: list[str] = []
        self.variables: list[str] = []
        self.calls: list[str] = []
        self.found: list[tuple[str, str]] = []
        self.searches: list[tuple[str, str]] = []


def find_prints(text: str, *, strict: bool = False) -> Prints:
    """What the command would print; raises TooLongError for one with too many parts. With `strict` a program that is
    not known counts as one that prints its files."""
    looking = _Looking(strict)
    looking.look(text, "", 0, shown=True)
    return looking.prints


def join_words(words: list[object]) -> str:
    """The text of a command that is given as a list."""
    return " ".join("'" + str(word).replace("'", "'\\''") + "'" for word in words)


class _Looking:
    """One look at a command and at the commands in it."""

    def __init__(self, strict: bool) -> None:
        self.strict, self.prints, self.variables = strict, Prints(), dict[str, str]()

    def look(self, text: str, folder: str, depth: int, *, shown: bool) -> str:
        """Adds what the text prints, if its output is shown; gives the folder that it ends in."""
        if depth > _DEPTH:
            raise TooLongError
        commands = parse_commands(text, self.variables)
        through = [bool(one.words) and os.path.basename(one.words[0]) in ("xargs", "parallel") for one in commands]
        for command in commands:
            _strip_wrappers(command)
        echoes = any(_get_name(one) in programs.ECHOES and _is_open(one.words) for one in commands)
        printers = [one for one in commands if _prints_files(one) or _is_inline(one)]
        read = {word for one in printers for word in (*one.words, *one.files)}
        indirect = any(_is_open(one.words) for one in printers) or any(map(_defines, commands))
        for number, command in enumerate(commands):
            name, words = _get_name(command), command.words
            after = commands[number + 1] if command.piped and number + 1 < len(commands) else None
            seen = shown and (_passes_on(after) if after else not command.saved or not read.isdisjoint(command.saved))
            if name in ("cd", "pushd", "set-location") and len(words) > 1:
                folder = os.path.join(folder, words[-1])
                continue
            bare = not words and not command.sets and not command.files
            for inner in command.inner:
                loud = name in programs.ECHOES | programs.PRINTERS and name not in programs.QUIET_BUILTINS
                self.look(inner, folder, depth + 1, shown=bare or echoes or loud)
            for script in _find_scripts(command, name)[:_MOST_TEXTS]:
                folder = self.look(script, folder, depth + 1, shown=seen)
            before = _list_piped(commands, number)
            if through[number] and seen and _prints_files(command):
                self._add_all([*before, *command.here], folder)
            if seen:
                self._look_at_command(command, name, folder, before)
                if name == "find":
                    next_one = through[number + 1 : number + 2] == [True]
                    _add_found(words, self.prints, folder, piped=command.piped and next_one)
            if (echoes and name in programs.LOOPS) or (name in ("exec", "") and printers):
                _add_files(command.files, self.prints, folder)
            if indirect or (name in programs.COPIES and printers):
                self._add_all([*words, *command.here, *command.inner], folder)
        return folder

    def _look_at_command(self, command: Command, name: str, folder: str, before: list[str]) -> None:
        words, prints = command.words, self.prints
        low = [word.lower() for word in words]
        if _prints_files(command) or not words or (self.strict and name not in programs.KNOWN):
            _add_files([*words[1:], *command.files], prints, folder)
        elif name in programs.SENDERS:
            values = [word.rpartition("=")[2].removeprefix("@") for word in [*words[1:], *command.files]]
            _add_files(values, prints, folder)
        elif name in programs.COPIES and (command.piped or "-" in words or "O" in "".join(words[1:2])):
            self._add_all(words[1:], folder)
        elif name == "git":
            self._look_at_git(words, folder)
        if self.strict and (name in programs.SEARCHES or low[:2] == ["git", "grep"]):
            self._add_search(words[2:] if name == "git" else words[1:], folder)
        if _is_inline(command) or (name in programs.INTERPRETERS and len(words) == 1):
            code = "\n".join([*words[1:], *command.here, *before])[:_LONGEST_CODE]
            _look_at_code(code, prints, folder)
            _add_files([*words[1:], *command.files], prints, folder)
        if name == "printenv":
            prints.variables += [word for word in words[1:] if not word.startswith("-")]
        if _dumps_environment(name, words) or any("/proc/" in w and "environ" in w for w in (*words, *command.files)):
            prints.variables.append("*")
        if name in programs.ECHOES:
            for word in (*words[1:], *command.here):
                prints.variables += _list_variables(word)
        for call in programs.CREDENTIALS:
            if name in (call[0], f"{call[0]}local", f"{call[0]}2", f"{call[0]}.cmd") and _has_in_order(
                call[1:], low[1:]
            ):
                prints.calls.append(" ".join(call))
                break

    def _look_at_git(self, words: list[str], folder: str) -> None:
        place = words[words.index("-C") + 1] if "-C" in words[:-1] else ""
        if {"show", "diff", "grep", "blame", "annotate", "cat-file", "log", "stash"} & set(words[1:5]):
            names = [part for word in words[1:] for part in {word, word.rpartition(":")[2]}]
            _add_files(names, self.prints, os.path.join(folder, place))

    def _add_search(self, words: list[str], folder: str) -> None:
        """A search in folders: the lines that hold the longest plain part of the pattern."""
        plain = [word for word in words if not word.startswith("-")]
        if not plain:
            return
        letters = "".join(sign if sign.isalnum() or sign in "_-" else " " for sign in plain[0])
        part = max(letters.split(), key=len, default="").lower()
        places = [place for place in plain[1:] or ["."] if os.path.isdir(os.path.join(folder, place))]
        self.prints.searches += [(os.path.join(folder, place), part) for place in places or plain[1:] or ["."]]

    def _add_all(self, words: list[str], folder: str) -> None:
        """Every word that may be a file, or a folder of files."""
        pieces = [piece for word in words for piece in {word, *word.split()}]
        _add_files(pieces, self.prints, folder)
        self.prints.folders += [os.path.join(folder, one) for one in pieces if one and not one.startswith("-")]


def _prints_files(command: Command) -> bool:
    """True for a program that prints the files it is given, and for one whose name is not known before it runs."""
    name = _get_name(command)
    if name in programs.SHELL_PROGRAMS and any(
        word[:1] == "-" and set(word[1:]) & {"x", "v"} for word in command.words[1:]
    ):
        return True
    if name == "aws" and "s3" in command.words and "-" in command.words:
        return True
    return name in programs.PRINTERS or any(sign in name for sign in "$*?") or name.endswith("…)")


def _defines(command: Command) -> bool:
    """True for a command that gives another name to what prints: an alias, a function, positional arguments."""
    return _get_name(command) in ("alias", "function") or command.words[:2] == ["set", "--"]


def _is_open(words: list[str]) -> bool:
    return any("$" in word for word in words[1:])


def _list_piped(commands: list[Command], number: int) -> list[str]:
    """The words of the commands whose output goes into this one."""
    words: list[str] = []
    while number and commands[number - 1].piped:
        number -= 1
        words += [*commands[number].words[1:], *commands[number].here]
    return words


def _look_at_code(code: str, prints: Prints, folder: str) -> None:
    """Code of another language: the texts in it that may name files, and whether it asks for the environment."""
    if any(word in code.lower() for word in programs.ENVIRONMENT) or "ENV" in code:
        prints.variables.append("*")
    texts = [text for quote in ("'", '"', "`") for text in code.split(quote)[1:400:2]]
    _add_files(texts, prints, folder)
    _add_files([word.strip("'\"`()[]{},;") for word in code.split()[:400]], prints, folder)
    for text in texts[:_MOST_TEXTS]:
        if os.path.isdir(os.path.join(folder, text)) or "/" not in text:
            _add_files([os.path.join(text, other) for other in texts[:_MOST_TEXTS]], prints, folder)


def _add_files(words: list[str], prints: Prints, folder: str) -> None:
    for word in words:
        if word and not word.startswith("-") and len(word) < 4096 and "\0" not in word and "\n" not in word:
            prints.files += [os.path.join(folder, one) for one in expand_braces(word)]
        if '"' in word and " " in word:  # code, of awk for example
            _add_files(word.split('"')[1:40:2], prints, folder)
        if "=" in word and len(word) < 4096 and "\n" not in word:
            prints.files.append(os.path.join(folder, word.partition("=")[2]))


def _add_found(words: list[str], prints: Prints, folder: str, *, piped: bool) -> None:
    """`find`, where it has a program print what it finds."""
    low = [word.lower() for word in words]
    runs = next((at for at, word in enumerate(low) if word in ("-exec", "-execdir", "-ok")), 0)
    if not runs and not piped:
        return
    program = os.path.basename(low[runs + 1]) if runs and runs + 1 < len(low) else ""
    if program and program not in programs.PRINTERS and program not in programs.SHELL_PROGRAMS:
        return
    folders = [word for word in words[1 : runs or None] if not word.startswith(("-", "(", "!"))]
    names = [words[at + 1] for at, word in enumerate(low[:-1]) if word in ("-name", "-iname", "-path", "-wholename")]
    start = os.path.join(folder, folders[0] if folders and folders[0] not in names else ".")
    prints.found += [(start, name) for name in names or ["*"]]


def _get_name(command: Command) -> str:
    name = os.path.basename(command.words[0]).lower() if command.words else ""
    return name.removesuffix(".exe")


def _strip_wrappers(command: Command) -> None:
    """Leaves out `sudo`, `env A=B`, `xargs -n1` and the like, whose program follows."""
    while command.words and _get_name(command) in programs.WRAPPERS:
        name, rest = _get_name(command), command.words[1:]
        while rest and (rest[0].startswith("-") or "=" in rest[0] or rest[0].rstrip("smhd").isdigit()):
            if name == "env" and rest[0] in ("-S", "--split-string"):
                rest = [*" ".join(rest[1:]).split()]
                break
            rest = rest[1:]
        if not rest:
            return
        command.words = rest


def _passes_on(command: Command) -> bool:
    """True for a program in a pipe that prints what it is given."""
    name = _get_name(command)
    if command.saved:
        return False
    if name in programs.QUIET_BUILTINS or name in ("docker", "podman", "helm", "skopeo", "crane"):
        return False
    return (
        name == "xargs"
        or name in programs.PRINTERS
        or name in programs.ECHOES
        or name in programs.SENDERS
        or name in programs.INTERPRETERS
        or name in programs.SHELL_PROGRAMS
    )


def _is_inline(command: Command) -> bool:
    """True for a program of another language whose code is in the command."""
    name = _get_name(command).rstrip("0123456789.")
    names = {name, _get_name(command)}
    if command.here and names & programs.INTERPRETERS:
        return True
    return any(names & set(programs.split()) for option, programs in programs.INLINE.items() if option in command.words)


def _find_scripts(command: Command, name: str) -> list[str]:
    """The commands in a command: scripts of shells, quoted commands, and what `npx`, `ssh` and the like start."""
    words = command.words
    if name == "eval":
        return [" ".join(words[1:])]
    if name in ("pwsh", "powershell", "cmd"):
        return [" ".join(words[2:])]
    if (
        name in programs.PRINTERS | programs.ECHOES | programs.SENDERS
        or name in ("git", "gh", "find")
        or _is_inline(command)
    ):
        return command.here if name in programs.SHELL_PROGRAMS else []
    scripts = [word for word in words[1:] if " " in word.strip()]
    if name in programs.SHELL_PROGRAMS:
        scripts += [words[at + 1] for at, word in enumerate(words[1:-1], 1) if word[:1] == "-" and "c" in word[1:4]]
    started = programs.PRINTERS | programs.SHELL_PROGRAMS | programs.INTERPRETERS
    if (
        name not in programs.SHELL_PROGRAMS
        and name not in programs.INTERPRETERS
        and name not in programs.STEADY - programs.STARTERS
    ):
        at = next((at for at, word in enumerate(words) if at and os.path.basename(word).lower() in started), 0)
        scripts += [join_words(words[at:])] if at else []  # type: ignore[arg-type]
    return [*scripts, *command.here] if name in programs.SHELL_PROGRAMS or name == "make" else scripts


def _dumps_environment(name: str, words: list[str]) -> bool:
    rest = [word for word in words[1:] if not word.startswith("-")]
    if name == "printenv":
        return not rest
    if name in ("env", "set", "export", "declare", "typeset"):
        return not rest
    if name in ("get-childitem", "gci", "ls", "dir", "get-item"):
        return any(word.lower().startswith("env:") for word in rest)
    if name == "compgen":
        return any("e" in word or "v" in word for word in words[1:])
    if name == "jq":
        return any(word == "env" or "$ENV" in word or "env." in word for word in words[1:])
    if name in ("awk", "gawk", "mawk", "nawk", "perl"):
        return any("ENV" in word for word in words[1:])
    return name == "ps" and any("e" in word for word in words[1:2] if not word.startswith("-"))


def _list_variables(word: str) -> list[str]:
    """The names of the variables in a word that could not be filled in."""
    names = []
    if "${!" in word:
        return ["*"]
    names += word.split("%")[1:-1]
    for piece in word.split("$")[1:]:
        begin = piece.lstrip("{!#").removeprefix("env:")
        end = next((at for at, sign in enumerate(begin) if not (sign.isalnum() or sign == "_")), len(begin))
        names.append(begin[:end])
    return [name for name in names if name]


def _has_in_order(wanted: tuple[str, ...], words: list[str]) -> bool:
    rest = iter(words)
    return all(any(word == one or word.endswith(f".{one}") for word in rest) for one in wanted)
