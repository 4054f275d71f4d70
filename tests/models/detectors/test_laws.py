"""The laws of the `Detector` contract, each a property of every registered detector under the law's own name."""

import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.anomalies import Anomaly, anomaly_id
from models.detectors.contract import EVIDENCE, Detector
from models.detectors.options import takes
from models.detectors.registry import DETECTORS
from models.detectors.registry import build as build_bare
from models.detectors.watched import Watched
from models.statistics.lessons import Lessons
from models.statistics.scoring import Severity
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.fakes.geography import somewhere
from tests.models.detectors.driving import collected, crowd_of, dumped, population, restored, settle

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
ACTIONS = ("compute/read", "compute/write", "storage/listkeys/action", "web/write", "network/delete", "vault/read")
KINDS = tuple(ActorKind)
Found = set[str]
ALWAYS = {name: kind.declaration.always for name, kind in DETECTORS.items()}
EVERYTHING = (Watched("a test", operations=("*",)),)

every_detector = pytest.mark.parametrize("name", sorted(DETECTORS))
every_learner = pytest.mark.parametrize("name", [name for name in sorted(DETECTORS) if not ALWAYS[name]])
every_one_that_always_tells = pytest.mark.parametrize("asked", [name for name in sorted(DETECTORS) if ALWAYS[name]])
few = settings(max_examples=15, deadline=None)


def build(name: str, **options: object) -> Detector:
    """Make a detector, with a geography and a watch list for those that are mute without one."""
    given = {"locate": somewhere, "watched": EVERYTHING}
    options |= {key: value for key, value in given.items() if takes(DETECTORS[name], key)}
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


def with_late_cells(groups: Sequence[Sequence[ActorBucket]]) -> list[list[ActorBucket]]:
    """Let every fifth hour have cells that come two hours late, of things that were new to some of their identities."""
    found = []
    for number, group in enumerate(groups):
        found.append(list(group))
        if number % 5 == 2 and groups[number - 2]:
            bucket = groups[number - 2][0].bucket
            late = cell(f"late/{number}", bucket, failing=number % 2 == 0, late=True, address="10.0.8.1")
            found.append([seen._replace(cells=(late,)) for seen in groups[number - 2]])
    return found


def run(detector: Detector, groups: Sequence[Sequence[ActorBucket]], order: int | None = None) -> list[Anomaly]:
    """Score every group, then learn it, in an order drawn from `order`."""
    found = []
    for number, group in enumerate(groups):
        crowd = crowd_of(*group)
        scored = [(seen, detector.score(seen, crowd)) for seen in group]
        found += [anomaly for _, anomalies in scored for anomaly in anomalies]
        if order is not None:
            random.Random(order + number).shuffle(scored)
        settle(detector, crowd, *scored)
    return found


def run_in_shards(shards: Sequence[Detector], groups: Sequence[Sequence[ActorBucket]], rng: random.Random) -> Found:
    """Let each detector have some of the identities; what they teach goes round in whatever parts and order."""
    found: Found = set()
    home: dict[str, Detector] = {}
    for group in groups:
        shared: dict[int, list[ActorBucket]] = {}
        for seen in group:
            shared.setdefault(shards.index(home.setdefault(seen.actor.id, rng.choice(shards))), []).append(seen)
        crowd = Crowd.merged(crowd_of(*one) for one in shared.values())
        parts = []
        for number, mine in shared.items():
            scored = [(seen, shards[number].score(seen, crowd)) for seen in mine]
            found |= {repr(anomaly) for _, anomalies in scored for anomaly in anomalies}
            rng.shuffle(scored)
            cut = rng.randrange(len(scored) + 1)
            parts += [collected(shards[number], half, crowd) for half in (scored[:cut], scored[cut:]) if half]
        for shard in shards if parts else ():
            rng.shuffle(parts)
            shard.teach(merged(parts))
    return found


def merged(parts: Sequence[Lessons]) -> Lessons:
    """Add lessons up as another process would, which gets them as JSON."""
    received = [Lessons.load(json.loads(json.dumps(part.dump()))) for part in parts]
    whole = Lessons(received[0].hours)
    for part in received:
        whole.merge(part)
    return whole


@every_detector
@few
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
def test_order_does_not_matter(name: str, seed: int, order: int) -> None:
    straight, shuffled = build(name), build(name)
    assert run(straight, history(seed)) == run(shuffled, history(seed), order)
    assert dumped(straight) == dumped(shuffled)


