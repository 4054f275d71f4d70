"""Where one attack, or one piece of honest work, is made up: whom it uses, on which day, from where, which calls.

Each draws from random numbers of its own, so that it is the same whatever else is planted; only those whom an earlier
one has taken are taken.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from random import Random
from typing import NamedTuple

from benchmarks.adversary.operations import WANTED
from benchmarks.adversary.world import Life, World
from demo.tenant import DAY, HOUR, MINUTE, Call, Identity, Operation

_LATEST = 22.0  # hour of the day: what begins then is over before the day is


class Attack(NamedTuple):
    """What an attacker does.

    Attributes
    ----------
    steps
        What is malicious, preparations included.
    payload
        What it is all for; empty if there are no preparations.
    cover
        What only hides it.
    """

    steps: tuple[Call, ...]
    payload: tuple[Call, ...] = ()
    cover: tuple[Call, ...] = ()


class UnfitTenantError(ValueError):
    """Nobody of the tenant is fit for a part: it is too small, or too short."""


def anybody(who: Identity) -> bool:
    """Want anybody."""
    return True


class Stage:
    """Makes up one thing.

    Parameters
    ----------
    world
        The tenant.
    key
        Names its random numbers and its strangers.
    taken
        Indexes of those who play another part already; grows.
    """

    def __init__(self, world: World, key: str, taken: set[int]) -> None:
        self.world = world
        self.key = key
        self.rng = Random(f"{world.plan.seed}/adversary/{key}")
        self._taken = taken
        self._strangers = 0

    # Who

    def known(self, wanted: Callable[[Identity], bool] = anybody, days: int = 8, machines: float = 0.15) -> Identity:
        """Draw somebody, free if possible, who has been active on some days before anything happens; mostly people.

        Raises
        ------
        UnfitTenantError
            If there is nobody.
        """
        before = self.world.first
        fit = [
            who
            for who in self.world.those(wanted)
            if who.kind != "first_party"
            and who.role not in {"naming", "delivery"}
            and self.life(who).days(before) >= days
        ]
        if not fit:
            raise UnfitTenantError(f"{self.key}: nobody of the tenant is fit for it")
        person = self.rng.random() >= machines
        free = [who for who in fit if who.index not in self._taken] or fit  # a small tenant has few
        who = self.rng.choice([who for who in free if who.person == person] or free)
        self._taken.add(who.index)
        return who

    def release(self, who: Identity) -> None:
        """Leave somebody to others as well."""
        self._taken.discard(who.index)

    def stranger(self, kind: str, role: str, first_day: int = 0) -> Identity:
        """Make up somebody whom nobody has seen before."""
        self._strangers += 1
        return self.world.directory.stranger(f"{self.key}/{self._strangers}", kind, role, first_day)

    def life(self, who: Identity) -> Life:
        """Return what somebody does."""
        return self.world.life(who)

    # When

    def day(self, length: int = 1) -> int:
        """Draw a working day from which so many days on, itself included, are within what counts."""
        days = [day for day in range(self.world.first, self.world.last - length + 2) if day % 7 < 5]
        return self.rng.choice(days)

    def usual_time(self, who: Identity, day: int) -> int:
        """Draw a moment of that day at which somebody usually works, early enough for what follows: before 22:00."""
        hours = [hour for hour in self.life(who).hours if hour < _LATEST] or [_LATEST]
        return day * DAY + int(self.rng.choice(hours) * HOUR)

    def any_time(self, day: int) -> int:
        """Draw a moment of that day."""
        return day * DAY + int(self.rng.uniform(0.0, 22.0) * HOUR)

    # What and where

    def operations(self, count: int, whos: Iterable[Identity], pool: Sequence[Operation] = WANTED) -> list[Operation]:
        """Draw operations that none of these ever does."""
        known = {action for who in whos for action in self.life(who).operations}
        return self.rng.sample([entry for entry in pool if entry.action not in known], count)

    def strange_place(self) -> str:
        """Draw an address at which nobody lives."""
        return self.world.directory.foreign(self.rng)

    def home(self, who: Identity) -> str:
        """Draw one of somebody's own addresses."""
        return self.rng.choice(who.networks)

    def subscription(self, who: Identity) -> int:
        """Return the subscription in which somebody works most."""
        used = self.life(who).subscriptions
        return used.most_common(1)[0][0] if used else who.subscriptions[0]

    def calls(
        self,
        who: Identity,
        operations: Iterable[Operation],
        begins: int,
        place: str,
        pause: float = 3 * MINUTE,
        failure: str = "",
        subscription: int | None = None,
    ) -> tuple[Call, ...]:
        """Carry out operations one after the other, with so much time (microseconds) between them on average."""
        where = self.subscription(who) if subscription is None else subscription
        group = f"rg-{('core', 'shop', 'data', 'edge', 'lab')[where % 5]}-{self.rng.randrange(6)}"
        end = self.world.plan.days * DAY - 1
        made, time = [], begins
        for entry in operations:
            made.append(Call(min(time, end), who, entry, failure, where, group, place))
            time += int(self.rng.uniform(0.3, 1.7) * pause) + 100_000
        return tuple(made)


def working_days(first: int, every: int, count: int) -> list[int]:
    """Return so many days, each that many working days after the last.

    >>> working_days(3, 2, 3)
    [3, 7, 9]
    """
    days = [day for day in range(first, first + count * every * 2 + 7) if day % 7 < 5]
    return days[: (count - 1) * every + 1 : every]


def actors(calls: Collection[Call]) -> list[Identity]:
    """Return who makes calls, each once."""
    return list({call.who.id: call.who for call in calls}.values())
