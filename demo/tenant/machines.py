"""What service principals, managed identities and Microsoft's own services do: routines that run by the clock."""

from random import Random
from typing import NamedTuple

from demo.tenant.calls import DAY, HOUR, MINUTE
from demo.tenant.catalogue import POPULARITY, SERVICES, Operation, named, operation
from demo.tenant.identities import Identity
from demo.tenant.plan import TenantPlan

_PROTECTED = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
_APPLICATION = (
    "web", "app", "containerregistry", "storage", "servicebus", "eventhub", "keyvault", "appconfiguration", "insights",
    "documentdb", "sql", "apimanagement", "cdn", "logic", "eventgrid", "datafactory",
)  # fmt: skip
_INFRASTRUCTURE = (
    "network", "compute", "storage", "keyvault", "authorization", "managedidentity", "insights", "containerservice",
    "operationalinsights", "recoveryservices", "policyinsights",
)  # fmt: skip
_FIXED: dict[str, tuple[str, ...]] = {
    "scanner": ("Microsoft.Security/assessments/write",
                "Microsoft.PolicyInsights/policyStates/triggerEvaluation/action",
                "Microsoft.GuestConfiguration/guestConfigurationAssignments/write",
                "Microsoft.Compute/virtualMachines/assessPatches/action"),
    "backup": (f"{_PROTECTED}/backup/action", "Microsoft.Compute/snapshots/write", "Microsoft.Compute/snapshots/delete",
               "Microsoft.Compute/restorePointCollections/restorePoints/write",
               "Microsoft.Compute/snapshots/beginGetAccess/action", "Microsoft.Compute/snapshots/endGetAccess/action"),
    "cost": ("Microsoft.CostManagement/query/action", "Microsoft.CostManagement/exports/run/action",
             "Microsoft.CostManagement/forecast/action", "Microsoft.Advisor/generateRecommendations/action"),
    "delivery": ("Microsoft.Storage/storageAccounts/listKeys/action",),
    "machine": ("Microsoft.Storage/storageAccounts/listKeys/action",
                "Microsoft.Compute/virtualMachines/extensions/write",
                "Microsoft.Network/privateDnsZones/A/write", "Microsoft.Compute/virtualMachines/deallocate/action",
                "Microsoft.Compute/disks/write", "Microsoft.Resources/tags/write"),
    "function": ("Microsoft.EventHub/namespaces/authorizationRules/listKeys/action",
                 "Microsoft.ServiceBus/namespaces/authorizationRules/listKeys/action",
                 "Microsoft.Storage/storageAccounts/listKeys/action", "Microsoft.Web/sites/config/list/action",
                 "Microsoft.Compute/virtualMachines/start/action", "Microsoft.Logic/workflows/run/action"),
    "cluster": ("Microsoft.Network/loadBalancers/write", "Microsoft.Network/networkSecurityGroups/write",
                "Microsoft.Compute/virtualMachineScaleSets/write", "Microsoft.Network/publicIPAddresses/write",
                "Microsoft.Network/routeTables/write", "Microsoft.Compute/disks/write",
                "Microsoft.Compute/disks/delete",
                "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"),
    "policy": ("Microsoft.Resources/deployments/write", "Microsoft.Insights/diagnosticSettings/write",
               "Microsoft.Compute/virtualMachines/extensions/write", "Microsoft.Authorization/roleAssignments/write",
               "Microsoft.Insights/dataCollectionRuleAssociations/write"),
    "restore": ("Microsoft.Compute/restorePointCollections/write",
                "Microsoft.Compute/restorePointCollections/restorePoints/write",
                "Microsoft.Compute/restorePointCollections/restorePoints/delete"),
    "events": ("Microsoft.EventHub/namespaces/authorizationRules/listKeys/action",
               "Microsoft.EventGrid/systemTopics/write"),
    "defender": ("Microsoft.Compute/virtualMachines/extensions/write", "Microsoft.Security/pricings/write",
                 "Microsoft.Compute/snapshots/write", "Microsoft.Compute/snapshots/delete"),
}  # fmt: skip


class _Shape(NamedTuple):
    runs: float
    office: bool
    step: int
    width: int


