"""A folder of snapshots, whatever dies or rots when: what loads is never older than it must be, and never bad.

Hypothesis plays lives of the service one after another. Each begins with the newest snapshot that loads, saves, and
ends by itself or in the middle of a save, after any operation on files. In between, the newest snapshot may rot.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from service.storage.snapshots import _NEWEST_FIRST, SET_ASIDE, FileSnapshotStore
from tests.fakes.store import begun_with, kept_in

OPERATIONS = ("open", "fsync", "replace", "unlink", "chmod", "close")


class Killed(BaseException):
    """The process is gone: nothing cleans up after it."""


@contextmanager
def dying_after(count: int) -> Iterator[list[str]]:
    """Kill whoever has done `count` operations on files; yields the names of those that were done."""
    done: list[str] = []

    def killing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operate(*args: Any, **kwargs: Any) -> Any:
            if len(done) >= count:
                raise Killed(name)
            done.append(name)
            return real(*args, **kwargs)

        return operate

    with pytest.MonkeyPatch.context() as patched:
        for name in OPERATIONS:
            patched.setattr(os, name, killing(name, getattr(os, name)))
        yield done


def operations_of_a_save() -> list[str]:
    """Return what the longest kind of save does, one after another."""
    with tempfile.TemporaryDirectory() as folder:
        store = FileSnapshotStore(Path(folder))
        for data in (b"1", b"2", b"3"):
            asyncio.run(store.save(data))
        store._unusable, store._accepted = ["snapshot.ndjson.gz"], "snapshot.previous.ndjson.gz"
        with dying_after(1_000) as done:
            store._save(b"4")
    return done


class Lives(RuleBasedStateMachine):
    """Snapshots are numbers here; one that is bad has a minus sign."""

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory()
        self.folder = Path(self._place.name) / "state"
        self.newest = 0
        self.least = 0

    def teardown(self) -> None:
        self._place.cleanup()

    @initialize()
    def live(self) -> None:
        """Begin with the newest snapshot that loads."""
        self.store = FileSnapshotStore(self.folder)
        self.least, before = asyncio.run(self._begin()), self.least
        assert self.least >= before, "something younger had been saved, and was good"

    async def _begin(self) -> int:
        async for generation in self.store.load():
            if not generation.data.startswith(b"-"):
                self.store.accept()
                return int(generation.data)
        return 0

    @rule()
    def save(self) -> None:
        before = self._good()
        self.newest += 1
        self.store._save(b"%d" % self.newest)
        self.least = self.newest
        assert len(self._good()) >= min(2, len(before) + 1)

    @rule(after=st.integers(0, 30))
    def die_while_saving(self, after: int) -> None:
        before = self._good()
        self.newest += 1
        with dying_after(after), suppress(Killed):
            self.store._save(b"%d" % self.newest)
            self.least = self.newest
        assert len(self._good()) >= min(2, len(before))
        self.live()

    @rule()
    def rot(self) -> None:
        """Let what is newest go bad, while there is another good one; the next life begins with that."""
        good = self._good()
        if len(good) < 2:
            return
        for path in self.folder.iterdir():
            if path.read_bytes() == good[0] and ".set-aside-" not in path.name:
                path.write_bytes(b"-" + good[0])
        self.least = int(good[1])
        self.live()

    @invariant()
    def younger_ones_come_first(self) -> None:
        offered = [abs(int(one)) for one in self._offered()]
        assert offered == sorted(offered, reverse=True)

    @invariant()
    def no_more_is_kept_than_there_should_be(self) -> None:
        if self.folder.exists():
            assert len(list(self.folder.iterdir())) <= len(_NEWEST_FIRST) + SET_ASIDE + 1

    def _good(self) -> list[bytes]:
        return [one for one in self._offered() if not one.startswith(b"-")]

    def _offered(self) -> list[bytes]:
        paths = [self.folder / name for name in _NEWEST_FIRST]
        return [path.read_bytes() for path in paths if path.exists()]


TestLives = pytest.mark.integration(Lives.TestCase)
TestLives.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)


def test_a_save_has_all_the_operations_that_it_can_be_killed_after() -> None:
    done = operations_of_a_save()
    assert {"open", "fsync", "replace", "unlink", "chmod"} <= set(done)
    assert len(done) < 40


def test_after_a_save_there_are_two_good_ones_whatever_was_bad_before_and_whenever_it_was_killed() -> None:
    for after in range(len(operations_of_a_save())):
        with tempfile.TemporaryDirectory() as place:
            store = FileSnapshotStore(Path(place))
            for data in (b"1", b"2", b"3"):
                asyncio.run(store.save(data))
            (Path(place) / "snapshot.ndjson.gz").write_bytes(b"-3")
            store = FileSnapshotStore(Path(place))
            asyncio.run(begun_with(store, b"2"))
            with dying_after(after), pytest.raises(Killed):
                store._save(b"4")
            left = [one for one in asyncio.run(kept_in(FileSnapshotStore(Path(place)))) if one != b"-3"]
            assert left in ([b"2"], [b"4", b"2"]), after
            store = FileSnapshotStore(Path(place))
            asyncio.run(begun_with(store, left[0]))
            asyncio.run(store.save(b"5"))
            assert asyncio.run(kept_in(FileSnapshotStore(Path(place)))) == [b"5", left[0]]
