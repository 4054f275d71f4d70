import io
import json
import os
import re

import pytest

from service.core.ports import Receipt
from service.sinks.content.alert_content import Links
from service.sinks.content.cloud_event import cloud_event
from service.sinks.stdout.rendering import card
from service.sinks.stdout.sink import StdoutSink
from service.waiting import OneAside, still_running
from tests.fakes.alerts import HOSTILE_NAMES, alert, hostile
from tests.fakes.clock import settle


async def test_a_message_is_written_and_flushed() -> None:
    stream = io.BytesIO()
    sink = StdoutSink("out", stream)
    for message in sink.render([alert(1), alert(2)]):
        assert await sink.send(message) == Receipt("sent", "written")
    assert stream.getvalue().decode() == card(alert(1)) + card(alert(2))
    await sink.close()
    assert not stream.closed


async def test_a_closed_stream_is_broken_not_an_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        sink = StdoutSink("out", pipe)
        [message] = sink.render([alert()])
        assert await sink.send(message) == Receipt("broken", "stream_closed")
    assert await sink.send(message) == Receipt("broken", "stream_closed")


async def test_a_reader_that_does_not_read_is_waited_for_a_moment_and_tried_again() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "wb", buffering=0) as pipe:
        sink = StdoutSink("out", pipe)
        sink._aside = OneAside(0.01)
        [message] = sink.render([alert()])
        full = message._replace(body=b"x" * 1_000_000)
        for _ in range(2):  # the second is not begun beside the first, which still hangs
            assert await sink.send(full) == Receipt("retry", "stream_blocked")
        left = len(full.body)
        while left:
            left -= len(reader.read(65_536))
        while still_running():
            await settle()
        assert await sink.send(message) == Receipt("sent", "written")
        assert reader.read(65_536) == message.body


def test_machines_get_what_the_webhook_would_carry_one_a_line() -> None:
    sink = StdoutSink("out", io.BytesIO(), style="ndjson")
    lines = b"".join(message.body for message in sink.render([alert(1), hostile(HOSTILE_NAMES["control"], 2)]))
    events = [json.loads(line) for line in lines.splitlines()]
    assert events == [json.loads(json.dumps(cloud_event(a))) for a in (alert(1), hostile(HOSTILE_NAMES["control"], 2))]


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=list(HOSTILE_NAMES))
def test_a_name_cannot_draw_on_the_terminal(name: str) -> None:
    lines = card(hostile(name)).split("\n")
    assert lines[0].startswith("┌ High 92")
    assert all(line.startswith("│") for line in lines[1:-2])
    assert lines[-2] == f"└ Alert {alert().id}"
    assert lines[-1] == ""
    assert all(line.isprintable() for line in lines)


def test_colours_come_only_when_asked_for_and_end_with_the_line() -> None:
    coloured = card(alert(), Links(portal=False), colour=True)
    assert coloured.replace("\x1b[1;31m", "").replace("\x1b[0m", "") == card(alert(), Links(portal=False))
    assert coloured.split("\n")[0].endswith("\x1b[0m")


def test_a_terminal_is_given_links_to_follow_rather_than_to_read() -> None:
    links = [line for line in card(alert(), colour=True).split("\n") if line.startswith("│ Links")]
    assert len(links) == 1
    assert re.sub("\x1b]8;;[^\x1b]*\x1b\\\\", "", links[0]) == "│ Links         Activity log · KQL query"
    assert "https://portal.azure.com/" in links[0]
