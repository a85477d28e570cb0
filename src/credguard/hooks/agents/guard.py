"""The hook of an AI agent from standard input to the answer. It fails closed: whatever happens, the answer is no.

Exit codes but 0 and 2, silence and a time-out all let a call through (code.claude.com/docs/en/hooks, "Exit code
output"): so nothing but an answer in the agent's form leaves this, and it has a time limit of its own.
"""

from __future__ import annotations

import _thread
import os
import sys
import time

from credguard.hooks.agents import answers
from credguard.hooks.agents.files import TooLargeError
from credguard.hooks.agents.look import collect
from credguard.hooks.agents.payload import PayloadError, parse_event
from credguard.hooks.agents.words import TooLongError

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.hooks.agents.answers import HookAnswer
    from credguard.hooks.agents.look import Look
    from credguard.hooks.agents.payload import Event

    Check = Callable[["Event", "Look | None", str], HookAnswer]
    """Scans in full: the event, what it would show, and the words of a failure (without a `Look`)."""

SECONDS = 20.0
"""Less than any agent waits: 30 seconds (Copilot, and Claude Code at a prompt)."""
LARGEST_PAYLOAD = 32 << 20
_LIMIT = "CREDGUARD_AGENT_TIMEOUT"
_NOTHING_SENT = "credguard could not check this, so it is stopped"


class _Turn:
    """One answer, which only the first that has one may write. With `lenient` a failure is told and lets pass."""

    def __init__(self) -> None:
        self.event: Event | None = None
        self.lenient = False
        self._lock = _thread.allocate_lock()

    def write(self, answer: HookAnswer) -> int:
        """Writes the answer and gives the exit code; the second one waits for the end of the process."""
        if not self._lock.acquire(blocking=False):
            time.sleep(60)
        code = answer.code
        if answer.error:
            _write_all(2, f"{answer.error}\n".encode("utf-8", "backslashreplace"))
        if answer.output and not _write_all(1, answer.output):
            code = answers.BLOCKED
        return code

    def fail(self, reason: str) -> int:
        """Answers that it could not be checked."""
        said = f"{_NOTHING_SENT}: {reason}"
        if self.lenient and self.event is not None:
            return self.write(answers.warn(self.event, f"credguard could not check this: {reason}"))
        return self.write(answers.refuse(self.event, said))


_turn = _Turn()


def be_lenient() -> None:
    """From now on a failure is told and lets pass, as the policy says."""
    _turn.lenient = True


def answer_event(load_check: Callable[[], Check]) -> int:
    """Answers the event on standard input, and gives the exit code; `load_check` imports the full scan."""
    global _turn  # noqa: PLW0603 - one process answers once; tests answer more often
    turn = _turn = _Turn()
    seconds = _find_limit()
    _thread.start_new_thread(_end_at_limit, (turn, seconds))
    _end_hard(seconds + 2)
    try:
        return _answer(turn, load_check)
    except PayloadError as error:
        turn.event = error.event or turn.event
        return turn.fail(str(error))
    except (TooLargeError, TooLongError) as error:
        return _check_failure(turn, load_check, str(error) or "the command has too many parts to be followed")
    except BaseException as error:  # noqa: BLE001 - an agent would take any other end for a yes
        return turn.fail(f"{type(error).__name__}; `credguard hook doctor --agent` tests it")


def _answer(turn: _Turn, load_check: Callable[[], Check]) -> int:
    data = _read_payload()
    turn.event = event = parse_event(data)
    look = collect(event)
    if not look.denied and _is_clean(event, look):
        return turn.write(answers.allow(event))
    return turn.write(load_check()(event, look, ""))


def _check_failure(turn: _Turn, load_check: Callable[[], Check], reason: str) -> int:
    """What the policy says of what cannot be checked."""
    try:
        if turn.event is None:
            return turn.fail(reason)
        return turn.write(load_check()(turn.event, None, reason))
    except BaseException:  # noqa: BLE001 - as above
        return turn.fail(reason)


def _read_payload() -> bytes:
    pieces, length = [], 0
    while piece := os.read(0, 1 << 20):
        pieces.append(piece)
        length += len(piece)
        if length > LARGEST_PAYLOAD:
            raise PayloadError(f"standard input is larger than {LARGEST_PAYLOAD >> 20} MB")
    return b"".join(pieces)


def _is_clean(event: Event, look: Look) -> bool:
    """True if it is certain that a full scan would find nothing."""
    from credguard.hooks import fast_path
    from credguard.system import ownership

    try:
        ownership.leave_out([event.folder or "."])
        prefilter = fast_path.load_prefilter()
        return prefilter is not None and not any(
            prefilter.may_match(item.data) and prefilter.needs_scan([memoryview(item.data)]) for item in look.items
        )
    except Exception:  # noqa: BLE001 - the full scan meets it, too, and tells
        return False


def _find_limit() -> float:
    """The time limit in seconds; the environment may make it shorter, never longer."""
    try:
        return max(0.01, min(SECONDS, float(os.environ.get(_LIMIT, SECONDS))))
    except ValueError:
        return SECONDS


def _end_at_limit(turn: _Turn, seconds: float) -> None:
    time.sleep(seconds)
    code = turn.fail(f"it took longer than {seconds:g} seconds")
    os._exit(code)


def _end_hard(seconds: float) -> None:
    """Ends the process where no Python code runs any more; the command in the settings makes a no of that."""
    try:
        import faulthandler

        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.stderr)
    except Exception:  # noqa: BLE001 - without standard error, or on a Python without it
        return


def _write_all(descriptor: int, data: bytes) -> bool:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        return False
    return True
