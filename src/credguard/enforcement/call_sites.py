"""The calls of credguard in settings, and for each everything that it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.ci import systems
from credguard.enforcement import dependency_origins
from credguard.enforcement.conditions import is_stopped
from credguard.enforcement.make_targets import MAKEFILES
from credguard.enforcement.references import (
    NEVER_FOLLOWED,
    SETS_UP,
    File,
    build_lines_node,
    extract_code,
    find_calling_entries,
    find_document_calls,
    find_entry_names,
    find_flaws,
    find_text_calls,
    is_shell,
    iter_entry_uses,
    iter_script_keys,
    may_run_calls,
)
from credguard.enforcement.settings_files import (
    FAMILIES,
    PLANTED,
    SettingsFiles,
    find_shape,
    is_prose,
    is_script,
    is_tool,
    list_family,
    parse_settings,
    sets_variables,
)
from credguard.enforcement.settings_shape import (
    SHAPES,
    Pruner,
    format_trail,
    has_comments,
    iter_scalars,
    resolve_trail,
    strip_script_comments,
    trim_to_unit,
)
from credguard.enforcement.shell import SCRIPT_SUFFIXES, Call, expand_variables
from credguard.enforcement.tree_diff import LINES
from credguard.errors import UnreadableError
from credguard.parsers.document import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from credguard.enforcement.settings_shape import Trail
_MOST_SITES = 40
_MOST_PARTS = 60
_MULTIPLE = ("drone", "woodpecker")
_DOUBLES = frozenset(("circleci", "gitlab"))


@dataclass(frozen=True, slots=True)
class Site:
    """A call of credguard in a file.

    `parts` are the trees that it depends on, by file; `calls` what it runs. `through` is the file by which it reaches
    credguard, empty for a direct call. `stopped` is set if it cannot run, or if its failure is ignored.
    """

    path: str
    label: str
    line: int
    parts: Mapping[str, Node]
    calls: tuple[Call, ...] = ()
    through: str = ""
    stopped: bool = False
    flaws: frozenset[str] = frozenset()
    """Why parts of the file cannot be read."""

    @property
    def enforces(self) -> bool:
        """False if its failure never has a consequence."""
        return not self.stopped and (bool(self.through) or any(not call.muted for call in self.calls))


class Survey:
    """All calls of credguard in one set of files."""

    def __init__(self, files: SettingsFiles) -> None:
        self._files, self.asked = files, files.asked
        named = any(b"credguard" in (files.get_data(path) or b"") for path in files)
        self._known = {path: self._load_file(path) for path in files if not is_prose(path)} if named else {}
        self._leading = self._find_leading_files()
        for one in self._known.values():
            if one.documents is not None:
                self._follow(one)
        for one in self._known.values():
            if one.documents is not None:
                self._follow_templates(one)

    def find_sites(self) -> dict[str, tuple[Site, ...]]:
        """The calls by file."""
        found = {path: tuple(self._iter_sites(one)) for path, one in self._known.items() if path not in PLANTED}
        return {path: sites for path, sites in found.items() if sites}

    def find_problem(self, path: str) -> str:
        """Why the file cannot be parsed as its name suggests, empty if it can."""
        known = path in self._files and not is_prose(path)
        return (self._known.get(path) or self._load_file(path)).problem if known else ""

    def _load_file(self, path: str) -> File:
        data = self._files.get_data(path) or b""
        text = self._files.get_text(path)
        if sets_variables(path):
            text = expand_variables(text, "\n".join(map(self._files.get_text, self._files.list_included(text))))
            data = text.encode("utf-8", "replace")
        try:
            found, problem = parse_settings(path, data), ""
        except UnreadableError as error:
            found, problem = None, error.message
        one = File(
            path,
            text,
            found,
            problem,
            find_shape(path),
            comments=has_comments(text, find_shape(path)),
            executable=path not in self._files.not_executable,
            odd_lines=(b"\r\n" in data or data.startswith(b"\xef\xbb\xbf")) and is_shell(path, text),
        )
        if "credguard" in text and path not in PLANTED and not dependency_origins.never_calls(path):
            one.own = dict(find_document_calls(one)) if found is not None else find_text_calls(path, text)
            if is_tool(path) and not any(call.words and not call.muted for every in one.own.values() for call in every):
                one.own = {}
        return one

    def _find_leading_files(self) -> dict[str, None]:
        """The files that call credguard, or reference a file that does."""
        leading = {path: None for path, one in self._known.items() if one.own}
        if not leading:  # then no reference leads to a call
            return leading
        named = {
            path: self._files.find_references(path, extract_code(one))
            for path, one in self._known.items()
            if path not in leading and path not in PLANTED
        }
        more = True
        while more:
            more = False
            for path, names in named.items():
                if path not in leading and any(name in leading for name in names):
                    leading[path] = None
                    more = True
        return leading

    def _follow(self, one: File) -> None:
        """Entries of a document that reference a file which leads to credguard."""
        for number, document in enumerate(one.documents or ()):
            for trail, key, node in (*iter_scalars(document), *iter_script_keys(document, one.shape)):
                place = (number, trim_to_unit(document, trail, one.shape))
                if place in one.own or place in one.through or key in NEVER_FOLLOWED:
                    continue
                text = strip_script_comments(node.text) if key in SCRIPT_SUFFIXES else node.text
                to = next(
                    (
                        name
                        for name in self._files.find_references(one.path, text)
                        if self._can_reach_credguard(name, text)
                    ),
                    "",
                )
                if to:
                    one.through[place] = to

    def _can_reach_credguard(self, name: str, text: str) -> bool:
        """True if a command that names a file, or its program, reaches credguard through it."""
        if name not in self._leading:
            return False
        tool = name.rpartition("/")[2].lower() in MAKEFILES or name.endswith(
            ("package.json", "askfile.yml", "askfile.yaml")
        )
        return not tool or name in text or may_run_calls(self._known[name], text)

    def _follow_templates(self, one: File) -> None:
        """Jobs that inherit a call of credguard from another entry of their settings."""
        system = systems.find_settings_system(one.path) or systems.detect_ci_system(one.path)
        if system not in _DOUBLES:
            return
        names = {name for each in self._list_merged(one) for name in find_calling_entries(each, system)}
        for _ in range(5):
            added = False
            for number, document in enumerate(one.documents or ()):
                for trail, place, name in iter_entry_uses(document, one.shape, system):
                    key = (number, place)
                    if name in names and key not in one.own and key not in one.through and trail:
                        one.through[key] = one.path
                        names |= find_calling_entries(one, system)
                        added = True
            if not added:
                return

    def _list_merged(self, one: File) -> list[File]:
        """The files of GitLab's settings, which are merged; otherwise only the file itself."""
        if find_shape(one.path) is not SHAPES["gitlab"]:
            return [one]
        reached = {one.path: one}
        waiting = [one.path, ".gitlab-ci.yml"]
        while waiting:
            file = self._known.get(waiting.pop())
            for document in (file.documents or ()) if file else ():
                include = document.get("include")
                names = [text for _, _, node in iter_scalars(include) for text in (node.text,)] if include else []
                for name in self._files.find_references(file.path, "\n".join(names)) if file else ():
                    if name not in reached and name in self._known:
                        reached[name] = self._known[name]
                        waiting.append(name)
        root = self._known.get(".gitlab-ci.yml")
        return list({**reached, **({root.path: root} if root else {})}.values())

    def _iter_sites(self, one: File) -> Iterator[Site]:
        if one.documents is None:
            through = next(
                (n for n in self._files.find_references(one.path, extract_code(one)) if n in self._leading), ""
            )
            if one.own or (one.path in self._leading and through):
                found = tuple(call for every in one.own.values() for call in every)
                parts = self._add_related(one, {one.path: build_lines_node(one)})
                yield Site(one.path, "", 1, parts, found, "" if found else through, not one.executable)
            return
        places = {**dict.fromkeys(one.through, ()), **one.own}
        strong = {place for place, found in places.items() if place in one.through or any(c.words for c in found)}
        chosen = sorted(place for place in places if place in strong or not strong)
        if len(chosen) > _MOST_SITES:
            yield Site(
                one.path, "", 1, {one.path: build_lines_node(one)}, tuple(c for f in one.own.values() for c in f)
            )
            return
        for number, trail in chosen:
            yield self._build_site(one, number, trail)

    def _build_site(self, one: File, number: int, trail: Trail) -> Site:
        documents = one.documents or ()
        document = documents[number]
        whole = one.shape is SHAPES["gitlab"] and _is_foreign(document, trail)
        cut = Pruner(_WHOLE if whole else one.shape, comments=one.comments)
        if trail:
            cut.own = frozenset(find_entry_names(document, trail, one.shape))
            cut.names |= cut.own
        tree = cut.prune_around(document, trail)
        parts = {one.path: _join_documents(documents, number, tree, one.path)}
        merged = [each for each in self._list_merged(one) if each is not one]
        for _ in range(3 if merged else 0):
            before = len(cut.names)
            for each in merged:
                beside = [cut.prune_beside(document) for document in each.documents or ()]
                kept = [node for node in beside if node.pairs]
                if kept:
                    parts[each.path] = kept[0] if len(kept) == 1 else Node("sequence", 1, 1, items=tuple(kept))
            parts[one.path] = _join_documents(documents, number, cut.prune_around(document, trail), one.path)
            if len(cut.names) == before:
                break
        return Site(
            one.path, format_trail(document, trail), resolve_trail(document, trail).line,
            self._add_related(one, parts, merged),
            tuple(call for call in one.own.get((number, trail), ()) if call.words),
            one.through.get((number, trail), ""), is_stopped(document, trail), find_flaws(one),
        )  # fmt: skip

    def _add_related(self, one: File, parts: dict[str, Node], merged: Iterable[File] = ()) -> dict[str, Node]:
        """The parts with the files that they reference or that override them, except those `merged` already."""
        left_out = {each.path for each in merged}
        for path in self._iter_adjacent(one.path):
            if (
                path not in parts
                and path in self._known
                and not (path in self._leading and path in list_family(one.path))
            ):
                parts[path] = self._read_whole(path)
        if one.path.startswith(".husky/") and "package.json" in self._known and "package.json" not in parts:
            package = self._known["package.json"]
            for document in package.documents or ():
                parts["package.json"] = Pruner(SHAPES["package"], set(SETS_UP)).prune_beside(document)
        waiting = list(parts.items())
        while waiting and len(parts) < _MOST_PARTS:
            path, node = waiting.pop()
            text = "\n".join(leaf.text for _, key, leaf in iter_scalars(node) if key != "name")
            for name in self._files.find_references(path, text):
                if name not in parts and name not in left_out and self._is_relevant(name):
                    parts[name] = self._read_whole(name)
                    waiting.append((name, parts[name]))
        return parts

    def _iter_adjacent(self, path: str) -> Iterator[str]:
        yield from (name for name in PLANTED if name != "uv.toml" or "uv" in self._known[path].text)
        yield from (name for name in list_family(path) if name != path)
        folder = path.split("/", maxsplit=1)[0]
        if folder == ".husky":
            yield from (name for name in self._known if name.startswith(".husky/_/"))
            yield from (name for name in self._known if name.startswith(".huskyrc"))
        if path in (".woodpecker.yml", ".woodpecker.yaml"):  # which the folder overrides
            yield from (name for name in self._known if name.startswith(".woodpecker/"))
        if folder == ".buildkite":
            yield from (name for name in self._known if name.startswith(".buildkite/hooks/"))

    def _is_relevant(self, name: str) -> bool:
        """True for a file whose content affects an entry that references it."""
        one = self._known.get(name)
        if one is not None and dependency_origins.is_origin(name):
            return bool(dependency_origins.list_relevant_lines(name, one.text))
        if one is None or one.own or name in self._leading:
            return False
        return "credguard" in one.text or (is_script(name) and not any(name in files for files in FAMILIES))

    def _read_whole(self, path: str) -> Node:
        one = self._known[path]
        if dependency_origins.is_origin(path):
            items = tuple(
                Node("scalar", number + 1, 1, text=line)
                for number, line in dependency_origins.list_relevant_lines(path, one.text)
            )
            return Node("sequence", 1, 1, tag=LINES, items=items)
        if one.documents is None or len(one.documents) != 1:
            return build_lines_node(one)
        return Pruner(_WHOLE, comments=one.comments).prune_beside(one.documents[0])


_WHOLE = find_shape("")


def _is_foreign(document: Node, trail: Trail) -> bool:
    """True for what GitLab includes from elsewhere: it may override any job."""
    return (
        bool(trail)
        and document.pairs[trail[0]][0].text == "include"
        and any(
            "credguard" in node.text and key != "local" for _, key, node in iter_scalars(resolve_trail(document, trail))
        )
    )


def _join_documents(documents: tuple[Node, ...], number: int, tree: Node, path: str) -> Node:
    """The tree, with the other content of the file if it is read as a whole."""
    if len(documents) == 1 or systems.find_settings_system(path) in _MULTIPLE:
        return tree
    rest = tuple(tree if index == number else document for index, document in enumerate(documents))
    return Node("sequence", 1, 1, tag="documents", items=rest)
