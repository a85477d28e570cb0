"""Processes that do one task after another: each lives for many, and one that ends takes no other's answer along."""

from __future__ import annotations

import contextlib
import heapq
import multiprocessing
import os
import signal
import threading
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from credguard.system import compat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Start = Callable[[], Callable[[Any], Any]]

_WATCH_SECONDS = 0.5
_GRACE_SECONDS = 5.0
_START_SECONDS = 120.0
"""What a process may take before its first task."""
_acts: list[_Late] = []
"""What this process does with a task, once it has been started."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task has no answer: its process `ended`, it took `too long`, or `bug` with type and place of an error."""

    kind: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """Settings of a run over many tasks. `start` is called once in each process and gives what answers a task, both
    can be pickled. A process that has done `lifetime` tasks is replaced. A task whose process ends is given to another,
    `tries` times in all; one that takes over `deadline` seconds (0: no limit) ends with its process and all that this
    has started. An answer is asked for again, after `pause(tries so far)` seconds, while `is_final` denies it."""

    start: Start
    count: int
    tries: int = 3
    deadline: float = 0.0
    lifetime: int = 200
    is_final: Callable[[Any], bool] = field(default=lambda _answer: True)
    pause: Callable[[int], float] = field(default=lambda _tries: 0.0)

    def run(self, tasks: Sequence[Any]) -> Iterator[tuple[int, Any, int]]:
        """Number, answer (or Failure) and tries of each task, as they are done; the first ones are begun first."""
        run = _PoolRun(self, tasks)
        try:
            yield from run.iter_answers()
        finally:
            run.close()


class _PoolRun:
    """One run: the tasks that wait, the soonest first, and the processes."""

    def __init__(self, pool: Pool, tasks: Sequence[Any]) -> None:
        self._pool, self._tasks = pool, tasks
        self._waiting = [(0.0, number, 1) for number in range(len(tasks))]
        self._idle: list[_Worker] = []
        self._at_work: dict[Future[Any], _Worker] = {}
        self._retired: list[_Worker] = []
        self._room = max(1, min(pool.count, len(tasks)))

    def iter_answers(self) -> Iterator[tuple[int, Any, int]]:
        while self._waiting or self._at_work:
            self._hand_out()
            starting = [worker.ready for worker in self._at_work.values() if not worker.is_ready()]
            # A start moves a deadline: it is waited for as well, and asked about before the pause is found.
            done, _ = wait([*self._at_work, *starting], self._find_pause(), FIRST_COMPLETED)
            for future in done.intersection(self._at_work):
                worker = self._at_work.pop(future)
                yield from self._settle(worker, _read_answer(future, worker))
            self._end_late()

    def _hand_out(self) -> None:
        while self._waiting and len(self._at_work) < self._room and self._waiting[0][0] <= time.monotonic():
            _, number, tries = heapq.heappop(self._waiting)
            worker = self._idle.pop() if self._idle else _Worker(self._pool.start)
            self._at_work[worker.give(self._tasks[number], number, tries)] = worker

    def _find_pause(self) -> float | None:
        """How long nothing but an answer can happen; None for as long as it takes."""
        moments = [worker.since + self._pool.deadline for worker in self._at_work.values() if self._pool.deadline]
        if self._waiting and len(self._at_work) < self._room:
            moments.append(self._waiting[0][0])
        if not self._at_work:
            time.sleep(max(0.0, min(moments, default=0.0) - time.monotonic()))
            return 0.0
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _settle(self, worker: _Worker, answer: object) -> Iterator[tuple[int, Any, int]]:
        """Gives the answer, or has the task done again; the process goes on, or is replaced."""
        number, tries = worker.number, worker.tries
        if isinstance(answer, Failure) and answer.kind != "bug":
            worker.kill()
        elif worker.done >= self._pool.lifetime:
            worker.retire()
            self._retired.append(worker)
        else:
            self._idle.append(worker)
        ended = isinstance(answer, Failure) and answer.kind in ("ended", "bug")
        final = not ended if isinstance(answer, Failure) else self._pool.is_final(answer)
        if final or tries >= self._pool.tries:
            yield number, answer, tries
        else:
            heapq.heappush(self._waiting, (time.monotonic() + self._pool.pause(tries), number, tries + 1))

    def _end_late(self) -> None:
        """Ends the processes whose tasks are over their deadline, which then come back as broken."""
        for worker in self._at_work.values() if self._pool.deadline else ():
            if not worker.late and time.monotonic() >= worker.since + self._pool.deadline:
                worker.late = True
                worker.kill()

    def close(self) -> None:
        """Ends all processes, at once those that are still at work."""
        for worker in self._at_work.values():
            worker.ask_to_end()
        wait(list(self._at_work), _GRACE_SECONDS)  # a task that is interrupted removes what it has made
        for worker in self._at_work.values():
            worker.kill()
        for worker in (*self._idle, *self._retired):
            worker.retire(wait=True)


