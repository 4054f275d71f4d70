"""Whatever is heard, missed, repeated or lost, and however often it restarts: spans open once and close once."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.coverage.monitor import CoverageMonitor
from service.core.messages import EndOffset, Message
from service.core.notices import GapKind, Notice
from tests.fakes.clock import MONDAY_MORNING

PARTITIONS = ("0", "1")
DELAYS = (2, 20, 70, 2_000)


class Step(NamedTuple):
    """Something that happens on one partition, or, for ``wait`` and ``restart``, to all; `much` is what it needs."""

    what: Literal["put", "lose", "read", "repeat", "ask", "wait", "restart"]
    partition: str
    much: int


steps = st.lists(
    st.builds(
        Step,
        st.sampled_from(
            ["put", "put", "lose", "read", "read", "repeat", "ask", "ask", "wait", "wait", "wait", "restart"]
        ),
        st.sampled_from(PARTITIONS),
        st.integers(0, 39),
    ),
    min_size=60,  # a span that opens and closes takes many
    max_size=120,
)


class Scene:
    """A hub, the memory of what was heard from it, and the notices so far; a method for each thing that can happen."""

    def __init__(self) -> None:
        self.coverage = CoverageMonitor()
        self.now = MONDAY_MORNING
        self.notices: list[Notice] = []
        self.hub: dict[str, list[Message]] = {partition: [] for partition in PARTITIONS}
        self.last = dict.fromkeys(PARTITIONS, -1)
        self.had = dict.fromkeys(PARTITIONS, 0)
        self.coverage.begin({}, self.now)
        for partition in PARTITIONS:
            self.ask(partition, 0)

    def put(self, partition: str, _: int) -> None:
        self.last[partition] += 1
        self.hub[partition].append(Message(partition, self.last[partition], "", self.now, b""))

    def lose(self, partition: str, much: int) -> None:
        self.last[partition] += much

    def read(self, partition: str, much: int) -> None:
        for message in self.hub[partition][self.had[partition] : self.had[partition] + 1 + much % 5]:
            self._hear(message, much)
            self.had[partition] += 1

    def repeat(self, partition: str, much: int) -> None:
        for message in self.hub[partition][: self.had[partition]]:
            self._hear(message, much)

    def ask(self, partition: str, _: int) -> None:
        self.coverage.note_end_offset(EndOffset(partition, self.last[partition], self.now, self.now))

    def wait(self, _: str, much: int) -> None:
        self.now += timedelta(minutes=much)
        self.notices += self.coverage.check(self.now)

    def restart(self, *_: object) -> None:
        self.coverage = restored(self.coverage)
        self.coverage.begin({}, self.now)

    def _hear(self, message: Message, much: int) -> None:
        newest = message.enqueued_time - timedelta(minutes=DELAYS[much % 4])
        self.coverage.note_message(message, records=2, newest=newest, unjudged=2 * (much % 4 == 3), now=self.now)


def told(steps: Sequence[Step], *, reborn: bool = False) -> list[Notice]:
    """Play the steps and return the notices; `reborn`: with the memory saved and restored after each step."""
    scene = Scene()
    for what, partition, much in steps:
        getattr(scene, what)(partition, much)
        if reborn:
            begun, scene.coverage = scene.coverage._process_began, restored(scene.coverage)
            scene.coverage._process_began = begun
    return scene.notices


def restored(coverage: CoverageMonitor) -> CoverageMonitor:
    fresh = CoverageMonitor()
    fresh.load(json.loads(json.dumps(coverage.dump())))
    return fresh


def check(notices: Iterable[Notice]) -> dict[GapKind, Notice]:
    """Check that the notices are well nested; returns what is still open."""
    spans: dict[GapKind, Notice] = {}
    ids: set[str] = set()
    latest: datetime = MONDAY_MORNING
    for notice in notices:
        before = spans.pop(notice.kind, None)
        if notice.stage == "opened":
            assert before is None
            assert notice.id not in ids
            assert notice.revision == 1
        else:
            assert before is not None
            assert (notice.id, notice.revision) == (before.id, before.revision + 1)
            assert notice.since <= before.since
            assert set(notice.partitions) >= set(before.partitions)
        ids.add(notice.id)
        assert (notice.until is not None) == (notice.stage == "closed")
        assert notice.since <= (notice.until or notice.found_at) <= notice.found_at
        assert notice.partitions
        assert (notice.lost_messages != 0) == (notice.kind is GapKind.LOST)
        assert latest <= notice.found_at
        latest = notice.found_at
        if notice.stage != "closed":
            spans[notice.kind] = notice
    return spans


@settings(max_examples=60, deadline=None)
@given(steps)
def test_spans_open_once_and_close_once_whatever_happens(steps: list[Step]) -> None:
    check(told(steps))


@settings(max_examples=25, deadline=None)
@given(steps)
def test_saved_and_restored_at_any_moment_it_says_the_same(steps: list[Step]) -> None:
    assert told(steps, reborn=True) == told(steps)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_once_all_is_well_everything_is_closed(steps: list[Step]) -> None:
    calm: list[Step] = []
    for partition in PARTITIONS:
        calm += [Step("put", partition, 0), *[Step("read", partition, 4)] * 30]
    well = [Step("put", "0", 0), Step("read", "0", 0), *(Step("ask", partition, 0) for partition in PARTITIONS)]
    calm += [step for _ in range(12) for step in (*well, Step("wait", "0", 5))]
    assert check(told([*steps, Step("wait", "0", 1), *calm])) == {}
