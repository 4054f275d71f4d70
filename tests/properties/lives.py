"""Engines, and the lives that they lead in front of a hub: read on, go back, take a snapshot, die, come back."""

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import strategies as st

from models.detectors.registry import DETECTORS, build
from models.stream.json_value import Json
from models.stream.windows import Bucket
from service.core.alerting.suppressions import Suppression, Suppressions
from service.core.engine.engine import Engine
from service.core.engine.values import Applied, Options
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.verdict import Verdict
from tests.fakes.detector import FirstTime
from tests.properties.streams import LATENESS, PARTITIONS, TICK, Hub

MakeEngine = Callable[[], Engine]
Step = tuple[str, int]


def engine() -> Engine:
    made = Engine(Options(lateness=LATENESS), [FirstTime()])
    made.expect(PARTITIONS)
    return made


def real_engine() -> Engine:
    """One with the detectors that are shipped, and so low thresholds that everything is told."""
    made = Engine(
        Options(lateness=LATENESS, thresholds=dict.fromkeys(DETECTORS, 0.1)),
        [build(name) for name in sorted(DETECTORS)],
    )
    made.expect(PARTITIONS)
    return made


def budgeted_engine() -> Engine:
    """One that tells an operation from two identities on, and whose thresholds a budget moves at midnight."""
    options = Options(lateness=LATENESS, group_failures_from=2, alerts_per_day=1.0)
    made = Engine(options, [FirstTime(), FirstTime("rare_failure", failures=True)])
    made.expect(PARTITIONS)
    return made


def announced_engine() -> Engine:
    """One with the shipped detectors, and maintenance in the middle of everything, of which half is learnt."""
    made = real_engine()
    begins, until = datetime(2026, 3, 2, 9, 20, tzinfo=UTC), datetime(2026, 3, 2, 10, 40, tzinfo=UTC)
    window = Suppression("ann", "a/*", "", "", begins, until, "maintenance", "ops", learn=True)
    bob = window._replace(actor="bob@example.com", action="", detector="rare_action", learn=False)
    made.suppress(Suppressions([window._replace(actor="ann@example.com"), bob]))
    return made


def grouping_engine() -> Engine:
    """One that tells a roll-out from two identities on, all of them established."""
    options = Options(lateness=LATENESS, group_rollouts_from=2)
    made = Engine(options, [FirstTime(evidence={"terms": {"action": 4.0}, "days_known": 40})])
    made.expect(PARTITIONS)
    return made


def joining_engine() -> Engine:
    """One to which everybody is of one campaign, for they come from a network strange to all."""
    strange: dict[str, Json] = {"terms": {"network": 1.0}, "network": {"new": ["198.51.100"]}}
    made = Engine(Options(lateness=LATENESS), [FirstTime(evidence=strange)])
    made.expect(PARTITIONS)
    return made


class RunResult(NamedTuple):
    """What can be known of a run: anomalies of closed buckets, alerts sent, records, what was learnt, and so on."""

    anomalies: dict[str, Any]
    alerts: dict[tuple[str, int], str]
    records: int
    budget: list[Any]
    suppressed: list[Any]
    learnt: list[str]
    answered: dict[str, str]


def saved(engine: Engine) -> list[tuple[str, Any]]:
    """Return the rows as they come back from a snapshot."""
    return [(section, row) for section, row in json.loads(json.dumps(list(engine.dump())))]


def scripts() -> st.SearchStrategy[list[Step]]:
    """Between two ticks: read on in a partition, go back in it, take a snapshot, die, with it or without the newest."""
    steps = st.sampled_from(["read", "read", "read", "rewind", "snapshot", "snapshot", "crash", "damage"])
    return st.lists(st.tuples(steps, st.integers(0, 11)), max_size=40)


class Run:
    """One life, or several, of an engine in front of a hub."""

    def __init__(self, make: MakeEngine, hub: Hub, journal: Sequence[Verdict] = ()) -> None:
        self.make = make
        self.hub = hub
        self.journal = journal
        self.engine = make()
        self.snapshots: list[tuple[list[tuple[str, Any]], datetime | None]] = [(saved(self.engine), None)]
        self.cursor = dict.fromkeys(PARTITIONS, 0)
        self.anomalies: dict[str, Any] = {}
        self.alerts: dict[tuple[str, int], str] = {}
        self.answered: dict[str, str] = {}
        self.ticked: datetime | None = None
        self.newest = self.ticks()[0] - TICK
        self.hear()

    def save(self) -> None:
        self.snapshots.append((saved(self.engine), self.ticked))

    def crash(self) -> None:
        """Come back from the newest snapshot."""
        self.engine = self.make()
        snapshot, self.ticked = self.snapshots[-1]
        self.engine.load(snapshot)
        self.hear()
        for partition in PARTITIONS:
            position = self.engine.positions.get(partition)
            self.cursor[partition] = 0 if position is None else position.sequence_number + 1

    def hear(self) -> None:
        """Know every verdict that was given until now, in whichever life."""
        self.engine.accept(Verdicts(one for one in self.journal if one.at <= self.newest + TICK))

    def read(self, partition: str, until: datetime) -> None:
        at = self.cursor[partition]
        if at >= self.hub.until(partition, until):
            return
        message, events = self.hub.partitions[partition][at]
        self.note(self.engine.apply(message, events))
        self.cursor[partition] = at + 1

    def note(self, applied: Applied) -> None:
        self.anomalies |= {anomaly.id: anomaly for anomaly in applied.scored}

    def tick(self, now: datetime) -> None:
        for partition in PARTITIONS:
            while self.cursor[partition] < self.hub.until(partition, now):
                self.read(partition, now)
        for partition in PARTITIONS:
            last = self.hub.until(partition, now) - 1
            for anomaly in self.engine.idle(partition, last, now):
                self.anomalies[anomaly.id] = anomaly
        evaluation = self.engine.evaluate(now)
        self.alerts |= {(alert.id, alert.revision): alert.model_dump_json() for alert in evaluation.alerts}
        self.answered |= {one.id: one.model_dump_json() for one in evaluation.answered}
        self.ticked = now
        self.newest = max(self.newest, now)
        self.hear()

    def live(self, script: list[Step]) -> RunResult:
        steps = itertools.chain(script, itertools.repeat(("tick", 0)))
        ticks = list(self.ticks())
        at = 0
        for step, choice in steps:
            partition = PARTITIONS[choice % len(PARTITIONS)]
            if step == "read":
                self.read(partition, ticks[at])
            elif step == "rewind":
                self.cursor[partition] = max(0, self.cursor[partition] - choice)
            elif step == "snapshot":
                self.save()
            elif step in {"crash", "damage"}:
                if step == "damage" and len(self.snapshots) > 1:
                    self.snapshots.pop()
                self.crash()
                at = 0 if self.ticked is None else ticks.index(self.ticked) + 1
            if step == "tick" or choice == 11:
                self.tick(ticks[at])
                at += 1
                if at == len(ticks):
                    break
        suppressed = list(self.engine.suppressed.dump())
        learnt = [
            json.dumps([section, row], sort_keys=True)
            for section, row in self.engine.dump()
            if section.startswith(("population ", "identities ", "verdict"))
        ]
        told = self.anomalies, self.alerts, self.engine.records
        return RunResult(*told, list(self.engine.budget.dump()), suppressed, learnt, self.answered)

    def ticks(self) -> list[datetime]:
        first = min(message.enqueued_time for log in self.hub.partitions.values() for message, _ in log)
        planned = Bucket.of(first, TICK).end
        found = []
        while planned <= self.hub.end:
            found.append(planned)
            planned += TICK
        return found
