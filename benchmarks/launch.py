"""Starts one program and prints what it took, as JSON: `python -I -S launch.py LIMIT WATCH COMMAND…`.

A process of its own, because a program's peak memory as the kernel tells it is never less than that of the process
which started it. After LIMIT seconds the program is stopped. With WATCH (1 or 0) the memory that it and all its
children hold for themselves is looked at every few milliseconds; such a turn is not timed.
"""

from __future__ import annotations

import os
import signal
import sys
import time

_PAUSE = 0.005
_PIECE = 1 if sys.platform == "darwin" else 1024
"""Bytes in what `ru_maxrss` counts."""


def family(pid: int) -> list[int]:
    """A process and all that it started, as far as they live (Linux)."""
    found = [pid]
    for one in found:
        found += _children(one)
    return found


def _children(pid: int) -> list[int]:
    words: list[str] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as handle:
                words += handle.read().split()
    except OSError:
        pass  # it has ended, or this is no Linux
    return [int(word) for word in words]


def private(pid: int) -> int:
    """Bytes that a process holds for itself, without mapped files; what it shares counts by its part."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as handle:
            return sum(int(line.split()[1]) * 1024 for line in handle if line.startswith("Pss_Anon:"))
    except OSError:
        return 0


def main(arguments: list[str]) -> None:
    """Runs the program without input and output."""
    limit, watch, *command = arguments
    silence = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=silence, setpgroup=0)
    stopped = []

    def stop(*_: object) -> None:
        stopped.append(True)
        os.killpg(pid, signal.SIGKILL)

    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    signal.setitimer(signal.ITIMER_REAL, float(limit))
    most = _watched(pid) if int(watch) else 0
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    signal.setitimer(signal.ITIMER_REAL, 0)
    told = [seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _PIECE, most, os.waitstatus_to_exitcode(status)]
    sys.stdout.write(f"[{', '.join(map(str, told))}, {'true' if stopped else 'false'}]\n")


def _watched(pid: int) -> int:
    """The most that a process and its children held; returns when it has ended, and leaves its status to be read."""
    most = held = 0
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        now = sum(private(one) for one in family(pid))
        most = max(most, min(held, now))  # seen once only, it may be a child that still shares its parent's memory
        held = now
        time.sleep(_PAUSE)
    return most


if __name__ == "__main__":
    main(sys.argv[1:])
