"""The patch that replaces stored AWS keys in a GitHub workflow with a role, assumed with the job's identity token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from credguard.fixes.edit import detect_line_ending
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROLE = "arn:aws:iam::ACCOUNT-ID:role/ROLE-NAME"
ARN = compile_lazily(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_ACTION = "aws-actions/configure-aws-credentials@"
_ID, _SECRET, _TOKEN, _ASSUMED = (
    "aws-access-key-id", "aws-secret-access-key", "aws-session-token", "role-to-assume",
)  # fmt: skip
_GIVEN = {"id-token": "write", "contents": "read"}


class _UnknownShapeError(Exception):
    """The workflow has a form that this patch does not support."""


@dataclass(frozen=True, slots=True)
class PatchedWorkflow:
    """A workflow's new text, the lines of the findings that it fixes, and the jobs that inherited their permissions
    before and now have only those listed in them."""

    data: bytes
    settled: frozenset[int] = frozenset()
    narrowed: tuple[str, ...] = ()


def patch_workflow(data: bytes, lines: Collection[int], role: str = ROLE) -> PatchedWorkflow:
    """The workflow with the steps fixed that findings at `lines` report; comments and layout stay.

    Nothing changes if a step, or its permissions, has an unusual form.
    """
    try:
        text = data.decode("utf-8")
        mixed = text.count("\r\n") not in (0, text.count("\n"))
        patch = _Patch(text if mixed else text.replace("\r\n", "\n"), role)
        after = patch.build_text(lines)
    except (UnicodeDecodeError, yaml.YAMLError, _UnknownShapeError, RecursionError):
        return PatchedWorkflow(data)
    whole = after.replace("\n", "\r\n") if not mixed and detect_line_ending(data) == b"\r\n" else after
    return PatchedWorkflow(whole.encode(), frozenset(patch.settled), tuple(patch.narrowed))


class _Patch:
    """Line edits of one workflow: `_gone` lines are removed, `_other` are replaced, `_new` lines are inserted before
    others."""

    def __init__(self, text: str, role: str) -> None:
        self._lines = text.split("\n")
        self._role = role
        self._root = _require_mapping(yaml.compose(text, yaml.SafeLoader))
        self._before = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - plain strings alone
        self._gone: set[int] = set()
        self._other: dict[int, str] = {}
        self._new: dict[int, list[str]] = {}
        self.settled: set[int] = set()
        self.narrowed: list[str] = []

    def build_text(self, lines: Collection[int]) -> str:
        """The new text; raises _UnknownShapeError, also if it would not have the intended content."""
        jobs = _require_mapping(_find_value(self._root, "jobs"))
        for name, job in jobs.value:
            steps = [step for step in _iter_key_steps(job) if any(_has_line(step, line) for line in lines)]
            for step in steps:
                self._step(_require_mapping(_find_value(_require_mapping(step), "with")))
            if steps:
                self.settled.update(line for line in lines for step in steps if _has_line(step, line))
                self._permit(name, _require_mapping(job), alone=len(jobs.value) == 1)
        if not self.settled:
            raise _UnknownShapeError
        after = "\n".join(self._iter_lines())
        self._check(after)
        return after

    def _step(self, given: yaml.MappingNode) -> None:
        """The inputs of the action: keys are removed, a role is added unless there is one."""
        names = {key.value: key for key, _ in given.value}
        if given.flow_style or _ID not in names or _SECRET not in names:
            raise _UnknownShapeError
        for word in (_ID, _SECRET, _TOKEN):
            if word in names:
                self._gone.add(self._own_line(given, word))
        if _ASSUMED not in names:
            line = names[_ID].start_mark.line
            self._gone.discard(line)
            self._other[line] = f"{' ' * names[_ID].start_mark.column}{_ASSUMED}: {self._role}"

    def _own_line(self, given: yaml.MappingNode, word: str) -> int:
        """The line that contains only the input."""
        key, value = next(pair for pair in given.value if pair[0].value == word)
        line = int(key.start_mark.line)
        single = isinstance(value, yaml.ScalarNode) and value.end_mark.line == line and value.style in (None, "'", '"')
        if not single or self._lines[line][: key.start_mark.column].strip():
            raise _UnknownShapeError
        return line

    def _permit(self, name: yaml.Node, job: yaml.MappingNode, *, alone: bool) -> None:
        """Lets the job request an identity token, in its own permissions or, if it is the only job, the workflow's;
        otherwise in new ones of the job, with those that it had from the workflow."""
        own, shared = _find_value(job, "permissions"), _find_value(self._root, "permissions")
        if own is not None or (alone and isinstance(shared, yaml.MappingNode) and not shared.flow_style):
            self._widen(own or shared)
        elif isinstance(shared, yaml.ScalarNode) and shared.value != "write-all":
            raise _UnknownShapeError
        elif shared is None or isinstance(shared, yaml.MappingNode):
            entries = {k.value: v.value for k, v in shared.value} if shared else {}
            self._own_permissions(name, job, entries)

    def _widen(self, node: yaml.Node | None) -> None:
        if isinstance(node, yaml.ScalarNode) and node.value == "write-all":
            return
        permissions = _require_mapping(node)
        entries = {key.value: value.value for key, value in permissions.value}
        missing = [f"{word}: {right}" for word, right in _GIVEN.items() if word not in entries]
        if permissions.flow_style or entries.get("id-token", "write") != "write" or not entries:
            raise _UnknownShapeError
        first = permissions.value[0][0].start_mark
        if missing:
            self._new.setdefault(first.line, []).extend(" " * first.column + one for one in missing)

    def _own_permissions(self, name: yaml.Node, job: yaml.MappingNode, entries: dict[str, str]) -> None:
        first = job.value[0][0].start_mark
        if job.flow_style or first.line <= name.start_mark.line:
            raise _UnknownShapeError
        depth = first.column - name.start_mark.column
        granted = {**_GIVEN, **entries, "id-token": "write"}
        block = [f"{' ' * first.column}permissions:"]
        block += [f"{' ' * (first.column + depth)}{word}: {right}" for word, right in granted.items()]
        self._new.setdefault(first.line, []).extend(block)
        if not entries:
            self.narrowed.append(str(name.value))

    def _iter_lines(self) -> Iterator[str]:
        for number, line in enumerate(self._lines):
            yield from self._new.get(number, ())
            if number not in self._gone:
                yield self._other.get(number, line)

    def _check(self, after: str) -> None:
        """Raises _UnknownShapeError unless the new text differs only in inputs and permissions."""
        now = yaml.load(after, yaml.BaseLoader)  # noqa: S506 - plain strings alone
        if _strip_patchable(now) != _strip_patchable(self._before):
            raise _UnknownShapeError


def _strip_patchable(value: object) -> object:
    """The document without what the patch may change."""
    if isinstance(value, dict):
        left = {k: v for k, v in value.items() if k not in (_ID, _SECRET, _TOKEN, _ASSUMED, "permissions")}
        return {key: _strip_patchable(item) for key, item in left.items()}
    return [_strip_patchable(item) for item in value] if isinstance(value, list) else value


def _iter_key_steps(job: yaml.Node) -> Iterator[yaml.Node]:
    """The steps of a job that use the action with keys."""
    steps = _find_value(job, "steps") if isinstance(job, yaml.MappingNode) else None
    for step in steps.value if isinstance(steps, yaml.SequenceNode) else ():
        uses = _find_value(step, "uses") if isinstance(step, yaml.MappingNode) else None
        if isinstance(uses, yaml.ScalarNode) and uses.value.startswith(_ACTION):
            yield step


def _has_line(node: yaml.Node, line: int) -> bool:
    return bool(node.start_mark.line < line <= node.end_mark.line + 1)


def _find_value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _require_mapping(node: yaml.Node | None) -> yaml.MappingNode:
    if not isinstance(node, yaml.MappingNode):
        raise _UnknownShapeError
    return node
