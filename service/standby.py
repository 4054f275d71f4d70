"""One of two instances works, the other waits: who holds the lease runs the application, and stops when it is lost.

What a lease is, is the storage's business; how the application starts and ends, the application's. While an instance
waits it has read nothing and restored nothing, so that what it then restores is the newest that there is.
"""

import asyncio

from service.app import FREED_WITHIN, App
from service.components import Components
from service.core.ports import Lease
from service.telemetry import Stopping, TookOver, WaitingAsStandby
from service.waiting import end, within


class Standby:
    """Runs the application while this instance holds the lease.

    Parameters
    ----------
    components
        What the application drives; its server answers while the instance waits.
    lease
        Acquired first, given back last.
    """

    def __init__(self, components: Components, lease: Lease) -> None:
        self._components = components
        self._lease = lease
        self._emit = components.telemetry.emit

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the lease, then serve until `stop` is set.

        Raises
        ------
        LeaseLost
            It could not be renewed; the application has been stopped where it was, as by a crash.
        OSError
            It cannot be asked for.
        Exception
            What the application raises.
        """
        port = await self._components.server.start()
        try:
            self._emit(WaitingAsStandby(port))
            if await self._acquired(stop):
                self._emit(TookOver())
                await self._work(stop)
            else:
                self._emit(Stopping())
        finally:
            await self._lease.release()
            # The application closes these, too, if there was one; what is closed is closed.
            for close in (self._components.resources.aclose, self._components.server.stop):
                await asyncio.gather(within(self._components.clock, FREED_WITHIN, close()), return_exceptions=True)

    async def _acquired(self, stop: asyncio.Event) -> bool:
        acquiring = asyncio.ensure_future(self._lease.acquire())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([acquiring, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not acquiring.done():
                return False
            await acquiring
            return True
        finally:
            await end([acquiring, stopping])

    async def _work(self, stop: asyncio.Event) -> None:
        keeping = asyncio.ensure_future(self._lease.keep())
        working = asyncio.ensure_future(App(self._components).run(stop))
        try:
            await asyncio.wait([keeping, working], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
            else:
                # Nothing more is told or saved: the other instance goes on from the last snapshot.
                await end([working])
                await keeping
        finally:
            await end([keeping, working])
