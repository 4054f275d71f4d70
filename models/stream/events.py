"""The vocabulary of everything else: who (Actor) did what (action) and how it ended (Outcome), as plain values.

Parsing leaves its work here; windows, detectors and alerts take it from here. Nothing in this module knows where
an event came from.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

from models.stream.json_value import Json
from models.stream.rows import fields
from models.stream.unread import RowsLater


class ActorKind(StrEnum):
    """What sort of identity acts; the first thing that a model backs off to and a reader wants to know."""

    HUMAN = "human"
    GUEST = "guest"
    SERVICE_PRINCIPAL = "service_principal"
    MANAGED_IDENTITY = "managed_identity"
    FIRST_PARTY = "first_party"
    UNKNOWN = "unknown"


def display_name(*names: str) -> str:
    """Return which of several casings of one name to show, whatever their order.

    Mixed case tells where words begin; what is all capitals or all small does not. Among equals the greatest.

    >>> display_name("A/LISTKEYS/ACTION", "A/listKeys/action", "a/listkeys/action")
    'A/listKeys/action'
    """
    return max(names, key=lambda name: (name not in {name.upper(), name.lower()}, name))


class Outcome(IntEnum):
    """How an operation ended, in the order in which records of one operation overrule each other.

    The order makes merging a maximum, and so independent of the order of arrival:

    >>> max(Outcome.SUCCESS, Outcome.STARTED).name
    'SUCCESS'
    """

    STARTED = 0
    SUCCESS = 1
    FAILURE = 2
    DENIED = 3

    @property
    def failed(self) -> bool:
        """Whether the operation did not do what was asked; DENIED is a failure for want of permission."""
        return self >= Outcome.FAILURE


IMAGINED = "\x1e"
"""Begins the key of an identity that there is not: keys of others are stripped of separators."""


class Actor(NamedTuple):
    """One identity.

    Attributes
    ----------
    id
        Stable key, ``tenant/object-id`` in lower case where both are known; never shown alone.
    name
        What a person recognises: user principal name, application or resource name, else an id.
    kind
        Sort of identity.
    """

    id: str
    name: str
    kind: ActorKind

    @property
    def is_imagined(self) -> bool:
        """Whether it stands for peers that somebody vouches for; see `IMAGINED`."""
        return self.id.startswith(IMAGINED)

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {"id": self.id, "name": self.name, "kind": str(self.kind)}

    @classmethod
    def from_row(cls, row: Any) -> "Actor":
        """Restore what `row` gave."""
        return _same_actor(*fields("identity", row, "id", "name", "kind"))

    @classmethod
    def from_block(cls, rows: RowsLater) -> "Iterator[Actor]":
        """Restore a block of what `row` gave; ids are interned, for other tables have them, too."""
        ids, names, kinds = map(rows.column, cls._fields)
        return map(cls, map(intern, ids), map(str, names), map(_KINDS.__getitem__, kinds))


@lru_cache(maxsize=4_096)
def _same_actor(id_: str, name: str, kind: str) -> Actor:
    """Return the very same identity for records that stand close together in a snapshot."""
    return Actor(str(id_), str(name), _KINDS[kind])


_KINDS = {str(kind): kind for kind in ActorKind}


class ActivityEvent(NamedTuple):
    """One record of one operation: an operation usually yields two or three of them.

    Attributes
    ----------
    time
        When it happened, by the sender's clock; aware UTC.
    actor
        Who; records that cannot be attributed carry an actor of kind UNKNOWN, one a tenant.
    action
        Case-folded operation name, for example ``microsoft.compute/virtualmachines/write``.
    action_name
        The same in the casing in which it is shown; see `display_name`.
    outcome
        What this record says of the operation's end.
    operation
        Identity of the operation that this record belongs to: equal for its Start, Accept and end.
    resource
        What it was done to, as it was written; may be empty.
    scope
        Subscription (or management group) in lower case; may be empty.
    address
        Source address without a port; may be empty.
    result
        Status word or code as it was sent, for display; may be empty.
    correlation
        The sender's correlation id; may be empty.
    """

    time: datetime
    actor: Actor
    action: str
    action_name: str
    outcome: Outcome
    operation: str
    resource: str = ""
    scope: str = ""
    address: str = ""
    result: str = ""
    correlation: str = ""

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot.

        >>> from datetime import UTC, datetime
        >>> actor = Actor("t/u", "ann@example.com", ActorKind.HUMAN)
        >>> event = ActivityEvent(datetime(2026, 3, 1, tzinfo=UTC), actor, "a/write", "A/write", Outcome.SUCCESS, "1")
        >>> ActivityEvent.from_row(event.row()) == event
        True
        """
        plain = {"time": self.time.isoformat(), "actor": self.actor.row(), "outcome": int(self.outcome)}
        return {**self._asdict(), **plain}

    @classmethod
    def from_row(cls, row: Any) -> "ActivityEvent":
        """Restore what `row` gave."""
        time, actor, action, action_name, outcome, *texts = fields("event", row, *cls._fields)
        moment = datetime.fromisoformat(str(time))
        return cls(moment, Actor.from_row(actor), action, action_name, Outcome(int(outcome)), *texts)
