import json
import math
import sys
from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.new_network import NewNetwork
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.models.detectors.driving import learn, restored, terms_of
from tests.models.detectors.fresh import fresh, otherwise

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = [Actor(f"t/p{number}", f"p{number}", ActorKind.HUMAN) for number in range(12)]
ROBOTS = [Actor(f"t/r{number}", f"r{number}", ActorKind.SERVICE_PRINCIPAL) for number in range(12)]
USUAL = ("microsoft.web/sites/write", "microsoft.web/sites/restart/action")
KEYS = "microsoft.storage/storageaccounts/listkeys/action"
HOME, ABROAD, SIX = "10.1.2.3", "198.51.100.7", "2001:db8:77::1"
NOBODY_ELSE = Crowd(1, {})


def bucket_of(actor: Actor, hour: int, *actions: str, address: str = HOME) -> ActorBucket:
    bucket = Bucket.of(MONDAY + hour * HOUR, HOUR)
    places = (address,) if address else ()
    cells = tuple(Cell(action, action, bucket.start, 1, 1, 0, 0, places) for action in actions)
    return ActorBucket(actor, bucket, cells)


@pytest.fixture(scope="module")
def known() -> NewNetwork:
    """A fortnight in which people travel and learn now and then, and robots never. For tests that only score."""
    detector = fresh(NewNetwork)
    for hour in range(14 * 12):
        for number, (person, robot) in enumerate(zip(PEOPLE, ROBOTS, strict=True)):
            travels, learns = (hour + 13 * number) % 60 == 59, (hour + 7 * number) % 12 == 11
            done = (*USUAL, f"microsoft.web/sites/thing{hour // 12}/write") if learns else USUAL
            learn(detector, bucket_of(person, 2 * hour, *done, address=f"100.64.{hour}.1" if travels else HOME))
            learn(detector, bucket_of(robot, 2 * hour, USUAL[0]))
    return detector


def judged(detector: NewNetwork, actor: Actor, *actions: str, address: str = ABROAD) -> list[Anomaly]:
    return detector.score(bucket_of(actor, 340, *actions, address=address), NOBODY_ELSE)


def test_a_new_thing_from_a_new_network_fires(known: NewNetwork) -> None:
    for address in (ABROAD, SIX):
        [found] = judged(known, ROBOTS[0], KEYS, address=address)
        assert found.score >= known.declaration.threshold


def test_either_alone_is_not_looked_at(known: NewNetwork) -> None:
    assert judged(known, PEOPLE[0], *USUAL, address=ABROAD) == []
    assert judged(known, PEOPLE[0], KEYS, address=HOME) == []
    assert judged(known, PEOPLE[0], KEYS, address="10.1.2.99") == []  # the same /24
    assert judged(known, PEOPLE[0], KEYS, address="") == []


def test_a_kind_that_never_moves_surprises_more_without_any_list(known: NewNetwork) -> None:
    [robot], [person] = judged(known, ROBOTS[0], KEYS), judged(known, PEOPLE[0], KEYS)
    assert terms_of(robot)["network"] > terms_of(person)["network"] + 0.5
    assert robot.surprise > person.surprise


def test_somebody_never_seen_has_no_known_network(known: NewNetwork) -> None:
    assert judged(known, Actor("t/new", "new", ActorKind.HUMAN), KEYS) == []


def test_what_many_peers_do_surprises_less(known: NewNetwork) -> None:
    detector = restored(fresh(NewNetwork), known)
    for actor in PEOPLE[4:]:
        learn(detector, bucket_of(actor, 337, KEYS))
    [before], [after] = judged(known, PEOPLE[0], KEYS), judged(detector, PEOPLE[0], KEYS)
    assert after.surprise < before.surprise - 1.0


def test_a_sensitive_operation_weighs_more(known: NewNetwork) -> None:
    [plain], [sensitive] = judged(known, ROBOTS[0], "microsoft.storage/things/write"), judged(known, ROBOTS[0], KEYS)
    assert terms_of(sensitive)["sensitivity"] == 1.0
    assert sensitive.surprise == pytest.approx(plain.surprise + 1.0)


def test_once_learnt_it_is_no_news() -> None:
    detector = fresh(NewNetwork)
    for hour in range(20):
        learn(detector, bucket_of(ROBOTS[0], hour, USUAL[0]))
    assert learn(detector, bucket_of(ROBOTS[0], 20, KEYS, address=ABROAD))
    assert judged(detector, ROBOTS[0], KEYS, "microsoft.web/sites/delete", address=ABROAD) == []


def test_the_sum_can_be_redone_from_the_payload_alone(known: NewNetwork) -> None:
    found = judged(known, ROBOTS[0], KEYS, "microsoft.sql/servers/write")
    assert len(found) == 2
    for anomaly in found:
        payload = json.loads(json.dumps(anomaly.evidence))
        terms, place, action = payload["terms"], payload["network"], payload["action"]
        assert terms["network"] == pytest.approx(-math.log10(place["probability"]))
        assert action["probability"] == pytest.approx(action["novelty"] * action["base"] ** action["trust"])
        assert terms["action"] == pytest.approx(-math.log10(action["probability"]))
        assert anomaly.surprise == pytest.approx(sum(terms.values()), abs=1e-4)
        assert anomaly.score == pytest.approx(-25.0 * math.log10(payload["user_day"]["probability"]), abs=0.01)


@pytest.mark.parametrize("threshold", [50.0, 62.0, 65.0])
def test_the_counterfactual_is_true_whatever_the_threshold(known: NewNetwork, threshold: float) -> None:
    [found] = judged(known, PEOPLE[0], KEYS)
    said = otherwise(known, found, threshold)
    assert said.startswith("Would be ordinary from a network that it has used before, or if ")
    peers = int(said.partition(" or if ")[2].split()[0])
    detector = restored(fresh(NewNetwork), known)
    for _ in range(peers):
        assert judged(detector, PEOPLE[0], KEYS)[0].score >= threshold
        detector.backoff.adopt(KEYS, PEOPLE[0].kind)
    assert judged(detector, PEOPLE[0], KEYS)[0].score < threshold


def test_why_is_a_sentence_with_the_numbers(known: NewNetwork) -> None:
    [found] = judged(known, ROBOTS[0], KEYS)
    assert found.why.startswith("From the network 198.51.100, new to it (it is known from 1 other; a new one is expe")
    assert "none of 24 known identities ever did; the operation is a sensitive one." in found.why


def test_an_identity_takes_few_bytes(known: NewNetwork) -> None:
    state = known._states.touch(ROBOTS[0].id)
    parts = [state, state.networks, state.networks.names, state.mask_of_tried, state.last_hours]
    assert sum(map(sys.getsizeof, parts)) <= 450
