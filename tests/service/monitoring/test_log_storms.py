"""A storm of lines that say the same: so many are written, the others counted, and nothing else is left out for it."""

import io
import logging
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import structlog

from service.monitoring.log_storms import MOST_ALIKE, WINDOW_SECONDS, CalmHandler, LineKind, LogStorms
from service.monitoring.logs import Redactor, configure
from tests.fakes.clock import FakeClock
from tests.service.monitoring.test_logs import lines, stream

__all__ = ["stream"]  # a fixture

Log = Callable[[], list[dict[str, object]]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log(stream: io.StringIO, clock: FakeClock) -> Iterator[Log]:
    handler = configure(style="json", stream=stream, redactor=Redactor(), elapsed=clock.elapsed)
    yield lambda: lines(stream)
    logging.getLogger().removeHandler(handler)


def events(log: Log) -> Counter[str]:
    return Counter(str(line["event"]) for line in log())


@pytest.mark.slow
async def test_of_eighteen_thousand_lines_in_half_a_minute_a_hundred_are_written_and_the_others_told(
    log: Log, clock: FakeClock
) -> None:
    logger = structlog.get_logger("unwonted")
    for number in range(18_000):
        logger.error("delivery_given_up", sink="hook", message_id=f"{number:016x}")
        if number % 600 == 0:
            await clock.advance(1.0)
    assert events(log) == {"delivery_given_up": MOST_ALIKE}
    await clock.advance(WINDOW_SECONDS)
    logger.info("evaluated")
    told = log()[-2]
    assert (told["event"], told["of"], told["sink"], told["count"], told["level"]) == (
        "log_lines_left_out",
        "delivery_given_up",
        "hook",
        18_000 - MOST_ALIKE,
        "error",
    )
    assert log()[-1]["event"] == "evaluated"


async def test_a_storm_that_goes_on_is_told_each_minute(log: Log, clock: FakeClock) -> None:
    for _ in range(3):
        for _ in range(500):
            structlog.get_logger("unwonted").warning("records_rejected", partition="0")
        await clock.advance(WINDOW_SECONDS)
    assert events(log) == {"records_rejected": 3 * MOST_ALIKE, "log_lines_left_out": 2}


async def test_no_other_event_level_logger_or_sink_is_left_out_for_it(log: Log) -> None:
    for _ in range(2 * MOST_ALIKE):
        structlog.get_logger("unwonted").warning("delivery_retried", sink="hook")
    structlog.get_logger("unwonted").warning("delivery_retried", sink="chat")
    structlog.get_logger("unwonted").error("delivery_retried", sink="hook")
    structlog.get_logger("another").warning("delivery_retried", sink="hook")
    logging.getLogger("azure.eventhub").warning("delivery_retried")
    assert len(log()) == MOST_ALIKE + 4


async def test_a_library_that_says_another_thing_each_time_is_a_storm_too(log: Log, clock: FakeClock) -> None:
    for number in range(1_000):
        logging.getLogger("azure.eventhub").warning(f"link {number} detached")
    assert len(log()) == MOST_ALIKE
    await clock.advance(WINDOW_SECONDS)
    logging.getLogger("another").warning("something")
    assert [line["of"] for line in log() if line["event"] == "log_lines_left_out"] == ["azure.eventhub"]


async def test_what_is_left_out_is_told_at_the_end_too(log: Log, stream: io.StringIO) -> None:
    for _ in range(MOST_ALIKE + 7):
        structlog.get_logger("unwonted").warning("delivery_retried")
    [handler] = [one for one in logging.getLogger().handlers if isinstance(one, CalmHandler)]
    handler.close()
    assert log()[-1]["count"] == 7


async def test_last_words_are_never_left_out(log: Log) -> None:
    for _ in range(MOST_ALIKE + 5):
        logging.getLogger("service").critical("died")
    assert len(log()) == MOST_ALIKE + 5


def test_memory_is_bounded_whatever_is_logged() -> None:
    storms = LogStorms(lambda: 0.0, most=1)
    told = 0
    for number in range(5_000):
        told += sum(1 for _ in storms.over())
        for _ in range(2):
            storms.admits(LineKind(f"logger{number}", logging.INFO))
    assert len(storms._windows) <= 260
    assert told + sum(1 for _ in storms.all_left_out()) == 5_000


def test_what_is_forgotten_while_the_end_is_told_is_not_missed() -> None:
    """The line that tells of one kind is a line itself, with which others may be over."""
    now = 0.0
    storms = LogStorms(lambda: now, most=1)
    for name in ("a", "b"):
        for _ in range(3):
            storms.admits(LineKind(name, logging.INFO, "x", ""))
    now = 2 * WINDOW_SECONDS
    told = []
    for one in storms.all_left_out():
        told += [one, *storms.over()]
    assert [(one.kind.logger, one.lines) for one in told] == [("a", 2), ("b", 2)]
