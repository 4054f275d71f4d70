from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.parsing.parser import ActivityLogParser
from service.core.parsing.rejects import Refusal, RejectReason
from service.core.parsing.times import read_time
from tests.service.core.parsing.samples import message, record


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T08:00:00.1234567Z", datetime(2024, 5, 1, 8, 0, 0, 123456, UTC)),
        ("2024-05-01T08:00:00.9999999Z", datetime(2024, 5, 1, 8, 0, 0, 999999, UTC)),
        ("2024-05-01T08:00:00Z", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("2024-05-01T10:00:00.5+02:00", datetime(2024, 5, 1, 8, 0, 0, 500000, UTC)),
        ("2024-05-01 08:00:00+00:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("5/1/2024 8:00:00 AM", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("5/1/2024 12:30:00\u202fAM", datetime(2024, 5, 1, 0, 30, tzinfo=UTC)),
        ("5/1/2024 12:30:00 PM", datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
        ("5/1/2024 8:00:00 AM +02:00", datetime(2024, 5, 1, 6, tzinfo=UTC)),
        ("05/01/2024 20:00:00", datetime(2024, 5, 1, 20, tzinfo=UTC)),
        ("5/1/2024 20:00:00.1234567 -0130", datetime(2024, 5, 1, 21, 30, 0, 123456, UTC)),
        ("2024-05-01 08:00:00.5 UTC", datetime(2024, 5, 1, 8, 0, 0, 500000, UTC)),
        ("5/1/2024 8:00:00 AM UTC", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("\\/Date(1714550400000)\\/", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("2024/05/01 10:00:00 +02:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("Wed, 01 May 2024 08:00:00 GMT", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("wed, 1 may 2024 08:00:00 utc", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("01 May 2024 10:00:00 +0200", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("1714550400", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("1714550400.25", datetime(2024, 5, 1, 8, 0, 0, 250000, UTC)),
        ("1714550400123", datetime(2024, 5, 1, 8, 0, 0, 123000, UTC)),
        (1714550400, datetime(2024, 5, 1, 8, tzinfo=UTC)),
        (1714550400123, datetime(2024, 5, 1, 8, 0, 0, 123000, UTC)),
        (1714550400.5, datetime(2024, 5, 1, 8, 0, 0, 500000, UTC)),
        ("/Date(1714550400123)/", datetime(2024, 5, 1, 8, 0, 0, 123000, UTC)),
        ("/Date(1714550400123+0200)/", datetime(2024, 5, 1, 8, 0, 0, 123000, UTC)),
        ("/Date(1714550400123-0800)/", datetime(2024, 5, 1, 8, 0, 0, 123000, UTC)),
        ({"value": "/Date(1714550400000)/", "DisplayHint": 2}, datetime(2024, 5, 1, 8, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(text: object, moment: datetime) -> None:
    (event,) = ActivityLogParser().parse(message(record(time=text))).events

    assert event.time == moment
    assert event.time.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01T08:00:00",
        "2024-05-01",
        "yesterday",
        "",
        " ",
        "13/45/2024 8:00:00 AM",
        "5/1/2024 13:00:00 PM",
        "Wed, 01 May 2024 08:00:00",
        "2024-05-01T08:00:00 local",
        "0",
        "999",
        "-1714550400",
        "1714550400000000",
        "9999999999999",
        "99999999",
        "4102444800",
        "/Date(0)/",
        "/Date(-62135596800000)/",
        "/Date(99999999999999999)/",
        "/Date(1714550400123+0200",
        "0001-01-01T00:00:00+14:00",
        "5/1/2024 8:00:00 AM +99:99",
    ],
)
def test_a_time_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_time(text)
    assert refused.value.reason is RejectReason.BAD_TIME
    (reject,) = ActivityLogParser().parse(message(record(time=text))).rejects
    assert reject.reason in {RejectReason.BAD_TIME, RejectReason.NO_TIME}


def test_a_record_without_a_time_is_refused() -> None:
    (reject,) = ActivityLogParser().parse(message(record(time=None))).rejects
    assert reject.reason is RejectReason.NO_TIME


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        reason = None if read_time(text).tzinfo is UTC else RejectReason.NO_TIME
    except Refusal as refusal:
        reason = refusal.reason
    assert reason in {None, RejectReason.BAD_TIME}


moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


@given(moments)
def test_every_way_of_writing_a_moment_names_the_same(moment: datetime) -> None:
    second = moment.replace(microsecond=0)
    milliseconds = (second - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    written = [
        second.isoformat(),
        second.strftime("%m/%d/%Y %H:%M:%S"),
        second.strftime("%m/%d/%Y %I:%M:%S %p"),
        second.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        f"/Date({milliseconds})/",
        str(milliseconds),
        str(milliseconds // 1000),
    ]

    assert {read_time(text) for text in written} == {second}
