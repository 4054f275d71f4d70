"""The four kinds of links that the service has: events out, events in, answers out, requests in.

A link knows credit, deliveries and its node; windows and channels are its session's.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from demo.hub import refusals
from demo.hub.broker import Broker
from demo.hub.codec import DecodeError
from demo.hub.messages import Request, delivery_annotations, parse_request, parse_transfer, to_milliseconds
from demo.hub.performatives import Accepted, AmqpError, Attach, Detach, Disposition, Flow, Rejected, Transfer
from demo.hub.primitives import Timestamp
from demo.hub.store import Partition

CHUNK = 256 * 1024
"""Bytes that one write to the socket is filled up to."""

RUNTIME_METRICS = "com.microsoft:enable-receiver-runtime-metric"


class Channel(Protocol):
    """What a link needs of its session."""

    broker: Broker

    @property
    def open_for_events(self) -> bool:
        """Whether the peer's window and the socket's buffer have room."""
        ...

    def send(self, performative: Any) -> None:
        """Send a frame without payload."""
        ...

    def transfer(self, link: Any, payloads: Sequence[bytes]) -> None:
        """Send settled messages."""
        ...

    def flow(self, link: Any, credit: int, *, drain: bool = False) -> None:
        """Tell the peer the window, and the link's credit."""
        ...

    def forget(self, link: Any) -> None:
        """The link is gone."""
        ...


class Link:
    """What all links share.

    Attributes
    ----------
    path
        Segments of the entity's address, for the check that the peer's token covers it; empty for nodes open to all.
    """

    claim: ClassVar[str] = ""

    def __init__(self, channel: Channel, attach: Attach, path: tuple[str, ...] = ()) -> None:
        self.channel = channel
        self.handle = attach.handle
        self.name = attach.name
        self.path = path
        self.delivery_count = 0
        self.alive = True

    def start(self) -> None:
        """The link is attached: begin."""

    def on_flow(self, flow: Flow) -> None:
        """The peer renews credit or asks for ours."""
        if flow.echo:
            self.channel.flow(self, 0)

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """A frame of a message has come in."""
        raise refusals.Refusal("amqp:not-allowed", f"The link '{self.name}' does not take transfers.")

    def pump(self) -> None:
        """Send what can be sent now."""

    def detach(self, refusal: refusals.Refusal) -> None:
        """End the link with a reason."""
        if not self.alive:
            return
        broker = self.channel.broker
        error = refusals.error(refusal, broker.hub, broker.clock.now())
        self.channel.forget(self)
        self.channel.send(Detach(self.handle, closed=True, error=error))

    def gone(self) -> None:
        """Clean up, however the link has ended."""
        self.alive = False


class Sending(Link):
    """A link whose credit the peer gives."""

    credit = 0

    def on_flow(self, flow: Flow) -> None:
        """Take the new credit, use it, and give back the rest when the peer drains."""
        if flow.link_credit is not None:
            self.credit = max(0, (flow.delivery_count or 0) + flow.link_credit - self.delivery_count)
            self.pump()
        if flow.drain:
            self.delivery_count += self.credit
            self.credit = 0
        if flow.drain or flow.echo:
            self.channel.flow(self, self.credit, drain=bool(flow.drain))

    def _send(self, payloads: Sequence[bytes]) -> None:
        self.credit -= len(payloads)
        self.delivery_count += len(payloads)
        self.channel.transfer(self, payloads)


class EventsOut(Sending):
    """A reader of one partition."""

    claim = "Listen"

    def __init__(
        self, channel: Channel, attach: Attach, path: tuple[str, ...], group: str, partition: Partition, start: int
    ) -> None:
        super().__init__(channel, attach, path)
        properties = attach.properties or {}
        epoch = properties.get("com.microsoft:epoch")
        self.epoch = int(epoch) if isinstance(epoch, int) else None
        self.name = str(properties.get("com.microsoft:receiver-name", "nil"))
        self.metrics = RUNTIME_METRICS in (attach.desired_capabilities or [])
        self.place = (group, partition.id)
        self._partition = partition
        self._cursor = start
        self._woken = False
        channel.broker.admit(self, self.place)

    def wake(self) -> None:
        """Look for new messages soon: once for all that are appended until then."""
        if not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self.pump)

    def pump(self) -> None:
        """Send while there are messages, credit, window and room in the socket."""
        self._woken = False
        partition = self._partition
        if partition.id in self.channel.broker.faults.withheld:
            return
        while self.alive and self.credit > 0 and self._cursor < partition.next and self.channel.open_for_events:
            self._cursor = max(self._cursor, partition.begin)  # what retention took meanwhile is lost to this reader
            prefix = self._runtime_metrics() if self.metrics else b""
            payloads: list[bytes] = []
            size = 0
            while size < CHUNK and len(payloads) < self.credit and self._cursor < partition.next:
                payload = partition[self._cursor].payload
                payloads.append(prefix + payload if prefix else payload)
                size += len(payload)
                self._cursor += 1
            self._send(payloads)

    def _runtime_metrics(self) -> bytes:
        newest = self._partition.newest
        return delivery_annotations(
            {
                "last_enqueued_sequence_number": self._partition.next - 1,
                "last_enqueued_offset": self._partition.last_offset,
                "last_enqueued_time_utc": Timestamp(newest.enqueued_ms if newest else 0),
                "runtime_info_retrieval_time_utc": Timestamp(to_milliseconds(self.channel.broker.clock.now())),
            }
        )

    def gone(self) -> None:
        """Leave the place to others."""
        super().gone()
        self.channel.broker.leave(self, self.place)


