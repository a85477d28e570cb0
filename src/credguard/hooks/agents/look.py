"""Everything that an event would show to a model: texts and files to be scanned, and what is secret by itself."""

from __future__ import annotations

import os

from credguard.hooks.agents import files
from credguard.hooks.agents import payload as p
from credguard.hooks.agents.files import LineRange

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from credguard.hooks.agents.payload import Event

_REMOVED = ("old_string", "old_str", "oldString", "oldText", "old_text", "originalFile", "structuredPatch", "oldCode")
"""Text that a call takes out of a file: whoever takes a key out has to be let."""
_EDITORS = frozenset(
    "edit multiedit write notebookedit replace write_file search_replace str_replace apply_patch".split()
)
_NEW_TEXT = frozenset(
    "content contents new_string new_str newString newText new_text file_text text new_source edits code newCode "
    "insert_text replacement code_edit".split()
)
_COMMANDS = ("command", "cmd", "script", "commands", "commandline", "command_line", "input", "shell_command", "code")
_HARMLESS = ("write", "delete", "remove", "mkdir", "rename", "move", "create")
_PATCH = "*** Begin Patch"
_WINDOWS = ("cmd ", "cmd.exe", "powershell", "pwsh")
_MOST_PATHS = 500
_LONGEST_PATH = 4096
_MOST_LEAVES = 200_000


class ScannedItem:
    """Bytes to scan. `subject` is what they are in words, `path` the file or ""."""

    __slots__ = ("data", "path", "subject")

    def __init__(self, subject: str, data: bytes, path: str = "") -> None:
        self.subject, self.data, self.path = subject, data, path


class Leaf:
    """One text of a result: where it stands in the flat text, and the keys that lead to it."""

    __slots__ = ("keys", "start", "text")

    def __init__(self, keys: tuple[object, ...], text: str, start: int) -> None:
        self.keys, self.text, self.start = keys, text, start


class Look:
    """What is to be scanned for an event (`items`), and the words for what needs no scan (`denied`: words, path)."""

    def __init__(self) -> None:
        self.items: list[ScannedItem] = []
        self.denied: list[tuple[str, str]] = []
        self._left = files.MOST_BYTES
        self._done: set[tuple[str, object]] = set()

    def add_text(self, subject: str, text: str) -> None:
        """Adds a text."""
        if text:
            self.items.append(ScannedItem(subject, text.encode("utf-8", "surrogatepass")))
        if not text.isascii():
            plain = _make_plain(text)
            if plain != text:
                self.items.append(ScannedItem(subject, plain.encode("utf-8", "surrogatepass")))

    def add_file(self, written: str, folder: str, lines: LineRange | None = None) -> None:
        """Adds the files that a name leads to, if there are any."""
        for path in files.find_files(written, folder):
            self.add_path(path, lines)

    def add_path(self, path: str, lines: LineRange | None = None) -> None:
        """Adds a file, once."""
        if (path, lines) in self._done:
            return
        self._done.add((path, lines))
        real = os.path.realpath(path)
        if files.is_secret_by_name(path) or files.is_secret_by_name(real):
            self.denied.append((f"{os.path.basename(path)} is a file of credentials by its name", real))
            return
        data = files.read_part(path, lines, self._left)
        self._left -= len(data)
        if data:
            self.items.append(ScannedItem(f"the file {os.path.basename(path)}", data, real))


def _make_plain(text: str) -> str:
    """The text as a model reads it: without characters that show as nothing, and with wide letters as usual ones."""
    import unicodedata

    plain = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in plain if sign.isascii() or unicodedata.category(sign) != "Cf")


def collect(event: Event) -> Look:
    """What the event would show. Raises TooLargeError and TooLongError."""
    look = Look()
    if event.kind == p.PROMPT:
        look.add_text("the prompt", event.prompt)
        for name, lines in files.list_mentioned(event.prompt) if "@" in event.prompt else ():
            look.add_file(name, event.folder, lines)
    elif event.kind == p.BEFORE:
        _collect_arguments(look, event)
    elif event.kind == p.READ:
        look.add_file(str(event.given["file_path"]), event.folder)  # type: ignore[index]
        look.add_text("the file", event.result if isinstance(event.result, str) else "")
    elif event.kind == p.AFTER:
        look.add_text("the result", flatten_leaves(event.result, removed=shows_removed(event))[0])
    else:
        look.add_text("the payload", flatten_leaves(event.payload)[0])
    for name in event.attached:
        look.add_file(name, event.folder)
    return look


def shows_removed(event: Event) -> bool:
    """False for a tool that edits files: what its result says of the old text does not reach the model."""
    return event.tool.lower() not in _EDITORS


