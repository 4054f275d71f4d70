"""What happens to many at once or once in a while: outages, maintenance, roll-outs, monthly chores, changes of team."""

from random import Random
from typing import NamedTuple

from demo.tenant.calls import DAY, HOUR, MINUTE, Call
from demo.tenant.catalogue import POPULARITY, SERVICES, Operation, named
from demo.tenant.people import Person
from demo.tenant.plan import TenantPlan
from demo.tenant.roles import KIN, ROLES

_CHORES: dict[str, tuple[str, ...]] = {
    "finance": ("Microsoft.Billing/billingAccounts/invoices/download/action", "Microsoft.Consumption/budgets/write",
                "Microsoft.CostManagement/scheduledActions/write", "Microsoft.Capacity/calculatePrice/action"),
    "security": ("Microsoft.Authorization/roleAssignments/delete", "Microsoft.Authorization/policyExemptions/delete",
                 "Microsoft.Storage/storageAccounts/regenerateKey/action", "Microsoft.Security/pricings/write"),
    "platform": ("Microsoft.Storage/storageAccounts/regenerateKey/action", "Microsoft.Compute/images/write",
                 "Microsoft.EventHub/namespaces/authorizationRules/regenerateKeys/action",
                 "Microsoft.ContainerService/managedClusters/rotateClusterCertificates/action"),
    "data": ("Microsoft.Sql/servers/databases/export/action", "Microsoft.Sql/servers/failoverGroups/failover/action",
             "Microsoft.DocumentDB/databaseAccounts/regenerateKey/action"),
    "network": ("Microsoft.Network/applicationGateways/write", "Microsoft.Web/certificates/write",
                "Microsoft.Network/virtualNetworkGateways/reset/action"),
}  # fmt: skip


class Outage(NamedTuple):
    """A service that fails for everybody for a while; times in microseconds since the start."""

    service: str
    begins: int
    ends: int
    share: float


class Maintenance(NamedTuple):
    """A window in which several administrators do much that is rare."""

    begins: int
    hours: float
    persons: tuple[int, ...]
    programme: tuple[Operation, ...]


class Rollout(NamedTuple):
    """A role takes up some operations of one service, person by person, within days."""

    day: int
    role: str
    operations: tuple[Operation, ...]


class Occasions:
    """The calendar of a tenant, drawn from the plan.

    Attributes
    ----------
    outages, maintenance, rollouts
        What is going to happen.
    """

    def __init__(self, plan: TenantPlan, persons: list[Person]) -> None:
        rng = self._rng = Random(f"{plan.seed}/occasions")
        self._plan = plan
        self._persons = persons
        busy = ["compute", "network", "storage", "sql", "web", "resources", "keyvault", "containerservice"]
        self.outages = []
        for _ in range(round(plan.outages * plan.days / 30)):
            begins = rng.randrange(plan.days) * DAY + int(rng.uniform(6, 20) * HOUR)
            length = int(rng.uniform(0.7, 2.5) * HOUR)
            outage = Outage(f"microsoft.{rng.choice(busy)}", begins, begins + length, rng.uniform(0.3, 0.9))
            self.outages.append(outage)
        admins = [i for i, p in enumerate(persons) if p.who.role in {"platform", "network", "data", "security"}]
        self.maintenance = [self._maintenance(admins) for _ in range(round(plan.maintenance * plan.days / 30))]
        self.rollouts = [self._rollout() for _ in range(round(plan.drift * plan.days / 12))]
        self._moves = {
            rng.randrange(max(1, plan.days)): i for i in range(len(persons)) if rng.random() < 0.02 * plan.drift
        }
        self._chore_days = {
            i: rng.randrange(28) for i, p in enumerate(persons) if p.who.role in _CHORES and rng.random() < 0.5
        }

    def _maintenance(self, admins: list[int]) -> Maintenance:
        rng = self._rng
        service = (
            f"microsoft.{rng.choice(['compute', 'network', 'sql', 'containerservice', 'recoveryservices', 'keyvault'])}"
        )
        entries = SERVICES[service]
        tail = rng.sample(entries, min(len(entries), rng.randint(6, 14)))
        persons = tuple(rng.sample(admins, min(len(admins), rng.randint(2, 6))))
        begins = rng.randrange(self._plan.days) * DAY + int(rng.choice((4.5, 18.0, 20.0)) * HOUR)
        return Maintenance(begins, rng.uniform(1.5, 4.0), persons, tuple(tail))

    def _rollout(self) -> Rollout:
        rng = self._rng
        role = rng.choice(["developer", "developer", "platform", "data", "security", "support"])
        service = f"microsoft.{rng.choice(list(ROLES[role]))}"
        found = rng.choices(SERVICES[service], cum_weights=POPULARITY[service], k=rng.randint(2, 5))
        return Rollout(rng.randrange(self._plan.days), role, tuple(dict.fromkeys(found)))

    def day(self, day: int) -> list[Call]:
        """Draw the extra calls of one day, and change the habits of those whom something new reaches."""
        rng = self._rng
        for rollout in self.rollouts:
            if rollout.day <= day < rollout.day + 8:
                for person in self._persons:
                    if person.who.role == rollout.role and rng.random() < 0.06:
                        person.habit.adopt(rng.choice(rollout.operations))
        if day in self._moves:
            person = self._persons[self._moves[day]]
            person.habit.move(rng.choice(KIN[person.who.role]))
        calls: list[Call] = []
        for window in self.maintenance:
            if window.begins // DAY == day:
                calls += self._work(window)
        for index, due in self._chore_days.items():
            person = self._persons[index]
            if day % 28 == due and person.who.first_day <= day:
                names = rng.sample(_CHORES[person.who.role], rng.randint(1, 3))
                begin = day * DAY + int((person.hour() - person.who.zone) * HOUR)
                calls += person.session(begin, [named(name) for name in names], person.place())
        return calls

    def _work(self, window: Maintenance) -> list[Call]:
        rng = self._rng
        calls: list[Call] = []
        for index in window.persons:
            person = self._persons[index]
            if person.who.first_day * DAY > window.begins:
                continue
            place = person.place()
            for _ in range(rng.randint(2, 5)):
                begin = window.begins + int(rng.random() * window.hours * HOUR) + int(rng.random() * MINUTE)
                calls += person.session(begin, rng.choices(window.programme, k=rng.randint(3, 9)), place)
        return calls
