"""What two AMQP peers say to each other: the frame bodies, as named tuples, and how their fields go on the wire.

Every field of a performative is written, nulls included: leaving out trailing nulls is legal, but the SDK reads the
fields by their index. A peer may leave them out; a missing or wrongly typed field that matters is a `DecodeError`.
Source: OASIS AMQP 1.0, parts 2 (transport), 3 (messaging) and 5 (security).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from demo.hub.codec import DecodeError, encode, encode_list, register
from demo.hub.primitives import Array, Symbol, Ubyte, Uint, Ulong, Ushort


class AmqpError(NamedTuple):
    """Why something ended: a condition for programs, a text for people."""

    condition: str
    description: str | None = None
    info: dict[Any, Any] | None = None


class Open(NamedTuple):
    """Begin a connection and say what its limits are; `idle_time_out` in milliseconds."""

    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None
    outgoing_locales: list[str] | None = None
    incoming_locales: list[str] | None = None
    offered_capabilities: list[str] | None = None
    desired_capabilities: list[str] | None = None
    properties: dict[Any, Any] | None = None


class Begin(NamedTuple):
    """Begin a session; windows count transfer frames."""

    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int | None = None
    offered_capabilities: list[str] | None = None
    desired_capabilities: list[str] | None = None
    properties: dict[Any, Any] | None = None


class Source(NamedTuple):
    """Where messages come from."""

    address: Any = None
    durable: int | None = None
    expiry_policy: str | None = None
    timeout: int | None = None
    dynamic: bool | None = None
    dynamic_node_properties: dict[Any, Any] | None = None
    distribution_mode: str | None = None
    filter: dict[Any, Any] | None = None
    default_outcome: Any = None
    outcomes: list[str] | None = None
    capabilities: list[str] | None = None


class Target(NamedTuple):
    """Where messages go to."""

    address: Any = None
    durable: int | None = None
    expiry_policy: str | None = None
    timeout: int | None = None
    dynamic: bool | None = None
    dynamic_node_properties: dict[Any, Any] | None = None
    capabilities: list[str] | None = None


class Attach(NamedTuple):
    """Attach a link; `role` is True for the end that receives."""

    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Source | None = None
    target: Target | None = None
    unsettled: dict[Any, Any] | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: list[str] | None = None
    desired_capabilities: list[str] | None = None
    properties: dict[Any, Any] | None = None


class Flow(NamedTuple):
    """Renew the session's window and, with a handle, a link's credit."""

    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: dict[Any, Any] | None = None


class Transfer(NamedTuple):
    """One frame of a message; the payload follows the performative."""

    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


class Disposition(NamedTuple):
    """Say what became of deliveries `first` to `last`."""

    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Any = None
    batchable: bool | None = None


class Detach(NamedTuple):
    """Detach a link, for good when `closed`."""

    handle: int
    closed: bool | None = None
    error: AmqpError | None = None


class End(NamedTuple):
    """End a session."""

    error: AmqpError | None = None


class Close(NamedTuple):
    """Close the connection."""

    error: AmqpError | None = None


class Received(NamedTuple):
    """Outcome so far: part of the message has arrived."""

    section_number: int
    section_offset: int


class Accepted(NamedTuple):
    """Outcome: the message is stored."""


class Rejected(NamedTuple):
    """Outcome: the message was refused."""

    error: AmqpError | None = None


class Released(NamedTuple):
    """Outcome: the message was not looked at."""


class Modified(NamedTuple):
    """Outcome: the message was not processed."""

    delivery_failed: bool | None = None
    undeliverable_here: bool | None = None
    message_annotations: dict[Any, Any] | None = None


class SaslMechanisms(NamedTuple):
    """Ways to authenticate that the server offers."""

    mechanisms: list[str]


class SaslInit(NamedTuple):
    """The client's choice among them."""

    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


