"""Says whose records without claims are, by what the claims of others say: over all that is read, never by its order.

A Log Analytics export can hold rows without claims; they name their caller by an address or an id and no tenant. One
record does not tell who that is, so a live service cannot know it: what it calls an identity would depend on what came
first. Files are read as a whole before the first record is judged. A name that claims give to two people is nobody's.
"""

import re
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final

from models.stream import ActivityEvent, Actor

MOST_NAMES: Final = 100_000
"""Names that are held; beyond that those with the smallest digests, whatever was read first."""

_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_BARE = "-/"
_DIGEST = 8


class Aliases:
    """Names and ids by which claims call identities.

    Parameters
    ----------
    limit
        Names that are held.
    """

    def __init__(self, limit: int = MOST_NAMES) -> None:
        self._limit = limit
        self._named: dict[str, Actor | None] = {}
        self._noted: dict[str, Actor] = {}
        self._bare = False
        self._farthest = b"\xff" * _DIGEST

    def note(self, events: Iterable[ActivityEvent]) -> None:
        """Take in what events say of who is called what."""
        noted = self._noted
        for event in events:
            actor = event.actor
            if noted.get(actor.id) is not actor:  # the parser makes equal ones one object
                noted[actor.id] = actor
                self._learn(actor)
        if len(noted) > self._limit:
            noted.clear()
        if len(self._named) > 2 * self._limit:
            self._keep_nearest()

    def resolver(self) -> Callable[[ActivityEvent], ActivityEvent] | None:
        """Return what gives an event the identity that its caller is, or None if all that was noted have their own."""
        if len(self._named) > self._limit:
            self._keep_nearest()
        return self._resolve if self._bare else None

    def _resolve(self, event: ActivityEvent) -> ActivityEvent:
        if not event.actor.id.startswith(_BARE):
            return event
        actor = self._named.get(event.actor.id.removeprefix(_BARE))
        return event if actor is None else event._replace(actor=actor)

    def _learn(self, actor: Actor) -> None:
        tenant, _, key = actor.id.partition("/")
        if tenant == "-":
            self._bare = self._bare or _is_name(key)
        elif _ID.fullmatch(key):
            for name in {key, actor.name.lower()}:
                if _is_name(name) and _digest(name) <= self._farthest:
                    known = self._named.setdefault(name, actor)
                    if known is not None:
                        self._named[name] = min(known, actor) if known.id == actor.id else None

    def _keep_nearest(self) -> None:
        nearest = sorted(self._named, key=_digest)[: self._limit]
        self._farthest = _digest(nearest[-1])
        self._named = {name: self._named[name] for name in nearest}


def _is_name(text: str) -> bool:
    return "@" in text or _ID.fullmatch(text) is not None


def _digest(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "replace"), digest_size=_DIGEST).digest()
