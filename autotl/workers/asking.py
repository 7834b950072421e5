"""One job for one worker, and the wait for its answer."""

from __future__ import annotations

from typing import Any

from autotl.errors import TrialError
from autotl.events import Progress, Watcher
from autotl.workers.pool import Lost, Pool


def ask(pool: Pool, job: dict[str, Any], tell: Watcher) -> dict[str, Any]:
    """Give a job to an idle worker and return its answer; one that dies is replaced and asked once more.

    Raises TrialError with the reason when that fails too.
    """
    answer = _asked(pool, job, tell)
    if isinstance(answer, Lost):
        answer = _asked(pool, job, tell)
    if isinstance(answer, Lost):
        raise TrialError(answer.reason)
    if answer["say"] == "failed":
        raise TrialError(answer["reason"])
    return answer


def _asked(pool: Pool, job: dict[str, Any], tell: Watcher) -> dict[str, Any] | Lost:
    place = pool.idle()[0]
    pool.give(place, job)
    answer = _wait(pool, place, tell)
    pool.free(place)
    return answer


def _wait(pool: Pool, place: int, tell: Watcher) -> dict[str, Any] | Lost:
    while True:
        for where, message in pool.listen(0.1):
            if where != place:
                continue
            if isinstance(message, Lost) or message["say"] != "progress":
                return message
            tell(Progress(message["what"], message["done"], message["total"]))