@every_detector
@few
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000), shards=st.integers(1, 3))
def test_shards_find_the_same(name: str, seed: int, order: int, shards: int) -> None:
    groups = with_late_cells(history(seed))
    alone, several = build(name), [build(name) for _ in range(shards)]
    expected = {repr(anomaly) for anomaly in run(alone, groups)}
    assert run_in_shards(several, groups, random.Random(order)) == expected
    assert {population(shard) for shard in several} == {population(alone)}
    held = [json.dumps(row) for shard in several for row in shard.dump_identities()]
    assert sorted(row for row in held if '"evicted"' not in row) == sorted(
        text for row in alone.dump_identities() if '"evicted"' not in (text := json.dumps(row))
    )
    assert sum(shard.memory().keys for shard in several) == alone.memory().keys


@every_detector
@few
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
def test_lessons_wait_until_all_of_a_bucket_are_learnt(name: str, seed: int, order: int) -> None:
    detector, groups = build(name), history(seed)
    run(detector, groups[:-1])
    before, crowd = population(detector), crowd_of(*groups[-1])
    scored = [(seen, detector.score(seen, crowd)) for seen in groups[-1]]
    for one in scored:
        collected(detector, [one], crowd)
        assert population(detector) == before


@every_detector
@few
@given(seed=st.integers(0, 10_000))
def test_score_changes_nothing(name: str, seed: int) -> None:
    detector, groups = build(name), history(seed)
    run(detector, groups[:-1])
    before, crowd = dumped(detector), crowd_of(*groups[-1])
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
    restored(resumed, stopped)
    assert dumped(resumed) == dumped(stopped)
    assert run(resumed, groups[cut:]) == run(steady, groups[cut:])
    assert dumped(resumed) == dumped(steady)
    assert resumed.memory() == steady.memory()


@every_learner
@pytest.mark.parametrize("failing", [False, True])
def test_repetition_ends_in_silence(name: str, failing: bool) -> None:
    assert all(anomaly.score < 25.0 for anomaly in after_a_fortnight_of_the_same(build(name), failing=failing))


@every_one_that_always_tells
@pytest.mark.parametrize("failing", [False, True])
def test_what_is_asked_for_is_told_however_often_it_is_repeated(asked: str, failing: bool) -> None:
    last = after_a_fortnight_of_the_same(build(asked), failing=failing)
    assert {one.cell.action for one in last} == set(ACTIONS)
    assert all(one.score >= DETECTORS[asked].declaration.threshold for one in last)
    assert all(one.severity.rank >= Severity.HIGH.rank for one in last)


def after_a_fortnight_of_the_same(detector: Detector, *, failing: bool) -> list[Anomaly]:
    last: list[Anomaly] = []
    for day in range(15):
        bucket = Bucket.of(START + timedelta(days=day), HOUR)
        cells = tuple(cell(action, bucket, failing=failing, address="10.0.7.1") for action in ACTIONS)
        last = run(detector, [[ActorBucket(Actor("t/job", "job", ActorKind.SERVICE_PRINCIPAL), bucket, cells)]])
    return last


@every_one_that_always_tells
def test_what_is_asked_for_is_told_without_remembering_anything(asked: str) -> None:
    detector = build(asked)
    assert run(detector, history(1))
    assert dumped(detector) == dumped(build(asked)) == "[][]"
    assert detector.memory()[:3] == (0, 0, 0)


@every_learner
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
    assert sum(len(json.dumps(row)) for row in detector.dump_identities() if "inventor" in str(row)) < 100_000


@every_detector
@few
@given(seed=st.integers(0, 10_000))
def test_acquittal_never_raises_a_score(name: str, seed: int) -> None:
    detector, acquitting = build(name), build(name)
    groups = history(seed)
    found = run(detector, groups[:-1])
    restored(acquitting, detector)
    for actor in {one.actor.id for one in found}:
        acquitting.acquit(actor, ACTIONS, {one.id for one in found if one.actor.id == actor})
    acquitting.acquit("t/nobody", ACTIONS, ())
    crowd = crowd_of(*groups[-1])
    for seen in groups[-1]:
        before, after = detector.score(seen, crowd), acquitting.score(seen, crowd)
        assert [one.id for one in after] == [one.id for one in before]
        assert all(one.score <= other.score for one, other in zip(after, before, strict=True))
    assert population(acquitting) == population(detector)


@every_detector
@few
@given(seed=st.integers(0, 10_000))
def test_more_surprise_never_scores_lower(name: str, seed: int) -> None:
    detector, groups = build(name), history(seed, people=12)
    run(detector, groups[:-1])
    crowd = crowd_of(*groups[-1])
    judged = sorted((a.surprise, a.score) for seen in groups[-1] for a in detector.score(seen, crowd))
    scores = [score for _, score in judged]
    assert scores == sorted(scores)
    assert all(0.0 <= anomaly.score <= 100.0 for anomaly in run(build(name), groups))


