"""Whoever chooses names, networks, times, volumes and how many they are, is judged all the same, within all bounds.

How much of a theft they can hide with it is in `test_cover`; what can stand in a record, in `test_hostile_records`.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.options import takes
from models.detectors.registry import DETECTORS, build
from models.stream.buckets import Limits
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.messages import Message
from service.core.shadow.shadows import Shadows
from tests.fakes.hostile_names import KNOWN

MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
IDENTITIES = 12
OPTIONS = Options(
    limits=Limits(actions=6, operations=8, unfinished=40),
    thresholds=dict.fromkeys(DETECTORS, 30.0),
    people=IDENTITIES,
    recent=25,
)
SENSITIVE = (
    "microsoft.authorization/roleassignments/write",
    "microsoft.storage/storageaccounts/listkeys/action",
    "microsoft.compute/virtualmachines/delete",
    "microsoft.insights/diagnosticsettings/delete",
)
NAMES = [name.encode("utf-8", "replace").decode() for name in KNOWN]  # as parsing lets them through


class Activities(NamedTuple):
    """The same thing, done so many times within minutes, by so many identities."""

    who: str
    kind: ActorKind
    identities: int
    action: str
    times: int
    address: str
    scope: str
    minutes: int
    outcome: Outcome


activities = st.builds(
    Activities,
    who=st.sampled_from(["ann", "bob", *NAMES]),
    kind=st.sampled_from(ActorKind),
    identities=st.sampled_from([1, 1, 1, 1, 30]),
    action=st.sampled_from([*SENSITIVE, "a/write", "a/read"]) | st.text(max_size=12),
    times=st.sampled_from([1, 1, 3, 40]),
    address=st.sampled_from(["10.0.0.1", "198.51.100.7", "2001:db8::1", ""]) | st.text(max_size=8),
    scope=st.sampled_from(["one", "two", ""]),
    # A day too late, on time, or ahead of the clock.
    minutes=st.integers(-2_000, 2_000),
    outcome=st.sampled_from(Outcome),
)


def events(some: Activities, number: int) -> list[ActivityEvent]:
    return [
        ActivityEvent(
            MORNING + timedelta(minutes=some.minutes, seconds=one),
            Actor(f"t/{some.who}/{identity}", some.who, some.kind),
            some.action.casefold(),
            some.action,
            some.outcome,
            f"{number}/{identity}/{one}",
            scope=some.scope,
            address=some.address,
        )
        for identity in range(some.identities)
        for one in range(some.times if some.identities == 1 else 1)
    ]


def engine() -> Engine:
    bounds = {"max_identities": IDENTITIES, "max_actions": 6}
    detectors = []
    for name in DETECTORS:
        taken = {key: value for key, value in bounds.items() if takes(DETECTORS[name], key)}
        detectors.append(build(name, **taken))
    made = Engine(OPTIONS, detectors)
    made.shadows = Shadows(2)
    made.expect(["0"])
    made.begin(MORNING - 24 * HOUR)
    return made


@settings(max_examples=15, deadline=None)
@given(st.lists(activities, min_size=1, max_size=8))
def test_whatever_they_do_every_bound_is_kept_and_every_score_is_one(attack: Sequence[Activities]) -> None:
    tried = engine()
    for number, some in enumerate(attack):
        now = MORNING + number * HOUR
        applied = tried.apply(Message("0", number, str(number), now, b""), events(some, number))
        assert all(0.0 <= one.score <= 100.0 and one.surprise < 1_000.0 for one in applied.scored)
        alerts = tried.evaluate(now).alerts
        assert all(0.0 <= alert.score <= 100.0 for alert in alerts)
        assert tried.buckets.held() <= 2 * OPTIONS.limits.unfinished + held_open(tried)
        assert len(tried.recent.by_id) <= OPTIONS.recent
        assert len(tried.people) <= OPTIONS.people
    tried.idle("0", len(attack) - 1, MORNING + 60 * HOUR)
    for name, detector in tried.detectors.items():
        assert detector.memory().keys <= IDENTITIES, name
    again = engine()
    again.load(list(tried.dump()))
    assert json.dumps(list(again.dump())) == json.dumps(list(tried.dump()))


def held_open(tried: Engine) -> int:
    """Return the most operations that the open cells may hold: a sample is pruned at twice its size."""
    cells = sum(table == "cell" for table, _ in tried.buckets.dump())
    return cells * 2 * OPTIONS.limits.operations
