"""Processes forked from this one that do numbered shares of its work in turn."""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
from typing import TYPE_CHECKING, Generic, TypeVar

from credguard.system.compat import fork, kill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Answer = TypeVar("_Answer")
_NUMBER = 4


class ShareQueue:
    """Numbers of shares, each given once to one of the processes that ask: a nameless file, in which all that were
    forked from this one have the same place. A pipe would not have room for any count."""

    def __init__(self, count: int) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        self._file.write(b"".join(number.to_bytes(_NUMBER, "big") for number in range(count)))
        self._file.seek(0)

    def __iter__(self) -> Iterator[int]:
        while number := self._file.read(_NUMBER):
            yield int.from_bytes(number, "big")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class Worker(Generic[_Answer]):
    """A further process, forked from this one, whose `work` gives an answer that can be pickled."""

    def __init__(self, work: Callable[[], _Answer]) -> None:
        here, there = os.pipe()
        self._process = fork()
        if not self._process:
            # Nothing that this process has open or has begun is the child's to end: it leaves without looking back.
            try:
                os.close(here)
                answer = pickle.dumps(work())
                with open(there, "wb") as pipe:
                    pipe.write(answer)
            finally:
                os._exit(0)
        os.close(there)
        self._pipe = open(here, "rb")  # noqa: SIM115 - closed by `close`

    def read_answer(self) -> _Answer | None:
        """What it has done, when it is done; None where it ended without an answer."""
        try:
            answer: _Answer = pickle.load(self._pipe)  # noqa: S301 - written by our own process
        except (EOFError, pickle.UnpicklingError):
            return None
        return answer

    def close(self) -> None:
        """Ends it if it still runs."""
        self._pipe.close()
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            kill(self._process)
            os.waitpid(self._process, 0)
