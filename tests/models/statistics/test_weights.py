import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.weights import Weights

NAMES = st.text("abc/", max_size=3)
ADDED = st.lists(st.tuples(NAMES, st.floats(0.0, 1e9)), max_size=60)


@given(added=ADDED, asked=NAMES)
def test_knows_what_a_dictionary_would_know_to_the_last_bit(added: list[tuple[str, float]], asked: str) -> None:
    weights, expected = Weights(), dict[str, float]()
    for name, weight in added:
        weights.add(name, weight)
        expected[name] = expected.get(name, 0.0) + weight
    assert weights == expected
    assert weights.plain() == expected
    assert list(weights) == sorted(expected)
    assert (asked in weights) == (asked in expected)
    assert weights.known(asked) == weights.get(asked, 0.0) == expected.get(asked, 0.0)
    assert list(Weights(expected).items()) == list(weights.items())


@given(added=ADDED, number=st.integers(0, 10))
def test_forgets_the_lightest_and_no_other(added: list[tuple[str, float]], number: int) -> None:
    weights = Weights()
    for name, weight in added:
        weights.add(name, weight)
    before = weights.plain()
    lightest = weights.lightest(number)
    assert lightest == sorted(before, key=lambda name: (before[name], name))[:number]
    weights.remove(lightest)
    assert weights == {name: weight for name, weight in before.items() if name not in lightest}


def test_a_name_that_is_not_known_is_an_error_only_where_one_asks_for_it() -> None:
    weights = Weights({"web/read": 1.0})
    with pytest.raises(KeyError, match="web/write"):
        weights["web/write"]
    assert weights.known("web/write") == 0.0
    assert not weights.raised("web/write", 1.0)
    assert object() not in weights
    weights.remove(["web/write"])
    assert len(weights) == 1