def in_its_example(name: str, **options: object) -> tuple[Callable[[], Detector], list[list[ActorBucket]]]:
    """How to make a detector for the example in which it speaks, and what happens there."""
    example = DETECTORS[name].declaration.speaks
    options |= {key: value for key, value in example.given().items() if takes(DETECTORS[name], key)}
    return lambda: build_bare(name, **options), [group for group, _ in example.hours()]


@every_detector
def test_the_laws_hold_where_it_speaks(name: str) -> None:
    make, groups = in_its_example(name)
    straight, shuffled, stopped = make(), make(), make()
    found = run(straight, groups)
    assert found, "whoever never speaks keeps every law"
    assert run(shuffled, groups, order=1) == found
    before = run(stopped, groups[:-1])
    resumed = restored(make(), stopped)
    crowd, saved = crowd_of(*groups[-1]), dumped(resumed)
    for seen in groups[-1]:
        assert resumed.score(seen, crowd) == resumed.score(seen, crowd)
    assert dumped(resumed) == saved
    assert before + run(resumed, groups[-1:]) == found
    assert dumped(resumed) == dumped(straight) == dumped(shuffled)


@cache
def eventful(name: str, explain_from: float = 0.0) -> list[Anomaly]:
    """What is said of its example, and of histories that end with a burst of new things, refused and then not."""
    make, happened = in_its_example(name, explain_from=explain_from)
    found = run(make(), happened)
    for seed in range(4):
        detector, groups = build(name, explain_from=explain_from), history(seed)
        found += run(detector, groups)
        bucket = Bucket.of(groups[-1][0].bucket.start + timedelta(days=9), HOUR)
        doors = (*ACTIONS, "sql/export/action", "sql/read", "automation/write")
        for address, failing in (("10.0.99.1", True), ("10.0.1.1", False)):
            cells = [cell(action, bucket, failing=failing, address=address) for action in doors]
            cells[0] = cells[0]._replace(scopes=("sub-2",))
            found += run(detector, [[ActorBucket(groups[-1][0].actor, bucket, tuple(cells))]])
    return found


def explained(name: str) -> list[Anomaly]:
    return [one for one in eventful(name) if one.evidence]


@every_detector
def test_the_evidence_is_what_was_declared(name: str) -> None:
    declared, seen = DETECTORS[name].declaration, set[str]()
    for one in explained(name):
        assert set(one.evidence) == {*EVIDENCE, *declared.evidence}
        terms = one.evidence["terms"]
        assert isinstance(terms, dict)
        seen |= set(terms)
    assert seen == set(declared.terms)


@every_detector
def test_the_surprise_is_the_sum_of_its_terms(name: str) -> None:
    for one in explained(name):
        terms = one.evidence["terms"]
        assert isinstance(terms, dict)
        total = sum(value for value in terms.values() if isinstance(value, float))
        assert one.surprise == pytest.approx(max(0.0, total), abs=1e-4)
        assert one.evidence["surprise"] == pytest.approx(one.surprise, abs=1e-4)


@every_detector
def test_the_sentence_on_what_would_be_ordinary_needs_no_more_than_the_changes_and_a_threshold(name: str) -> None:
    fresh = build(name)
    for one in explained(name):
        changes = json.loads(json.dumps(one.evidence["changes"]))
        for threshold in (0.0, 40.0, 75.0, 100.0):
            said = fresh.counterfactual(changes, threshold)
            assert said.endswith(".")
            assert "None" not in said


@every_detector
def test_what_is_found_and_how_severe_it_is_does_not_depend_on_what_is_explained(name: str) -> None:
    for silent, explained_too in zip(eventful(name, explain_from=100.1), eventful(name), strict=True):
        assert silent._replace(why="", evidence={}) == explained_too._replace(why="", evidence={})
        assert silent.severity == explained_too.severity
        terms = explained_too.evidence.get("terms", {})
        assert isinstance(terms, dict)
        assert explained_too.sensitivity == terms.get("sensitivity", 0.0)


@every_detector
def test_asks_no_clock(name: str) -> None:
    assert run(build(name), history(7)) == run(build(name), history(7))


@every_detector
def test_ids_depend_on_what_not_on_when_found(name: str) -> None:
    young, old = build(name), build(name)
    groups = history(3)
    run(old, groups[:-1])
    crowd = crowd_of(*groups[-1])
    for seen in groups[-1]:
        early, late = young.score(seen, crowd), old.score(seen, crowd)
        for anomaly in (*early, *late):
            assert anomaly.id == anomaly_id(name, seen.actor.id, anomaly.cell.action, seen.bucket)
