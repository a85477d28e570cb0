"""A pool of processes: they are replaced after a while, and an error in one is told without its text."""

from __future__ import annotations

from credguard.engine.worker_pool import Failure, Pool
from tests.fleet import tasks


def test_a_process_does_many_tasks_and_is_replaced_after_its_lifetime() -> None:
    answers = {number: answer for number, answer, _ in Pool(tasks.start, 1, lifetime=2).run(["a", "b", "c", "raise x"])}
    assert answers[0] == answers[1] != answers[2] and answers[2].isdigit()
    assert isinstance(answers[3], Failure) and answers[3].place.startswith("ValueError at tasks.py:")


def test_what_cannot_start_fails_each_task_after_its_tries() -> None:
    found = list(Pool(tasks.start_in_vain, 2, tries=2).run(["a"]))
    ((number, answer, tries),) = found
    assert (number, tries) == (0, 2) and answer.kind == "bug" and "hunter2" not in answer.place