class SaslOutcome(NamedTuple):
    """0: authenticated; 1: refused."""

    code: int
    additional_data: bytes | None = None


# descriptor -> (type, the wire type of each field; "!" where null is not allowed)
_FIELDS: dict[int, tuple[type, str]] = {
    0x10: (Open, "string! string uint ushort uint symbols symbols symbols symbols map"),
    0x11: (Begin, "ushort uint! uint! uint! uint symbols symbols map"),
    0x12: (
        Attach,
        "string! uint! boolean! ubyte ubyte any any map boolean uint ulong symbols symbols map",
    ),
    0x13: (Flow, "uint uint! uint! uint! uint uint uint uint boolean boolean map"),
    0x14: (Transfer, "uint! uint binary uint boolean boolean ubyte any boolean boolean boolean"),
    0x15: (Disposition, "boolean! uint! uint boolean any boolean"),
    0x16: (Detach, "uint! boolean any"),
    0x17: (End, "any"),
    0x18: (Close, "any"),
    0x1D: (AmqpError, "symbol! string map"),
    0x23: (Received, "uint! ulong!"),
    0x24: (Accepted, ""),
    0x25: (Rejected, "any"),
    0x26: (Released, ""),
    0x27: (Modified, "boolean boolean map"),
    0x28: (Source, "any uint symbol uint boolean map symbol map any symbols symbols"),
    0x29: (Target, "any uint symbol uint boolean map symbols"),
    0x40: (SaslMechanisms, "symbols!"),
    0x41: (SaslInit, "symbol! binary string"),
    0x44: (SaslOutcome, "ubyte! binary"),
}

_ENCODE: dict[str, Callable[[Any], bytes]] = {
    "any": encode,
    "boolean": encode,
    "binary": encode,
    "string": encode,
    "map": encode,
    "symbol": lambda value: encode(Symbol(value)),
    "symbols": lambda value: encode(Array(map(Symbol, value))),
    "ubyte": lambda value: encode(Ubyte(value)),
    "ushort": lambda value: encode(Ushort(value)),
    "uint": lambda value: encode(Uint(value)),
    "ulong": lambda value: encode(Ulong(value)),
}
_ACCEPT: dict[str, type | tuple[type, ...]] = {
    "any": object,
    "boolean": bool,
    "binary": bytes,
    "string": str,
    "map": dict,
    "symbol": Symbol,
    "symbols": (Array, Symbol),
    "ubyte": Ubyte,
    "ushort": Ushort,
    "uint": Uint,
    "ulong": Ulong,
}


def _define(descriptor: int, kind: Any, layout: str) -> None:
    wires = [field.rstrip("!") for field in layout.split()]
    needed = [index for index, field in enumerate(layout.split()) if field.endswith("!")]
    head = b"\x00" + encode(Ulong(descriptor))

    def write(value: Any) -> bytes:
        fields = zip(value, wires, strict=True)
        return head + encode_list([b"\x40" if field is None else _ENCODE[wire](field) for field, wire in fields])

    def read(value: Any) -> Any:
        if not isinstance(value, list) or len(value) > len(wires):
            raise DecodeError(f"{kind.__name__.lower()} has fields that it should not have")
        fields = value + [None] * (len(wires) - len(value))
        for index, (field, wire) in enumerate(zip(fields, wires, strict=True)):
            if field is None:
                continue
            if not isinstance(field, _ACCEPT[wire]):
                raise DecodeError(f"{kind.__name__.lower()}.{kind._fields[index]} is not a {wire}")
            if wire == "symbols" and isinstance(field, Symbol):
                fields[index] = Array([field])
        if missing := [kind._fields[index] for index in needed if fields[index] is None]:
            raise DecodeError(f"{kind.__name__.lower()} without {', '.join(missing)}")
        return kind._make(fields)

    register(kind, write, descriptor, read)


for _descriptor, (_kind, _layout) in _FIELDS.items():
    _define(_descriptor, _kind, _layout)
