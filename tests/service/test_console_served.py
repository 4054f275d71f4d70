"""The service serves the console from its first moment to its last, and a console that cannot be served is told."""

from pathlib import Path

import aiohttp
import pytest

from service.clock import SystemClock
from service.console.server import Console
from service.console.token_sign_in import TokenSignIn
from service.history.reading import History
from tests.service.lives import Life, World, died_of, living

pytestmark = pytest.mark.integration


def console(folder: Path, port: int = 0, file: str = "token") -> Console:
    history, clock = History(folder / "history.sqlite"), SystemClock()
    door = TokenSignIn(clock, folder / file, 60.0)
    return Console(lambda: history, clock, door, host="127.0.0.1", port=port, version="1")


async def test_the_console_lives_as_long_as_the_service(tmp_path: Path) -> None:
    served = console(tmp_path)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        async with living(Life(World(), console=served)), session.get(f"{served.address}/login") as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{served.address}/login")


async def test_a_service_whose_console_cannot_be_served_ends_and_says_why(tmp_path: Path) -> None:
    first = console(tmp_path)
    await first.start()
    port = int(first.address.rpartition(":")[2])
    error = await died_of(Life(World(), console=console(tmp_path, port, "other")))
    assert str(error).startswith(f"console.port: cannot listen on 127.0.0.1:{port}")
    (tmp_path / "folder").mkdir()
    error = await died_of(Life(World(), console=console(tmp_path, file="folder")))
    assert str(error).startswith("console.token_file: cannot be written: ")
    await first.stop()
