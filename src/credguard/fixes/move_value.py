"""Takes a value out of code into `.env`: what the code says instead, and the entries of `.env` and .gitignore."""

from __future__ import annotations

import ast
import os
import stat
import warnings
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from credguard.fixes.allow_comment import NewLine
from credguard.fixes.edit import LARGEST_EDIT, Edit, RefusedError, append_lines, load_text
from credguard.fixes.gitignore import build_env_file_edits
from credguard.fixes.plan import FixPlan, Mode
from credguard.lazy_re import compile_lazily
from credguard.model.findings import PartRole
from credguard.parsers.assignments import parse_dotenv
from credguard.parsers.comments.detect_language import identify_language
from credguard.rule import SECRET_VALUES, is_custom
from credguard.sources.env_files import get_folder, is_compose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from credguard.model.findings import Finding, Location
    from credguard.sources.worktree import WorkTree

ENV_FILE = ".env"
_ROLES: dict[str, str] = {
    PartRole.ACCESS_KEY_ID: "AWS_ACCESS_KEY_ID", PartRole.SECRET_ACCESS_KEY: "AWS_SECRET_ACCESS_KEY",
    PartRole.SESSION_TOKEN: "AWS_SESSION_TOKEN",
}  # fmt: skip
_PLAIN_VALUE = compile_lazily(r"[A-Za-z0-9_./+=:@%,~-]{8,4096}")
"""Values that every reader of dotenv files takes as they are, without quotes."""
_NOT_IN_NAME = compile_lazily(r"[^A-Z0-9]+")
_BEFORE = compile_lazily(r"(?:[=:(,\[?|&+>]|\breturn)\s*\Z")
_AFTER = compile_lazily(r"\s*(?:[,;)\]}]|#|//|\Z)")
_SHELL = compile_lazily(r"\s*(?:(?:export|readonly|local|declare(?:\s+-\w+)*)\s+)?[A-Za-z_]\w*=\Z")
_SHELL_END = compile_lazily(r"\s*(?:[;#&]|\Z)")
_COMPOSE = compile_lazily(r"\s*(?:-\s+)?[\"']?[\w.-]+[\"']?\s*(?:[:]\s+|=)[\"']?\Z")
_COMPOSE_END = compile_lazily(r"[\"']?\s*(?:\s#.*)?\Z")
_QUOTED = {"python": 'os.environ["{}"]', "javascript": "process.env.{}", "ruby": 'ENV.fetch("{}")'}
_MARKUP_IN_CODE = (".jsx", ".tsx")


@dataclass(frozen=True, slots=True)
class Replacement:
    """What replaces the columns `start` to `end` (from 0) of the line `number` (from 1)."""

    number: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Move:
    """Names and values to have in `.env` at `env_path`, what the document says instead, and a line that it then
    needs."""

    env_path: str
    values: Mapping[str, str] = field(repr=False)
    replacements: tuple[Replacement, ...]
    new_line: NewLine | None = None

    def apply_to(self, lines: Sequence[str]) -> list[str]:
        """The document's lines with the replacements and without the new line."""
        changed = list(lines)
        for one in sorted(self.replacements, key=lambda one: (one.number, -one.start)):
            row = changed[one.number - 1]
            changed[one.number - 1] = row[: one.start] + one.text + row[one.end :]
        return changed


def plan_move(lines: list[str], path: str, finding: Finding, env: bytes) -> Move | None:
    """How to take the values of a finding out of a document (its `lines`, split at `\\n`) at `path`; None if the
    language or the place has no form for it. `env` is what `.env` holds: no value of it is changed."""
    ours = finding.rule_id.startswith(SECRET_VALUES) or is_custom(finding.rule_id)
    if not ours or sum(map(len, lines)) > LARGEST_EDIT or any(place.path != path for place in finding.locations):
        return None
    values = [_read_value(lines, place) for place in finding.locations]
    if not all(values):
        return None
    names = _pick_names(finding, values, _read_env(env))
    language = "compose" if is_compose(path) else identify_language(path, "\n".join(lines).encode("utf-8", "replace"))
    if path.lower().endswith(_MARKUP_IN_CODE):
        return None
    made = [
        _refer(language, lines[place.line - 1].rstrip("\r"), place, name)
        for place, name in zip(finding.locations, names, strict=True)
    ]
    replacements = [one for one in made if one]
    if len(replacements) < len(made):
        return None
    move = Move(find_env_file(path), dict(zip(names, values, strict=True)), tuple(replacements))
    return _add_import(move, "\n".join(move.apply_to(lines))) if language == "python" else move


def find_env_file(path: str) -> str:
    """The `.env` of a document: at the root of the repository, as programs read it from there; Compose reads the one
    beside its file."""
    return get_folder(path) + ENV_FILE if is_compose(path) else ENV_FILE


