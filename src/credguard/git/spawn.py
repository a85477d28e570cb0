"""How git is called: settings that no repository or user can override, and a way to start it fast."""

from __future__ import annotations

import os
import select
import time

from credguard.system import compat

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

# Command-scope settings override every file of a repository or user. Disabling `safe.directory` is safe because none of
# the plumbing used here runs a configured program.
_SETTINGS = (
    "core.commitGraph=false",  # which may differ from the commits
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.untrackedCache=false",
    "color.ui=false",
    "protocol.allow=never",
    "safe.directory=*",
)
COMMAND = ("git", "--no-pager", "--literal-pathspecs", *(w for s in _SETTINGS for w in ("-c", s)))
PLAIN_LOG = (
    "log", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-notes", "--no-mailmap", "--no-relative",
    "--no-color", "-O/dev/null", "--ignore-submodules=none",
)  # fmt: skip
"""As a porcelain command, `log` follows settings: none may run a program, or change its output."""
STAGED = ("diff-index", "--cached", "-r", "--raw", "-z", "--no-renames", "--no-abbrev")
"""Lists what is staged, against the tree that follows. Without `-r`, git 2.55 gives a folder outside a sparse checkout
as one entry, where the index is sparse as well; git 2.39 does not."""
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull, "LC_ALL": "C", "GIT_EXTERNAL_DIFF": "",
    "GIT_PAGER": "cat",
    # It overrides protocol.NAME.allow, which a repository may set; older versions of git do not have GIT_NO_LAZY_FETCH.
    "GIT_ALLOW_PROTOCOL": "none",
}  # fmt: skip
# What a surrounding git (a hook, `git -c`) sets about *its* repository must not leak into others.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
              "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CEILING_DIRECTORIES",
              "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_COMMON_DIR",
              "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_EXTERNAL_DIFF")  # fmt: skip
# Paths are always literal; git rejects that in combination with other pathspec settings of the user.
_PATHSPECS = ("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS")
_NEVER_INHERITED = ("GIT_PREFIX", "GIT_GRAFT_FILE", "GIT_EXTERNAL_DIFF", *_PATHSPECS)
_DIAGNOSTIC = ("GIT_TRACE", "GIT_TEST_")
FIRST_READ = ("HEAD", "config", "index", "commondir", "packed-refs", "shallow")
"""Files of a repository's own folder that git reads for every command."""
MOST_INPUT = 600_000
"""The most bytes of input of one process."""
_SURELY_TAKEN = 4096
"""Bytes that a pipe takes without a reader: one page, if a user has many pipes (pipe(7))."""
_PATIENCE = 5.0
"""Seconds without output from git after which the full scan takes over, which can determine the cause."""
_PAUSE = 0.002
_PIECE = 1 << 20
_FEW = 64
_BATCH = 8 << 20
_HEADER = 200


def build_environment(*, inherit: bool) -> dict[str, str]:
    """The environment for git: this process's, without variables that would bind git to a repository (unless `inherit`)
    or let a setting run something."""
    dropped = _NEVER_INHERITED if inherit else (*_INHERITED, *_PATHSPECS)
    return {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith(_DIAGNOSTIC)} | _ENVIRONMENT


def start(arguments: tuple[str, ...], stdin: bytes = b"") -> tuple[int, int]:
    """Starts git in this folder with its input, without the overhead of `subprocess`; returns the process ID and the
    descriptor of its output. Raises OSError if that fails."""
    command = [*COMMAND, *arguments]
    input_read, input_write = _open_input(stdin)
    output_read, output_write = os.pipe()
    try:
        process = compat.spawn(command, build_environment(inherit=True), input_read, output_write)
    except OSError:
        os.close(output_read)
        raise
    finally:
        for descriptor in {input_read, input_write, output_write}:
            os.close(descriptor)
    return process, output_read


def call(arguments: tuple[str, ...], stdin: bytes = b"") -> bytes:
    """The output of git in this folder; raises Failed unless it succeeds, and OSError."""
    output = finish_process(*start(arguments, stdin))
    if output is None:
        raise Failed
    return output


def _open_input(data: bytes) -> tuple[int, int]:
    """Descriptors to read and to write, with the data between them: a pipe if the data fits without a reader, or a file
    without a name, in memory if the system has such files."""
    if len(data) <= _SURELY_TAKEN:
        ends = os.pipe()
        os.write(ends[1], data)
        return ends
    if compat.make_memory_file:
        descriptor = compat.make_memory_file("input")
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor, descriptor
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        descriptor = os.dup(file.fileno())
    return descriptor, descriptor


def finish_process(process: int, output: int, ok: tuple[int, ...] = (0,)) -> bytes | None:
    """Reads the output of a process of `start` to its end; None unless it exits with one of `ok`. Raises Failed."""
    pieces = []
    try:
        while piece := _read(output):
            pieces.append(piece)
            if len(pieces) > _FEW:  # git writes a line at a time, and to read each takes longer than to write it
                compat.widen(output, _PIECE)
                time.sleep(_PAUSE)
    except Failed:
        stop(process, output)
        raise
    os.close(output)
    return b"".join(pieces) if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) in ok else None


