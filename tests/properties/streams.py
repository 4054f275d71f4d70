"""Hub contents as Hypothesis draws them: operations in two records, scattered over partitions, late and repeated."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from service.core.messages import Message

START = datetime(2026, 3, 2, 8, 50, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 21, 50, tzinfo=UTC)  # three hours from here lie on both sides of midnight
LATENESS = timedelta(minutes=30)
TICK = timedelta(minutes=45)  # longer than the lateness, so that a partition can run ahead of another by a bucket
PARTITIONS = ("0", "1", "2")
ACTORS = [Actor(f"t/{name}", f"{name}@example.com", ActorKind.HUMAN) for name in ("ann", "bob")]
ACTIONS = ["a/read", "a/write", "b/delete"]


class Record(NamedTuple):
    """One record on its way: what it says, on which partition, and when the hub took it."""

    event: ActivityEvent
    partition: str
    enqueued_time: datetime


class Hub(NamedTuple):
    """Messages a partition, in order, with the events that parsing would make of each."""

    partitions: dict[str, list[tuple[Message, list[ActivityEvent]]]]
    end: datetime

    def until(self, partition: str, moment: datetime) -> int:
        """How many messages of `partition` the hub had taken at `moment`."""
        return sum(message.enqueued_time <= moment for message, _ in self.partitions[partition])


@st.composite
def records(draw: st.DrawFn, start: datetime = START) -> list[Record]:
    """Records of up to a dozen operations: begun, ended or not, sometimes sent twice."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        actor = draw(st.sampled_from(ACTORS))
        action = draw(st.sampled_from(ACTIONS))
        time = start + timedelta(minutes=draw(st.integers(0, 180)), seconds=number)
        outcomes = [(Outcome.STARTED, 0)]
        end = draw(st.sampled_from([None, Outcome.SUCCESS, Outcome.FAILURE, Outcome.DENIED]))
        if end is not None:
            outcomes.append((end, draw(st.sampled_from([1, 5, 45]))))
        for outcome, later in outcomes:
            event = ActivityEvent(
                time + timedelta(minutes=later), actor, action, action.upper(), outcome, f"op{number}"
            )
            for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
                delay = timedelta(minutes=draw(st.integers(0, 30)))
                found.append(Record(event, draw(st.sampled_from(PARTITIONS)), event.time + delay))
    return found


def hub_of(found: list[Record], per_message: int) -> Hub:
    """Put records on their partitions, `per_message` at the most in a message."""
    partitions: dict[str, list[tuple[Message, list[ActivityEvent]]]] = {name: [] for name in PARTITIONS}
    for name in PARTITIONS:
        mine = sorted(record for record in found if record.partition == name)
        mine.sort(key=lambda record: record.enqueued_time)
        groups: list[list[Record]] = []
        for record in mine:
            if groups and len(groups[-1]) < per_message and groups[-1][0].enqueued_time == record.enqueued_time:
                groups[-1].append(record)
            else:
                groups.append([record])
        for sequence, group in enumerate(groups):
            message = Message(name, sequence, str(sequence * 100), group[0].enqueued_time, b"")
            partitions[name].append((message, [record.event for record in group]))
    last = max(record.enqueued_time for record in found)
    return Hub(partitions, last + timedelta(hours=2))


def hubs(start: datetime = START) -> st.SearchStrategy[Hub]:
    """Whole hubs, of the three hours from `start` on."""
    return st.builds(hub_of, records(start), st.integers(1, 3))
