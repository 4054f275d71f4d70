import asyncio
import re
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port
from pydantic import ValidationError

from service.core.ports import Receipt
from service.sinks.content.alert_content import Links
from service.sinks.posting.guard import Guard
from service.sinks.syslog.cef import Field, cef
from service.sinks.syslog.collector import Collector
from service.sinks.syslog.rendering import render, render_notice
from service.sinks.syslog.settings import SyslogSettings
from service.sinks.syslog.sink import SyslogSink
from service.waiting import still_running
from tests.fakes.alerts import alert, campaign, hostile, outage, rollout
from tests.fakes.clock import settle
from tests.fakes.conversations import listening
from tests.fakes.hostile_names import each_hostile_name
from tests.fakes.notices import notice, verdict_notice
from tests.fakes.syslog_server import SyslogServer, collecting_datagrams
from tests.service.sinks.posting.test_http_post import self_signed

NOWHERE = Collector("syslog.example.com", 6514, "tls")
[MESSAGE] = render([alert()], NOWHERE)
HEADER = re.compile(r"<(\d{1,3})>1 (\S+) (\S+) unwonted - (alert|notice) - (CEF:0\|.*)", re.DOTALL)


def sink_to(server: SyslogServer, *, seconds: float = 20.0, **changes: Any) -> SyslogSink:
    there = Collector("127.0.0.1", server.port, "tcp")._replace(**changes)
    return SyslogSink("siem", there, total_seconds=seconds)


def read(event: str) -> tuple[list[str], dict[str, str]]:
    """Read an event as the format says, and nothing of what was written to make it."""
    *head, extension = re.split(r"(?<!\\)(?:\\\\)*\|", event, maxsplit=7)
    assert len(head) == 7, event
    assert not re.search(r"[\r\n]", event)
    starts = list(re.finditer(r"(?:^| )([A-Za-z][A-Za-z0-9]*)(?<!\\)=", extension))
    ends = [one.start() for one in starts[1:]] + [len(extension)]
    fields = {one[1]: extension[one.end() : end] for one, end in zip(starts, ends, strict=True)}
    assert len(fields) == len(starts), "a field comes twice"
    unescaped = {key: re.sub(r"\\(.)", lambda it: {"n": "\n"}.get(it[1], it[1]), text) for key, text in fields.items()}
    return [re.sub(r"\\(.)", r"\1", part) for part in head], unescaped


def test_an_alert_is_a_message_after_rfc_5424_with_an_event_in_cef() -> None:
    found = HEADER.fullmatch(MESSAGE.body.decode())
    assert found
    assert int(found[1]) == 16 * 8 + 3
    assert datetime.fromisoformat(found[2]) == alert().found_at
    assert found[3] == "unwonted"
    head, fields = read(found[5])
    assert head[:5] == ["CEF:0", "Unwonted", "Unwonted", "1", "rare_action"]
    assert head[5].startswith("High 92: alice@contoso.com: create or change role assignments")
    assert head[6] == "8"
    assert fields["suser"] == "alice@contoso.com"
    assert fields["externalId"] == alert().id
    assert fields["src"] == alert().findings[0].addresses[0]
    assert fields["cs1"] == alert().findings[0].resources[0]
    assert fields["cs1Label"] == "Resource"
    assert int(fields["rt"]) == round(alert().found_at.timestamp() * 1000)
    assert fields["flexString1"].startswith("AzureActivity")


@pytest.mark.parametrize("told", [outage(1), campaign(1), rollout(1)], ids=lambda one: str(one.kind))
def test_what_is_about_many_names_them(told: Any) -> None:
    [message] = render([told], NOWHERE)
    _, fields = read(message.body.decode().partition(" - alert - ")[2])
    assert int(fields["cn2"]) == told.identity_count
    assert fields["cs6Label"] == "Identities"


def test_a_notice_is_a_message_too() -> None:
    found = HEADER.fullmatch(render_notice(notice(), NOWHERE).body.decode())
    assert found
    head, fields = read(found[5])
    assert (found[4], head[4], fields["act"]) == ("notice", "gap_silent", "opened")
    assert "end" not in fields
    assert "\n" in fields["msg"]


