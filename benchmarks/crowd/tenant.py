"""A tenant of very many identities, each with twenty habits, and an hour in which all of them are active."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from models.detectors import Detector
from models.statistics import Lessons
from models.stream import ActivityEvent, Actor, ActorBucket, ActorKind, Bucket, Cell, Crowd, Outcome

HABITS = 20
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
A_MESSAGE = 30
_KINDS = (ActorKind.HUMAN, ActorKind.SERVICE_PRINCIPAL, ActorKind.MANAGED_IDENTITY)


class CrowdedTenant:
    """A tenant of `identities`, each at home in twenty operations, that are all active in one hour."""

    def __init__(self, identities: int) -> None:
        self._random = random.Random(7)
        self.actors = [
            Actor(f"tenant/{self._random.getrandbits(128):032x}", f"person{number}@example.com", _KINDS[number % 3])
            for number in range(identities)
        ]
        self._actions = [f"microsoft.service{number % 40}/type{number}/write" for number in range(2_000)]

    def habits(self, number: int) -> list[str]:
        """Return what an identity does: half of it what all do, half of it what few do."""
        chance = random.Random(number)
        return chance.sample(self._actions[:100], HABITS // 2) + chance.sample(self._actions[100:], HABITS // 2)

    def teach(self, detector: Detector) -> None:
        """Let `detector` learn the habits of everybody, as of the day before."""
        bucket = Bucket(NOON - timedelta(days=1), timedelta(hours=1))
        lessons = Lessons(bucket.hours)
        for number, actor in enumerate(self.actors):
            cells = tuple(
                Cell(action, action, bucket.start, 1, 1, 0, 0, (f"10.{number % 200}.0.9",), ("sub",))
                for action in self.habits(number)
            )
            detector.learn(ActorBucket(actor, bucket, cells), Crowd(1, {}), (), lessons)
        detector.teach(lessons)

    def hour(self) -> Iterator[list[ActivityEvent]]:
        """Yield an hour in messages of thirty records: two cells an identity, six records, now and then a failure."""
        chance = random.Random(11)
        events: list[ActivityEvent] = []
        for number, actor in enumerate(self.actors):
            second = NOON + timedelta(seconds=3_500 * number // len(self.actors))
            for action in chance.sample(self.habits(number), 2):
                for which in (1, 2)[: 1 + chance.randrange(2)]:
                    end = Outcome.DENIED if chance.random() < 0.03 else Outcome.SUCCESS
                    operation = f"{action}.{number}.{which}"
                    events += (
                        ActivityEvent(second, actor, action, action, outcome, operation, "", "sub", "10.0.0.9")
                        for outcome in (Outcome.STARTED, end)
                    )
            if len(events) >= A_MESSAGE:
                yield events
                events = []
        yield events
