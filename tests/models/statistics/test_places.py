import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.places import NOWHERE, REMEMBERED, network


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.77", "192.0.2"),
        ("2001:db8::1", "2001:db8:0"),
        ("2001:0db8:00ab:ffff::1", "2001:db8:ab"),
        ("not an address", "not an address"),
        ("", ""),
    ],
)
def test_an_address_belongs_to_its_network(address: str, expected: str) -> None:
    assert network(address) == expected


@given(address=st.text(max_size=300))
def test_any_text_has_a_network_of_bounded_length(address: str) -> None:
    assert len(network(address)) <= 64


@given(visits=st.lists(st.sets(st.text("abcdefghijklmnop", min_size=1, max_size=1), max_size=4), max_size=40))
def test_few_places_are_remembered_and_the_last_one_always(visits: list[set[str]]) -> None:
    known = NOWHERE
    for visit in visits:
        known = known.visited(visit)
        assert len(known.names) <= REMEMBERED
        assert not known.new(visit)
    assert known.moves <= len(visits)


def test_a_known_place_that_is_visited_again_is_forgotten_last() -> None:
    known = NOWHERE
    for name in "abcdefgh":
        known = known.visited({name})
    known = known.visited({"a"}).visited({"z"})
    assert "a" in known.names
    assert "b" not in known.names


def test_the_first_place_is_not_news_but_counts_as_a_move() -> None:
    assert not NOWHERE.new({"a"})
    assert NOWHERE.visited({"a"}).moves == 1


def test_those_who_know_the_same_places_share_them() -> None:
    assert NOWHERE.visited({"a", "b"}) is NOWHERE.visited(("b", "a"))
