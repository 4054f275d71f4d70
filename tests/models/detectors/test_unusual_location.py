"""Both detectors of places, for they differ in what they take for one, and in nothing else."""

import json
import math
import sys
from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.unusual_city import UnusualCity
from models.detectors.unusual_country import UnusualCountry
from models.detectors.unusual_location import UnusualLocation
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.fakes.geography import locate
from tests.models.detectors.driving import learn, restored
from tests.models.detectors.fresh import fresh, otherwise

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = [Actor(f"t/p{number}", f"p{number}", ActorKind.HUMAN) for number in range(12)]
ROBOTS = [Actor(f"t/r{number}", f"r{number}", ActorKind.SERVICE_PRINCIPAL) for number in range(12)]
WRITE, GRANT = "microsoft.web/sites/write", "microsoft.authorization/roleassignments/write"
BERLIN, MUNICH, DUBLIN, SYDNEY, SYDNEY_6, FRANCE, PRIVATE = (
    "10.0.1.1", "10.1.1.1", "10.2.1.1", "198.51.100.7", "2001:db8:77::1", "203.0.113.9", "192.168.1.1",
)  # fmt: skip
NOBODY_ELSE = Crowd(1, {})
BOTH: tuple[type[UnusualLocation], ...] = (UnusualCountry, UnusualCity)

both = pytest.mark.parametrize("known", BOTH, ids=lambda one: one.__name__, indirect=True)


def bucket_of(actor: Actor, hour: float, *actions: str, address: str) -> ActorBucket:
    bucket = Bucket.of(MONDAY + hour * HOUR, HOUR)
    cells = tuple(Cell(action, action, bucket.start, 1, 1, 0, 0, (address,)) for action in actions)
    return ActorBucket(actor, bucket, cells)


@pytest.fixture(scope="module")
def known(request: pytest.FixtureRequest) -> UnusualLocation:
    """People in Berlin, now and then in Munich or Dublin; robots in Dublin. Shared by the tests that only score."""
    make: type[UnusualLocation] = request.param
    detector = fresh(make, locate=locate)
    for hour in range(14 * 12):
        for number, (person, robot) in enumerate(zip(PEOPLE, ROBOTS, strict=True)):
            trip = (hour + 17 * number) % 84
            where = {0: MUNICH, 1: DUBLIN}.get(trip, BERLIN) if number % 3 == 0 else BERLIN
            learn(detector, bucket_of(person, 2 * hour, WRITE, address=where))
            learn(detector, bucket_of(robot, 2 * hour, WRITE, address=DUBLIN))
    return detector


def judged(detector: UnusualLocation, actor: Actor, address: str, *actions: str) -> list[Anomaly]:
    return detector.score(bucket_of(actor, 336, *(actions or (WRITE,)), address=address), NOBODY_ELSE)


def again(detector: UnusualLocation) -> UnusualLocation:
    other = type(detector)(locate=locate)
    restored(other, detector)
    return other


@both
def test_a_robot_that_acts_from_the_other_end_of_the_world_fires(known: UnusualLocation) -> None:
    for address in (SYDNEY, SYDNEY_6):
        [found] = judged(known, ROBOTS[0], address)
        assert found.score >= known.declaration.threshold


@both
def test_where_it_always_is_and_where_nobody_knows_says_nothing(known: UnusualLocation) -> None:
    assert judged(known, ROBOTS[0], DUBLIN) == []
    assert judged(known, ROBOTS[0], PRIVATE) == []
    assert judged(known, ROBOTS[0], "") == []


@both
def test_where_others_are_surprises_less(known: UnusualLocation) -> None:
    [common], [strange] = judged(known, ROBOTS[0], BERLIN), judged(known, ROBOTS[0], SYDNEY)
    assert common.surprise < strange.surprise


@both
def test_whoever_travels_surprises_less_than_whoever_never_moves(known: UnusualLocation) -> None:
    [state], [settled] = judged(known, PEOPLE[0], SYDNEY), judged(known, PEOPLE[1], SYDNEY)
    assert state.surprise < settled.surprise


@both
def test_what_others_do_from_there_surprises_less(known: UnusualLocation) -> None:
    detector = again(known)
    for actor in ROBOTS[6:]:
        learn(detector, bucket_of(actor, 330, GRANT, address=SYDNEY))
    [grant], [write] = judged(detector, ROBOTS[0], SYDNEY, GRANT), judged(detector, ROBOTS[0], SYDNEY, WRITE)
    assert grant.surprise < write.surprise