_SHAPES = {
    "pipeline": _Shape(4.0, True, 20_000_000, 7),
    "infrastructure": _Shape(1.8, True, 12_000_000, 14),
    "naming": _Shape(7.0, True, 15_000_000, 3),
    "scanner": _Shape(6.0, False, 5_000_000, 4),
    "backup": _Shape(2.0, False, 60_000_000, 6),
    "cost": _Shape(5.0, False, 10_000_000, 2),
    "delivery": _Shape(60.0, False, MINUTE, 1),
    "machine": _Shape(1.5, False, MINUTE, 1),
    "function": _Shape(8.0, False, MINUTE, 1),
    "cluster": _Shape(7.0, False, 30_000_000, 3),
    "policy": _Shape(6.0, False, 30_000_000, 2),
    "restore": _Shape(5.0, False, MINUTE, 2),
    "events": _Shape(10.0, False, MINUTE, 1),
    "defender": _Shape(3.0, False, MINUTE, 2),
}


class Run(NamedTuple):
    """One run: when each operation begins (microseconds into the day), what it is, and a failure that always comes."""

    steps: list[tuple[int, Operation]]
    failure: str


class Routine:
    """One machine's routine: a fixed programme, of which a run does most, and now and then a change of the programme.

    Parameters
    ----------
    who
        The machine.
    plan
        Takes `activity`, `drift` and `novelty` from it.
    """

    def __init__(self, who: Identity, plan: TenantPlan) -> None:
        rng = self._rng = Random(f"{plan.seed}/routine/{who.index}")
        self._who = who
        self._shape = _SHAPES[who.role]
        self._rate = self._shape.runs * who.activity * plan.activity
        self._change = 0.0
        self._hour = rng.randrange(24)
        if who.role in _FIXED:
            pool = list(_FIXED[who.role])
            count = len(pool) if who.kind == "first_party" else rng.randint(1, min(len(pool), self._shape.width + 1))
            self._services: list[str] = []
            self._programme = [(named(name), rng.uniform(0.35, 1.0)) for name in rng.sample(pool, count)]
            if who.role == "delivery":
                self._rate = self._shape.runs * plan.activity
        else:
            area = _INFRASTRUCTURE if who.role == "infrastructure" else _APPLICATION
            self._services = [f"microsoft.{name}" for name in rng.sample(area, rng.randint(2, 4))]
            self._programme = [
                (named("Microsoft.Resources/deployments/validate/action"), 0.6),
                (named("Microsoft.Resources/deployments/write"), 0.97),
            ] + [
                (self._another(), rng.choice((0.9, 0.5, 0.15, 0.05))) for _ in range(rng.randint(3, self._shape.width))
            ]
            # Code changes: what a pipeline deploys, changes with it.
            self._change = 0.05 * plan.drift * rng.lognormvariate(0.0, 0.6)

    def _another(self) -> Operation:
        service = self._rng.choice(self._services)
        return self._rng.choices(SERVICES[service], cum_weights=POPULARITY[service])[0]

    def programme(self) -> list[Operation]:
        """Name what it usually does."""
        return [entry for entry, _ in self._programme]

    def day(self, weekday: int) -> list[Run]:
        """Draw the runs of one day; `weekday` is 0 on Mondays."""
        rng = self._rng
        rate = self._rate * (0.12 if self._shape.office and weekday >= 5 else 1.0)
        if self._change and rng.random() < self._change:
            self._programme.append((self._another(), rng.choice((0.9, 0.3, 0.1))))
        runs = []
        for _ in range(int(rate) + (rng.random() < rate % 1)):
            begin = self._begin()
            steps = []
            for entry, share in self._programme:
                if rng.random() < share:
                    steps.append((begin, entry))
                    begin += int(rng.expovariate(1 / self._shape.step)) + 400_000
            if self._who.role == "naming":
                name = f"Microsoft.CustomProviders/resourceProviders/run-{rng.getrandbits(32):08x}/write"
                steps.append((begin, operation(name)))
            runs.append(Run(steps, "Forbidden" if self._who.role == "delivery" else ""))
        return runs

    def _begin(self) -> int:
        rng = self._rng
        if self._shape.office:
            hour = rng.gauss(13.0, 3.0) - self._who.zone
            return int(hour % 24 * HOUR)
        if self._who.role in {"backup", "restore"}:
            return self._hour * HOUR + int(rng.expovariate(1 / (10 * MINUTE))) % HOUR
        return int(rng.random() * DAY)
