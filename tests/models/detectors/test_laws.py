"""The laws of the `Detector` contract, each a property of every registered detector under the law's own name."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from inspect import signature

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.anomalies import Anomaly, anomaly_id
from models.detectors.contract import Detector
from models.detectors.registry import DETECTORS
from models.detectors.registry import build as build_bare
from models.stream.cells import ActorBucket, Cell, Crowd, Tally
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.fakes.geography import somewhere

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
ACTIONS = ("compute/read", "compute/write", "storage/listkeys/action", "web/write", "network/delete", "vault/read")
KINDS = tuple(ActorKind)

every_detector = pytest.mark.parametrize("name", sorted(DETECTORS))
few = settings(max_examples=15, deadline=None)


def build(name: str, **options: object) -> Detector:
    """Make a detector, with a geography for those that are mute without one."""
    if "locate" in signature(DETECTORS[name]).parameters:
        options["locate"] = somewhere
    return build_bare(name, **options)


def cell(action: str, bucket: Bucket, *, failing: bool = False, late: bool = False, address: str = "") -> Cell:
    return Cell(
        action=action,
        action_name=action.title(),
        first_time=bucket.start,
        attempts=1,
        successes=int(not failing),
        failures=0,
        denials=int(failing),
        addresses=(address,) if address else (),
        scopes=("sub-1",),
        late=late,
    )


def crowd_of(group: Sequence[ActorBucket]) -> Crowd:
    tallies: dict[str, Tally] = {}
    for seen in group:
        for one in seen.cells:
            before = tallies.get(one.action, Tally(0, 0))
            tallies[one.action] = Tally(before.actors + 1, before.failing + one.failed)
    return Crowd(len(group), tallies)


@lru_cache(maxsize=2)
def history(seed: int, hours: int = 40, people: int = 6) -> list[list[ActorBucket]]:
    """A small tenant: groups of actors' buckets, an hour each, with habits, failures and now and then a new thing."""
    rng = random.Random(seed)
    groups = []
    for hour in range(hours):
        bucket = Bucket.of(START + hour * 5 * HOUR, HOUR)
        group = []
        for person in range(people):
            if rng.random() < 0.3:
                continue
            usual = ACTIONS[person % 3 : person % 3 + 2]
            done = {rng.choice(usual) if rng.random() < 0.9 else rng.choice(ACTIONS) for _ in range(3)}
            cells = tuple(
                cell(action, bucket, failing=rng.random() < 0.1, address=f"10.0.{rng.randrange(3)}.1")
                for action in sorted(done)
            )
            group.append(ActorBucket(Actor(f"t/{person}", f"p{person}", KINDS[person % len(KINDS)]), bucket, cells))
        groups.append(group)
    return groups


def run(detector: Detector, groups: Sequence[Sequence[ActorBucket]], order: int | None = None) -> list[Anomaly]:
    """Score every group, then learn it, in an order drawn from `order`."""
    found = []
    for number, group in enumerate(groups):
        crowd = crowd_of(group)
        scored = [(seen, detector.score(seen, crowd)) for seen in group]
        found += [anomaly for _, anomalies in scored for anomaly in anomalies]
        if order is not None:
            random.Random(order + number).shuffle(scored)
        for seen, anomalies in scored:
            detector.learn(seen, crowd, anomalies)
    return found


def dumped(detector: Detector) -> str:
    return json.dumps(list(detector.dump()))


@every_detector
@few
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
def test_order_does_not_matter(name: str, seed: int, order: int) -> None:
    straight, shuffled = build(name), build(name)
    assert run(straight, history(seed)) == run(shuffled, history(seed), order)
    assert dumped(straight) == dumped(shuffled)


@every_detector
@few
@given(seed=st.integers(0, 10_000))
def test_score_changes_nothing(name: str, seed: int) -> None:
    detector, groups = build(name), history(seed)
    run(detector, groups[:-1])
    before, crowd = dumped(detector), crowd_of(groups[-1])
    first = [detector.score(seen, crowd) for seen in groups[-1]]
    assert [detector.score(seen, crowd) for seen in groups[-1]] == first
    assert dumped(detector) == before


