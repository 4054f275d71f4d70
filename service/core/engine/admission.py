"""What of a message's events is looked at: none that is too late, and none later than its message was enqueued."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from models.stream import EPOCH, ActivityEvent


class Admitted(NamedTuple):
    """Events of one message that are to be observed.

    Attributes
    ----------
    events
        In their order.
    newest
        Time of the newest of all, those that were too late included; the epoch without any.
    clamped
        Of all, how many claimed to be of a time after their message was enqueued, which they have now instead.
    too_late
        How many are left out.
    """

    events: list[ActivityEvent]
    newest: datetime
    clamped: int
    too_late: int


def admit(events: Iterable[ActivityEvent], enqueued_time: datetime, horizon: timedelta) -> Admitted:
    """Return what is to be observed of events of a message."""
    admitted: list[ActivityEvent] = []
    newest, earliest, clamped, too_late = EPOCH, enqueued_time - horizon, 0, 0
    for event in events:
        time = event.time
        if time > enqueued_time:
            time = enqueued_time
            event = event._replace(time=time)  # noqa: PLW2901 - the clamped one replaces it
            clamped += 1
        if time > newest:  # noqa: PLR1730 - half the time of max() on the hot path
            newest = time
        if time < earliest:
            too_late += 1
        else:
            admitted.append(event)
    return Admitted(admitted, newest, clamped, too_late)