class Receiving(Link):
    """A link whose credit we give; puts messages of several frames together."""

    def __init__(self, channel: Channel, attach: Attach, path: tuple[str, ...] = ()) -> None:
        super().__init__(channel, attach, path)
        self._credit = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._first: Transfer | None = None

    def start(self) -> None:
        """Give the first credit."""
        self._grant()

    def _grant(self) -> None:
        self._credit = self.channel.broker.limits.link_credit
        self.channel.flow(self, self._credit)

    def on_flow(self, flow: Flow) -> None:
        """Repeat the credit when asked."""
        if flow.echo:
            self.channel.flow(self, self._credit)

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Collect frames; when the message is whole, hand it on and settle it."""
        if self._first is None:
            if transfer.delivery_id is None:
                raise DecodeError("a delivery begins without its id")
            if self._credit <= 0:
                self.detach(
                    refusals.Refusal("amqp:link:transfer-limit-exceeded", f"The link '{self.name}' has no credit left.")
                )
                return
            self._first = transfer
        self._parts.append(payload)
        self._size += len(payload)
        limit = self.channel.broker.limits.max_message_size
        if self._size > limit:
            self.detach(refusals.too_large(self._size, limit))
            return
        if transfer.more and not transfer.aborted:
            return
        first, whole = self._first, b"".join(self._parts)
        self._first, self._parts, self._size = None, [], 0
        self._credit -= 1
        self.delivery_count += 1
        if not transfer.aborted:
            self._settle(first, whole, settled=bool(first.settled or transfer.settled))
        if self.alive and self._credit <= self.channel.broker.limits.link_credit // 2:
            self._grant()

    def _settle(self, first: Transfer, whole: bytes, *, settled: bool) -> None:
        try:
            outcome: Accepted | Rejected = self.accept(whole, first.message_format or 0)
        except (DecodeError, TypeError) as error:  # TypeError: an annotation that cannot be passed on
            outcome = Rejected(AmqpError("amqp:decode-error", str(error), {}))
        except refusals.Refusal as refusal:
            broker = self.channel.broker
            outcome = Rejected(refusals.error(refusal, broker.hub, broker.clock.now()))
        if self.alive and not settled and first.delivery_id is not None:
            self.channel.send(Disposition(True, first.delivery_id, first.delivery_id, settled=True, state=outcome))

    def accept(self, payload: bytes, message_format: int) -> Accepted:
        """Take a whole message; raises `DecodeError` or `Refusal`, which become its outcome."""
        raise refusals.Refusal("amqp:not-implemented", f"The link '{self.name}' takes no messages.")


class EventsIn(Receiving):
    """A producer's link to the hub or to one partition."""

    claim = "Send"

    def __init__(self, channel: Channel, attach: Attach, path: tuple[str, ...], partition: Partition | None) -> None:
        super().__init__(channel, attach, path)
        self._partition = partition

    def accept(self, payload: bytes, message_format: int) -> Accepted:
        """Store a message or a batch; a batch goes to one partition, whole."""
        broker = self.channel.broker
        if broker.faults.server_busy:
            raise refusals.server_busy()
        drafts = parse_transfer(payload, message_format)
        if drafts:
            partition = self._partition or broker.store.choose(drafts[0].partition_key)
            broker.publish(partition, drafts)
        return Accepted()


class AnswersOut(Sending):
    """The link by which a node such as ``$cbs`` answers."""

    def __init__(self, channel: Channel, attach: Attach, node: str) -> None:
        super().__init__(channel, attach)
        self.node = node
        self.address = attach.target.address if attach.target else None
        self._waiting: deque[bytes] = deque()

    def answer(self, payload: bytes) -> None:
        """Send an answer, as soon as there is credit."""
        self._waiting.append(payload)
        self.pump()

    def pump(self) -> None:
        """Send what waits."""
        while self.alive and self._waiting and self.credit > 0 and self.channel.open_for_events:
            self._send([self._waiting.popleft()])


class RequestsIn(Receiving):
    """The link by which a node is asked."""

    def __init__(self, channel: Channel, attach: Attach, node: str, ask: Callable[[str, Request], None]) -> None:
        super().__init__(channel, attach)
        self.node = node
        self._ask = ask

    def accept(self, payload: bytes, message_format: int) -> Accepted:
        """Read the request and pass it on; the answer goes its own way."""
        if message_format:
            raise DecodeError("a request is a single message")
        self._ask(self.node, parse_request(payload))
        return Accepted()
