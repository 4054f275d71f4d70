"""What blocks in a thread is given up without a trace, and not begun twice."""

import asyncio
import threading
from concurrent.futures import Future

import pytest

from service.clock import SystemClock
from service.waiting.threads import DaemonExecutor, Occupied, OneAside, still_running


class Gate:
    """What a thread hangs in until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.entered = threading.Event()

    def __call__(self, answer: str = "through") -> str:
        self.entered.set()
        assert self._open.wait(30)
        return answer

    def open(self) -> None:
        self._open.set()


def fails() -> None:
    raise ZeroDivisionError


async def entered(*gates: Gate) -> None:
    while not all(gate.entered.is_set() for gate in gates):
        await SystemClock().sleep(0.001)  # the threads are real ones


async def until_nothing_runs() -> None:
    while still_running():
        await SystemClock().sleep(0.001)  # the thread is a real one


async def test_it_returns_and_raises_what_the_function_does() -> None:
    aside = OneAside()
    assert await aside.run(str.upper, "a") == "A"
    with pytest.raises(ZeroDivisionError):
        await aside.run(fails)
    assert await aside.run(len, [1, 2]) == 2


async def test_what_was_given_up_is_not_begun_again_until_it_has_come_back() -> None:
    aside, gate = OneAside(), Gate()
    running = asyncio.ensure_future(aside.run(gate, "late"))
    await entered(gate)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(Occupied):
        await aside.run(gate)
    gate.open()
    await until_nothing_runs()
    assert await aside.run(gate) == "through"


def test_a_loop_ends_although_a_thread_of_its_own_and_one_of_a_library_hang() -> None:
    gate, library = Gate(), Gate()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonExecutor())
        hanging = [asyncio.ensure_future(OneAside().run(gate)), loop.run_in_executor(None, library)]
        await entered(gate, library)
        for one in hanging:
            one.cancel()
        await asyncio.wait(hanging)

    asyncio.run(main())
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "aside")
    gate.open()
    library.open()
    asyncio.run(until_nothing_runs())


async def test_a_thread_that_could_not_be_started_stands_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    aside, executor = OneAside(), DaemonExecutor(most=1)
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", no_more)
        for _ in range(2):
            with pytest.raises(OSError, match="no thread could be started"):
                await aside.run(str.upper, "a")
            with pytest.raises(OSError, match="no thread could be started"):
                executor.submit(str.upper, "a")
    assert await aside.run(str.upper, "a") == "A"
    assert executor.submit(str.upper, "a").result(30) == "A"


def test_an_executor_refuses_more_threads_than_it_may_have() -> None:
    gate, executor = Gate(), DaemonExecutor(most=2)
    futures: list[Future[str]] = [executor.submit(gate) for _ in range(2)]
    with pytest.raises(Occupied):
        executor.submit(gate)
    gate.open()
    assert [future.result(30) for future in futures] == ["through"] * 2
    asyncio.run(until_nothing_runs())
    assert executor.submit(gate).result(30) == "through"
