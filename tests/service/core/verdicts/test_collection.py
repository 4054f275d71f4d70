"""Several verdicts: the last on an alert counts, from when it was given, and each is applied at its place."""

import itertools
from datetime import datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.stream.cells import ActorBucket
from models.stream.events import Actor
from models.stream.windows import Bucket
from service.core.alerting.sample_alert import sample_alert
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.verdict import VerdictKind
from tests.fakes.verdicts import ANN, HOUR, START, judged, verdict

MINUTE = timedelta(minutes=1)
NOON = START + 3 * HOUR
BENIGN = verdict(at=NOON)
MALICIOUS = verdict(VerdictKind.MALICIOUS, at=NOON + 10 * HOUR)
SOON_MALICIOUS = verdict(VerdictKind.MALICIOUS, at=NOON + MINUTE)


def anomaly() -> Anomaly:
    bucket = Bucket(START, HOUR)
    return Anomaly("rare_action", ANN, bucket, judged().cell(bucket), 90.0, 5.0)


def applied(verdicts: Verdicts, *some: int) -> dict[str, datetime]:
    return {verdicts.id_of(verdicts.entries[at]): START for at in some}


def test_neither_their_order_nor_repetition_matters() -> None:
    some = [BENIGN, MALICIOUS, verdict(VerdictKind.DUPLICATE, alert="a2")]
    orders = [Verdicts([*order, order[0]]) for order in itertools.permutations(some)]
    assert all([*one.entries] == [*orders[0].entries] and one == orders[0] for one in orders)
    assert len(orders[0]) == 3
    assert orders[0] != Verdicts(some[:2])


def test_the_last_one_counts_from_when_it_was_given() -> None:
    both = Verdicts([MALICIOUS, BENIGN])
    before, between, after = NOON - MINUTE, NOON + MINUTE, MALICIOUS.at
    assert [both.of("a1", now) for now in (before, between, after)] == [None, BENIGN, MALICIOUS]
    assert both.of("a2", after) is None
    assert [both.covering(anomaly(), now, {}) for now in (before, between, after)] == [None, BENIGN, None]


def test_of_two_at_once_the_greater_id_counts() -> None:
    one, other = verdict(at=NOON, why="one"), verdict(at=NOON, why="other")
    assert Verdicts([one, other]).of("a1", NOON) == max(one, other, key=lambda each: each.id)


def test_each_is_due_before_its_bucket_and_once() -> None:
    both = Verdicts([BENIGN, MALICIOUS])
    first, last = BENIGN.takes_effect, MALICIOUS.takes_effect
    assert both.due(first - HOUR, {}) == []
    assert both.due(first, {}) == [BENIGN]
    assert both.due(last, {}) == [BENIGN, MALICIOUS]
    assert both.due(last, applied(both, 0)) == [MALICIOUS]


def test_one_that_is_overtaken_before_its_bucket_is_never_due() -> None:
    assert Verdicts([BENIGN, SOON_MALICIOUS]).due(NOON + 9 * HOUR, {}) == [SOON_MALICIOUS]


def test_what_is_kept_out_is_said_by_the_last_that_is_applied() -> None:
    once = verdict(VerdictKind.BENIGN_ONCE, at=NOON)
    both, seen = Verdicts([once, BENIGN.model_copy(update={"at": NOON + 2 * HOUR})]), [judged(), judged("b/write")]
    kept_out = {"a/write": False}
    bucket = Bucket(START, HOUR)
    bucket_of_ann = ActorBucket(ANN, bucket, tuple(one.cell(bucket) for one in seen))
    assert both.exclusions(bucket_of_ann, ["x", "y"], {}) == {}
    assert both.exclusions(bucket_of_ann, ["x", "y"], applied(both, 0)) == {"x": kept_out, "y": kept_out}
    assert both.exclusions(bucket_of_ann, ["x", "y"], applied(both, 0, 1)) == {}
    assert both.exclusions(bucket_of_ann._replace(actor=ANN._replace(id="t/bob")), ["x"], applied(both, 0)) == {}


def test_of_an_operation_it_speaks_of_anybody() -> None:
    one = verdict(VerdictKind.BENIGN_ONCE, actor_id="operation/a/write", at=NOON)
    all_ = Verdicts([one])
    bob = anomaly()._replace(actor=ANN._replace(id="t/bob"))
    assert all_.covering(bob, NOON, {}) == one
    bucket = ActorBucket(bob.actor, bob.bucket, (bob.cell,))
    assert all_.exclusions(bucket, ["x"], applied(all_, 0)) == {"x": {"a/write": False}}


@pytest.mark.parametrize("whom", ["rollout/a/write", "campaign/0123456789abcdef"])
def test_of_several_identities_it_speaks_of_each_of_them_and_of_nobody_else(whom: str) -> None:
    bob, eve = ANN._replace(id="t/bob"), ANN._replace(id="t/eve")
    cells = judged(), judged("b/write", bob)

    def by(actor: Actor, action: str) -> Anomaly:
        bucket = Bucket(START, HOUR)
        return anomaly()._replace(actor=actor, cell=judged(action).cell(bucket))

    once = Verdicts([verdict(VerdictKind.BENIGN_ONCE, *cells, actor_id=whom, at=NOON)])
    answered = [by(ANN, "a/write"), by(bob, "b/write")]
    others = [by(ANN, "b/write"), by(bob, "a/write"), by(eve, "a/write")]
    assert all(once.covering(one, NOON, {}) and once.closes(one, START, START, NOON) for one in answered)
    assert not any(once.covering(one, NOON, {}) or once.closes(one, START, START, NOON) for one in others)
    attack = Verdicts([verdict(VerdictKind.MALICIOUS, *cells, actor_id=whom, at=NOON)])
    for all_, expected in ((once, [True, True, False, False, False]), (attack, [True, True, True, True, False])):
        kept_out = [
            bool(all_.exclusions(ActorBucket(one.actor, one.bucket, (one.cell,)), ["x"], applied(all_, 0)))
            for one in (*answered, *others)
        ]
        assert kept_out == expected


@pytest.mark.parametrize("kind", VerdictKind)
def test_what_was_found_in_order_is_acquitted_and_nothing_else(kind: VerdictKind) -> None:
    all_, alert = Verdicts([verdict(kind, at=NOON)]), sample_alert(START)
    told = alert.findings[0].model_copy(update={"actor_id": ANN.id, "action": "a/write", "time": START})
    in_order = kind in {VerdictKind.BENIGN, VerdictKind.BENIGN_ONCE}
    assert all_.acquits(told, NOON) is in_order
    assert not all_.acquits(told, NOON - MINUTE)
    for other in ({"actor_id": "t/bob"}, {"action": "b/write"}, {"time": START + 9 * HOUR}):
        assert not all_.acquits(told.model_copy(update=other), NOON)
