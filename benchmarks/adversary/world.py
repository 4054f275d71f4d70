"""What an attacker who knows the tenant knows: what everybody did, when, from where, in which subscription."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from demo.tenant import DAY, HOUR, Call, Directory, Identity, Operation, Tenant, TenantPlan


@dataclass
class Life:
    """What one identity does by itself, over the whole time that is simulated.

    Attributes
    ----------
    operations
        What it does, by action.
    counts
        How often it did so, by action and day.
    active
        Days on which it did anything.
    hours
        Hours of the day (UTC, with fractions) of its calls.
    subscriptions
        Those that it works in.
    """

    operations: dict[str, Operation] = field(default_factory=dict)
    counts: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    active: set[int] = field(default_factory=set)
    hours: list[float] = field(default_factory=list)
    subscriptions: Counter[int] = field(default_factory=Counter)

    def add(self, call: Call) -> None:
        """Remember a call."""
        action = call.what.action
        self.operations[action] = call.what
        self.counts[action][call.time // DAY] += 1
        self.active.add(call.time // DAY)
        self.hours.append(call.time % DAY / HOUR)
        self.subscriptions[call.subscription] += 1

    def days(self, before: int) -> int:
        """Count the days before that day on which it did anything."""
        return sum(day < before for day in self.active)

    def usual(self, before: int, days: int = 3) -> list[Operation]:
        """Return what it did on so many days before that day, most frequent first."""
        known = {action: sum(day < before for day in counts) for action, counts in self.counts.items()}
        frequent = sorted((action for action in known if known[action] >= days), key=lambda action: -known[action])
        return [self.operations[action] for action in frequent]

    def a_day(self, action: str) -> float:
        """Return how often it does that on a day on which it does it at all, on average."""
        counts = self.counts.get(action)
        return counts.total() / len(counts) if counts else 0.0


class World:
    """A tenant as an attacker may know it.

    Parameters
    ----------
    plan
        The tenant; the attacks of the plan are not part of anybody's life.

    Attributes
    ----------
    directory
        Who there is.
    victims
        Indexes of those whom the plan's own attacks use.
    first, last
        First and last day that counts.
    """

    def __init__(self, plan: TenantPlan) -> None:
        self.plan = plan
        self.directory = Directory(plan)
        self.first, self.last = plan.days * 3 // 7, plan.days - 1
        self._lives: defaultdict[int, Life] = defaultdict(Life)
        # Nobody's own calls depend on attacks, nor on what Azure's services add.
        for call in Tenant(replace(plan, campaigns=0, policies=0.0)).calls():
            self._lives[call.who.index].add(call)
        attacked = {campaign.actor for campaign in Tenant(plan).campaigns}
        self.victims = {who.index for who in self.directory.identities if who.id in attacked}

    def life(self, who: Identity) -> Life:
        """Return what somebody does."""
        return self._lives[who.index]

    def those(self, wanted: Callable[[Identity], bool]) -> list[Identity]:
        """Return everybody of the tenant who is wanted."""
        return [who for who in self.directory.identities if wanted(who)]
