"""Any interleaving of partitions, any crash, any rewind or duplicate gives the same anomalies and the same alerts.

Messages reach the engine in the order of the drawn script: partitions take turns in any order, the reader goes back,
the process dies and comes back from its last snapshot, or from an older one. At each tick all that the hub then held
has been read. Verdicts are given after some tick, and known to every life that follows, from its beginning. Deliberate
mutations show that the property can fail.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from models.detectors.anomalies import Anomaly
from models.stream.events import ActivityEvent
from models.stream.windows import Watermark
from service.core.engine.engine import Engine
from service.core.engine.values import Applied, Evaluation, Options
from service.core.messages import Message, Position
from tests.fakes.detector import FirstTime
from tests.properties.lives import (
    MakeEngine,
    Run,
    Step,
    announced_engine,
    budgeted_engine,
    engine,
    grouping_engine,
    joining_engine,
    real_engine,
    scripts,
)
from tests.properties.streams import LATENESS, NIGHT, PARTITIONS, Hub, hubs


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
    """Sums everything up and judges it again whenever anything is asked."""

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
def test_judgements_that_are_remembered_are_those_that_would_be_given_again(hub: Hub, script: list[Step]) -> None:
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