def flatten_leaves(value: object, *, removed: bool = True) -> tuple[str, list[Leaf]]:
    """Every text in a value as `key: text` lines, in which a name stands before its value, and the places of the texts.
    Without `removed` what a call takes out of a file is left out."""
    pieces: list[str] = []
    leaves: list[Leaf] = []
    length = 0
    waiting: list[tuple[tuple[object, ...], object]] = [((), value)]
    while waiting:
        keys, one = waiting.pop()
        if isinstance(one, dict):
            waiting += [
                ((*keys, key), item) for key, item in reversed(one.items()) if removed or key not in _REMOVED
            ]  # fmt: skip
            continue
        if isinstance(one, list):
            waiting += [((*keys, number), item) for number, item in reversed(list(enumerate(one)))]
            continue
        if one is None or isinstance(one, bool):
            continue
        name = next((key for key in reversed(keys) if isinstance(key, str)), "")
        head = f"{name}: " if name else ""
        text = one if isinstance(one, str) else str(one)
        if isinstance(one, str):
            leaves.append(Leaf(keys, text, length + len(head)))
        pieces.append(f"{head}{text}\n")
        length += len(pieces[-1])
        if len(pieces) > _MOST_LEAVES:
            raise files.TooLargeError("the payload has too many values to be checked in time")
    return "".join(pieces), leaves


def _collect_arguments(look: Look, event: Event) -> None:
    given = event.given
    if isinstance(given, str) and _PATCH in given:
        given = {"command": given}
    text, leaves = flatten_leaves(given, removed=False)
    patch = next((leaf.text for leaf in leaves if _PATCH in leaf.text), "")
    if patch:
        text = "\n".join(line for line in text.split("\n") if not line.startswith("-"))
    look.add_text(f"the call of {event.tool}" if event.tool.replace("_", "a").isalnum() else "the call", text)
    names = {leaf.keys[-1] for leaf in leaves if leaf.keys}
    if not patch:
        for command in _list_commands(given):
            _collect_command(look, command, event)
    low = event.tool.lower()
    if names & _NEW_TEXT or any(word in low for word in _HARMLESS):
        return
    lines = _find_range(given)
    for leaf in leaves[:_MOST_PATHS]:
        if len(leaf.text) < _LONGEST_PATH:
            look.add_file(leaf.text, event.folder, lines)


def _list_commands(given: object) -> list[str]:
    """The texts that a tool would run, whatever its name."""
    from credguard.hooks.agents.shell import join_words

    found: list[str] = []
    waiting = [given]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        if not isinstance(one, dict):
            continue
        for key, value in one.items():
            if str(key).lower() in _COMMANDS and isinstance(value, str):
                found.append(value)
            elif str(key).lower() in _COMMANDS and isinstance(value, list) and all(isinstance(w, str) for w in value):
                found += [join_words(value), *(word for word in value if " " in word)]
            elif isinstance(value, (dict, list)):
                waiting.append(value)
    return found


def _collect_command(look: Look, command: str, event: Event) -> None:
    from credguard.hooks.agents.answers import can_withhold
    from credguard.hooks.agents.shell import find_prints

    folder = event.folder
    if os.name == "nt" or "powershell" in event.tool.lower() or command.lower().startswith(_WINDOWS):
        command = command.replace("\\", "/")
    prints = find_prints(command, strict=not can_withhold(event))
    for name in prints.files:
        look.add_file(name, folder)
        if ":" in name:  # a file of a commit
            tail = name.rpartition(":")[2]
            if files.is_secret_by_name("/" + tail):
                look.denied.append((f"{os.path.basename(tail)} is a file of credentials by its name", ""))
    for name in dict.fromkeys(prints.folders):
        path = files.resolve(name, folder)
        if path and os.path.isdir(path):
            look.add_file(os.path.join(path, "*"), folder)
    for start, pattern in prints.found:
        for path in files.walk(start, pattern, folder):
            look.add_path(path)
    for start, part in dict.fromkeys(prints.searches):
        look.add_text("what is searched", files.search(start, part, folder))
    for call in prints.calls:
        look.denied.append((f"`{call}` prints credentials", ""))
    names = set(prints.variables)
    if names:
        shown = os.environ if "*" in names else {name: os.environ[name] for name in names if name in os.environ}
        look.add_text("the environment", "".join(f"{name}={value}\n" for name, value in shown.items()))


def _find_range(given: object) -> LineRange | None:
    """The lines that a read is about, None for all."""
    if not isinstance(given, dict):
        return None
    view = given.get("view_range")
    if isinstance(view, list) and len(view) == 2 and all(_is_number(one) for one in view):
        return LineRange(view[0], view[1] if view[1] > 0 else None)
    for first, last in (("start_line", "end_line"), ("startLine", "endLine")):
        if _is_number(given.get(first)) or _is_number(given.get(last)):
            start, end = given.get(first), given.get(last)
            return LineRange(start if _is_number(start) else 1, end if _is_number(end) else None)  # type: ignore[arg-type]
    start, count = given.get("offset"), given.get("limit")
    begin = start if _is_number(start) else 1
    if _is_number(start) or _is_number(count):
        return LineRange(begin, begin + count if _is_number(count) else None)  # type: ignore[operator, arg-type]
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 40
