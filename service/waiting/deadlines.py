"""Waits for something no longer than a deadline by a clock, and ends tasks that do not want to end.

What happens when a deadline passes is decided by whoever waits. Stands on the standard library alone, so that every
Python that the service may run on can be asked whether it keeps these promises.
"""

import asyncio
from collections.abc import Awaitable, Collection, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from service.core.ports import Clock

_T = TypeVar("_T")

_IN_ORDER = 1.0  # seconds in which who was cancelled may clean up before anybody asks again
_ASK_AGAIN = 0.1  # seconds
_ASK_TIMES = 20


async def finished(clock: "Clock | None", seconds: float, *futures: asyncio.Future[Any]) -> bool:
    """Wait for all of `futures`, for at most `seconds`; returns whether they are done. Nothing is cancelled.

    Without a clock the event loop's own counts: for what comes over a network, whatever clock a test may use.
    """
    if clock is None:
        _, left = await asyncio.wait(futures, timeout=seconds)
        return not left
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    try:
        while (pending := {one for one in futures if not one.done()}) and not alarm.done():
            await asyncio.wait({alarm, *pending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        alarm.cancel()
    return not pending


async def within(clock: "Clock | None", seconds: float, work: Awaitable[_T]) -> _T:
    """Return what `work` comes to; it is given up when it takes longer, or when the caller is cancelled.

    `clock` is as for `finished`. Whoever calls this is never held up by how `work` takes its cancellation, and a
    cancellation of the caller is never lost in it.

    Raises
    ------
    TimeoutError
        It has not come to anything in time.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_look_at)  # it may fail just as the caller is cancelled
    try:
        if not await finished(clock, seconds, task):
            raise TimeoutError(f"no answer within {seconds:g} s")
        return task.result()
    finally:
        await end([task])


async def unless(stop: asyncio.Event, work: Awaitable[_T]) -> _T | None:
    """Return what `work` comes to; None, and it is given up, if `stop` is set before that."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    working.add_done_callback(_look_at)
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await end([working, stopping])


async def until_ended(stop: asyncio.Event, first: asyncio.Task[Any], tasks: Collection[asyncio.Task[Any]]) -> None:
    """Return when `stop` is set or `first` has ended; raise when any of `tasks` has failed."""
    stopping = asyncio.ensure_future(stop.wait())
    left: set[asyncio.Future[Any]] = {*tasks, stopping}
    try:
        while not stopping.done() and not first.done():
            _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            raise_failure(tasks)
    finally:
        stopping.cancel()


def raise_failure(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Raise what the first of `tasks` that has failed did."""
    for task in tasks:
        if task.done() and not task.cancelled():
            task.result()


async def end(tasks: Iterable[asyncio.Future[Any]]) -> bool:
    """Cancel `tasks` until they have ended, for three seconds at most; returns whether they have.

    Once is not enough: until Python 3.12 `asyncio.wait_for`, which libraries use, loses a cancellation that comes just
    as what it waits for is done, and the task goes on as if nobody had asked it to end. Who does end has a second to
    clean up in: asking again too soon would cut that short.
    """
    left = {task for task in tasks if not task.done()}
    for task in left:
        task.add_done_callback(_look_at)
    for seconds in (_IN_ORDER, *[_ASK_AGAIN] * _ASK_TIMES):
        if not left:
            break
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=seconds)
    return not left


def _look_at(task: asyncio.Future[Any]) -> None:
    """Have a look at what a task that was given up came to, or asyncio would complain that nobody did."""
    if not task.cancelled():
        task.exception()