def test_a_verdict_names_its_alert_and_the_time_that_it_is_about() -> None:
    found = HEADER.fullmatch(render_notice(verdict_notice(), NOWHERE).body.decode())
    assert found
    head, fields = read(found[5])
    assert (head[4], fields["act"], fields["cs1"]) == ("verdict_benign", "closed", verdict_notice().alert)
    assert int(fields["end"]) - int(fields["start"]) == 2 * 3_600_000


@pytest.mark.parametrize("transport", ["tls", "udp"])
@each_hostile_name
def test_no_name_is_a_field_a_header_or_a_message(name: str, transport: Any) -> None:
    collector = NOWHERE._replace(transport=transport)
    [message] = render([hostile(name)], collector)
    text = message.body.decode()
    assert len(message.body) <= collector.largest
    found = HEADER.fullmatch(text)
    assert found
    head, fields = read(found[5])
    known = read(MESSAGE.body.decode().partition(" - alert - ")[2])[1].keys() | {"c6a2", "c6a2Label"}
    assert fields.keys() <= known
    assert (head[6], fields["externalId"]) == ("8", hostile(name).id)
    assert text.isprintable()


def test_both_addresses_of_an_identity_have_a_field_and_nonsense_has_none() -> None:
    told = alert().findings[0].model_copy(update={"addresses": ("x=1", "2001:db8::1", "192.0.2.7", "192.0.2.8")})
    [message] = render([alert().model_copy(update={"findings": (told,)})], NOWHERE)
    _, fields = read(message.body.decode().partition(" - alert - ")[2])
    assert (fields["src"], fields["c6a2"]) == ("192.0.2.7", "2001:db8::1")


def test_the_request_of_an_event_leads_into_the_console_where_there_is_one() -> None:
    told, console = alert(), "https://unwonted.example"
    [message] = render([told], Collector("c", 514, "udp"), Links(console=console, runbook_url="https://r.example"))
    assert f" request={console}/alerts/{told.id} " in f"{message.body.decode()} "


def test_for_what_there_is_no_room_is_left_out_whole() -> None:
    fields = [Field("suser", "ann"), Field("msg", "é" * 100), Field("cnt", 3)]
    event = cef("x", "y", 5, fields, largest=60)
    assert len(event.encode()) <= 60
    assert read(event)[1] == {"suser": "ann", "cnt": "3"}


async def test_over_tcp_each_message_stands_with_its_length() -> None:
    async with listening(SyslogServer()) as server:
        sink = sink_to(server)
        told = [*sink.render([alert(), alert(2)]), sink.render_notice(notice())]
        for message in told:
            assert await sink.send(message) == Receipt("sent", "read")
        await sink.close()
    assert server.messages() == [message.body.decode() for message in told]


async def test_where_a_line_s_end_is_wanted_there_is_one() -> None:
    async with listening(SyslogServer()) as server:
        assert (await sink_to(server, framing="newline").send(MESSAGE)).outcome == "sent"
    assert server.heard == [MESSAGE.body + b"\n"]


async def test_over_udp_a_message_is_a_datagram() -> None:
    async with collecting_datagrams(SyslogServer()) as server:
        sink = sink_to(server, transport="udp")
        [message] = sink.render([hostile("x" * 10_000)])
        assert await sink.send(message) == Receipt("sent", "datagram")
        await asyncio.wait_for(server.came.wait(), 60)
    assert server.heard == [message.body]
    assert len(message.body) <= 2_048


async def test_over_tls_the_collector_is_verified_before_it_is_told_anything(tmp_path: Path) -> None:
    server = SyslogServer()
    async with listening(server, self_signed(tmp_path)):
        assert await sink_to(server, transport="tls").send(MESSAGE) == Receipt("retry", "tls")
        known = sink_to(server, transport="tls", ca_file=tmp_path / "self-signed.pem")
        assert await known.send(MESSAGE) == Receipt("sent", "read")
        assert await known.send(MESSAGE) == Receipt("sent", "read")
    assert [one for one in server.messages() if one] == [MESSAGE.body.decode()] * 2


