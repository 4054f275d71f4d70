import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.rare_action import RareAction
from models.stream.cells import ActorBucket, Cell, Crowd, Tally
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.models.detectors.driving import crowd_of, learn, settle, terms_of
from tests.models.detectors.fresh import otherwise

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = [Actor(f"t/p{number}", f"p{number}", ActorKind.HUMAN) for number in range(12)]
USUAL = ("microsoft.web/sites/write", "microsoft.web/sites/restart/action")
GRANT = "microsoft.authorization/roleassignments/write"
KEYS = "microsoft.storage/storageaccounts/listkeys/action"
EXPORT = "microsoft.compute/disks/begingetaccess/action"
MADE = "microsoft.web/sites/delete"
HOME, ABROAD = "10.1.2.3", "198.51.100.7"


def bucket_of(
    actor: Actor, when: datetime, *actions: str, address: str = HOME, denied: bool = False, attempts: int = 1
) -> ActorBucket:
    bucket = Bucket.of(when, HOUR)
    cells = tuple(
        Cell(
            action,
            action,
            bucket.start + timedelta(minutes=number),
            attempts,
            int(not denied),
            0,
            int(denied),
            (address,),
            ("sub-1",),
        )
        for number, action in enumerate(actions)
    )
    return ActorBucket(actor, bucket, cells)


def at_work(days: int = 30) -> RareAction:
    """A dozen people who have written and restarted websites from home, every day for a month."""
    detector = RareAction()
    for day in range(days):
        for actor in PEOPLE:
            for hour in (0, 2, 5):
                learn(detector, bucket_of(actor, MONDAY + timedelta(days=day, hours=hour), *USUAL))
    return detector


@pytest.fixture(scope="module")
def known() -> RareAction:
    """Shared by the tests that only score."""
    return at_work()


def judged(detector: RareAction, *actions: str, actor: Actor = PEOPLE[0], **how: Any) -> list[Anomaly]:
    seen = bucket_of(actor, MONDAY + timedelta(days=30), *actions, **how)
    return detector.score(seen, crowd_of(seen))


def test_a_sequence_of_an_intruder_fires_and_a_usual_day_stays_silent(known: RareAction) -> None:
    attack = judged(known, GRANT, KEYS, EXPORT, address=ABROAD)
    assert max(anomaly.score for anomaly in attack) >= known.declaration.threshold
    assert all(anomaly.score < 10.0 for anomaly in judged(known, *USUAL))


def test_each_sign_makes_it_more_surprising(known: RareAction) -> None:
    [plain] = judged(known, "microsoft.sql/servers/write")
    [denied] = judged(known, "microsoft.sql/servers/write", denied=True)
    [abroad] = judged(known, "microsoft.sql/servers/write", address=ABROAD)
    [sensitive] = judged(known, GRANT)
    after = judged(known, KEYS, EXPORT, "microsoft.sql/servers/write")[-1]
    night = known.score(
        bucket_of(PEOPLE[0], MONDAY + timedelta(days=30, hours=17), "microsoft.sql/servers/write"), Crowd(1, {})
    )[0]
    for odder in (denied, abroad, sensitive, after, night):
        assert odder.surprise > plain.surprise


def test_a_conflict_weighs_a_quarter_of_a_refusal(known: RareAction) -> None:
    [refused] = judged(known, "microsoft.sql/servers/write", denied=True)
    seen = bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), "microsoft.sql/servers/write")
    seen = seen._replace(cells=(seen.cells[0]._replace(successes=0, failures=1),))
    [conflicting] = known.score(seen, crowd_of(seen))
    assert terms_of(conflicting)["outcome"] == pytest.approx(0.25 * terms_of(refused)["outcome"])


def test_everyday_work_around_it_makes_a_new_thing_less_telling(known: RareAction) -> None:
    [alone], amid = judged(known, GRANT), judged(known, USUAL[0], GRANT, USUAL[1])[1]
    assert "company" not in terms_of(alone)
    assert terms_of(amid)["company"] == pytest.approx(-1.2)
    assert "amid things that it has done before" in amid.why


def test_work_from_another_network_is_no_company_for_an_intruder(known: RareAction) -> None:
    work = bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), *USUAL)
    foreign = bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), GRANT, address=ABROAD)
    both = work._replace(cells=(*work.cells, *foreign.cells))
    amid = known.score(both, crowd_of(both))[-1]
    assert "company" not in terms_of(amid)
    assert amid.surprise == judged(known, GRANT, address=ABROAD)[0].surprise


