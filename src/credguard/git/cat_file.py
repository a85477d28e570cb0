"""The protocol of `git cat-file --batch`: one request, one response, and its end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from credguard.model.limit_reasons import explain_exact_size

if TYPE_CHECKING:
    import subprocess
    from typing import IO

OBJECT_DAMAGED = "it is damaged; run `git fsck`"
"""Why an object at which git exits cannot be read."""
_PIECE = 1 << 20


def close_reader(process: subprocess.Popen[bytes]) -> None:
    """Closes the pipes of a process, which ends it in any state, and waits for it."""
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(BrokenPipeError):
            if pipe:
                pipe.close()
    process.wait()


def answer(process: subprocess.Popen[bytes], oid: str, limit: int) -> tuple[str, bytes | str] | None:
    """The response of `cat-file --batch` for an object; None if it exits or fails during the response."""
    assert process.stdin and process.stdout  # noqa: S101 - both are pipes
    try:
        process.stdin.write(oid.encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    stream = process.stdout
    header = stream.readline().split()
    if len(header) != 3:
        return ("", "its content is missing in the object store; fetch it") if header else None
    size = int(header[2])
    if size <= limit:
        data = stream.read(size)
        return (header[1].decode(), data) if len(data) == size and stream.read(1) == b"\n" else None
    over = "", explain_exact_size(size)
    return over if pass_over(stream, size + 1) else None


def pass_over(stream: IO[bytes], size: int) -> bool:
    """Reads this many bytes in pieces and discards them; False if there are fewer, or if they do not end with a
    newline."""
    piece = b""
    while size:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            return False
        size -= len(piece)
    return piece[-1:] == b"\n"
