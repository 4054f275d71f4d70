"""The hub is never later than is said of it, whatever our clock says."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.stream.windows import EPOCH
from service.source.hub_time import HubTime
from tests.fakes.clock import MONDAY_MORNING


@given(
    st.timedeltas(-timedelta(days=30), timedelta(days=30)),
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 9_000)), max_size=20),
)
def test_the_hub_is_at_least_as_late_as_is_said_and_time_goes_on(
    ahead: timedelta, looks: list[tuple[int, int]]
) -> None:
    hub, known = HubTime(), EPOCH
    now = MONDAY_MORNING
    for passed, age in looks:
        now += timedelta(seconds=passed)
        hub.note(now - timedelta(seconds=age), now + ahead)
        assert known <= hub.at(now + ahead) <= now
        assert hub.at(now + ahead) >= now - timedelta(seconds=age)
        known = hub.at(now + ahead)


def test_nothing_is_known_of_a_hub_that_has_taken_nothing() -> None:
    assert HubTime().at(MONDAY_MORNING) == EPOCH
