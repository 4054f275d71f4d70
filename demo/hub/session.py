"""One session of a connection: it opens links, routes frames to them and keeps the windows.

Windows count frames; credit, the links' affair, counts messages.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from demo.hub import cbs, refusals
from demo.hub.broker import Broker
from demo.hub.frames import transfers
from demo.hub.links import AnswersOut, EventsIn, EventsOut, Link, RequestsIn
from demo.hub.messages import Request, response
from demo.hub.performatives import Attach, Begin, Detach, Disposition, Flow, Source, Target, Transfer
from demo.hub.primitives import Described, Int
from demo.hub.store import Position, parse_selector

INCOMING_WINDOW = 5000
HANDLE_MAX = 255
NODES = ("$cbs", "$management")
_SELECTOR_FILTERS = ("apache.org:selector-filter:string", 0x468C00000004)


class Peer(Protocol):
    """What a session needs of its connection."""

    broker: Broker
    frame_limit: int

    @property
    def has_room(self) -> bool:
        """Whether the socket takes more."""
        ...

    def send(self, channel: int, performative: Any) -> None:
        """Send one frame."""
        ...

    def write(self, data: bytes) -> None:
        """Send encoded frames."""
        ...

    def grant(self, path: tuple[str, ...], expires: datetime) -> None:
        """The peer has shown a token for this entity."""
        ...

    def may(self, path: tuple[str, ...]) -> bool:
        """Whether a token that is valid now covers this entity."""
        ...


class Session:
    """The server's end of a session.

    Parameters
    ----------
    peer
        Its connection.
    channel
        The number that the client chose; we answer on the same one.
    begin
        What the client said.
    """

    def __init__(self, peer: Peer, channel: int, begin: Begin) -> None:
        self.broker = peer.broker
        self.links: dict[int, Link] = {}
        self._peer = peer
        self._channel = channel
        self._window = begin.incoming_window
        self._next_outgoing = 0
        self._next_incoming = begin.next_outgoing_id
        self._room = INCOMING_WINDOW
        self._deliveries = 0
        self._stuck: deque[tuple[Link, bytes]] = deque()
        self._half_closed: set[int] = set()
        self.send(Begin(channel, 0, INCOMING_WINDOW, INCOMING_WINDOW, HANDLE_MAX))

    # what links ask of it

    @property
    def open_for_events(self) -> bool:
        """Whether the peer's window and the socket's buffer have room, and no older frame waits for it."""
        return self._window > 0 and not self._stuck and self._peer.has_room

    def send(self, performative: Any) -> None:
        """Send a frame on this session's channel."""
        self._peer.send(self._channel, performative)

    def transfer(self, link: Link, payloads: Sequence[bytes]) -> None:
        """Send settled messages; frames that the window has no room for wait for it."""
        frames: list[bytes] = []
        for payload in payloads:
            frames += transfers(self._channel, link.handle, self._deliveries, payload, self._peer.frame_limit)
            self._deliveries = (self._deliveries + 1) & 0xFFFFFFFF
        self._stuck.extend((link, frame) for frame in frames[self._window :])
        self._write(frames[: self._window])

    def _write(self, frames: Sequence[bytes]) -> None:
        self._window -= len(frames)
        self._next_outgoing = (self._next_outgoing + len(frames)) & 0xFFFFFFFF
        self._peer.write(b"".join(frames))

    def flow(self, link: Link | None, credit: int = 0, *, drain: bool = False) -> None:
        """Tell the peer the window and, with a link, its credit."""
        self._room = INCOMING_WINDOW
        session = Flow(self._next_incoming, INCOMING_WINDOW, self._next_outgoing, INCOMING_WINDOW)
        if link is not None:
            session = session._replace(
                handle=link.handle, delivery_count=link.delivery_count, link_credit=credit, available=0, drain=drain
            )
        self.send(session)

    def forget(self, link: Link) -> None:
        """Take a link out that we end; its handle stays taken until the peer has answered."""
        self._drop(link)
        self._half_closed.add(link.handle)

    def _drop(self, link: Link) -> None:
        self.links.pop(link.handle, None)
        self._stuck = deque(entry for entry in self._stuck if entry[0] is not link)
        link.gone()

    # what the connection tells it

    def handle(self, performative: Any, payload: bytes) -> None:
        """React to a frame of this session.

        Raises
        ------
        Refusal
            When the frame refers to a handle that is not attached: the session cannot go on.
        """
        match performative:
            case Transfer():
                self._on_transfer(performative, payload)
            case Flow():
                self._on_flow(performative)
            case Attach():
                self._on_attach(performative)
            case Detach():
                self._on_detach(performative)
            case Disposition():  # all that we send is settled, so there is nothing to hear of it
                pass
            case _:
                raise refusals.Refusal("amqp:illegal-state", "This performative has no place in a session.")

    def pump(self) -> None:
        """The socket or the window has room again."""
        if self._stuck and self._window > 0 and self._peer.has_room:
            ready = [self._stuck.popleft()[1] for _ in range(min(self._window, len(self._stuck)))]
            self._write(ready)
        for link in list(self.links.values()):
            link.pump()

    def close(self) -> None:
        """The session has ended: all its links are gone."""
        for link in list(self.links.values()):
            self._drop(link)

    def check_tokens(self) -> None:
        """Detach links whose token has expired."""
        for link in list(self.links.values()):
            if link.path and not self._peer.may(link.path):
                link.detach(refusals.renew_token(link.name, link.claim, "/".join(link.path)))

    def _link(self, handle: int) -> Link | None:
        link = self.links.get(handle)
        if link is None and handle not in self._half_closed:
            raise refusals.Refusal("amqp:session:unattached-handle", f"No link is attached to handle {handle}.")
        return link

    def _on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming = (self._next_incoming + 1) & 0xFFFFFFFF
        self._room -= 1
        if self._room < 0:
            raise refusals.Refusal("amqp:session:window-violation", "More transfers than the window has room for.")
        if link := self._link(transfer.handle):
            link.on_transfer(transfer, payload)
        if self._room <= INCOMING_WINDOW // 2:
            self.flow(None)

    def _on_flow(self, flow: Flow) -> None:
        begin = 0 if flow.next_incoming_id is None else flow.next_incoming_id
        self._window = max(0, begin + flow.incoming_window - self._next_outgoing)
        if flow.handle is not None:
            if link := self._link(flow.handle):
                link.on_flow(flow)
        elif flow.echo:
            self.flow(None)
        self.pump()

    def _on_detach(self, detach: Detach) -> None:
        if detach.handle in self._half_closed:
            self._half_closed.discard(detach.handle)
        elif link := self._link(detach.handle):
            self._drop(link)
            self.send(Detach(detach.handle, closed=detach.closed))

    def _on_attach(self, attach: Attach) -> None:
        if attach.handle in self.links:
            raise refusals.Refusal("amqp:session:handle-in-use", f"Handle {attach.handle} is in use.")
        if attach.handle > HANDLE_MAX:
            raise refusals.Refusal("amqp:not-allowed", f"Handle {attach.handle} is above {HANDLE_MAX}.")
        self._half_closed.discard(attach.handle)
        answer = Attach(
            attach.name,
            attach.handle,
            role=not attach.role,
            snd_settle_mode=attach.snd_settle_mode,
            rcv_settle_mode=attach.rcv_settle_mode,
            source=attach.source,
            target=attach.target,
            initial_delivery_count=0 if attach.role else None,
            max_message_size=self.broker.limits.max_message_size,
            offered_capabilities=attach.desired_capabilities,
            properties=attach.properties,
        )
        try:
            link = self._open(attach)
        except refusals.Refusal as refusal:
            error = refusals.error(refusal, self.broker.hub, self.broker.clock.now())
            answer = answer._replace(offered_capabilities=None)
            self.send(answer._replace(source=None) if attach.role else answer._replace(target=None))
            self.send(Detach(attach.handle, closed=True, error=error))
            self._half_closed.add(attach.handle)
            return
        self.links[attach.handle] = link
        self.send(answer)
        link.start()

    def _open(self, attach: Attach) -> Link:
        node = attach.source if attach.role else attach.target
        address = node.address if isinstance(node, Source | Target) else None
        if not isinstance(address, str):
            raise refusals.Refusal("amqp:not-implemented", "A link needs the address of an entity.")
        _, path = cbs.split_address(address)
        if path and path[-1] in NODES:
            return self._open_node(attach, path[-1])
        faults = self.broker.faults
        if faults.refuse_links or faults.server_busy:
            raise faults.refuse_links or refusals.server_busy()
        kind: type[Link] = EventsOut if attach.role else EventsIn
        if not self._peer.may(path):
            raise refusals.unauthorised(kind.claim, "/".join(path))
        if not attach.role:
            return EventsIn(self, attach, path, self.broker.locate_sender(address))
        group, partition = self.broker.locate_reader(address)
        return EventsOut(self, attach, path, group, partition, partition.seek(_position(attach)))

    def _open_node(self, attach: Attach, node: str) -> Link:
        kind = AnswersOut if attach.role else RequestsIn
        if any(isinstance(link, kind) and link.node == node for link in self.links.values()) and node == "$cbs":
            raise refusals.Refusal("amqp:not-allowed", "A link to this connection's $cbs node has already been opened.")
        return AnswersOut(self, attach, node) if attach.role else RequestsIn(self, attach, node, self._on_request)

    def _on_request(self, node: str, request: Request) -> None:
        answers = [link for link in self.links.values() if isinstance(link, AnswersOut) and link.node == node]
        exact = [link for link in answers if request.reply_to is not None and link.address == request.reply_to]
        if not answers:
            raise refusals.Refusal("amqp:precondition-failed", f"There is no link for an answer of {node}.")
        properties, value = self._put_token(request) if node == "$cbs" else self._manage(request)
        (exact or answers)[0].answer(response(request, properties, value))

    def _put_token(self, request: Request) -> tuple[dict[str, Any], Any]:
        if request.properties.get("operation") != "put-token":
            return _refused(400, "amqp:not-implemented", "The operation is not supported."), None
        audience = str(request.properties.get("name", ""))
        try:
            expires = self.broker.verify(request.properties.get("type"), request.value, audience)
        except cbs.TokenRefused as refused:
            return _refused(refused.status, refused.condition, refused.description), None
        self._peer.grant(cbs.split_address(audience)[1], expires)
        return {"status-code": Int(202), "status-description": "Accepted"}, None

    def _manage(self, request: Request) -> tuple[dict[str, Any], Any]:
        path = (self.broker.hub.lower(),)
        if not self._peer.may(path):
            refusal = refusals.unauthorised("Listen", "/".join(path))
            return _refused(401, refusal.condition, refusal.description), None
        return self.broker.manage(request)


def _refused(status: int, condition: str, description: str) -> dict[str, Any]:
    return {"status-code": Int(status), "status-description": description, "error-condition": condition}


def _position(attach: Attach) -> Position:
    filters = (attach.source.filter if attach.source else None) or {}
    for value in filters.values():
        if isinstance(value, Described) and value.descriptor in _SELECTOR_FILTERS:
            return parse_selector(value.value)
    return Position("offset", "@latest", inclusive=False)
