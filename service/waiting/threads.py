"""Runs what may block in threads that hold up nobody: not the event loop, not each other, not the end of a process.

A thread cannot be cancelled: a file system that hangs keeps it for ever. So a caller gives it up; what was given up is
neither waited for at the end nor begun again beside itself.
"""

import asyncio
import errno
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

MOST_THREADS = 32
_NAME = "aside"


class Occupied(OSError):  # noqa: N818 - it says what the matter is
    """What was begun earlier has not come back."""

    def __init__(self) -> None:
        super().__init__(errno.EBUSY, "an earlier attempt has not come back")


class OneAside:
    """Runs functions in a thread, one at a time; refuses the next while one that was given up is still running.

    Parameters
    ----------
    seconds
        How long one is waited for; None if whoever waits has a deadline of its own.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._occupied = False

    async def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return what `function` returns, or raise what it raises; if this is cancelled, it goes on in its thread.

        Raises
        ------
        TimeoutError
            It has not come back in time.
        Occupied
            An earlier one has not come back.
        OSError
            The machine has no thread left to give.
        """
        if self._occupied:
            raise Occupied
        loop = asyncio.get_running_loop()
        future: Future[_T] = Future()
        came: asyncio.Future[None] = loop.create_future()

        def come_back() -> None:
            if not came.done():  # else given up
                came.set_result(None)

        def work() -> None:
            _settle(future, function, args, kwargs)
            self._occupied = False
            with suppress(RuntimeError):  # the loop is closed: nobody is waiting
                loop.call_soon_threadsafe(come_back)

        self._occupied = True
        try:
            _begin(work)
        except OSError:
            self._occupied = False
            raise
        try:
            async with asyncio.timeout(self._seconds):
                await came
        except TimeoutError:
            raise TimeoutError(f"no answer within {self._seconds:g} s") from None
        return future.result()


class DaemonExecutor(ThreadPoolExecutor):
    """What an event loop runs the threads of libraries with, without the promise to wait for them at the end.

    Python's own waits for its threads twice: when the loop is closed, and when the interpreter ends.
    """

    def __init__(self, most: int = MOST_THREADS) -> None:
        super().__init__(max_workers=most)
        self._free = threading.BoundedSemaphore(most)

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Begin a thread.

        Raises
        ------
        Occupied
            Too many have not come back.
        OSError
            The machine has no thread left to give.
        """
        if not self._free.acquire(blocking=False):
            raise Occupied
        future: Future[_T] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                _settle(future, fn, args, kwargs)
            self._free.release()

        try:
            _begin(work)
        except OSError:
            self._free.release()
            raise
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave what is running alone."""


def _begin(work: Callable[[], None]) -> None:
    """Start a thread; that there is none left is the machine's trouble, as other system errors are."""
    try:
        threading.Thread(target=work, name=_NAME, daemon=True).start()
    except RuntimeError as error:
        raise OSError(f"no thread could be started: {error}") from error


def still_running() -> set[threading.Thread]:
    """Return the threads of this module that have not come back."""
    return {thread for thread in threading.enumerate() if thread.name == _NAME}


def _settle(future: Future[_T], function: Callable[..., _T], args: Any, kwargs: Any) -> None:
    try:
        result = function(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
        future.set_exception(error)
    else:
        future.set_result(result)