def test_cities_are_told_apart_within_a_country_and_countries_without_a_city() -> None:
    country, city = fresh(UnusualCountry, locate=locate), fresh(UnusualCity, locate=locate)
    for detector in (country, city):
        learn(detector, bucket_of(PEOPLE[0], 0, WRITE, address=BERLIN))
    assert judged(country, PEOPLE[0], MUNICH) == []
    assert len(judged(city, PEOPLE[0], MUNICH)) == 1
    assert len(judged(country, PEOPLE[0], FRANCE)) == 1
    assert judged(city, PEOPLE[0], FRANCE) == []


@both
def test_a_new_home_is_ordinary_from_the_next_hour_on(known: UnusualLocation) -> None:
    detector = again(known)
    assert learn(detector, bucket_of(ROBOTS[0], 336, WRITE, address=SYDNEY))
    assert detector.score(bucket_of(ROBOTS[0], 337, WRITE, GRANT, address=SYDNEY), NOBODY_ELSE) == []


@both
def test_somebody_new_where_everybody_is_surprises_nobody(known: UnusualLocation) -> None:
    stranger = Actor("t/new", "new", ActorKind.HUMAN)
    assert all(one.score < 50.0 for one in judged(known, stranger, BERLIN))


@both
def test_an_identity_that_changes_its_kind_is_still_counted_once(known: UnusualLocation) -> None:
    detector = again(known)
    before = detector.locations.backoff.adoptions()
    changed = ROBOTS[0]._replace(kind=ActorKind.MANAGED_IDENTITY)
    learn(detector, bucket_of(changed, 336, WRITE, address=DUBLIN))
    assert detector.locations.backoff.adoptions() == before


@both
def test_a_forgotten_identity_takes_its_places_with_it(known: UnusualLocation) -> None:
    detector = type(known)(locate=locate, max_identities=8)
    for number in range(40):
        actor = Actor(f"t/{number:02}", "x", ActorKind.HUMAN)
        learn(detector, bucket_of(actor, number, WRITE, address=BERLIN))
    assert detector.memory().keys <= 8
    assert detector.locations.backoff.adoptions() <= 8


@both
def test_the_sum_can_be_redone_from_the_payload_alone(known: UnusualLocation) -> None:
    for actor, action in ((ROBOTS[0], WRITE), (PEOPLE[1], GRANT)):
        [anomaly] = judged(known, actor, SYDNEY, action)
        payload = json.loads(json.dumps(anomaly.evidence))
        terms, move, place = payload["terms"], payload["move"], payload["place"]
        share = max(place["here"] - place["discount"], 0.0)
        share += (place["concentration"] + place["discount"] * place["places"]) * place["anybody"]
        assert place["probability"] == pytest.approx(share / (place["everywhere"] + place["concentration"]))
        assert terms["place"] == pytest.approx(-place["trust"] * math.log10(place["probability"]))
        assert terms["move"] == pytest.approx(-math.log10(move["probability"]))
        assert anomaly.surprise == pytest.approx(sum(terms.values()), abs=1e-4)
        assert anomaly.score == pytest.approx(-25.0 * math.log10(payload["user_day"]["probability"]), abs=0.01)


@both
@pytest.mark.parametrize("threshold", [50.0, 60.0, 70.0])
def test_the_counterfactual_is_true_whatever_the_threshold(known: UnusualLocation, threshold: float) -> None:
    [found] = judged(known, PEOPLE[1], SYDNEY)
    said = otherwise(known, found, threshold)
    assert f"once it has acted from this {known.declaration.places}" in said
    if "or if" in said:
        peers = int(said.partition(" or if ")[2].split()[0])
        cell = bucket_of(PEOPLE[1], 336, WRITE, address=SYDNEY).cells[0]
        one = known._states.touch(PEOPLE[1].id)
        key = str(found.evidence["place"]["key"])  # type: ignore[index,call-overload]
        totals = [sum(known._terms(one, key, cell, "human", imagined).values()) for imagined in (0, peers)]
        assert known.user_days.score(totals[0]) >= threshold > known.user_days.score(totals[1])


def test_why_is_a_sentence_with_place_and_way() -> None:
    detector = fresh(UnusualCity, explain_from=0.0, locate=locate)
    for hour in range(50):
        learn(detector, bucket_of(PEOPLE[0], hour, WRITE, address=BERLIN))
    [found] = detector.score(bucket_of(PEOPLE[0], 52, WRITE, address=SYDNEY), NOBODY_ELSE)
    assert found.why.startswith(
        "It acted from Sydney, Australia, a city new to it (it is known from Berlin; a new city"
    )
    assert found.why.endswith("3 h before it was in Berlin, Germany, 16,095 km away.")
    assert found.evidence["travel"] == {"from": "Berlin, Germany", "hours": 3.0, "kilometres": 16_095}


@both
def test_an_identity_takes_few_bytes(known: UnusualLocation) -> None:
    one = known._states.touch(ROBOTS[0].id)
    assert sum(map(sys.getsizeof, [one, one.places, one.places.names, one.last_hours, one.at_hours])) <= 350
