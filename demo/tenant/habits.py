"""What a person usually does: a personal mix around the role's services, with a long tail, that drifts with time."""

from itertools import accumulate
from random import Random

from demo.tenant.catalogue import POPULARITY, SERVICES, Operation
from demo.tenant.identities import Identity
from demo.tenant.plan import TenantPlan
from demo.tenant.roles import KIN, ROLES

_ALL_SERVICES = tuple(SERVICES)
_FOCUS = 0.2  # shape of the gamma that draws a person's mix: the lower, the fewer of the role's services matter
_CURIOSITY = 0.03  # median share of operations that are not chosen by habit


class Habit:
    """One person's repertoire: which services, which operations of each, and how readily they try another.

    A session stays around one service. Each of its operations is usually one of the person's *usual* ones of that
    service (few, with Zipf-like weights of their own), sometimes any of the service's, by its popularity.

    Parameters
    ----------
    who
        The person.
    plan
        Takes `novelty` and `drift` from it.
    """

    def __init__(self, who: Identity, plan: TenantPlan) -> None:
        self._rng = Random(f"{plan.seed}/habit/{who.index}")
        rng = self._rng
        role = who.role
        mix = {f"microsoft.{name}": w * rng.gammavariate(_FOCUS, 1.0) for name, w in ROLES[role].items()}
        kept = sorted(mix, key=lambda name: -mix[name])[: 3 + int(rng.expovariate(1 / 2.5))]
        self._services: dict[str, float] = {name: mix[name] for name in kept}
        self._services.setdefault(f"microsoft.{rng.choice(list(ROLES[rng.choice(KIN[role])]))}", 0.05)
        self._area = tuple(mix)
        self._usual: dict[str, dict[str, tuple[Operation, float]]] = {}
        # Most people hardly ever leave their path; a few do all the time.
        self._curiosity = min(0.3, plan.novelty * _CURIOSITY * rng.lognormvariate(0.0, 0.8))
        self._drift = plan.drift * 0.025 * rng.lognormvariate(0.0, 0.6)
        self.seen: set[str] = set()
        self._remix()

    def _remix(self) -> None:
        self._names = list(self._services)
        self._running = list(accumulate(self._services.values()))

    def services(self) -> list[str]:
        """Name the person's services, favourite first."""
        return sorted(self._services, key=lambda name: -self._services[name])

    def usual(self, service: str) -> dict[str, tuple[Operation, float]]:
        """Return the person's usual operations of `service` with their weights, drawn at first need."""
        known = self._usual.get(service)
        if known is None:
            rng = self._rng
            entries, running = SERVICES[service], POPULARITY[service]
            known = {}
            for _ in range(2 + int(rng.expovariate(1 / 2.8))):
                entry = rng.choices(entries, cum_weights=running)[0]
                known.setdefault(entry.action, (entry, entry.weight * rng.lognormvariate(0.0, 1.2)))
            self._usual[service] = known
        return known

    def session(self, length: int) -> list[Operation]:
        """Draw the operations of one session."""
        rng = self._rng
        service = self._service()
        curiosity = self._curiosity
        if rng.random() < 0.7 * curiosity:
            # A project leads somebody through a part of a service that they do not know yet.
            service = self._elsewhere()
            curiosity, length = 0.75, length + rng.randint(2, 8)
        done: list[Operation] = []
        for _ in range(length):
            if rng.random() < 0.1:
                service = self._service()
            if rng.random() < curiosity:
                entry = rng.choices(SERVICES[service], cum_weights=POPULARITY[service])[0]
            else:
                known = list(self.usual(service).values())
                entry = rng.choices([k for k, _ in known], weights=[w for _, w in known])[0]
            done.append(entry)
        return done

    def _service(self) -> str:
        return self._rng.choices(self._names, cum_weights=self._running)[0]

    def _elsewhere(self) -> str:
        rng = self._rng
        lot = rng.random()
        if lot < 0.45:
            return self._service()
        return rng.choice(self._area if lot < 0.9 else _ALL_SERVICES)

    def pass_day(self) -> None:
        """Let a day go by: now and then a new operation becomes usual, rarely a new service does."""
        rng = self._rng
        if rng.random() < self._drift * 4:
            service = self._service()
            entry = rng.choices(SERVICES[service], cum_weights=POPULARITY[service])[0]
            self.adopt(entry)
        if rng.random() < self._drift / 6:
            self._services.setdefault(f"microsoft.{rng.choice(list(ROLES[rng.choice(list(ROLES))]))}", 1.5)
            self._remix()

    def adopt(self, entry: Operation) -> None:
        """Make an operation a usual one."""
        self.usual(entry.service)[entry.action] = (entry, 0.4)
        if entry.service not in self._services:
            self._services[entry.service] = 1.0
            self._remix()

    def move(self, role: str) -> None:
        """Join another team: its services come on top, the old ones fade."""
        rng = self._rng
        for name in self._services:
            self._services[name] *= 0.15
        for name, weight in ROLES[role].items():
            key = f"microsoft.{name}"
            self._services[key] = self._services.get(key, 0.0) + weight * rng.gammavariate(_FOCUS, 1.0)
        self._remix()
