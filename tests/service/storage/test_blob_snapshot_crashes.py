"""Snapshots in blobs, whoever dies, has no answer or is overtaken when: no generation that loaded is lost.

Hypothesis plays lives of the service one after another, as for folders. Each begins with the newest snapshot that
loads, saves, and ends by itself or at any request of a save, which may have arrived or not. Requests may also go
unanswered without an end, a generation may turn out bad, and a life may go on although another one has taken over.
"""

import asyncio
import contextlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from service.core.ports import SnapshotFenced
from service.storage.snapshots import SET_ASIDE, BlobSnapshotStore
from tests.fakes.blobs import Ending, FakeContainer, Killed, no_answer

NEWEST_FIRST = ("snapshot", "snapshot.previous", "snapshot.restored")


class Lives(RuleBasedStateMachine):
    """Snapshots are numbers here; one that is bad has a minus sign."""

    def __init__(self) -> None:
        super().__init__()
        self.container = FakeContainer()
        self.newest = 0
        self.least = 0
        self.began = 0

    @initialize()
    def live(self) -> None:
        """Begin with the newest snapshot that loads."""
        self.container.ending = None
        self.store = BlobSnapshotStore(self.container.client, "snapshot")
        self.began = asyncio.run(self._begin())
        assert self.began >= self.least, "something younger had been saved, and was good"
        self.least = self.began

    async def _begin(self) -> int:
        async for generation in self.store.load():
            if not generation.data.startswith(b"-"):
                self.store.accept()
                return int(generation.data)
        return 0

    @rule()
    def save(self) -> None:
        before = self._good()
        self._save()
        assert len(set(self._good())) >= min(2, len(set(before)) + 1)

    def _save(self) -> None:
        self.newest += 1
        asyncio.run(self.store.save(b"%d" % self.newest))
        self.least = self.newest

    @rule(after=st.integers(0, 12), arrives=st.booleans())
    def die_while_saving(self, after: int, arrives: bool) -> None:
        before = self._good()
        self.container.ending = Ending(after, Killed(), arrives)
        with contextlib.suppress(Killed):
            self._save()
        self._nothing_is_lost(before)
        self.live()

    @rule(after=st.integers(0, 12), arrives=st.booleans())
    def have_no_answer_while_saving(self, after: int, arrives: bool) -> None:
        before = self._good()
        self.container.ending = Ending(after, no_answer(), arrives)
        with contextlib.suppress(OSError):
            self._save()
        self.container.ending = None
        self._nothing_is_lost(before)

    @rule()
    def turn_out_bad(self) -> None:
        """Let what is newest be bad, while there is another good one; the next life begins with that."""
        good = list(dict.fromkeys(self._good()))
        if len(good) < 2:
            return
        assert self.container.kept is not None
        for name in NEWEST_FIRST:
            kept = self.container.kept.get(name)
            if kept is not None and kept.data == good[0]:
                self.container.put(name, b"-" + good[0])
        self.least = int(good[1])
        self.live()

    @rule(saves=st.integers(1, 3))
    def be_overtaken(self, saves: int) -> None:
        """Go on although another life has begun, and has saved."""
        overtaken = self.store
        self.live()
        for _ in range(saves):
            self._save()
        before = self._offered()
        self.newest += 1
        with pytest.raises(SnapshotFenced):
            asyncio.run(overtaken.save(b"%d" % self.newest))
        assert self._offered() == before

    @invariant()
    def what_a_life_began_with_is_kept(self) -> None:
        assert not self.began or b"%d" % self.began in self._good()

    @invariant()
    def younger_ones_come_first(self) -> None:
        offered = list(dict.fromkeys(abs(int(one)) for one in self._offered()))
        assert offered == sorted(offered, reverse=True)

    @invariant()
    def no_more_is_kept_than_there_should_be(self) -> None:
        assert len(self.container.kept or {}) <= len(NEWEST_FIRST) + SET_ASIDE + 1

    def _nothing_is_lost(self, before: list[bytes]) -> None:
        # The first save of a life that fell back puts what it began with in the place of what is older: until that
        # save has ended, it may be the only good one.
        assert len(self._good()) >= min(1, len(before))
        self.what_a_life_began_with_is_kept()

    def _good(self) -> list[bytes]:
        return [one for one in self._offered() if not one.startswith(b"-")]

    def _offered(self) -> list[bytes]:
        kept = self.container.kept or {}
        return [kept[name].data for name in NEWEST_FIRST if name in kept]


TestLives = pytest.mark.integration(Lives.TestCase)
TestLives.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
