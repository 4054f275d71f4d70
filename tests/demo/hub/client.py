"""A client of our own, frame by frame, over a transport in memory: for what the SDK never does, and what it hides."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from demo.hub import EmbeddedHub, sas_token
from demo.hub.codec import decode
from demo.hub.connection import Connection
from demo.hub.frames import AMQP_HEADER, SASL, SASL_HEADER, Frame, Framer, frame
from demo.hub.messages import section
from demo.hub.performatives import Attach, Begin, Flow, Open, SaslInit, Source, Target, Transfer
from demo.hub.primitives import Described, Symbol
from service.core.ports import Clock
from tests.fakes.clock import FakeClock

ID = UUID(int=7)
READER = "amqps://127.0.0.1/hub/ConsumerGroups/$Default/Partitions/0"


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.data = b""
        self.closed = ""
        self.broken = False
        self._connection = connection

    def write(self, data: Any) -> None:
        self.data += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high

    def is_closing(self) -> bool:
        return self.broken or bool(self.closed)

    def close(self) -> None:
        self._end("closed")

    def abort(self) -> None:
        self._end("aborted")

    def _end(self, how: str) -> None:
        if not self.closed:
            self.closed = how
            self._connection.connection_lost(None)


class Client:
    """The other end of a connection."""

    def __init__(self, hub: EmbeddedHub) -> None:
        self.hub = hub
        self.connection = Connection(hub._broker, hub._connections)
        self.wire = Wire(self.connection)
        self.connection.connection_made(self.wire)
        self._framer = Framer(2**31)

    def feed(self, data: bytes) -> list[Any]:
        """Send bytes, return what comes back: headers, performatives, or (transfer, payload)."""
        self.connection.data_received(data)
        return self.read()

    def send(self, performative: Any, payload: bytes = b"", channel: int = 0) -> list[Any]:
        return self.feed(frame(channel, performative, payload))

    def read(self) -> list[Any]:
        data, self.wire.data = self.wire.data, b""
        found: list[Any] = []
        for item in self._framer.feed(data):
            if isinstance(item, Frame) and item.body:
                performative, end = decode(item.body)
                found.append((performative, item.body[end:]) if isinstance(performative, Transfer) else performative)
            else:
                found.append(item)
        return found

    def open(self, mechanism: str = "ANONYMOUS", secret: bytes | None = None, **fields: Any) -> "Client":
        self.feed(SASL_HEADER)
        self.feed(frame(0, SaslInit(mechanism, secret), kind=SASL))
        self.feed(AMQP_HEADER)
        self.send(Open("client", **fields))
        self.send(Begin(None, 0, 1000, 1000))
        return self

    def sign_in(self, token: str | None = None, kind: str = "servicebus.windows.net:sastoken") -> dict[str, Any]:
        """Put a token through $cbs (handles 100 and 101) and return the answer's application properties."""
        expires = self.hub._broker.clock.now() + timedelta(hours=1)
        if token is None:
            token = sas_token("sb://127.0.0.1/hub", "RootManageSharedAccessKey", "embedded-hub-key", expires)
        if 100 not in self.connection.sessions[0].links:
            self.send(Attach("in", 100, True, source=Source("$cbs"), target=Target("me")))
            self.send(Attach("out", 101, False, source=Source("me"), target=Target("$cbs")))
            self.send(Flow(0, 1000, 0, 1000, 100, 0, 100))
        request = section(0x74, {"operation": "put-token", "type": kind, "name": "sb://127.0.0.1/hub"})
        return self.ask(101, request + section(0x77, token))

    def ask(self, handle: int, request: bytes) -> dict[str, Any]:
        answers = self.send(Transfer(handle, 0, b"t", 0), section(0x73, [ID]) + request)
        ((_, payload),) = [item for item in answers if isinstance(item, tuple) and isinstance(item[0], Transfer)]
        sections, at = {}, 0
        while at < len(payload):
            value, at = decode(payload, at)
            sections[int(value.descriptor)] = value.value
        assert sections[0x73][5] == ID
        return {**sections[0x74], "value": sections[0x77]}

    def attach_reader(self, handle: int = 0, address: str = READER, selector: str = "", **fields: Any) -> list[Any]:
        chosen = selector or "amqp.annotation.x-opt-offset > '-1'"
        filters = {Symbol("any"): Described(Symbol("apache.org:selector-filter:string"), chosen)}
        fields.setdefault("properties", None)
        return self.send(
            Attach(
                f"reader{handle}", handle, True, source=Source(address, filter=filters), target=Target("me"), **fields
            )
        )


def make_hub(clock: Clock | None = None, **options: Any) -> EmbeddedHub:
    return EmbeddedHub(hub="hub", partitions=2, clock=clock or FakeClock(), **options)


def only(items: list[Any], kind: type) -> Any:
    (found,) = [item for item in items if isinstance(item, kind)]
    return found


def bodies(items: list[Any]) -> list[bytes]:
    return [
        payload[-1:] for transfer, payload in (item for item in items if isinstance(item, tuple) and len(item) == 2)
    ]
