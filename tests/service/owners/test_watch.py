"""The file of owners is taken once it stands still; one that cannot be used changes nothing, and is said once."""

import asyncio
from contextlib import suppress
from pathlib import Path

from service.owners.watch import OwnersLooked, OwnersWatch
from tests.fakes.clock import FakeClock


async def test_what_changes_is_taken_and_what_cannot_be_used_is_said_once(tmp_path: Path) -> None:
    clock, path, news = FakeClock(), tmp_path / "owners.csv", list[OwnersLooked]()
    watch = OwnersWatch(path, 30.0, clock, news.append)
    running = asyncio.create_task(watch.run())

    async def looks(expected: int) -> None:
        await clock.advance(60.0)
        assert len(news) == expected

    await looks(1)
    assert news == [OwnersLooked("refused", 0, 0, ["cannot be read: No such file or directory"])]
    path.write_text("identity,owner\nann,hr\n,x\n")
    await looks(2)
    assert news[1:] == [OwnersLooked("loaded", 1, 1, ["line 3: identity is empty"])]
    path.write_text("nothing of the kind\n")
    await looks(3)
    assert news[2].news == "refused"
    assert watch.owners.of("", "ann").owner == "hr"
    path.unlink()
    await looks(4)
    path.write_text("identity,tags\nann,prod\n")
    await looks(5)
    assert [one.news for one in news[3:]] == ["refused", "loaded"]
    assert watch.owners.of("", "ann").tags == ("prod",)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
