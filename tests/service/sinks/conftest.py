"""What the tests of the sinks share: a receiver on this machine."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.receiver import Receiver, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running
