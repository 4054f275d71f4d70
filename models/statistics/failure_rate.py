"""How likely an attempt is to fail, for this identity and this action, and less telling when it fails for many.

Beta-binomial back-off from tenant to service to action to identity to the pair. What a failure means together with
other signs is left to the detectors.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from river.base.anomaly_detector import AnomalyDetector
from river.base.typing import FeatureName

from models.statistics.decay import growth, surprise
from models.statistics.keyed import Keyed
from models.statistics.lessons import ByName, by_name
from models.statistics.weights import lightest
from models.stream import NOBODY, Cell, Crowd, Json, Tally, UnexpectedRow, fields, tallied

TENANT_PRIOR = (0.05, 20.0)  # five in a hundred cells of an Azure tenant hold a failure, as a first guess
SERVICE_STRENGTH = 10.0
ACTION_STRENGTH = 5.0
_PERSONAL_STRENGTH = 2.0
PAIR_STRENGTH = 2.0
CROWD_STRENGTH = 2.0
MOST_DISCOUNT = 0.25  # a level lowers its parent's rate no further: the same successes stand behind both
SMALLEST, _LARGEST = 0.002, 0.98
_NONE = (0, 0)
UNKNOWN = ([0.0, 0.0], [0.0, 0.0])


class FailureState:
    """What is remembered of one identity; weights are forward-decayed (`decay.growth`).

    Whoever has more to remember of the same identities makes a subclass of it, so that there is one record of each.

    Attributes
    ----------
    attempts, failures
        Fading number of cells, and of those that held a failed end.
    last_hours
        Newest bucket, in hours from the epoch.
    pairs
        Both numbers for each action that ever failed, since it first did; None before anything failed.
    """

    __slots__ = ("attempts", "failures", "last_hours", "pairs")

    def __init__(self) -> None:
        self.attempts = 0.0
        self.failures = 0.0
        self.last_hours = 0.0
        self.pairs: dict[str, list[float]] | None = None

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        pairs: Json = None if self.pairs is None else {name: list[Json](pair) for name, pair in self.pairs.items()}
        return {
            "attempts": self.attempts, "failures": self.failures, "last_hours": self.last_hours, "pairs": pairs,
        }  # fmt: skip

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        attempts, failures, last_hours, pairs = fields("failures", row, "attempts", "failures", "last_hours", "pairs")
        self.attempts, self.failures, self.last_hours = float(attempts), float(failures), float(last_hours)
        if pairs is not None:
            self.pairs = {intern(name): [float(tried), float(failed)] for name, (tried, failed) in pairs.items()}


class FailureRate(AnomalyDetector):
    r"""Probability that one identity's attempt at one action fails.

    Counts are of cells, fading. Each level is a beta-binomial mean with its parent as prior,
    :math:`p = (f + s \, p_{parent}) / (n + s)`; the identity enters as a factor, its failures over those expected of
    anybody with as many attempts. The pair's own counts begin with its first failure. When the same service fails
    for others in the same bucket, they are added to the estimate: an outage explains a failure.

    Parameters
    ----------
    half_life
        Hours after which a cell counts half.
    max_identities
        Identities remembered; the longest silent are evicted.
    max_actions
        Actions remembered of the tenant; the lightest quarter is dropped.
    max_pairs
        Failing actions remembered of each identity; the lightest quarter is dropped.
    fresh
        Makes the record of a new identity.

    Attributes
    ----------
    evicted
        Actions of the tenant dropped so far.
    states
        The record of each identity, pairs that had to go being its `evicted_values`: all else is the population's.

    Examples
    --------
    Somebody whose deployments succeed, and a job that is refused every hour:

    >>> model = FailureRate()
    >>> for hour in range(200):
    ...     model.learn_one({"actor": "ada", "action": "web/write", "failed": False, "time": float(hour)})
    ...     model.learn_one({"actor": "job", "action": "web/list", "failed": True, "time": float(hour)})
    >>> model.score_one({"actor": "ada", "action": "web/write", "failed": True, "time": 200.0}) > 1.5
    True

    The job's next refusal surprises nobody:

    >>> model.score_one({"actor": "job", "action": "web/list", "failed": True, "time": 200.0}) < 0.1
    True
    """

    def __init__(
        self,
        half_life: float = 720.0,
        max_identities: int = 200_000,
        max_actions: int = 100_000,
        max_pairs: int = 128,
        fresh: Callable[[], FailureState] = FailureState,
    ) -> None:
        self.half_life = half_life
        self.max_identities = max_identities
        self.max_actions = max_actions
        self.max_pairs = max_pairs
        self.fresh = fresh
        self.evicted = 0
        self._tenant = [0.0, 0.0]
        self._services: dict[str, list[float]] = {}
        self._actions: dict[str, tuple[list[float], list[float]]] = {}
        self.states = Keyed(max_identities, fresh)
        self._mine: tuple[Sequence[Cell], dict[str, Tally]] = ((), {})

    def learn_one(self, x: dict[FeatureName, Any]) -> None:
        """Learn one cell: ``x["actor"]`` tried ``x["action"]`` at ``x["time"]`` hours, ``x["failed"]`` or not."""
        actor, action, lessons = str(x.get("actor", "")), str(x.get("action", "")), by_name()
        hours = float(x.get("time", 0.0))
        self.learn(actor, [(action, bool(x.get("failed")))], hours, lessons)
        self.teach(lessons, hours)

    def score_one(self, x: dict[FeatureName, Any]) -> float:
        """Return the surprise of ``x["failed"]``."""
        actor, action = str(x.get("actor", "")), str(x.get("action", ""))
        probability = self.probability(actor, action, float(x.get("time", 0.0)))
        return surprise(probability if x.get("failed") else 1.0 - probability)

    def learn(self, actor: str, tried: Iterable[tuple[str, bool]], hours: float, lessons: ByName) -> None:
        """Learn the cells, action and whether it failed, of one identity in one bucket."""
        weight = growth(hours, self.half_life)
        state = self.states.touch(actor)
        state.last_hours = max(state.last_hours, hours)
        pairs, attempts = state.pairs, state.attempts
        all_attempts, all_failures = lessons["attempts"], lessons["failures"]
        for action, failed in tried:
            all_attempts[action] += 1
            attempts += weight
            if failed:
                all_failures[action] += 1
                state.failures += weight
                pairs = self._fail(state, action, weight)
            elif pairs is not None and action in pairs:
                pairs[action][0] += weight
        state.attempts = attempts

    def teach(self, lessons: Mapping[str, Mapping[str, int]], hours: float) -> None:
        """Apply how often each action was attempted at `hours`, and failed, in the order of the actions."""
        weight = growth(hours, self.half_life)
        services, actions, failures = self._services, self._actions, lessons.get("failures", {})
        for action, attempts in sorted(lessons.get("attempts", {}).items()):
            entry = actions.get(action)
            if entry is None:
                if len(actions) >= self.max_actions:
                    self._drop_lightest_actions()
                entry = actions[action] = ([0.0, 0.0], services.setdefault(action.partition("/")[0], [0.0, 0.0]))
            tried, failed = attempts * weight, failures.get(action, 0) * weight
            for counts in (self._tenant, *entry):
                counts[0] += tried
                counts[1] += failed

    def probability(
        self,
        actor: str,
        action: str,
        hours: float,
        crowd: Crowd | None = None,
        mine: Sequence[Cell] = (),
        *,
        before: int = 0,
    ) -> float:
        """Return the probability, in [0.002, 0.98], that `actor`'s attempt at `action` fails.

        `crowd` is what everybody did in the same bucket and `mine` the part of it that `actor` did: what fails for
        others explains a failure, what else fails for the same identity does not. `before` failures of this very
        pair are imagined on top of those known, for counterfactuals.
        """
        weight = growth(hours, self.half_life)
        common = self.common(action, hours)
        state = self.states.get(actor)
        probability, pair = common, None
        if state is not None:
            tenant = self._tenant_rate(weight)
            expected = state.attempts / weight * tenant
            factor = (state.failures / weight + _PERSONAL_STRENGTH) / (expected + _PERSONAL_STRENGTH)
            probability = min(_LARGEST, common * factor)
            pair = state.pairs.get(action) if state.pairs is not None else None
        if pair is not None or before:
            tried, failed = pair or (0.0, 0.0)
            probability = (failed / weight + before + PAIR_STRENGTH * probability) / (
                tried / weight + before + PAIR_STRENGTH
            )
        if crowd is not None:
            others, failing = self._others(action, crowd, mine)
            probability = max(probability, (failing + CROWD_STRENGTH * probability) / (others + CROWD_STRENGTH))
        return min(_LARGEST, max(SMALLEST, probability))

    def common(self, action: str, hours: float) -> float:
        """Return the probability that anybody's attempt at `action` fails."""
        weight = growth(hours, self.half_life)
        rate = self._tenant_rate(weight)
        for counts, strength in (
            (self._services.get(action.partition("/")[0]), SERVICE_STRENGTH),
            (self._actions[action][0] if action in self._actions else None, ACTION_STRENGTH),
        ):
            if counts is not None:
                own = (counts[1] / weight + strength * rate) / (counts[0] / weight + strength)
                rate = max(own, rate * MOST_DISCOUNT)
        return min(_LARGEST, max(SMALLEST, rate))

    def times_failed(self, actor: str, action: str, hours: float) -> float:
        """Return how many cells of `actor` with `action` have failed, faded to `hours`."""
        state = self.states.get(actor)
        pair = state.pairs.get(action) if state is not None and state.pairs is not None else None
        return pair[1] / growth(hours, self.half_life) if pair is not None else 0.0

    def counts(self, actor: str, action: str, hours: float) -> dict[str, Json]:
        """Return what is known, faded to `hours`, for an explanation."""
        weight = growth(hours, self.half_life)
        state = self.states.get(actor) or FailureState()
        attempts, failures = self._actions.get(action, UNKNOWN)[0]
        pair = (state.pairs or {}).get(action, [0.0, 0.0])
        return {
            "identity_attempts": round(state.attempts / weight, 2),
            "identity_failures": round(state.failures / weight, 2),
            "action_attempts": round(attempts / weight, 2),
            "action_failures": round(failures / weight, 2),
            "pair_failures": round(pair[1] / weight, 2),
        }

    def entries(self) -> int:
        """Return about how many values are remembered."""
        return len(self.states) + len(self._actions)

    def dump(self) -> Iterator[Json]:
        """Yield what the population knows: the number of evictions, then a row for all, a service and an action."""
        yield {"evicted": self.evicted}
        levels = (
            ("tenant", {"": self._tenant}),
            ("service", self._services),
            ("action", {name: counts for name, (counts, _) in self._actions.items()}),
        )
        for level, known in levels:
            for name in sorted(known):
                attempts, failures = known[name]
                yield {"level": level, "name": name, "attempts": attempts, "failures": failures}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace what the population knows by what `dump` gave."""
        self._tenant, self._services, self._actions, self.evicted = [0.0, 0.0], {}, {}, 0
        for number, row in enumerate(rows):
            if number == 0:
                (self.evicted,) = fields("failures", row, "evicted")
                continue
            level, name, *counts = fields("failures", row, "level", "name", "attempts", "failures")
            known = [float(count) for count in counts]
            match level:
                case "tenant":
                    self._tenant = known
                case "service":
                    self._services[name] = known
                case "action":
                    service = self._services.setdefault(name.partition("/")[0], [0.0, 0.0])
                    self._actions[intern(name)] = (known, service)
                case _:
                    raise UnexpectedRow(f"failures: unknown level {level!r}")

    def _tenant_rate(self, weight: float) -> float:
        rate, strength = TENANT_PRIOR
        return (self._tenant[1] / weight + rate * strength) / (self._tenant[0] / weight + strength)

    def _fail(self, state: FailureState, action: str, weight: float) -> dict[str, list[float]]:
        if state.pairs is None:
            state.pairs = {}
        pair = state.pairs.get(action)
        if pair is None:
            if len(state.pairs) >= self.max_pairs:
                tried = {name: pair[0] for name, pair in state.pairs.items()}
                for name in lightest(tried, max(1, self.max_pairs // 4)):
                    del state.pairs[name]
                    self.states.evicted_values += 1
            pair = state.pairs[action] = [0.0, 0.0]
        pair[0] += weight
        pair[1] += weight
        return state.pairs

    def _others(self, action: str, crowd: Crowd, mine: Sequence[Cell]) -> Tally:
        """Return how often others tried this service (or this action, if that fails more) in the bucket, and failed."""
        if self._mine[0] is not mine:
            ends = ((cell.action, 1, int(cell.failures > 0 or cell.denials > 0)) for cell in mine)
            self._mine = (mine, tallied(ends))
        name = action.partition("/")[0]
        everybody, own = crowd.service(name), self._mine[1].get(name, NOBODY)
        others, refused = max(0, everybody.actors - own.actors), max(0, everybody.failing - own.failing)
        tally = crowd.tally(action)
        if tally.actors > 1 and (tally.failing - 1) * others > refused * (tally.actors - 1):
            others, refused = tally.actors - 1, max(0, tally.failing - 1)
        return Tally(others, refused)

    def _drop_lightest_actions(self) -> None:
        tried = {name: counts[0] for name, (counts, _) in self._actions.items()}
        for name in lightest(tried, max(1, self.max_actions // 4)):
            del self._actions[name]
            self.evicted += 1
        services = {name.partition("/")[0] for name in self._actions}
        for service in [service for service in self._services if service not in services]:
            del self._services[service]
