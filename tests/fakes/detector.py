"""The crudest lawful detector: 100 for what an identity has never done, 0 for the rest, failures a little more."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Card, Declaration, Memory
from models.detectors.examples import Activity, Example
from models.statistics.lessons import Lessons
from models.stream.cells import ActorBucket, Crowd
from models.stream.json_value import Json
from models.stream.rows import fields

CARD = Card(
    name="first_time",
    title="Never done before",
    what="An action that this identity has never done.",
    why="Habits seldom change overnight.",
    false_positives=("new duties",),
    response=("ask them",),
    mitre=("TA0001/T1078.004",),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=75.0,
    terms=(),
    evidence=(),
    speaks=Example("Something new.", (), [Activity("ann", "web/write", 0)], says="Never"),
    silent=Example("The same again.", [Activity("ann", "web/write", 0)], [Activity("ann", "web/write", 1)]),
)


class FirstTime:
    """Remembers which actions each identity has done; under another name, it is another detector."""

    def __init__(
        self,
        name: str = CARD.name,
        *,
        failures: bool = False,
        always: bool = False,
        evidence: Mapping[str, Json] = NO_EVIDENCE,
        sensitivity: float = 0.0,
    ) -> None:
        self._evidence = evidence
        self._sensitivity = sensitivity
        card = CARD._replace(name=name)
        self.declaration = DECLARATION._replace(card=card, failures=failures, always=always)
        self._done: dict[str, list[str]] = {}

    @classmethod
    def counterfactual(cls, changes: Mapping[str, Any], threshold: float) -> str:
        return "Would be ordinary the next time."

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        done = self._done.get(seen.actor.id, [])
        others = crowd.actors / 1000 if any(cell.failed for cell in seen.cells) else 0.0
        return [
            Anomaly(
                detector=self.declaration.name,
                actor=seen.actor,
                bucket=seen.bucket,
                cell=cell,
                score=0.0 if cell.action in done else 100.0,
                surprise=cell.attempts + 2.0 * cell.failures + len(done) / 100 + others,
                why=f"Never in {len(done)} actions.",
                evidence=self._evidence,
                sensitivity=self._sensitivity,
            )
            for cell in seen.cells
        ]

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        done = self._done.setdefault(seen.actor.id, [])
        done.extend(cell.action for cell in seen.cells if cell.action not in done)

    def acquit(self, actor: str, actions: Collection[str], anomalies: Collection[str]) -> None:
        """Nothing is held against anybody."""

    def teach(self, lessons: Lessons) -> None:
        """Nothing is known of the population."""

    def dump_population(self) -> Iterator[Json]:
        yield from ()

    def dump_identities(self) -> Iterator[Json]:
        for actor, done in sorted(self._done.items()):
            yield {"id": actor, "done": list(done)}

    def load(self, population: Iterable[Any], identities: Iterable[Any]) -> None:
        self._done = {actor: list(done) for actor, done in (fields("state", row, "id", "done") for row in identities)}

    def memory(self) -> Memory:
        return Memory(len(self._done), sum(map(len, self._done.values())), 0, 1.0)