@every_detector
@few
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 40))
def test_resumes_where_it_stopped(name: str, seed: int, cut: int) -> None:
    groups = history(seed)
    steady, stopped, resumed = build(name), build(name), build(name)
    run(steady, groups[:cut])
    run(stopped, groups[:cut])
    resumed.load(json.loads(dumped(stopped)))
    assert dumped(resumed) == dumped(stopped)
    assert run(resumed, groups[cut:]) == run(steady, groups[cut:])
    assert dumped(resumed) == dumped(steady)
    assert resumed.memory() == steady.memory()


@every_detector
@pytest.mark.parametrize("failing", [False, True])
def test_repetition_ends_in_silence(name: str, failing: bool) -> None:
    detector, last = build(name), []
    for day in range(15):
        bucket = Bucket.of(START + timedelta(days=day), HOUR)
        cells = tuple(cell(action, bucket, failing=failing, address="10.0.7.1") for action in ACTIONS)
        last = run(detector, [[ActorBucket(Actor("t/job", "job", ActorKind.SERVICE_PRINCIPAL), bucket, cells)]])
    assert all(anomaly.score < 25.0 for anomaly in last)


@every_detector
def test_memory_is_bounded(name: str) -> None:
    detector = build(name, max_identities=20)
    sizes = []
    for hour in range(60):
        bucket = Bucket.of(START + hour * HOUR, HOUR)
        names = [f"made-up/{hour}/{number}" for number in range(40)]
        cells = tuple(
            cell(action, bucket, failing=True, address=f"10.0.{hour}{number}.1") for number, action in enumerate(names)
        )
        inventor = ActorBucket(Actor("t/inventor", "inventor", ActorKind.HUMAN), bucket, cells)
        passer_by = ActorBucket(Actor(f"t/{hour}", str(hour), ActorKind.HUMAN), bucket, cells[:1])
        run(detector, [[inventor, passer_by]])
        sizes.append(detector.memory())
    assert max(size.keys for size in sizes) <= 20
    assert sizes[-1].evicted > sizes[20].evicted
    assert sum(len(json.dumps(row)) for row in detector.dump() if "inventor" in str(row)) < 100_000


@every_detector
@few
@given(seed=st.integers(0, 10_000))
def test_more_surprise_never_scores_lower(name: str, seed: int) -> None:
    detector, groups = build(name), history(seed, people=12)
    run(detector, groups[:-1])
    crowd = crowd_of(groups[-1])
    judged = sorted((a.surprise, a.score) for seen in groups[-1] for a in detector.score(seen, crowd))
    scores = [score for _, score in judged]
    assert scores == sorted(scores)
    assert all(0.0 <= anomaly.score <= 100.0 for anomaly in run(build(name), groups))


@every_detector
def test_says_something_of_a_burst_of_new_things_from_elsewhere_after_a_silence(name: str) -> None:
    detector, groups = build(name), history(5)
    run(detector, groups)
    bucket = Bucket.of(groups[-1][0].bucket.start + timedelta(days=9), HOUR)
    doors = (*ACTIONS, "sql/export/action", "automation/write")
    cells = tuple(cell(action, bucket, failing=True, address="10.0.99.1") for action in doors)
    assert run(detector, [[ActorBucket(groups[-1][0].actor, bucket, cells)]]), "whoever never speaks keeps every law"


@every_detector
def test_asks_no_clock(name: str) -> None:
    assert run(build(name), history(7)) == run(build(name), history(7))


@every_detector
def test_ids_depend_on_what_not_on_when_found(name: str) -> None:
    young, old = build(name), build(name)
    groups = history(3)
    run(old, groups[:-1])
    crowd = crowd_of(groups[-1])
    for seen in groups[-1]:
        early, late = young.score(seen, crowd), old.score(seen, crowd)
        for anomaly in (*early, *late):
            assert anomaly.id == anomaly_id(name, seen.actor.id, anomaly.cell.action, seen.bucket)