async def test_a_collector_that_closes_without_a_farewell_of_tls_has_read_it_all_the_same(tmp_path: Path) -> None:
    context, heard = self_signed(tmp_path), list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
                while data := connection.recv(65_536):
                    heard.append(data)

        there = Collector("127.0.0.1", listening.getsockname()[1], "tls", ca_file=tmp_path / "self-signed.pem")
        taking = asyncio.create_task(asyncio.to_thread(take))
        assert await SyslogSink("siem", there).send(MESSAGE) == Receipt("sent", "read")
        await taking
    assert b"".join(heard).partition(b" ")[2] == MESSAGE.body


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_collector_that_reads_nothing_is_not_waited_for_and_keeps_no_thread(
    transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.sinks.syslog.transmission.SILENT_SECONDS", 600.0)
    before, server = still_running(), SyslogServer("silent")
    async with listening(server):
        assert await sink_to(server, seconds=0.3, transport=transport).send(MESSAGE) == Receipt("retry", "timeout")
        while still_running() - before:  # it is woken by the end of its connection, not by a deadline of its own
            await settle()
        server.manner = "reads"
        assert (await sink_to(server).send(MESSAGE)).outcome == "sent"


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_message_that_nobody_has_read_is_sent_again_and_the_collector_may_have_been_away(
    transport: Any, tmp_path: Path
) -> None:
    context = self_signed(tmp_path)
    server = SyslogServer("resets")
    there: dict[str, Any] = {"transport": transport, "ca_file": tmp_path / "self-signed.pem"}
    async with listening(server, context if transport == "tls" else None):
        sink = sink_to(server, **there)
        assert await sink.send(MESSAGE) == Receipt("retry", "connection")
    assert await sink.send(MESSAGE) == Receipt("retry", "connection"), "nobody listens"
    server.manner = "reads"
    async with listening(server, context if transport == "tls" else None):
        assert (await sink.send(MESSAGE)).outcome == "sent"
    assert server.messages() == [MESSAGE.body.decode()]


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.example"])
async def test_a_name_that_no_host_can_have_is_one_that_does_not_resolve(host: str) -> None:
    sink = SyslogSink("collector", NOWHERE._replace(host=host))
    assert await sink.send(sink.render([alert()])[0]) == Receipt("retry", "dns")


async def test_a_collector_in_a_private_network_is_not_connected_to_unless_allowed() -> None:
    server = SyslogServer()
    server.port = unused_port()
    guard = Guard(allow_private=False, allow_loopback=False)
    for transport in ("tcp", "tls", "udp"):
        receipt = await sink_to(server, guard=guard, transport=transport).send(MESSAGE)
        assert receipt == Receipt("broken", "address_refused")


GIVEN: dict[str, Any] = {"host": "syslog.example.com"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": None}, "needs host"),
        ({"host": "syslog.example.com:514"}, "should be the name of a host"),
        ({"hostname": "two words"}, "should be a word of printable ASCII"),
        ({"hostname": "x\n<134>1"}, "should be a word of printable ASCII"),
    ],
)
def test_what_cannot_be_sent_to_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SyslogSettings.model_validate({**GIVEN, **changes})


def test_the_port_follows_from_the_transport_and_a_missing_authority_is_told() -> None:
    ports = {one: SyslogSettings.model_validate({**GIVEN, "transport": one}).collector.port for one in PORTS}
    assert ports == PORTS
    settings = SyslogSettings.model_validate({**GIVEN, "port": 6515, "facility": "authpriv", "ca_file": "/nowhere"})
    assert (settings.collector.port, settings.collector.facility) == (6515, 10)
    assert (settings.destination(), SyslogSettings(enabled=False).destination()) == ("syslog.example.com", "")
    assert "No such file" in settings.file_problems()[0]


PORTS = {"tls": 6514, "tcp": 514, "udp": 514}
