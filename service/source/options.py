"""The options of the Event Hub source and the events that it reports, as plain frozen values.

Reading configuration, and turning events into metrics and log lines, is left to others.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from azure.core.utils import parse_connection_string

from service.core.messages import EndOffset
from service.core.ports import SourceError

Kind = Literal[
    "unreachable", "unauthorized", "not-found", "bad-position", "stolen", "throttled", "lost", "recreated", "other"
]
"""Why the hub does not serve us; few and fixed, so that it can label a metric."""


class Proxy(NamedTuple):
    """An HTTP proxy for AMQP over websockets, with the name and password that it wants, if any."""

    host: str
    port: int
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """Where to read, and how long to wait for what.

    Attributes
    ----------
    namespace
        Host of the namespace, ``NAME.servicebus.windows.net``; left empty with a connection string.
    hub
        Name of the Event Hub; may be left empty if the connection string carries ``EntityPath``.
    connection_string
        For the emulator and for development; None means a Microsoft Entra identity.
    start
        Where to begin at the very first start. Later, a partition without a position (an idle one, a new one) is
        read from its first message, unless this is a time.
    max_wait
        Seconds after which an idle partition still reports that it is alive. Keep it well above the second or so
        that a failed attempt to attach takes, or such attempts look like a working connection.
    prefetch, max_batch
        Messages in the SDK's buffer a partition, and most in one batch.
    probe_every
        Seconds between two requests for the newest message of each partition.
    silent_after
        Seconds without a sign of life (or with known messages not arriving) until a partition counts as silent and
        its connection is recreated.
    give_up_after
        Seconds of silence after which the source fails although the hub can be reached.
    give_up_unreachable_after
        The same when the hub cannot be reached: a restart would not help, so this is longer.
    recycle_after_messages, recycle_every
        A partition's connection is recreated after so many messages or seconds: what the SDK may hold of all that has
        passed through one is bounded by that, beside what `OnePartitionClient` has it forget.
    start_deadline
        Seconds that `prepare` may take.
    epoch
        Owner level of our receivers; see docs/adr/0004.
    endpoint, ca_file
        Address and certificate authority of a private gateway in front of the namespace.
    proxy
        For the transport websocket.
    tls
        False only for a plain-text hub on the same machine.
    """

    namespace: str = ""
    hub: str = ""
    consumer_group: str = "$Default"
    connection_string: str | None = field(default=None, repr=False)
    start: Literal["earliest", "latest"] | datetime = "earliest"
    max_wait: float = 20.0
    prefetch: int = 300
    max_batch: int = 100
    probe_every: float = 60.0
    silent_after: float = 60.0
    give_up_after: float = 300.0
    give_up_unreachable_after: float = 7200.0
    recycle_after_messages: int = 5_000_000
    recycle_every: float = 86_400.0
    start_deadline: float = 15.0
    idle_timeout: float = 60.0
    balancing_every: float = 10.0
    epoch: int = 1
    transport: Literal["amqp", "websocket"] = "amqp"
    endpoint: str | None = None
    ca_file: str | None = None
    proxy: Proxy | None = field(default=None, repr=False)
    tls: bool = True

    def __post_init__(self) -> None:
        """Refuse what the SDK would refuse less clearly, and limits by which every idle partition would be silent."""
        if self.silent_after < 2 * self.max_wait:
            raise SourceError(
                f"A partition cannot count as silent after {self.silent_after:g} s when an idle one reports only every "
                f"{self.max_wait:g} s: the former must be at least twice the latter."
            )
        if self.connection_string is None:
            if not self.namespace or not self.hub:
                raise SourceError(
                    "No Event Hub to read from: needs either connection_string, or both a namespace "
                    "(NAME.servicebus.windows.net) and a hub."
                )
            return
        settings = _settings(self.connection_string)
        if not self.hub and not settings.get("entitypath"):
            raise SourceError(
                "The connection string names no Event Hub (it has no EntityPath, as those of a whole namespace): "
                "give the name of the hub as well."
            )

    @property
    def host(self) -> str:
        """Host, and port if given, that operators recognise their namespace by."""
        if self.connection_string is None:
            return self.namespace
        return urlsplit(_settings(self.connection_string)["endpoint"]).netloc

    @property
    def hub_name(self) -> str:
        """Name of the hub, wherever it was given."""
        return self.hub or _settings(self.connection_string or "")["entitypath"]


def _settings(connection_string: str) -> dict[str, str]:
    try:
        settings = dict(parse_connection_string(connection_string))
    except ValueError:
        settings = {}
    signed = "sharedaccesssignature" in settings or {"sharedaccesskeyname", "sharedaccesskey"} <= settings.keys()
    if not signed or not urlsplit(settings.get("endpoint", "")).netloc:
        # `from None`, and no quotation: the text may hold a key.
        raise SourceError(
            "The Event Hubs connection string cannot be read. It should look like Endpoint=sb://NAME."
            "servicebus.windows.net/;SharedAccessKeyName=POLICY;SharedAccessKey=KEY;EntityPath=HUB; copy it again "
            "from the hub's shared access policies."
        ) from None
    return settings


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection for a partition is being made; `after` is the last sequence number that we have, if any."""

    partition: str
    after: int | None


@dataclass(frozen=True, slots=True)
class Closed:
    """A partition's connection was closed by us: for good, to recycle it, or because it failed or fell silent."""

    partition: str
    reason: Literal["stop", "recycle", "error", "silent", "stolen", "handler"]


@dataclass(frozen=True, slots=True)
class EndOffsets:
    """The hub's newest messages, partition by partition."""

    end_offsets: tuple[EndOffset, ...]


@dataclass(frozen=True, slots=True)
class SourceTrouble:
    """Something failed and is tried again; `partition` is None where it concerns the hub as a whole."""

    partition: str | None
    kind: Kind
    detail: str


@dataclass(frozen=True, slots=True)
class Expired:
    """`messages` of a partition were dropped by the hub's retention before we read them."""

    partition: str
    messages: int


@dataclass(frozen=True, slots=True)
class Silent:
    """No sign of life from a partition for `seconds`; `reason` is what a closer look found."""

    partition: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """A partition that was silent shows signs of life again."""

    partition: str


SourceEvent = Opened | Closed | EndOffsets | SourceTrouble | Expired | Silent | Recovered
