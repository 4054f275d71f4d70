"""What the application is made of, and how often it does what: named here, built elsewhere."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from service.core.parsing import ActivityLogParser
from service.core.ports import Clock, DeadLetterStore, Lease, Sink, Source
from service.delivery import Dispatcher
from service.history import Room, Shipping
from service.monitoring import HttpServer
from service.owners import OwnersWatch
from service.source import SourceEvent
from service.storage import State, Suspects
from service.suppressions import SuppressionWatch
from service.telemetry import Telemetry
from service.verdicts import VerdictWatch

if TYPE_CHECKING:
    from service.console import Console


class ServiceSchedule(NamedTuple):
    """How often things happen.

    Attributes
    ----------
    every, window
        Time between two evaluations, and how far each looks back.
    snapshot_every
        Time between two snapshots, if something has changed.
    grace
        How long stopping may take.
    lag_every, coverage_every, secrets_every
        Time between two samples of the event loop's lag, two checks for coverage gaps, two of the files with secrets.
    """

    every: timedelta
    window: timedelta
    snapshot_every: timedelta
    grace: timedelta
    lag_every: timedelta = timedelta(seconds=1)
    coverage_every: timedelta = timedelta(minutes=5)
    secrets_every: timedelta = timedelta(seconds=10)


class Components(NamedTuple):
    """Everything that the application drives.

    Attributes
    ----------
    open_source, open_dispatcher
        Make these, given who observes the source, and what to await once messages have been settled.
    dead_letter
        Where rejected records go; None when they are only counted.
    start
        Where to begin in a partition without a position: ``earliest``, ``latest`` or an instant.
    resources
        Closed at the end.
    suppressions
        Watches the suppressions file, if there is one.
    owners
        Watches the file of owners, if there is one.
    verdicts
        Watches the journal of verdicts.
    unusable_secret_files
        Says by sink which files with its secrets cannot be used now.
    suspects
        Remembers which message was being read when the process ended.
    learn_history
        Learns history into the store that the state is restored from; asked once, when there is no state. Returns
        whether there is one now; None if an empty state is to stay empty.
    lease
        What one of two instances holds; `service.standby` waits for it. None if there is no other instance.
    console
        Shows people what happened, if it is to be served.
    history_room
        Waits until the history takes what is brought next; None if there is no history.
    shipping
        Keeps the history elsewhere as well, and fetches it from there.
    """

    clock: Clock
    parser: ActivityLogParser
    state: State
    open_source: Callable[[Callable[[SourceEvent], None]], Source]
    open_dispatcher: Callable[[Callable[[], Awaitable[None]]], Dispatcher]
    sinks: Sequence[Sink]
    dead_letter: DeadLetterStore | None
    server: HttpServer
    telemetry: Telemetry
    schedule: ServiceSchedule
    start: str | datetime
    resources: AsyncExitStack
    suppressions: SuppressionWatch | None = None
    owners: OwnersWatch | None = None
    verdicts: VerdictWatch | None = None
    unusable_secret_files: Callable[[], Mapping[str, Sequence[str]]] = dict
    learn_history: Callable[[], Awaitable[bool]] | None = None
    suspects: Suspects = Suspects(None)
    lease: Lease | None = None
    console: "Console | None" = None
    shipping: Shipping | None = None
    history_room: Room | None = None
