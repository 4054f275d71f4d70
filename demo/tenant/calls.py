"""A call: one operation that somebody performed, before it becomes the several records of the wire."""

from typing import NamedTuple

from demo.tenant.catalogue import Operation
from demo.tenant.identities import Identity

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Call(NamedTuple):
    """One operation performed.

    Attributes
    ----------
    time
        When it began, in microseconds since the tenant's start.
    who, what
        Caller and operation.
    failure
        Azure's status code of a failure such as ``Forbidden``; empty for success.
    subscription, group
        Index of the subscription, name of the resource group.
    address
        Source address, without a port.
    """

    time: int
    who: Identity
    what: Operation
    failure: str
    subscription: int
    group: str
    address: str
