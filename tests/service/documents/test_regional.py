"""The times of a table are UTC in whichever country's manner they are written, and a table is read in one manner."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.parsing.parser import ActivityLogParser
from service.documents.places import Problem
from service.documents.reading import Reader
from service.documents.regional import has_day_first, in_utc
from service.documents.sources import find
from tests.service.core.parsing.samples import record
from tests.service.documents.shapes import Record, row

MARCH_7 = datetime(2026, 3, 7, 22, 0, 5, 123000, UTC)

MANNERS = {
    "American": "{0.month}/{0.day}/{0.year}, {0:%I}:{0:%M:%S}.{1} {0:%p}",
    "British": "{0:%d/%m/%Y, %H:%M:%S}.{1}",
    "Australian": "{0:%d/%m/%Y}, {0:%I}:{0:%M:%S}.{1} {2}",
    "French": "{0:%d/%m/%Y %H:%M:%S},{1}",
    "German": "{0.day}.{0.month}.{0.year}, {0:%H:%M:%S},{1}",
    "Danish": "{0:%d.%m.%Y %H.%M.%S},{1}",
    "Dutch": "{0.day}-{0.month}-{0.year} {0:%H:%M:%S}.{1}",
    "Canadian": "{0:%Y-%m-%d}, {0:%I:%M:%S}.{1}\u202f{3}",
    "Swedish": "{0:%Y-%m-%d %H:%M:%S},{1}",
    "Japanese": "{0.year}/{0.month}/{0.day} {0:%H:%M:%S}.{1}",
    "Hungarian": "{0:%Y. %m. %d. %H:%M:%S}.{1}",
    "Data Explorer's": "{0:%Y-%m-%d %H:%M:%S}.{1}0000",
}


def written(moment: datetime, manner: str) -> str:
    half = "am" if moment.hour < 12 else "pm"
    return MANNERS[manner].format(moment, f"{moment.microsecond // 1000:03}", half, f"{half[0]}.m.")


def times_of(folder: Path, times: list[str], heading: str = "TimeGenerated [UTC]", above: str = "") -> list[datetime]:
    rows: list[Record] = [{heading: time, **row(record())} for time in times]
    for one in rows:
        del one["TimeGenerated"]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    (folder / "a.csv").write_text(above + text.getvalue())
    problems: list[Problem] = []
    texts = [text for batch in Reader(find([str(folder)]).sources, problems.append) for text in batch.texts]
    assert problems == []
    parsed = [ActivityLogParser().parse(text) for text in texts]
    assert [one.rejects for one in parsed] == [[]] * len(times)
    return [event.time for one in parsed for event in one.events]


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("heading", ["TimeGenerated [UTC]", "EventTimestamp", "Time"])
def test_a_table_is_read_in_the_manner_in_which_it_is_written(tmp_path: Path, manner: str, heading: str) -> None:
    moments = [MARCH_7 + timedelta(hours=12 * at) for at in range(-4, 16)]
    assert times_of(tmp_path, [written(moment, manner) for moment in moments], heading) == moments


def test_rows_that_do_not_tell_the_day_from_the_month_wait_for_one_that_does(tmp_path: Path) -> None:
    moments = [MARCH_7 + timedelta(minutes=at) for at in range(600)] + [MARCH_7 + timedelta(days=6)]
    assert times_of(tmp_path, [written(moment, "French") for moment in moments]) == moments


def test_what_never_tells_is_month_first_as_azure_itself_writes_it(tmp_path: Path) -> None:
    assert times_of(tmp_path, ["03/07/2026 22:00:05"] * 700) == [MARCH_7.replace(microsecond=0)] * 700


@pytest.mark.parametrize(
    "above", ["#TYPE Microsoft.Azure.Commands.Insights.OutputClasses.PSEventData\r\n", "sep=;\r\n"]
)
def test_a_line_above_the_heading_is_passed_over(tmp_path: Path, above: str) -> None:
    assert times_of(tmp_path, ["2026-03-07T22:00:05.123Z"], above=above) == [MARCH_7]


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)), st.sampled_from(sorted(MANNERS)))  # noqa: DTZ001
def test_every_moment_is_read_as_it_was_written(moment: datetime, manner: str) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    day_first = manner in {"British", "Australian", "French"}
    assert datetime.fromisoformat(in_utc(written(moment, manner), day_first=day_first)) == moment


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_is_left_for_the_parser_to_refuse(text: str) -> None:
    assert has_day_first([text]) in {True, False, None}
    assert json.dumps(in_utc(text))