def test_what_others_do_at_the_same_time_is_less_surprising(known: RareAction) -> None:
    seen = bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), KEYS)
    [alone], [together] = known.score(seen, crowd_of(seen)), known.score(seen, Crowd(6, {KEYS: Tally(6, 0)}))
    assert together.surprise < alone.surprise - 0.5
    assert together.evidence == {} or together.evidence["identities_doing_it_now"] == 5


def test_the_first_of_several_odd_things_is_seen_in_the_light_of_those_that_follow(known: RareAction) -> None:
    [alone] = judged(known, KEYS, address=ABROAD)
    assert judged(known, KEYS, GRANT, EXPORT, address=ABROAD)[0].surprise > alone.surprise + 1.0


def test_a_new_network_is_one_surprise_however_much_is_done_from_there(known: RareAction) -> None:
    first, second = judged(known, "microsoft.sql/servers/write", "microsoft.cache/redis/write", address=ABROAD)
    assert "network" in terms_of(first)
    assert "network" not in terms_of(second)


def test_an_end_of_an_older_operation_is_no_attempt() -> None:
    detector = RareAction()
    seen = bucket_of(PEOPLE[0], MONDAY, GRANT, attempts=0)
    assert learn(detector, seen) == []
    assert detector.memory().keys == 0


def test_what_several_colleagues_do_becomes_less_surprising() -> None:
    detector = at_work(10)
    [before] = judged(detector, KEYS, actor=PEOPLE[11])
    for actor in PEOPLE[:8]:
        learn(detector, bucket_of(actor, MONDAY + timedelta(days=10), KEYS))
        learn(detector, bucket_of(actor, MONDAY + timedelta(days=11), KEYS))
    [after] = judged(detector, KEYS, actor=PEOPLE[11])
    assert after.surprise < before.surprise - 0.5


def test_evidence_carries_over_to_the_next_hours_and_names_what_came_before() -> None:
    detector = at_work()
    first = learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), GRANT, KEYS, address=ABROAD))
    [later] = detector.score(bucket_of(PEOPLE[0], MONDAY + timedelta(days=30, hours=3), EXPORT), Crowd(1, {}))
    [alone] = detector.score(bucket_of(PEOPLE[1], MONDAY + timedelta(days=30, hours=3), EXPORT), Crowd(1, {}))
    assert later.surprise > alone.surprise + 1.0
    assert first[0].id in later.evidence["evidence"]["anomalies"]  # type: ignore[index,operator,call-overload]


def test_late_cells_teach_without_counting_the_bucket_twice() -> None:
    detector = at_work(3)
    habit = detector.rarity.habits.touch(PEOPLE[0].id)
    buckets = habit.buckets
    seen = bucket_of(PEOPLE[0], MONDAY + timedelta(days=2, hours=5), "microsoft.web/sites/delete")
    seen = seen._replace(cells=tuple(cell._replace(late=True) for cell in seen.cells))
    settle(detector, crowd_of(seen), (seen, []))
    assert habit.buckets == buckets
    assert "microsoft.web/sites/delete" in habit.actions


def flooded() -> RareAction:
    """The same people, after one of them made up many harmless things."""
    detector = at_work()
    for day in range(30, 44):
        for hour in range(8):
            names = [f"microsoft.custom/thing{day}{hour}{number}/write" for number in range(4)]
            learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=day, hours=hour), *names))
    return detector


@pytest.mark.parametrize("past", [at_work, flooded])
def test_the_sum_can_be_redone_from_the_payload_alone(past: Callable[[], RareAction]) -> None:
    detector = past()
    detector.explain_from = 0.0
    seen = bucket_of(PEOPLE[0], MONDAY + timedelta(days=45), GRANT, KEYS, MADE, EXPORT, address=ABROAD, denied=True)
    for anomaly in detector.score(seen, Crowd(1, {})):
        payload = json.loads(json.dumps(anomaly.evidence))
        terms, rate, outcome = payload["terms"], payload["probability"], payload["outcome"]
        own = max(rate["times"] - rate["discount"], 0.0) / (rate["active_buckets"] + rate["concentration"])
        likely = max(rate["least"], own + rate["novelty"] * rate["peers"])
        assert rate["action"] == pytest.approx(min(1.0, likely))
        assert terms["action"] == pytest.approx(-math.log10(rate["action"]))
        assert terms["outcome"] == pytest.approx(-outcome["weight"] * math.log10(outcome["probability"]))
        raised = terms.pop("campaign", 0.0)
        alone = sum(value for name, value in terms.items() if name != "evidence")
        gathered = payload["evidence"]
        part = min(1.0, max(0.0, (alone - gathered["begins"]) / (gathered["floor"] - gathered["begins"])))
        expected = part * gathered["share"] * min(gathered["around"], gathered["most"])
        assert terms["evidence"] == pytest.approx(expected)
        assert anomaly.surprise == pytest.approx(alone + expected + raised, abs=1e-4)
        assert anomaly.score == pytest.approx(
            min(100.0, -25.0 * math.log10(payload["user_day"]["probability"])), abs=0.01
        )


