import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.lessons import by_name
from models.statistics.location_rarity import LocationRarity, Place, distinct, kilometres
from models.stream.rows import dump_parts, load_parts
from tests.fakes.geography import BERLIN, COUNTRY_ALONE, SYDNEY


def note(model: LocationRarity, actor: str, action: str, place: str) -> None:
    marks = by_name()
    model.note(actor, action, place, marks)
    model.teach(marks)


def at_work(**bounds: int) -> LocationRarity:
    """Twenty people write from Germany; grants come from Ireland, too."""
    model = LocationRarity(**bounds)
    for number in range(20):
        model.backoff.adopt("DE", "human")
        note(model, f"p{number}", "web/write", "DE")
        if number < 8:
            model.backoff.adopt("IE", "human")
            note(model, f"p{number}", "roles/write", "IE")
    return model


def test_a_place_is_judged_by_the_action_then_by_everybody() -> None:
    model = at_work()
    chances = [
        model.chance(place, action, "human").probability
        for place, action in (("IE", "roles/write"), ("IE", "web/write"), ("KP", "web/write"))
    ]
    assert chances == sorted(chances, reverse=True)
    assert model.chance("IE", "never/done", "human").probability == model.chance("IE", "never/done", "human").anybody


def test_doing_it_again_changes_nothing() -> None:
    model = at_work()
    before = list(model.dump())
    for _ in range(50):
        note(model, "p3", "web/write", "DE")
    assert list(model.dump()) == before


@given(people=st.integers(0, 60))
def test_distinct_identities_are_counted_about_right(people: int) -> None:
    model = LocationRarity()
    for number in range(people):
        note(model, f"t/{number}", "web/write", "DE")
    assert model.chance("DE", "web/write", "human").here == pytest.approx(people, rel=0.5, abs=2.0)


def test_a_full_count_is_large_and_finite() -> None:
    assert 200.0 < distinct((1 << 64) - 1) < 1_000.0


def test_imagined_peers_make_a_place_likelier() -> None:
    chances = [at_work().chance("KP", "web/write", "human", extra).probability for extra in (0, 1, 3, 10)]
    assert chances == sorted(chances)
    assert len(set(chances)) == 4


def test_actions_and_places_are_bounded_and_the_least_used_go() -> None:
    model = at_work(max_actions=8, max_places=8)
    for number in range(40):
        note(model, "p0", f"made-up/{number}", "DE")
        note(model, "p0", "web/write", f"X{number}")
    assert model.entries() <= 8 * 8 + 10
    assert model.evicted > 20
    assert model.chance("DE", "web/write", "human").here > 10.0


def test_resumes_from_its_rows() -> None:
    model, again = at_work(), LocationRarity()
    load_parts(again.parts(), json.loads(json.dumps(list(dump_parts(model.parts())))))
    assert list(dump_parts(again.parts())) == list(dump_parts(model.parts()))
    assert again.chance("IE", "web/write", "human") == model.chance("IE", "web/write", "human")


def test_distances_are_known_where_both_ends_are() -> None:
    assert kilometres(BERLIN, SYDNEY) == pytest.approx(16_090, rel=0.01)
    assert kilometres(BERLIN, BERLIN) == 0.0
    assert kilometres(BERLIN, COUNTRY_ALONE) is None
    assert kilometres(Place("XX", latitude=0.0, longitude=0.0), Place("YY", latitude=0.0, longitude=180.0)) == (
        pytest.approx(20_015, rel=0.01)
    )