class _Worker:
    """A process, and the task that it has."""

    def __init__(self, start: Start) -> None:
        self._executor = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(os.getpid(), start)
        )
        self._pid: Future[int] = self._executor.submit(os.getpid)
        self.ready: Future[None] = self._executor.submit(_prepare)
        self.number = self.tries = self.done = 0
        self.late = False
        self._given = self._started = 0.0

    @property
    def since(self) -> float:
        """From when the time of its task counts, which is not before it has started."""
        return max(self._given, self._started) if self.is_ready() else self._given + _START_SECONDS

    def is_ready(self) -> bool:
        """True once it has started."""
        if not self._started and self.ready.done():
            self._started = time.monotonic()
        return bool(self._started)

    def give(self, task: object, number: int, tries: int) -> Future[Any]:
        """Hands it a task."""
        self.number, self.tries, self.late = number, tries, False
        self._given = time.monotonic()
        self.done += 1
        try:
            return self._executor.submit(_work, task)
        except BrokenProcessPool as error:  # it ended while it had nothing to do
            future: Future[Any] = Future()
            future.set_exception(error)
            return future

    def ask_to_end(self) -> None:
        """Lets it clean up and end."""
        pid = self._find_pid()
        with contextlib.suppress(OSError):
            if pid:
                os.kill(pid, signal.SIGTERM)

    def kill(self) -> None:
        """Ends it and all that it has started."""
        pid = self._find_pid()
        if pid:
            compat.kill_group(pid)
        self._executor.shutdown(wait=bool(pid), cancel_futures=True)

    def retire(self, *, wait: bool = False) -> None:
        """Lets it end after its last task."""
        self._executor.shutdown(wait=wait)

    def _find_pid(self) -> int:
        """Its number, 0 where it ended before it could say so."""
        try:
            return self._pid.result(_GRACE_SECONDS * 6)
        except Exception:  # noqa: BLE001 - whatever broke it, there is nothing to end
            return 0


def _read_answer(future: Future[Any], worker: _Worker) -> object:
    try:
        return future.result()
    except BaseException as error:  # noqa: BLE001 - SystemExit of a process that was asked to end is one
        return Failure("late" if worker.late else "ended", type(error).__name__)


def _begin(parent: int, start: Start) -> None:
    """What a process does first: it leads a group of its own, and ends with it when its parent is gone."""
    compat.lead_group()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what a terminal sends, the parent passes on in its own way
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    _acts[:] = [_Late(start)]


class _Late:
    """Starts what answers, at the latest with the first task, so that an error there is one task's and can be told."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._act: Callable[[Any], Any] | None = None

    def prepare(self) -> Callable[[Any], Any]:
        """What answers tasks."""
        if self._act is None:
            self._act = self._start()
        return self._act

    def __call__(self, task: object) -> object:
        return self.prepare()(task)


def _prepare() -> None:
    with contextlib.suppress(Exception):  # the first task meets it again, and tells
        _acts[0].prepare()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    compat.kill_group(os.getpid())


def _work(task: object) -> object:
    """The answer; of an error only type and place leave the process, for its text may quote what was read."""
    try:
        return _acts[0](task)
    except Exception as error:  # noqa: BLE001 - the last resort, as in the command line
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "unknown place"
        return Failure("bug", f"{type(error).__name__} at {place}")