def plan_env_files(tree: WorkTree, made: Move) -> FixPlan:
    """The changes of `.env` and of the ignore files; raises RefusedError where one of them has to be made by hand."""
    if made.env_path in tree.tracked:
        raise RefusedError("is tracked by git: remove it from there first (`credguard fix`)")
    before = load_text(tree.root, made.env_path)
    edits = build_env_file_edits(tree, made.env_path) if tree.repository is not None else []
    known = _read_env(before or b"")
    fresh = [f"{name}={value}" for name, value in made.values.items() if known.get(name) != value]
    if not fresh:
        return FixPlan(edits=edits)
    after = append_lines(before or b"", fresh)
    if _read_env(after) != {**known, **made.values}:
        raise RefusedError("has a form to which no entry can be added: add the value yourself")
    edits.append(Edit(made.env_path, before, after, tuple(made.values.values())))
    return FixPlan(edits=edits, modes=_find_mode(tree, made.env_path))


def _find_mode(tree: WorkTree, path: str) -> list[Mode]:
    """The mode of `.env` after the change: nobody else reads it."""
    location = tree.resolve_path(path)
    if location is None or os.name == "nt":
        return []
    mode = stat.S_IMODE(os.lstat(location).st_mode) if os.path.lexists(location) else 0o600
    return [Mode(location, path, mode & ~(stat.S_IRWXG | stat.S_IRWXO))]


def _read_value(lines: list[str], place: Location) -> str:
    """The value at a place of one line, "" if it is none that `.env` takes as it is."""
    if place.line != place.end_line or not 0 < place.line <= len(lines):
        return ""
    value = lines[place.line - 1][place.column - 1 : place.end_column - 1]
    return value if _PLAIN_VALUE.fullmatch(value) else ""


def _read_env(data: bytes) -> dict[str, str]:
    """The values of an env file by name, without those in comments."""
    found = {}
    for one in parse_dotenv(data):
        start = data.rfind(b"\n", 0, one.start) + 1
        if not data[start : one.start].lstrip().startswith(b"#"):
            found[one.name.decode("utf-8", "replace")] = one.value.decode("utf-8", "surrogateescape")
    return found


def _pick_names(finding: Finding, values: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """A variable for each value: the usual one, or with a number where `.env` has it with another value."""
    own = _NOT_IN_NAME.sub("_", finding.rule_name.upper()).strip("_") or "SECRET"
    usual = [_ROLES.get(place.role, own) for place in finding.locations]
    repeated = len(set(usual)) < len(usual)
    if repeated:
        usual = [name if values.index(value) == at else f"{name}_{at + 1}" for at, (name, value) in
                 enumerate(zip(usual, values, strict=True))]  # fmt: skip
    for number in count(1):
        names = usual if number == 1 else [f"{name}_{number}" for name in usual]
        if all(env.get(name, value) == value for name, value in zip(names, values, strict=True)):
            break
    return names


def _refer(language: str, line: str, place: Location, name: str) -> Replacement | None:
    """What stands for the value instead, None where that is not certain to be right."""
    start, end = place.column - 1, place.end_column - 1
    if language == "compose":
        fits = _COMPOSE.fullmatch(line[:start]) and _COMPOSE_END.match(line[end:])
        return Replacement(place.line, start, end, f"${{{name}:?}}") if fits else None
    quote = line[start - 1 : start] if start else ""
    quoted = quote in ("'", '"') and line[end : end + 1] == quote and line[start - 2 : start - 1] != quote
    if quoted:
        start, end = start - 1, end + 1
    if language == "shell":
        fits = _SHELL.fullmatch(line[:start]) and _SHELL_END.match(line[end:])
        return Replacement(place.line, start, end, f'"${{{name}:?}}"') if fits else None
    form = _QUOTED.get(language) if quoted else None
    if form is None or not _BEFORE.search(line[:start]) or not _AFTER.match(line[end:]):
        return None
    return Replacement(place.line, start, end, form.format(name))


def _add_import(move: Move, text: str) -> Move | None:
    """The move with the line that imports `os`, if the program `text` needs one; None for what is no program."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    imports = (one for node in body if isinstance(node, ast.Import) for one in node.names)
    if any(one.name == "os" and not one.asname for one in imports):
        return move
    end = "\r\n" if "\r\n" in text else "\n"
    return replace(move, new_line=NewLine(_find_first_import(body), f"import os{end}"))


def _find_first_import(body: Sequence[ast.stmt]) -> int:
    """The line at which a program's imports may begin: after its docstring and what it takes from `__future__`."""
    number = 0
    for at, node in enumerate(body):
        is_text = at == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_text and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            return number or min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        number = (node.end_lineno or node.lineno) + 1
    return number or 1
