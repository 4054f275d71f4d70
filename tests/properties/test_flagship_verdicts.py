"""The flagship property with verdicts: given at any moment, known to every life after that, applied once at one place.

What is told and what is learnt is the same in any interleaving, after any crash, whether a verdict was known before
the records that it is about were read again or not.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from models.stream.windows import Bucket
from service.core.alerting.alerts import alert_id
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.verdict import Verdict, VerdictKind, takes_effect_from
from tests.fakes.verdicts import HOUR, judged, verdict
from tests.properties.lives import MakeEngine, Run, RunResult, Step, engine, real_engine, scripts
from tests.properties.streams import ACTIONS, ACTORS, LATENESS, PARTITIONS, START, TICK, Hub, hubs

pytestmark = pytest.mark.slow

TOLD = [alert_id(actor.id, Bucket.of(START, Options().window)) for actor in ACTORS]
"""Ids of the alerts of each in the first window."""


@st.composite
def journals(draw: st.DrawFn) -> list[Verdict]:
    """Up to four verdicts on what somebody did, given within the hours in which it happens."""
    given_ = []
    for _ in range(draw(st.integers(1, 4))):
        actor, actions = draw(st.sampled_from(ACTORS)), draw(st.sets(st.sampled_from(ACTIONS), min_size=1))
        kind = draw(st.sampled_from(VerdictKind))
        start = START.replace(minute=0) + HOUR * draw(st.integers(0, 2))
        at = START + timedelta(minutes=1) + TICK * draw(st.integers(0, 14))
        given_.append(
            verdict(
                kind,
                *(judged(action, actor, start) for action in sorted(actions)),
                alert=draw(st.sampled_from(TOLD)),
                actor_id=draw(st.sampled_from([actor.id, actor.id, f"operation/{min(actions)}"])),
                for_kind=kind is VerdictKind.BENIGN and draw(st.booleans()),
                start=start,
                end=start + HOUR * draw(st.integers(1, 3)),
                at=at,
                takes_effect=takes_effect_from(at, LATENESS, HOUR),
            )
        )
    return given_


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), scripts(), journals())
def test_so_it_is_where_verdicts_are_given(hub: Hub, script: list[Step], journal: list[Verdict]) -> None:
    assert Run(engine, hub, journal).live(script) == Run(engine, hub, journal[::-1]).live([])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hubs(), scripts(), journals())
def test_so_it_is_where_verdicts_are_given_to_the_real_detectors(
    hub: Hub, script: list[Step], journal: list[Verdict]
) -> None:
    assert Run(real_engine, hub, journal).live(script) == Run(real_engine, hub, journal[::-1]).live([])


def test_verdicts_do_change_what_is_told_and_what_is_learnt() -> None:
    def happens(drawn: tuple[Hub, list[Verdict]]) -> bool:
        hub, journal = drawn
        with_them, without = Run(real_engine, hub, journal).live([]), Run(real_engine, hub).live([])
        return with_them.alerts != without.alerts and with_them.learnt != without.learnt

    find(
        st.tuples(hubs(), journals()),
        happens,
        settings=settings(phases=[Phase.generate], deadline=None, derandomize=True),
    )


@pytest.mark.integration
@pytest.mark.parametrize("make", [engine, real_engine])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hub=hubs(), script=scripts(), journal=journals())
def test_so_it_is_with_verdicts_hundreds_of_times(
    make: MakeEngine, hub: Hub, script: list[Step], journal: list[Verdict]
) -> None:
    assert Run(make, hub, journal).live(script) == Run(make, hub, journal).live([])


def test_those_who_were_told_are_told_of_verdicts() -> None:
    find(
        st.tuples(hubs(), journals()),
        lambda drawn: len(Run(engine, *drawn).live([]).answered) > 1,
        settings=settings(phases=[Phase.generate], deadline=None, derandomize=True),
    )


def test_alerts_do_have_their_place_in_an_incident() -> None:
    def happens(hub: Hub) -> bool:
        return any('"incident_place"' in alert for alert in Run(engine, hub).live([]).alerts.values())

    find(hubs(), happens, settings=settings(phases=[Phase.generate], deadline=None, derandomize=True))


def busy_lives() -> st.SearchStrategy[list[Step]]:
    """Scripts in which time passes between two crashes."""
    steps = st.sampled_from(["read", "snapshot", "crash"])
    return st.lists(st.tuples(steps, st.sampled_from([0, 1, 11, 11])), min_size=10, max_size=30)


class HeedsAtOnce(Engine):
    """Mutation: a verdict is applied when it is heard of."""

    def accept(self, verdicts: Verdicts) -> Sequence[Verdict]:
        late = super().accept(verdicts)
        for one in verdicts.due(verdicts.entries[-1].takes_effect, {}) if verdicts.entries else ():
            if verdicts.id_of(one) not in self.rulings.applied:
                self._judge.follow(self.rulings.apply(one))
        return late


class HeedsAgain(Engine):
    """Mutation: what is applied is not saved."""

    def dump(self) -> Any:
        return ((section, row) for section, row in super().dump() if section != "verdict")


def that_applies_at_once() -> Engine:
    made = HeedsAtOnce(real_engine().options, list(real_engine().detectors.values()))
    made.expect(PARTITIONS)
    return made


def that_applies_again() -> Engine:
    made = HeedsAgain(real_engine().options, list(real_engine().detectors.values()))
    made.expect(PARTITIONS)
    return made


@pytest.mark.integration
@pytest.mark.parametrize("mutant", [that_applies_at_once, that_applies_again])
def test_the_flagship_catches_verdicts_applied_at_the_wrong_place(mutant: MakeEngine) -> None:
    def caught(drawn: tuple[Hub, list[Step], list[Verdict]]) -> bool:
        hub, script, journal = drawn
        found, peaceful = Run(mutant, hub, journal).live(script), Run(real_engine, hub, journal).live([])
        # The mutant does not say what it applies; what it has learnt says more.
        return found._replace(learnt=_knowledge(found)) != peaceful._replace(learnt=_knowledge(peaceful))

    find(
        st.tuples(hubs(), busy_lives(), journals()),
        caught,
        settings=settings(max_examples=300, phases=[Phase.generate], deadline=None, derandomize=True),
    )


def _knowledge(result: RunResult) -> list[str]:
    return [line for line in result.learnt if not line.startswith('["verdict')]