def test_why_is_a_sentence_with_the_numbers(known: RareAction) -> None:
    [anomaly] = judged(known, GRANT, address=ABROAD)
    assert anomaly.why.startswith("Never in its 30 active days; none of 12 known identities ever did it; usually it ")
    assert "network new to this identity" in anomaly.why
    assert otherwise(known, anomaly, 61.0).startswith("Would be ordinary")


@pytest.mark.parametrize("threshold", [57.0, 61.0, 75.0])
@pytest.mark.parametrize("who", ["identit", "day"])
def test_the_counterfactual_is_true_whatever_the_threshold(who: str, threshold: float) -> None:
    detector = at_work()
    [found] = judged(detector, GRANT)
    said = re.search(rf"(\d+) more {who}", otherwise(detector, found, threshold))
    assert said
    others = PEOPLE[1:] if who == "identit" else [PEOPLE[0]] * 10
    for day, actor in enumerate(others[: int(said[1])]):
        for again in (0, 1):  # what was told teaches only when it recurs on another day
            learn(detector, bucket_of(actor, MONDAY + timedelta(days=30 + day + again), GRANT))
    [after] = detector.score(bucket_of(PEOPLE[0], MONDAY + timedelta(days=45), GRANT), Crowd(1, {}))
    assert after.score < threshold


def test_below_the_floor_for_explaining_nothing_is_explained(known: RareAction) -> None:
    assert all(anomaly.why == "" and not anomaly.evidence for anomaly in judged(known, *USUAL))


def test_the_service_says_how_warm_it_is(known: RareAction) -> None:
    assert RareAction().memory().warmth == 0.0
    assert 0.3 < known.memory().warmth <= 1.0


def test_an_identity_that_is_only_known_by_what_came_late_can_be_judged() -> None:
    detector, stranger = at_work(), Actor("t/late", "late", ActorKind.HUMAN)
    seen = bucket_of(stranger, MONDAY + timedelta(days=30), *USUAL)
    learn(detector, seen._replace(cells=tuple(cell._replace(late=True) for cell in seen.cells)))
    [found] = detector.score(bucket_of(stranger, MONDAY + timedelta(days=30, hours=3), GRANT), Crowd(1, {}))
    assert found.surprise > 2.0


def test_first_times_of_several_tactics_add_up_over_days_and_an_alert_lists_them() -> None:
    detector = at_work()
    alone = detector.score(bucket_of(PEOPLE[0], MONDAY + timedelta(days=34), KEYS), Crowd(1, {}))[0]
    learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), GRANT))
    learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=32), EXPORT))
    detector.explain_from = 0.0
    [after] = detector.score(bucket_of(PEOPLE[0], MONDAY + timedelta(days=34), KEYS), Crowd(1, {}))
    campaign = after.evidence["campaign"]
    assert isinstance(campaign, dict)
    entries = campaign["entries"]
    assert isinstance(entries, list)
    assert [one["action"] for one in entries if isinstance(one, dict)] == [EXPORT, GRANT]
    raised = campaign["share"] * min(campaign["most"], sum(one["worth"] for one in entries))  # type: ignore[operator,type-var,index,call-overload,misc]
    assert terms_of(after)["campaign"] == pytest.approx(raised)
    assert after.surprise > alone.surprise


def test_the_same_tactic_again_is_a_new_duty_and_no_campaign() -> None:
    detector = at_work()
    learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), KEYS))
    detector.explain_from = 0.0
    other = "microsoft.documentdb/databaseaccounts/listkeys/action"
    [after] = detector.score(bucket_of(PEOPLE[0], MONDAY + timedelta(days=32), other), Crowd(1, {}))
    assert "campaign" not in terms_of(after)


def test_everyday_work_excuses_one_sensitive_thing_and_hardly_several_of_different_tactics() -> None:
    detector = at_work()
    detector.explain_from = 0.0
    when = MONDAY + timedelta(days=30)
    *_, one = detector.score(bucket_of(PEOPLE[0], when, *USUAL, GRANT), Crowd(1, {}))
    *_, two = detector.score(bucket_of(PEOPLE[0], when, *USUAL, KEYS, GRANT), Crowd(1, {}))
    assert terms_of(one)["company"] == pytest.approx(-1.2)
    assert terms_of(two)["company"] == pytest.approx(-0.3)


