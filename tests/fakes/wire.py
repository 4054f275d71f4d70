"""A wire to a server on this machine that can go dead, slow or away, as networks do."""

import asyncio
from contextlib import AbstractAsyncContextManager, suppress

from service.clock import SystemClock
from tests.fakes.conversations import listening


class Wire:
    """Carries bytes both ways until it is `cut`; what comes then is taken and never answered.

    Parameters
    ----------
    port
        Where it leads on this machine; None for nowhere, as if it had been cut from the beginning.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = 0
        self.swallowed = 0
        self._leads_to = port
        self._alive = asyncio.Event()
        self._away = False
        self._delay = 0.0
        self._ends: set[asyncio.StreamWriter] = set()
        self._clock = SystemClock()
        if port is not None:
            self._alive.set()

    def cut(self) -> None:
        """Let nothing come back any more, on old connections and on new ones."""
        self._alive.clear()

    def slow(self, seconds: float) -> None:
        """Let each piece that is carried take so long."""
        self._delay = seconds

    def break_off(self) -> None:
        """Reset all connections, and new ones as soon as they are made."""
        self._away = True
        for writer in self._ends:
            writer.transport.abort()

    def mend(self) -> None:
        """Let what waits, and whatever comes, through again."""
        self._away, self._delay = False, 0.0
        self._alive.set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        if self._away:
            writer.transport.abort()
            return
        self._ends.add(writer)
        try:
            with suppress(OSError):
                if self._leads_to is None:
                    while data := await reader.read(65_536):
                        self.swallowed += len(data)
                    return
                there, back = await asyncio.open_connection("127.0.0.1", self._leads_to)
                await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        finally:
            self._ends.discard(writer)
            writer.close()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                if not self._alive.is_set():
                    self.swallowed += len(data)
                    await self._alive.wait()
                if self._delay:
                    await self._clock.sleep(self._delay)
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


def wired(port: int | None = None) -> AbstractAsyncContextManager[Wire]:
    """Lay a wire until the end of the block."""
    return listening(Wire(port))
