from hypothesis import given
from hypothesis import strategies as st

from models.statistics.rhythm import off_hours, with_hour


def office() -> bytes:
    rhythm = b""
    for _ in range(30):
        for hour in range(8, 17):
            rhythm = with_hour(rhythm, hour)
    return rhythm


def test_three_in_the_morning_is_odd_for_an_office_worker_and_ten_is_not() -> None:
    assert off_hours(office(), office(), 3) > 1.0
    assert off_hours(office(), office(), 10) == 0.0


def test_no_hour_is_odd_for_what_runs_around_the_clock() -> None:
    rhythm = b""
    for hour in range(24 * 20):
        rhythm = with_hour(rhythm, hour % 24)
    assert max(off_hours(rhythm, rhythm, hour) for hour in range(24)) < 0.05


def test_of_somebody_unknown_no_hour_is_odd() -> None:
    assert off_hours(b"", office(), 3) == 0.0


@given(hours=st.lists(st.integers(0, 23), max_size=600), hour=st.integers(0, 23))
def test_counts_stay_bytes_and_surprise_stays_in_range(hours: list[int], hour: int) -> None:
    rhythm = b""
    for active in hours:
        rhythm = with_hour(rhythm, active)
    assert len(rhythm) in {0, 24}
    assert 0.0 <= off_hours(rhythm, rhythm, hour) <= 2.0


@given(
    start=st.lists(st.integers(0, 255), min_size=24, max_size=24), hour=st.integers(0, 23), times=st.integers(1, 900)
)
def test_counting_many_at_once_is_counting_them_one_by_one(start: list[int], hour: int, times: int) -> None:
    one_by_one = bytes(start)
    for _ in range(times):
        one_by_one = with_hour(one_by_one, hour)
    assert with_hour(bytes(start), hour, times) == one_by_one
