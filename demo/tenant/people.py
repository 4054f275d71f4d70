"""A person's working days: presence, hours, places, sessions of several operations, and what goes wrong in them."""

from random import Random

from demo.tenant.calls import DAY, HOUR, MINUTE, Call
from demo.tenant.catalogue import Operation
from demo.tenant.habits import Habit
from demo.tenant.identities import Directory, Identity
from demo.tenant.plan import TenantPlan

_FAULTS = (
    "Conflict",
    "BadRequest",
    "NotFound",
    "Forbidden",
    "PreconditionFailed",
    "TooManyRequests",
    "RequestDisallowedByPolicy",
)
_FAULT_WEIGHTS = (30, 24, 18, 14, 6, 6, 4)


def group_name(rng: Random, subscription: int) -> str:
    """Name one of a subscription's resource groups, a few of which see most of the work."""
    return f"rg-{('core', 'shop', 'data', 'edge', 'lab')[subscription % 5]}-{int(rng.expovariate(0.4)) % 12}"


class Person:
    """One person's activity, day by day; days must be asked for in order.

    Parameters
    ----------
    who
        The person.
    plan
        Takes all rates from it.
    directory
        Gives strange addresses for travels.
    """

    def __init__(self, who: Identity, plan: TenantPlan, directory: Directory) -> None:
        rng = self._rng = Random(f"{plan.seed}/person/{who.index}")
        self.who = who
        self.habit = Habit(who, plan)
        self._directory = directory
        self._rate = who.activity * plan.activity
        self._presence = rng.uniform(0.6, 0.96)
        self._at_office = rng.uniform(0.2, 0.9)
        self._fault = plan.failures * 0.02 * rng.lognormvariate(0.0, 0.5)
        self._clumsy = plan.failures * (0.14 if who.first_day else 0.08)
        self._leave = range(0)
        if rng.random() < plan.days / 90:
            first = rng.randrange(plan.days)
            self._leave = range(first, first + rng.choice((5, 9, 12, 16)))

    def day(self, day: int, weekday: int) -> list[Call]:
        """Draw the calls of one day, local to the person; times may lie up to half a day outside of it in UTC."""
        rng = self._rng
        self.habit.pass_day()
        if day in self._leave:
            return []
        if weekday >= 5:
            sessions = 1 if rng.random() < 0.08 * self._rate else 0
        elif rng.random() < self._presence:
            sessions = int(self._rate) + (rng.random() < self._rate % 1)
        else:
            return []
        place = self.place()
        calls: list[Call] = []
        for _ in range(sessions):
            begin = day * DAY + int((self.hour() - self.who.zone) * HOUR)
            calls += self.session(begin, self.habit.session(1 + int(rng.expovariate(1 / 3.2))), place)
        if rng.random() < 0.004:
            calls += self._burst(day, place)
        return calls

    def hour(self) -> float:
        """Draw a local hour of work."""
        rng = self._rng
        lot = rng.random()
        if lot < 0.5:
            return rng.gauss(10.2, 1.2)
        return rng.gauss(14.8, 1.5) if lot < 0.95 else rng.uniform(6.5, 23.0)

    def place(self) -> str:
        """Draw the address of a day."""
        rng = self._rng
        lot = rng.random()
        if lot < 0.02:
            return self._directory.foreign(rng)
        return self.who.networks[0 if lot < self._at_office else 1]

    def session(self, begin: int, operations: list[Operation], place: str) -> list[Call]:
        """Carry out `operations` one after the other, with the failures and second tries of real life."""
        rng = self._rng
        subscription = self.subscription()
        group = group_name(rng, subscription)
        calls = []
        for entry in operations:
            first = entry.action not in self.habit.seen
            failure = ""
            if rng.random() < (self._clumsy if first else self._fault):
                failure = "Forbidden" if first and rng.random() < 0.35 else rng.choices(_FAULTS, _FAULT_WEIGHTS)[0]
            calls.append(Call(begin, self.who, entry, failure, subscription, group, place))
            if failure and rng.random() < 0.4:
                begin += int(rng.uniform(0.4, 3.0) * MINUTE)
                again = failure if rng.random() < 0.4 else ""
                calls.append(Call(begin, self.who, entry, again, subscription, group, place))
            self.habit.seen.add(entry.action)
            begin += int(rng.expovariate(1 / (2.5 * MINUTE))) + 2_000_000
        return calls

    def subscription(self) -> int:
        """Draw a subscription: mostly the first of one's own."""
        rng = self._rng
        if rng.random() < 0.005:
            return rng.randrange(len(self._directory.subscriptions))
        own = self.who.subscriptions
        return own[min(int(rng.expovariate(1.2)), len(own) - 1)]

    def _burst(self, day: int, place: str) -> list[Call]:
        """Clear up: one operation on many resources in a row."""
        rng = self._rng
        known = list(self.habit.usual(self.habit.services()[0]).values())
        entry = rng.choice(known)[0]
        begin = day * DAY + int((self.hour() - self.who.zone) * HOUR)
        subscription = self.subscription()
        calls = []
        for _ in range(rng.randint(20, 90)):
            calls.append(Call(begin, self.who, entry, "", subscription, group_name(rng, subscription), place))
            begin += int(rng.expovariate(1 / 4_000_000))
        self.habit.seen.add(entry.action)
        return calls