def stop(process: int, output: int) -> None:
    """Ends a process of `start` that may still run."""
    os.close(output)
    compat.kill(process)
    os.waitpid(process, 0)


def _read(output: int) -> bytes:
    """Output of git, empty at its end. Raises Failed."""
    _await(output)
    return os.read(output, _PIECE)


def _await(output: int) -> None:
    """Raises Failed if git does not write in time."""
    poll = select.poll()
    poll.register(output, select.POLLIN)
    if not poll.poll(_PATIENCE * 1000):
        raise Failed


class Failed(Exception):  # noqa: N818 - it says that git did not answer, which need not be an error
    """An object does not exist or is larger than expected, or git does not respond."""


def stream_objects(oids: Sequence[bytes], most: int) -> Generator[bytes | memoryview, None, None]:
    """The content of objects, in pieces of one or more complete ones, each between the header of `cat-file --batch` and
    a newline. Raises Failed.

    The objects come from two processes at a time, because git is the bottleneck, roughly in their order.
    """
    waiting = [_ObjectReader(part, most) for part in reversed(_split_parts(oids))]
    running: list[_ObjectReader] = []
    try:
        while waiting or running:
            while waiting and len(running) < 2:
                one = waiting.pop()
                one.start()
                running.append(one)
            for one in list(running):
                if one.left:
                    yield one.read_piece()
                else:
                    running.remove(one)
                    one.end()
    finally:
        for one in running:
            one.stop()


def iter_contents(piece: bytes | memoryview) -> Iterator[memoryview]:
    """The content of each object of a piece."""
    return (content for _, _, content in iter_objects(piece))


def iter_objects(piece: bytes | memoryview) -> Iterator[tuple[bytes, bytes, memoryview]]:
    """ID, type and content of each object of a piece."""
    data, at = memoryview(piece), 0
    while at < len(data):
        header, _, _ = bytes(data[at : at + _HEADER]).partition(b"\n")
        oid, kind, size = header.split(b" ")
        start = at + len(header) + 1
        at = start + int(size) + 1
        yield oid, kind, data[start : at - 1]


def _has_gap(output: bytes) -> bool:
    """True if git may have said of an object that it does not exist, which a file may say as well."""
    return b" missing\n" in output or b" ambiguous\n" in output


def _split_parts(oids: Sequence[bytes]) -> list[Sequence[bytes]]:
    """At least two parts of work that takes git some time, none of them over MOST_INPUT bytes of input."""
    if not oids:
        return []
    fitting = MOST_INPUT // (len(oids[0]) + 1)
    size = min(fitting, len(oids) if len(oids) < _FEW else (len(oids) + 1) // 2)
    return [oids[start : start + size] for start in range(0, len(oids), size)]


class _ObjectReader:
    """One process of `cat-file --batch`; `left` counts the remaining objects."""

    def __init__(self, oids: Sequence[bytes], most: int) -> None:
        self._oids = oids
        self._most = most
        self._held = b""
        self._process = self._output = -1
        self.left = len(oids)

    def start(self) -> None:
        """Starts git."""
        self._process, self._output = start(("cat-file", "--batch", "--buffer"), b"\n".join(self._oids) + b"\n")
        if len(self._oids) > _FEW:
            compat.widen(self._output, _PIECE)

    def read_piece(self) -> bytes | memoryview:
        """The next complete objects; waits for one, or for all if they are not large."""
        more = b"" if self._held else _read(self._output)
        pieces, length = [more], len(more)
        while more and length < min(_BATCH, self._most):
            more = _read(self._output)
            pieces.append(more)
            length += len(more)
        self._held += b"".join(pieces)
        if not more and self._held and not _has_gap(self._held):  # the end, and `end` asks how git came to it
            whole, self._held, self.left = self._held, b"", 0
            return whole
        while True:
            end, needed = self._find_whole_end()
            if end:
                piece = memoryview(self._held)[:end]
                self._held = self._held[end:]
                return piece
            if needed > _PIECE:
                return self._read_large(needed)
            more = _read(self._output)
            if not more:
                raise Failed
            self._held += more

    def _find_whole_end(self) -> tuple[int, int]:
        """The end of the last complete object in the buffer, and the length of the one after it."""
        held, end = self._held, 0
        while self.left:
            line_end = held.find(b"\n", end)
            if line_end < 0:
                return end, 0
            head = held[end:line_end].split(b" ")
            if len(head) != 3 or int(head[2]) > self._most:
                raise Failed
            after = line_end + 1 + int(head[2]) + 1
            if after > len(held):
                return end, after - end
            end = after
            self.left -= 1
        return end, 0

    def _read_large(self, size: int) -> memoryview:
        """A large object by itself, without a second copy."""
        piece = memoryview(bytearray(size))
        at = len(self._held)
        piece[:at] = self._held
        self._held = b""
        while at < size:
            _await(self._output)
            count = compat.read_into(self._output, piece[at:])
            if not count:
                raise Failed
            at += count
        self.left -= 1
        return piece

    def end(self) -> None:
        """Raises Failed unless git exited successfully."""
        if finish_process(self._process, self._output) != b"":
            raise Failed

    def stop(self) -> None:
        """Abandons the rest of the output."""
        stop(self._process, self._output)
