"""Whatever stands in a record, on its whole way: read, judged, told to every kind of sink, saved, and the same again.

Each field of a record is somebody's choice: names that are known to do harm, and any text at all.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.alerting.alerts import Alert
from service.core.alerting.digest import digest
from service.core.engine.engine import Engine
from service.core.engine.inspection import inspect
from service.core.messages import Message
from service.core.outbox import Outbox
from service.core.parsing.parser import ActivityLogParser
from service.core.ports import Rendered
from service.core.snapshot.codec import decode, encode
from service.delivery.undeliverable import UntoldAlert
from service.monitoring.logs import Redactor
from service.settings.root import Settings
from service.wiring import build_engine
from tests.fakes.hostile_names import KNOWN
from tests.service.core.parsing.samples import MICROSOFT, XMLSOAP, application, human, record, rest
from tests.service.sinks.kinds import MACHINES, SINKS
from tests.service.sinks.test_contract import LARGEST

pytestmark = pytest.mark.slow

MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
HIDDEN = "\x00\x07\x1b\r\u202e\u2066\u200b\u2028\ud800"

Record = dict[str, Any]

names = st.sampled_from(KNOWN) | st.text(max_size=40)
values = names | st.none() | st.booleans() | st.integers() | st.floats() | st.lists(names, max_size=2)


@cache
def everything_alerts() -> Settings:
    names = ("rare_action", "rare_failure", "failure_spike", "new_network", "dormant")
    return Settings.model_validate({"detectors": {name: {"threshold": 0} for name in names}})


@st.composite
def hostile_records(draw: st.DrawFn) -> Record:
    """Build a record that may well be an event, with hostile texts where they are possible, and rarely where not."""
    token = draw(st.sampled_from([human, application]))
    claims = token(
        **{
            key: draw(names)
            for key in draw(
                st.sets(
                    st.sampled_from(
                        ["name", "appid", "puid", "xms_mirid", XMLSOAP + "upn", XMLSOAP + "name"]
                        + [MICROSOFT + one for one in ("objectidentifier", "tenantid", "identityprovider")]
                    ),
                    max_size=4,
                )
            )
        }
    )
    name = draw(names)
    texts = {
        "operationName": f"{name}/write",
        "resourceId": draw(names),
        "correlationId": draw(names),
        "callerIpAddress": draw(st.sampled_from(["203.0.113.7", "::1", *KNOWN[:3]])),
        "resultType": draw(st.sampled_from(["Failure", "Success", "Start"]) | names),
        "resultSignature": draw(names),
        "properties": {"statusCode": draw(names), "statusMessage": json.dumps({"error": {"code": draw(names)}})},
    }
    if draw(st.booleans()):
        body = rest(
            operationName={"value": texts["operationName"], "localizedValue": draw(names)},
            caller=draw(names),
            resourceId=texts["resourceId"],
            claims=claims,
        )
    else:
        body = record(claims, **texts)
    if draw(st.integers(0, 4)) == 0:
        body[draw(st.sampled_from(sorted(body)))] = draw(values)
    return body


def whole(message: bytes) -> bytes:
    return message


def life(records: Sequence[Record], damage: Callable[[bytes], bytes] = whole) -> tuple[Engine, list[Alert]]:
    """Let somebody do the usual, then all of it at once, in a message that is damaged, and ask what is to be told."""
    engine, parser = build_engine(everything_alerts()), ActivityLogParser()
    engine.expect(["0"])
    engine.begin(MORNING - HOUR)
    usual = [record(time=(MORNING + number * HOUR).isoformat(), correlationId=None) for number in range(3)]
    alerts: list[Alert] = []
    for number, each in enumerate([*([one] for one in usual), list(records)]):
        now = MORNING + number * HOUR
        stamped = [
            {**one, **{key: now.isoformat() for key in one if key in {"time", "eventTimestamp"}}} for one in each
        ]
        body = json.dumps({"records": stamped}).encode()
        if number == len(usual):
            body = damage(body)
        parsed = parser.parse(body)
        assert parsed.records == len(parsed.events) + parsed.rejected + sum(parsed.left_out.values())
        assert parsed.records == len(each) or damage is not whole
        engine.apply(Message("0", number, str(number), now, body), parsed.events)
        alerts += engine.evaluate(now + HOUR / 4).alerts
    engine.idle("0", 3, MORNING + 12 * HOUR)
    return engine, [*alerts, *engine.evaluate(MORNING + 5 * HOUR).alerts]


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Draw what a wire, a disk or a person may make of a message: pieces missing, doubled, or something else there."""
    cuts = draw(
        st.lists(
            st.tuples(
                st.floats(0, 1), st.integers(0, 40), st.binary(max_size=8) | st.sampled_from([b'"', b"}", b"\\"])
            ),
            min_size=1,
            max_size=4,
        )
    )

    def damaged(message: bytes) -> bytes:
        for at, missing, instead in cuts:
            begin = int(at * len(message))
            message = message[:begin] + instead + message[begin + missing :]
        return message

    return damaged


