"""What the dead letter holds is sent again under its own ids, and no longer outstanding once it has arrived."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from service.core.outbox import Undeliverable
from service.core.ports import Pace, Receipt, Rendered
from service.delivery.resending import Undelivered, outstanding, resend, resent
from service.delivery.undeliverable import UntoldAlert, UntoldList, unrenderable
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock
from tests.fakes.notices import verdict_notice
from tests.fakes.sink import FakeSink
from tests.service.delivery.test_dispatcher import RETRY, SENT, ScriptedSink
from tests.service.delivery.test_unrenderable import ChokingSink

REFUSED = Receipt("refused", "http_400")


def message(number: int) -> Rendered:
    told = alert(number)
    return Rendered(f"message{number}", ((told.id, told.revision),), f"ü{number}".encode(), "text/plain")


def written(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry as a dead letter gives it back."""
    return {"written": "2026-11-02T09:00:00.000+00:00", **json.loads(json.dumps(entry))}


def given_up(*numbers: int, sink: str = "team") -> list[dict[str, Any]]:
    return [written(Undeliverable(sink, message(number), "refused", "http_400", 3).entry()) for number in numbers]


def found(*entries: Mapping[str, Any]) -> list[Undelivered]:
    return list(outstanding(entries).messages)


def test_what_was_given_up_is_outstanding_with_all_that_is_known_of_it() -> None:
    [one] = found(*given_up(1))

    assert one.message == message(1)
    assert (one.sink, one.fate, one.reason, one.attempts, one.written[:4]) == ("team", "refused", "http_400", 3, "2026")


def test_what_was_written_twice_counts_once_and_what_has_arrived_no_more() -> None:
    entries = given_up(1, 2, 1)
    [_, second] = found(*entries)

    assert [one.message for one in found(*entries)] == [message(1), message(2)]
    assert [one.message for one in found(*entries, written(resent(second)))] == [message(1)]
    assert len(found(*entries, *given_up(1, sink="chat"), written(resent(second)))) == 2
    assert len(found(*entries, written(resent(second)), *given_up(2))) == 2, "given up once more"


@pytest.mark.parametrize("junk", [{}, {"body": 7}, {"alerts": "x"}, {"alerts": [[1]]}, {"attempts": "many"}])
def test_an_entry_that_is_none_of_ours_is_left_out(junk: dict[str, Any]) -> None:
    [whole] = given_up(1)

    assert found({**whole, **junk} if junk else junk) == ([] if "body" not in junk else found({**whole, **junk}))


def test_a_message_is_known_by_its_id_and_by_those_of_its_alerts() -> None:
    [one] = found(*given_up(1))

    for name in ("message1", alert(1).id, f"{alert(1).id}.1"):
        assert one.is_named([name, "another"])
    assert not one.is_named(["message", f"{alert(1).id}.2"])


async def test_each_is_sent_once_under_its_own_id_no_faster_than_the_receiver_allows() -> None:
    clock = FakeClock(autojump=0)
    sink = ScriptedSink("team", clock, SENT, REFUSED, SENT)

    told = [
        (one.message.id, receipt) async for one, receipt in resend(sink, Pace(0.5), found(*given_up(1, 2, 3)), clock)
    ]

    assert told == [("message1", SENT), ("message2", REFUSED), ("message3", SENT)]
    assert sink.tried == [(0.0, "message1"), (2.0, "message2"), (4.0, "message3")]


@pytest.mark.parametrize("receipt", [RETRY, Receipt("broken", "http_404")])
async def test_a_receiver_that_is_still_away_is_not_asked_for_each_message(receipt: Receipt) -> None:
    clock = FakeClock(autojump=0)
    sink = ScriptedSink("team", clock, receipt)

    told = [receipt async for _, receipt in resend(sink, Pace(), found(*given_up(1, 2, 3)), clock)]

    assert told == [receipt]


async def test_no_more_are_sent_than_the_receiver_takes_in_an_hour() -> None:
    clock = FakeClock(autojump=0)
    sink = ScriptedSink("team", clock)

    assert len([one async for one in resend(sink, Pace(None, 2), found(*given_up(1, 2, 3)), clock)]) == 2


async def test_an_alert_that_was_told_as_a_number_is_rendered_for_its_sink() -> None:
    clock = FakeClock(autojump=0)
    sink = FakeSink("team")
    entries = [
        written(UntoldAlert("team", alert(1)).entry()),
        written(UntoldList("team", [alert(2), alert(3)]).entry()),
    ]

    sent = [(one, receipt) async for one, receipt in resend(sink, Pace(), found(*entries), clock)]

    assert [receipt for _, receipt in sent] == [SENT]
    assert sink.taken == FakeSink("team").render([alert(1)])
    assert found(*entries, written(resent(sent[0][0]))) == []
    assert outstanding([*entries, *entries]).listed == 2


async def test_a_damaged_alert_is_left_where_it_is() -> None:
    clock = FakeClock(autojump=0)
    entry = written(UntoldAlert("team", alert(1)).entry()) | {"body": "{}"}

    assert [one async for _, one in resend(FakeSink("team"), Pace(), found(entry), clock)] == [
        Receipt("refused", "damaged")
    ]


async def test_what_a_sink_can_make_no_message_of_is_sent_when_it_can_and_a_notice_is_only_kept() -> None:
    clock, mended = FakeClock(autojump=0), FakeSink("team")
    broken = ChokingSink("team", clock, alert().actor_name)
    entries = [written(unrenderable("team", told, KeyError("x")).entry()) for told in (alert(1), verdict_notice())]

    assert [one.reason async for _, one in resend(broken, Pace(), found(*entries), clock)] == [
        "bug_KeyError",
        "not_rendered",
    ]
    assert [one async for _, one in resend(mended, Pace(), found(*entries[:1]), clock)] == [SENT]
    assert mended.taken == FakeSink("team").render([alert(1)])
