import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.source.watchdog import Silence, Watchdog


@pytest.fixture
def dog() -> Watchdog:
    dog = Watchdog(silent_after=60.0)
    dog.watch("0", at=0.0)
    return dog


def test_a_partition_that_never_called_back_is_silent_from_the_time_it_was_watched(dog: Watchdog) -> None:
    assert dog.due(at=59.9) == []
    assert dog.due(at=60.0) == [Silence("0", 60.0, news=True)]
    assert dog.silent == {"0"}


def test_empty_callbacks_are_a_sign_of_life(dog: Watchdog) -> None:
    for at in range(20, 400, 20):
        dog.note_callback("0", messages=0, at=float(at))
        assert dog.due(at=at + 19.0) == []


def test_watching_again_does_not_make_a_silent_partition_speak(dog: Watchdog) -> None:
    dog.watch("0", at=50.0)
    assert dog.due(at=60.0) == [Silence("0", 60.0, news=True)]


def test_a_new_connection_gets_as_long_again_while_the_silence_goes_on_counting(dog: Watchdog) -> None:
    dog.due(at=60.0)
    assert dog.due(at=119.0) == []
    assert dog.due(at=120.0) == [Silence("0", 120.0, news=False)]


def test_speaking_again_is_told_once(dog: Watchdog) -> None:
    dog.due(at=60.0)
    assert dog.note_callback("0", messages=0, at=70.0)
    assert not dog.note_callback("0", messages=0, at=71.0)
    assert dog.silent == frozenset()


def test_a_slow_handler_is_not_the_hubs_silence(dog: Watchdog) -> None:
    dog.note_callback("0", messages=5, at=1.0)
    dog.note_busy("0")
    dog.note_end_offset("0", behind=True, at=100.0)
    assert dog.due(at=1000.0) == []
    dog.note_done("0", at=1000.0)
    assert dog.due(at=1059.0) == []
    assert dog.due(at=1060.0) == [Silence("0", 60.0, news=True)]


def test_messages_that_the_hub_holds_and_does_not_deliver_are_a_silence_in_spite_of_empty_callbacks(
    dog: Watchdog,
) -> None:
    dog.note_callback("0", messages=0, at=20.0)
    dog.note_end_offset("0", behind=True, at=30.0)
    dog.note_end_offset("0", behind=True, at=60.0)
    dog.note_callback("0", messages=0, at=80.0)
    assert dog.due(at=89.0) == []
    assert dog.due(at=90.0) == [Silence("0", 60.0, news=True)]
    assert not dog.note_callback("0", messages=0, at=100.0)
    assert dog.note_callback("0", messages=1, at=101.0)


def test_a_partition_found_to_be_caught_up_owes_nothing(dog: Watchdog) -> None:
    dog.note_end_offset("0", behind=True, at=30.0)
    dog.note_callback("0", messages=0, at=80.0)
    assert dog.due(at=90.0) == [Silence("0", 60.0, news=True)]
    assert dog.note_end_offset("0", behind=False, at=95.0)
    assert dog.due(at=139.0) == []


def test_partitions_are_silent_one_by_one(dog: Watchdog) -> None:
    dog.watch("1", at=0.0)
    dog.note_callback("1", messages=1, at=30.0)
    assert dog.due(at=60.0) == [Silence("0", 60.0, news=True)]
    assert dog.due(at=90.0) == [Silence("1", 60.0, news=True)]


@given(st.lists(st.tuples(st.floats(0.1, 59.0), st.integers(0, 3)), max_size=50))
def test_whoever_calls_back_in_time_and_owes_nothing_is_never_silent(calls: list[tuple[float, int]]) -> None:
    dog, at = Watchdog(silent_after=60.0), 0.0
    dog.watch("0", at=0.0)
    for pause, messages in calls:
        at += pause
        assert dog.due(at) == []
        dog.note_callback("0", messages, at)


@given(st.lists(st.floats(0.1, 200.0), min_size=1, max_size=50))
def test_a_partition_is_seen_to_at_most_once_in_every_such_time(pauses: list[float]) -> None:
    dog, at, seen = Watchdog(silent_after=60.0), 0.0, 0
    dog.watch("0", at=0.0)
    for pause in pauses:
        at += pause
        seen += len(dog.due(at))
    assert seen <= at // 60.0