def test_refused_attempts_at_what_intruders_need_teach_nothing() -> None:
    detector = at_work()
    fresh = detector.score(bucket_of(PEOPLE[0], MONDAY + timedelta(days=36), GRANT), Crowd(1, {}))[0]
    for day in range(30, 34):
        learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=day), GRANT, denied=True))
    habit = detector.rarity.habits.get(PEOPLE[0].id)
    assert habit is not None
    assert GRANT not in habit.actions
    [after] = detector.score(bucket_of(PEOPLE[0], MONDAY + timedelta(days=36), GRANT), Crowd(1, {}))
    assert after.surprise > fresh.surprise - 0.7


def test_a_flood_of_harmless_novelty_makes_the_like_likelier_and_not_so_much_what_intruders_need() -> None:
    detector = flooded()
    [noisy] = detector.score(bucket_of(PEOPLE[0], MONDAY + timedelta(days=45), GRANT), Crowd(1, {}))
    [name] = detector.score(
        bucket_of(PEOPLE[0], MONDAY + timedelta(days=45), "microsoft.custom/other/write"), Crowd(1, {})
    )
    assert noisy.surprise > name.surprise + 1.5


def test_deleting_what_one_is_in_the_habit_of_making_is_no_surprise() -> None:
    detector = at_work()
    [own] = detector.score(
        bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), "microsoft.web/sites/delete"), Crowd(1, {})
    )
    [other] = detector.score(
        bucket_of(PEOPLE[0], MONDAY + timedelta(days=30), "microsoft.sql/servers/delete"), Crowd(1, {})
    )
    assert own.surprise < 1.6
    assert other.surprise > own.surprise + 1.0


def test_who_sets_up_a_log_is_not_excused_for_ending_it() -> None:
    detector, log, later = at_work(), "microsoft.insights/diagnosticsettings", MONDAY + timedelta(days=30)
    for hour in range(4):
        learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=27, hours=hour), f"{log}/write"))
    [found] = detector.score(bucket_of(PEOPLE[0], later, f"{log}/delete"), Crowd(1, {}))
    [other] = detector.score(bucket_of(PEOPLE[0], later, MADE), Crowd(1, {}))
    assert found.surprise > other.surprise + 3.0


def test_refused_attempts_at_what_intruders_need_make_nobody_curious() -> None:
    detector = at_work()
    for hour in range(10):
        learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=30, hours=hour), GRANT, denied=True))
    habit, usual = detector.rarity.habits.get(PEOPLE[0].id), detector.rarity.habits.get(PEOPLE[1].id)
    assert habit is not None
    assert usual is not None
    assert habit.novel == usual.novel


def test_being_refused_every_day_ends_in_silence_and_success_is_as_new_as_before() -> None:
    detector, later = at_work(), MONDAY + timedelta(days=40)
    for day in range(30, 40):
        for hour in range(8):
            learn(detector, bucket_of(PEOPLE[0], MONDAY + timedelta(days=day, hours=hour), KEYS, denied=True))
    [refused] = detector.score(bucket_of(PEOPLE[0], later, KEYS, denied=True), Crowd(1, {}))
    [allowed] = detector.score(bucket_of(PEOPLE[0], later, KEYS), Crowd(1, {}))
    [other] = detector.score(bucket_of(PEOPLE[0], later, EXPORT, denied=True), Crowd(1, {}))
    assert refused.score < 40.0
    assert allowed.surprise > 4.0
    assert other.surprise > 5.0


def test_what_was_tried_one_by_one_still_belongs_together_when_it_is_all_done_at_once() -> None:
    detector, week = at_work(), MONDAY + timedelta(days=30)
    for day, action in enumerate((GRANT, GRANT, KEYS, KEYS, EXPORT, EXPORT)):
        learn(detector, bucket_of(PEOPLE[0], week + timedelta(days=day), *USUAL, action))
    habit = detector.rarity.habits.get(PEOPLE[0].id)
    assert habit is not None
    assert {GRANT, KEYS, EXPORT} <= {*habit.actions}
    at_once = bucket_of(PEOPLE[0], week + timedelta(days=6), GRANT, KEYS, EXPORT, address=ABROAD)
    again = [anomaly.surprise for anomaly in detector.score(at_once, crowd_of(at_once))]
    detector.acquit(PEOPLE[0].id, {GRANT, KEYS, EXPORT}, ())
    cleared = [anomaly.surprise for anomaly in detector.score(at_once, crowd_of(at_once))]
    assert all(before > after + 0.5 for before, after in zip(again, cleared, strict=True))