def check(kind: str, messages: Sequence[Rendered]) -> None:
    assert len({message.id for message in messages}) == len(messages)
    for message in messages:
        assert len(message.body) <= LARGEST
        text = message.body.decode()
        if "json" in message.content_type:
            json.loads(text)
        if message.content_type not in MACHINES:
            assert not any(character in text for character in HIDDEN), kind


async def _go_on() -> None:
    """Nothing else has to be done."""


def test_there_are_forty_eight_known_names_and_more() -> None:
    assert len(set(KNOWN)) == len(KNOWN) >= 48


@settings(max_examples=60)
@given(st.lists(hostile_records(), min_size=1, max_size=6))
def test_whatever_stands_in_records_can_be_judged_told_saved_and_told_again(records: list[Record]) -> None:
    engine, alerts = life(records)

    outbox = Outbox()
    for kind, make in SINKS.items():
        messages = make().render(alerts)
        told = [one for message in messages for one in message.alerts]
        assert sorted(told) == sorted((alert.id, alert.revision) for alert in alerts)
        check(kind, [*messages, *(make().render([digest(alerts)]) if alerts else [])])
        for message in messages:
            outbox.enqueue(kind, message, MORNING)
    for alert in alerts:
        json.dumps(Redactor()(UntoldAlert("hook", alert).entry())).encode()

    rows = list(engine.dump())
    data = asyncio.run(encode([*rows, ("outbox", outbox.dump())], created_at=MORNING, yield_to_loop=_go_on))
    *restored_rows, (_, saved) = decode(data)
    restored, again = build_engine(everything_alerts()), Outbox()
    restored.load(restored_rows)
    again.load(saved)
    outbox.confirm()
    assert [again.due(kind, MORNING) for kind in SINKS] == [outbox.due(kind, MORNING) for kind in SINKS]
    assert json.dumps(list(restored.dump())) == json.dumps(json.loads(json.dumps(rows)))
    json.dumps(inspect(restored, restored_rows))
    assert restored.evaluate(MORNING + 6 * HOUR).alerts == engine.evaluate(MORNING + 6 * HOUR).alerts == []


@settings(max_examples=60)
@given(st.lists(hostile_records(), min_size=1, max_size=6), damages())
def test_whatever_can_be_read_of_a_damaged_message_can_be_told_to_every_kind_of_sink(
    records: list[Record], damage: Callable[[bytes], bytes]
) -> None:
    _, alerts = life(records, damage)

    for kind, make in SINKS.items():
        messages = make().render(alerts)
        assert sorted(one for message in messages for one in message.alerts) == sorted(
            (alert.id, alert.revision) for alert in alerts
        )
        check(kind, messages)


def test_of_a_message_that_was_cut_off_there_is_something_to_tell() -> None:
    odd = [record(operationName=f"Microsoft.Odd/thing{number}/write", correlationId=None) for number in range(3)]

    _, alerts = life(odd, lambda message: message[: -len(json.dumps(odd[-1])) // 2])

    assert {finding.action for alert in alerts for finding in alert.findings} >= {
        f"microsoft.odd/thing{number}/write" for number in range(2)
    }


@pytest.mark.parametrize("name", KNOWN, ids=range(len(KNOWN)))
def test_each_known_name_is_told_wherever_it_can_stand(name: str) -> None:
    claims = human(**{"name": name, XMLSOAP + "upn": f"{name}@contoso.com", MICROSOFT + "objectidentifier": name})
    odd = record(
        claims,
        operationName=f"{name}/write",
        resourceId=name,
        resultType="Failure",
        correlationId=name,
        properties={"statusCode": name},
    )

    _, alerts = life([odd])

    [alert] = [one for one in alerts if any(finding.action.endswith("/write") for finding in one.findings)][-1:]
    assert alert.findings
    for kind, make in SINKS.items():
        check(kind, make().render(alerts))
