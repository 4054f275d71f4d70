"""A lease in memory, which is lost when a test says so."""

import asyncio

from service.core.ports import LeaseLost


class FakeLease:
    """A `service.core.ports.Lease` for tests.

    Attributes
    ----------
    free, lost
        Set when it can be had; when its holder has lost it.
    trail
        What was asked of it, in order.
    """

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.lost = asyncio.Event()
        self.trail: list[str] = []

    async def acquire(self) -> None:
        self.trail.append("asked")
        await self.free.wait()
        self.trail.append("acquired")

    async def keep(self) -> None:
        await self.lost.wait()
        raise LeaseLost("it was taken away")

    async def release(self) -> None:
        self.trail.append("released")
