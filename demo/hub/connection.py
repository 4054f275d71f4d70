"""One client's connection: headers, SASL, open and close, idle time-outs, tokens shown, and the way out to the socket.

An `asyncio.Protocol`: everything happens in callbacks, in order, so there is nothing to lock.
"""

import asyncio
from collections import deque
from datetime import UTC, datetime
from typing import Any, cast

from demo.hub import refusals
from demo.hub.broker import Broker
from demo.hub.codec import DecodeError, decode
from demo.hub.frames import AMQP, AMQP_HEADER, EMPTY_FRAME, SASL, SASL_HEADER, Frame, Framer, FramingError, frame
from demo.hub.performatives import AmqpError, Begin, Close, End, Open, SaslInit, SaslMechanisms, SaslOutcome
from demo.hub.session import Session

CHANNEL_MAX = 4999
HIGH_WATER = 1024 * 1024
_FOREVER = datetime.max.replace(tzinfo=UTC)


class Connection(asyncio.Protocol):
    """The server's end of one connection.

    Parameters
    ----------
    broker
        What all connections share.
    connections
        The set of live connections; it enters and leaves by itself.
    """

    def __init__(self, broker: Broker, connections: set["Connection"]) -> None:
        self.broker = broker
        self.sessions: dict[int, Session] = {}
        self.frame_limit = 512
        self.gone = asyncio.Event()
        self._connections = connections
        self._framer = Framer(broker.limits.max_frame_size)
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._authenticated = False
        self._open = False
        self._closing = False
        self._cut = False
        self._paused = False
        self._grants: dict[tuple[str, ...], datetime] = {}
        self._heard = self._spoke = self._loop.time()
        self._peer_idle: float | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._drip: asyncio.TimerHandle | None = None
        self._drops: deque[bytes] = deque()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen, unless connections are to be refused."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        if self.broker.faults.refuse_connections:
            self._transport.abort()
            return
        self._connections.add(self)
        self._keep_time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up."""
        self._connections.discard(self)
        self._transport = None
        for timer in (self._tick, self._drip):
            if timer is not None:
                timer.cancel()
        for session in self.sessions.values():
            session.close()
        self.sessions.clear()
        self.gone.set()

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        self._paused = True

    def resume_writing(self) -> None:
        """It has room again."""
        self._paused = False
        self._pump()

    def data_received(self, data: bytes) -> None:
        """React to every frame that is complete."""
        self._heard = self._loop.time()
        if self.broker.faults.silent:
            return
        try:
            for item in self._framer.feed(data):
                if self._transport is None:
                    return
                if isinstance(item, bytes):
                    self._on_header(item)
                elif item.kind == SASL:
                    self._on_sasl(item)
                elif item.kind == AMQP:
                    self._on_frame(item)
        except FramingError as error:
            self.close("amqp:connection:framing-error", str(error))
            self._hang_up()  # whatever follows cannot be read, not even an answer to the close
        except DecodeError as error:
            self.close("amqp:decode-error", str(error))

    # what sessions ask of it

    @property
    def has_room(self) -> bool:
        """Whether the socket takes more."""
        gone = self._transport is None or self._transport.is_closing()
        return not self._paused and not self._drops and not gone

    def send(self, channel: int, performative: Any) -> None:
        """Send one frame; nothing after a close."""
        if not self._closing:
            self.write(frame(channel, performative))

    def write(self, data: bytes) -> None:
        """Send bytes, as well or as badly as the fault switches want."""
        faults = self.broker.faults
        if self._transport is None or self._transport.is_closing() or self._cut or faults.silent or not data:
            return
        self._spoke = self._loop.time()
        if faults.cut_after is not None:
            faults.cut_after -= len(data)
            if faults.cut_after < 0:
                # What dribbles has been counted, and comes first.
                self._transport.write(b"".join(self._drops) + data[: faults.cut_after])
                self._drops.clear()
                faults.cut_after = None
                self._reset_when_written()
                return
        if faults.dribble is not None or self._drops:
            self._drops.append(data)
            if self._drip is None:
                self._dribble()
            return
        self._transport.write(data)

    def grant(self, path: tuple[str, ...], expires: datetime) -> None:
        """The peer has shown a token for this entity."""
        self._grants[path] = expires

    def may(self, path: tuple[str, ...]) -> bool:
        """Whether a token that is valid now covers this entity."""
        now = self.broker.clock.now()
        return any(path[: len(granted)] == granted and now < expires for granted, expires in self._grants.items())

    # what the hub asks of it

    def close(self, condition: str, description: str) -> None:
        """Close the connection with a reason; the peer has a second to agree."""
        if self._closing or self._transport is None:
            return
        refusal = refusals.Refusal(condition, description)
        self.send(0, Close(refusals.error(refusal, self.broker.hub, self.broker.clock.now())))
        self._closing = True
        self._loop.call_later(1.0, self.abort)

    def revoke(self) -> None:
        """Forget every token; links that needed one end."""
        self._grants.clear()
        for session in list(self.sessions.values()):
            session.check_tokens()

    def abort(self) -> None:
        """Reset the connection."""
        if self._transport is not None:
            self._transport.abort()

    # frames

    def _on_header(self, header: bytes) -> None:
        if self._open:
            raise FramingError("a protocol header in the middle of a connection")
        if header == SASL_HEADER and not self._authenticated:
            mechanisms = SaslMechanisms(["MSSBCBS", "PLAIN", "ANONYMOUS"])
            self.write(SASL_HEADER + frame(0, mechanisms, kind=SASL))
        elif header == AMQP_HEADER and self._authenticated:
            self.write(AMQP_HEADER)
        else:  # the specification: answer with the header that would be right, and hang up
            self.write(AMQP_HEADER if self._authenticated else SASL_HEADER)
            self._hang_up()

    def _on_sasl(self, received: Frame) -> None:
        performative, _ = decode(received.body)
        if not isinstance(performative, SaslInit) or self._authenticated:
            raise DecodeError("this is not the time for SASL")
        self._authenticated = self._authenticate(performative)
        self.write(frame(0, SaslOutcome(0 if self._authenticated else 1), kind=SASL))
        if not self._authenticated:
            self._hang_up()

    def _authenticate(self, init: SaslInit) -> bool:
        if init.mechanism == "PLAIN":  # a key's name and the key itself, without tokens: open to all of the hub
            parts = (init.initial_response or b"").decode(errors="replace").split("\0")
            known = len(parts) == 3 and self.broker.keys.get(parts[1]) == parts[2]
            if known:
                self.grant((self.broker.hub.lower(),), _FOREVER)
            return known
        return init.mechanism in ("ANONYMOUS", "MSSBCBS")

    def _on_frame(self, received: Frame) -> None:
        if not received.body:
            return  # it has kept the connection alive, which is all it was for
        performative, end = decode(received.body)
        if isinstance(performative, Close):
            self.send(0, Close())
            self._hang_up()
        elif self._closing:
            return
        elif isinstance(performative, Open):
            self._on_open(performative)
        elif not self._open:
            self.close("amqp:illegal-state", "The connection is not open.")
        elif isinstance(performative, Begin):
            if received.channel in self.sessions or received.channel > CHANNEL_MAX:
                self.close("amqp:not-allowed", f"Channel {received.channel} cannot begin.")
            else:
                self.sessions[received.channel] = Session(self, received.channel, performative)
        else:
            self._on_session_frame(received.channel, performative, received.body[end:])

    def _on_session_frame(self, channel: int, performative: Any, payload: bytes) -> None:
        session = self.sessions.get(channel)
        if session is None:
            self.close("amqp:not-allowed", f"There is no session on channel {channel}.")
            return
        if isinstance(performative, End):
            self.sessions.pop(channel).close()
            self.send(channel, End())
            return
        try:
            session.handle(performative, payload)
        except refusals.Refusal as refusal:
            self.sessions.pop(channel).close()
            self.send(channel, End(AmqpError(refusal.condition, refusal.description, {})))

    def _on_open(self, opened: Open) -> None:
        if self._open or not self._authenticated:
            self.close("amqp:illegal-state", "The connection cannot be opened now.")
            return
        limits = self.broker.limits
        self._open = True
        self.frame_limit = min(opened.max_frame_size or 2**32 - 1, limits.max_frame_size)
        self._peer_idle = opened.idle_time_out / 1000 if opened.idle_time_out else None
        idle = int(limits.idle_timeout * 1000)
        self.send(0, Open("emulator", opened.hostname, limits.max_frame_size, CHANNEL_MAX, idle))
        if self.frame_limit < 512:
            self.close("amqp:invalid-field", "max-frame-size is below 512.")

    # time

    def _keep_time(self) -> None:
        own, peer = self.broker.limits.idle_timeout, self._peer_idle
        now = self._loop.time()
        if self._open and not self.broker.faults.silent:
            if peer is not None and now - self._spoke >= peer / 3:
                self.write(EMPTY_FRAME)
            if now - self._heard > own:
                self.close(
                    "amqp:connection:forced",
                    f"The connection was inactive for more than the allowed {int(own * 1000)} milliseconds"
                    " and is closed by container 'LinkTracker'.",
                )
            for session in list(self.sessions.values()):
                session.check_tokens()
        self._tick = self._loop.call_later(min(0.5, own / 8, (peer or own) / 8), self._keep_time)

    def _pump(self) -> None:
        for session in list(self.sessions.values()):
            session.pump()

    def _dribble(self) -> None:
        self._drip = None
        if self._transport is None:
            return
        size, pause = self.broker.faults.dribble or (HIGH_WATER, 0.0)
        waiting = b"".join(self._drops)
        self._drops.clear()
        self._transport.write(waiting[:size])
        if len(waiting) > size:
            self._drops.append(waiting[size:])
            self._drip = self._loop.call_later(pause, self._dribble)
        else:
            self._pump()

    def _hang_up(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _reset_when_written(self) -> None:
        self._closing = self._cut = True
        self._loop.call_soon(self.abort)
