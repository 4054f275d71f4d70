"""Any interleaving of partitions, any crash, any rewind or duplicate gives the same anomalies and the same alerts.

Messages reach the engine in the order of the drawn script: partitions take turns in any order, the reader goes back,
the process dies and comes back from its last snapshot, or from an older one. At each tick all that the hub then held
has been read. Verdicts are given after some tick, and known to every life that follows, from its beginning. Deliberate
mutations show that the property can fail.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from models.detectors.anomalies import Anomaly
from models.detectors.registry import DETECTORS, build
from models.stream.events import ActivityEvent
from models.stream.json_value import Json
from models.stream.windows import Bucket, Watermark
from service.core.alerting.suppressions import Suppression, Suppressions
from service.core.engine.engine import Engine
from service.core.engine.values import Applied, Evaluation, Options
from service.core.messages import Message, Position
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.verdict import Verdict
from tests.fakes.detector import FirstTime
from tests.properties.streams import LATENESS, NIGHT, PARTITIONS, TICK, Hub, hubs

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


def tells_the_same(make: MakeEngine, hub: Hub, script: list[Step]) -> bool:
    return Run(make, hub).live(script) == Run(engine, hub).live([])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), scripts())
def test_any_interleaving_crash_rewind_or_duplicate_tells_the_same(hub: Hub, script: list[Step]) -> None:
    assert Run(engine, hub).live(script) == Run(engine, hub).live([])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), scripts())
def test_so_it_is_with_the_real_detectors(hub: Hub, script: list[Step]) -> None:
    assert Run(real_engine, hub).live(script) == Run(real_engine, hub).live([])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(NIGHT), scripts())
def test_so_it_is_where_operations_are_told_and_a_budget_moves_at_midnight(hub: Hub, script: list[Step]) -> None:
    assert Run(budgeted_engine, hub).live(script) == Run(budgeted_engine, hub).live([])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), scripts())
def test_so_it_is_where_something_was_announced(hub: Hub, script: list[Step]) -> None:
    assert Run(announced_engine, hub).live(script) == Run(announced_engine, hub).live([])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), scripts())
def test_so_it_is_where_many_take_up_the_same(hub: Hub, script: list[Step]) -> None:
    assert Run(grouping_engine, hub).live(script) == Run(grouping_engine, hub).live([])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), scripts())
def test_so_it_is_where_something_joins_identities(hub: Hub, script: list[Step]) -> None:
    assert Run(joining_engine, hub).live(script) == Run(joining_engine, hub).live([])


def test_something_does_join_identities() -> None:
    def happens(hub: Hub) -> bool:
        return any("campaign/" in alert for alert in Run(joining_engine, hub).live([]).alerts.values())

    find(hubs(), happens, settings=settings(phases=[Phase.generate], deadline=None, derandomize=True))


def test_many_do_take_up_the_same() -> None:
    def happens(hub: Hub) -> bool:
        return any("rollout/" in alert for alert in Run(grouping_engine, hub).live([]).alerts.values())

    find(hubs(), happens, settings=settings(phases=[Phase.generate], deadline=None, derandomize=True))


def test_something_that_was_announced_does_happen() -> None:
    def happens(hub: Hub) -> bool:
        story = Run(announced_engine, hub).live([])
        return bool(story.suppressed and story.alerts)

    find(hubs(), happens, settings=settings(phases=[Phase.generate], deadline=None, derandomize=True))


def test_operations_are_told_and_thresholds_do_move_at_midnight() -> None:
    def happens(hub: Hub) -> bool:
        run = Run(budgeted_engine, hub)
        told = run.live([]).alerts.values()
        moved = run.engine.budget.thresholds() != budgeted_engine().budget.thresholds()
        return moved and any("operation/" in alert for alert in told)

    find(hubs(NIGHT), happens, settings=settings(phases=[Phase.generate], deadline=None, derandomize=True))


@pytest.mark.integration
@pytest.mark.parametrize("make", [engine, real_engine, budgeted_engine, announced_engine])
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hub=st.one_of(hubs(), hubs(NIGHT)), script=scripts())
def test_so_it_is_a_thousand_times(make: MakeEngine, hub: Hub, script: list[Step]) -> None:
    assert Run(make, hub).live(script) == Run(make, hub).live([])


def test_the_real_detectors_have_something_to_tell() -> None:
    told = find(
        hubs(),
        lambda hub: len({key for key, _ in Run(real_engine, hub).live([]).alerts}) > 1,
        settings=settings(phases=[Phase.generate], deadline=None, derandomize=True),
    )
    assert "rare_action" in {anomaly.detector for anomaly in Run(real_engine, told).live([]).anomalies.values()}


class RemembersNoJudgement(Engine):
    """Sums everything up and judges it anew whenever anything is asked."""

    def forget(self) -> None:
        self._judge.forget()
        self.buckets.load([json.loads(json.dumps(row)) for row in self.buckets.dump()])

    def apply(self, message: Message, events: Sequence[ActivityEvent]) -> Applied:
        self.forget()
        return super().apply(message, events)

    def idle(self, partition: str, last_sequence_number: int, known_at: datetime) -> list[Anomaly]:
        self.forget()
        return super().idle(partition, last_sequence_number, known_at)

    def evaluate(self, now: datetime) -> Evaluation:
        self.forget()
        return super().evaluate(now)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), scripts())
def test_judgements_that_are_remembered_are_those_that_would_be_given_anew(hub: Hub, script: list[Step]) -> None:
    def forgetful() -> Engine:
        made = RemembersNoJudgement(real_engine().options, list(real_engine().detectors.values()))
        made.expect(PARTITIONS)
        return made

    assert Run(forgetful, hub).live(script) == Run(real_engine, hub).live(script)


class ForgetsWhereItWas(Engine):
    """Mutation: no sequence guard."""

    def apply(self, message: Message, events: list[ActivityEvent]) -> Applied:  # type: ignore[override]
        self.positions.pop(message.partition, None)
        return super().apply(message, events)


class PositionsAhead(Engine):
    """Mutation: positions are stored ahead of the state."""

    def dump(self) -> Any:
        for section, row in super().dump():
            if section == "position":
                yield section, {**row, "sequence_number": row["sequence_number"] + 1}
            else:
                yield section, row


class FastestPartitionWins(Watermark):
    """Mutation: the watermark is the maximum over partitions."""

    def idle(self, partition: str, complete_until: datetime) -> None:
        super().idle(partition, complete_until)
        self._floor = max(self._floor, *self._marks.values())


def without_guard() -> Engine:
    made = ForgetsWhereItWas(Options(lateness=LATENESS), [FirstTime()])
    made.expect(PARTITIONS)
    return made


def with_positions_ahead() -> Engine:
    made = PositionsAhead(Options(lateness=LATENESS), [FirstTime()])
    made.expect(PARTITIONS)
    return made


def with_the_fastest_partition() -> Engine:
    made = engine()
    made.watermark = FastestPartitionWins(LATENESS)
    made.expect(PARTITIONS)
    return made


def rare(mutant: MakeEngine) -> Any:
    """One that it takes seconds to catch."""
    return pytest.param(mutant, marks=pytest.mark.integration, id=mutant.__name__)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [rare(without_guard), rare(with_positions_ahead), with_the_fastest_partition])
def test_the_flagship_catches(mutant: MakeEngine) -> None:
    try:
        find(
            st.tuples(hubs(), scripts()),
            lambda drawn: not tells_the_same(mutant, *drawn),
            settings=settings(max_examples=3000, phases=[Phase.generate], deadline=None, derandomize=True),
        )
    except NoSuchExample:
        pytest.fail("the property does not notice this mutation")


def test_a_position_alone_moves_when_nothing_could_be_read() -> None:
    made = engine()
    message = Message("0", 7, "700", datetime.fromisoformat("2026-03-02T09:00:00+00:00"), b"junk")
    made.apply(message, [])
    assert made.positions["0"] == Position(7, "700", message.enqueued_time)
    assert not made.apply(message, []).fresh
