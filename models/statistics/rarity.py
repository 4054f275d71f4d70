"""How likely one identity is to do one action now: what it did itself, backed off to what others have adopted.

The rarity model: a bounded memory of habits, on top of `novelty` (does it do anything new?) and `backoff` (which
new thing?). Outcome, evidence, context and the scale are left to the detectors.
"""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from river.base.anomaly_detector import AnomalyDetector
from river.base.typing import FeatureName

from models.statistics.backoff import TENANT, Backoff, newcomers
from models.statistics.decay import growth, surprise
from models.statistics.habits import Habit
from models.statistics.keyed import Headcount, Keyed
from models.statistics.lessons import ByName, Lessons
from models.statistics.novelty import NoveltyRate
from models.statistics.rhythm import Rhythms, day_of, off_hours, with_hour
from models.stream import Crowd, Part

BUCKETS_A_DAY = 4.0  # active buckets of a day that count fully; the k-th beyond counts 4/k
RELIANCE = 1.3  # exponent of the novelty rate: what an identity itself does is known better than what its peers do
TRUST = 0.8  # exponent of the peers' probability: 1 would believe what a few adoptions say, 0 ignore it
FAILED_CREDIT = 0.3  # what an attempt that only failed teaches, compared with one that succeeded
MOST_HELD = 64
INVENTIONS_FREE = 5  # first-in-tenant actions before an identity counts as one that makes up names
INVENTOR_SHARE = 0.1
DAY = 24.0
MADE = 0.03  # least probability of deleting what one is in the habit of making
MADE_OFTEN = 2.0  # active buckets that make a habit of it
SETTLED_AFTER = (
    5  # active days from which on an identity is no newcomer: what newcomers do makes nothing ordinary for it
)
NETWORK, SCOPE = 1, 2  # aspects of novelty, beside that of actions


class Likelihood(NamedTuple):
    """How likely, with the numbers it came from; both factors after their exponents.

    ``probability = min(1, max(least, own + novelty * base))``
    """

    probability: float
    own: float
    novelty: float
    base: float
    least: float = 0.0


class Rarity(AnomalyDetector):
    r"""Pitman-Yor probability of an action with a learnt novelty rate.

    With w the fading number of an identity's active buckets that hold the action, n that of its active buckets,

    .. math:: p(a \mid u) = \frac{\max(w - d, 0)}{n + \theta} + \nu(u)^{1.3} \, p_{base}(a \mid u)^{0.8}

    where :math:`\nu` comes from `NoveltyRate` and :math:`p_{base}` from `Backoff`. The exponents are there because
    which new thing it is rests on few adoptions, and tells less than that it is new at all. An identity that keeps
    doing what nobody did before (names made up by every run) has a floor under :math:`p_{base}` that rises with its
    share of such inventions: it mutes itself, without a list.

    Parameters
    ----------
    discount, concentration
        d and theta.
    half_life
        Hours after which an active bucket counts half.
    max_identities
        Identities remembered; the longest silent are evicted.
    max_actions
        Actions remembered of each identity; the lightest quarter is dropped.

    Attributes
    ----------
    habits
        The memory of each identity: all else is the population's.
    headcount, backoff, novelty, rhythms
        How many identities there are, what they have adopted, how often they do new things, and when they are active.

    Examples
    --------
    >>> model = Rarity()
    >>> for hour in range(200):
    ...     for person in ("ada", "ben", "eve"):
    ...         model.learn_one({"actor": person, "action": "compute/read", "time": 500_000.0 + hour})
    >>> now = {"actor": "eve", "time": 500_200.0}
    >>> model.score_one({**now, "action": "authorization/write"}) > 5.0
    True
    >>> model.score_one({**now, "action": "compute/read"}) < 0.1
    True
    """

    def __init__(
        self,
        discount: float = 0.5,
        concentration: float = 1.0,
        half_life: float = 720.0,
        max_identities: int = 200_000,
        max_actions: int = 512,
    ) -> None:
        self.discount = discount
        self.concentration = concentration
        self.half_life = half_life
        self.max_identities = max_identities
        self.max_actions = max_actions
        self.backoff = Backoff(discount, concentration)
        self.novelty = NoveltyRate(aspects=3)
        self.rhythms = Rhythms()
        self.headcount = Headcount()
        self.habits = Keyed(max_identities, Habit)

    def learn_one(self, x: dict[FeatureName, Any]) -> None:
        """Learn that ``x["actor"]``, of ``x["kind"]``, did ``x["action"]`` in the bucket at ``x["time"]`` hours."""
        lessons = Lessons(float(x.get("time", 0.0)))
        tried = [(str(x.get("action", "")), bool(x.get("failed")))]
        self.learn(str(x.get("actor", "")), str(x.get("kind", "unknown")), tried, lessons)
        self.teach(lessons)

    def score_one(self, x: dict[FeatureName, Any]) -> float:
        """Return the surprise of ``x["action"]`` by ``x["actor"]`` at ``x["time"]``."""
        habit = self.habits.get(str(x.get("actor", "")))
        action, kind = str(x.get("action", "")), str(x.get("kind", "unknown"))
        return surprise(self.likelihood(habit, action, kind, float(x.get("time", 0.0))).probability)

    def moved(self, habit: Habit, networks: Collection[str], scopes: Collection[str]) -> tuple[float, float]:
        """Return how surprising these networks and scopes are: 0 for known ones."""
        kind, buckets = habit.kind, habit.buckets
        network = scope = 0.0
        if habit.networks.new(networks):
            network = surprise(self.novelty.rate(kind, buckets, habit.networks.moves, NETWORK))
        if habit.scopes.new(scopes):
            scope = surprise(self.novelty.rate(kind, buckets, habit.scopes.moves, SCOPE))
        return network, scope

    def off_hours(self, habit: Habit, hours: float) -> float:
        """Return how surprising the hour of the day is."""
        return off_hours(habit.rhythm, self.rhythms.of(habit.kind), int(hours % DAY))

    def likelihood(
        self,
        habit: Habit | None,
        action: str,
        kind: str,
        hours: float,
        session: Collection[str] = (),
        extra: int = 0,
        guarded: bool = False,
        least: float = 0.0,
    ) -> Likelihood:
        """Return how likely an identity with this habit (None: never seen) is to do `action`.

        `session` are the services it is already using; `extra` adopters are imagined, for counterfactuals. A
        `guarded` action is one that an identity cannot make much likelier by doing other new things first, nor by
        letting newcomers do it. `least` is how likely it is at least, if the identity is known.
        """
        established = guarded and _is_established(habit)
        common = math.pow(self.backoff.probability(action, kind, session, extra, guarded, established), TRUST)
        if habit is None:
            rate = math.pow(self.novelty.rate(kind, 0, 0), RELIANCE)
            return Likelihood(rate * common, 0.0, rate, common)
        own = max(0.0, *self.own(habit, (action,), hours))
        rate = math.pow(self.novelty.rate(kind, habit.buckets, habit.novel, guarded=guarded), RELIANCE)
        if habit.inventions > INVENTIONS_FREE and not guarded:
            share = (habit.inventions - INVENTIONS_FREE) / (habit.novel + 20.0)
            common = max(common, INVENTOR_SHARE * min(1.0, share))
        return Likelihood(min(1.0, max(least, own + rate * common)), own, rate, common, least)

    def newcomers_left_out(self, habit: Habit | None, action: str, guarded: bool) -> int:
        """Return how many newcomers have done `action` that are not taken for this identity's peers."""
        return self.backoff.adopters(action, newcomers(TENANT)) if guarded and _is_established(habit) else 0

    def makes(self, habit: Habit, action: str, hours: float) -> bool:
        """Whether `action` deletes what the identity is in the habit of making."""
        if not action.endswith("/delete"):
            return False
        return habit.actions.known(action.removesuffix("delete") + "write") > MADE_OFTEN * growth(hours, self.half_life)

    def own_in_vain(self, habit: Habit, times: float, hours: float) -> float:
        """Return how likely an identity tries, and fails, what it has tried in vain so many (fading) times."""
        total = habit.weight / growth(hours, self.half_life) + self.concentration
        return max(0.0, FAILED_CREDIT * times - self.discount) / total

    def own(self, habit: Habit | None, actions: Collection[str], hours: float) -> list[float]:
        """Return how likely an identity does each of these actions by its own habit alone; not above 0 if it is new.

        That says all of a bucket's everyday work, for a fraction of the price of `likelihood`.
        """
        if habit is None:
            return [0.0] * len(actions)
        weight, known, discount = growth(hours, self.half_life), habit.actions.known, self.discount
        total = habit.weight / weight + self.concentration
        return [(known(action) / weight - discount) / total for action in actions]

    def learn(
        self,
        actor: str,
        kind: str,
        tried: Sequence[tuple[str, bool]],
        lessons: Lessons,
        held: Collection[str] = (),
        late: bool = False,
        places: tuple[Collection[str], Collection[str]] = ((), ()),
        crowd: Crowd | None = None,
        guarded: Callable[[str], bool] = lambda action: False,
        settled: bool = False,
    ) -> Habit:
        """Learn one identity's bucket.

        Parameters
        ----------
        actor, kind
            Who, of which sort.
        tried
            Distinct actions, and whether all that came of them was failure.
        lessons
            Those of the bucket: they say when it was, and get what it teaches the population.
        held
            Those told as unusual: they teach only when they recur on another day.
        late
            Whether the bucket had been learnt before and this comes on top.
        places
            Networks and scopes that it acted from and in.
        crowd
            What everybody did in that bucket: what several did is nobody's invention.
        guarded
            Whether intruders need an action: attempts at these that only failed teach nothing, and what newcomers do of
            them is counted by itself.
        settled
            Whether it is no newcomer, however few days it was active on.

        Returns
        -------
        Habit
            The identity's memory, with this bucket in it.
        """
        hours, adoptions = lessons.hours, lessons.by_name["backoff"]
        for _, evicted in self.habits.make_room(actor, lessons):
            _adopt(adoptions, evicted, evicted.actions, guarded, -1)
        habit = self._habit(actor, kind, lessons, guarded)
        day, days = day_of(hours), habit.days
        weight = growth(hours, self.half_life) * self._credit(habit, day, late)
        if settled:
            habit.days = max(habit.days, SETTLED_AFTER)
        _settle(adoptions, habit, days, guarded)
        novel = False
        actions = habit.actions
        for action, failed in tried:
            if failed and guarded(action):
                continue
            if action in held and self._hold(habit, action, day):
                novel = novel or action not in actions
                continue
            lesson = weight * FAILED_CREDIT if failed else weight
            if not actions.raised(action, lesson):
                novel = True
                if len(actions) >= self.max_actions:
                    self._make_room(habit, adoptions, guarded)
                habit.inventions += not self.backoff.adopters(action) and not _shared(action, crowd)
                _adopt(adoptions, habit, (action,), guarded, 1)
                actions.add(action, lesson)
        if not late:
            habit.weight += weight
            moved = self._visit(habit, places)
            if self.novelty.is_typical(kind, habit.buckets, habit.novel):
                self.novelty.learn(kind, habit.buckets, (novel, *moved), lessons.by_number["novelty"])
            habit.buckets += 1
            habit.novel += novel
            hour = int(hours % DAY)
            habit.rhythm = with_hour(habit.rhythm, hour)
            lessons.by_number["rhythms"][kind][hour] += 1
        habit.last_hours = max(hours, habit.last_hours)
        return habit

    def teach(self, lessons: Lessons) -> None:
        """Apply what a bucket's identities taught the population."""
        self.headcount.teach(lessons)
        self.backoff.teach(lessons.by_name["backoff"])
        self.novelty.teach(lessons.by_number["novelty"], lessons.hours)
        self.rhythms.teach(lessons.by_number["rhythms"])

    def entries(self) -> int:
        """Return about how many values are remembered, from what the population knows."""
        return len(self.habits) + self.backoff.adoptions()

    def parts(self) -> dict[str, Part]:
        """Return what the population knows, by the names under which it is saved; the rest are the `habits`."""
        return {
            "identities": self.headcount,
            "backoff": self.backoff,
            "novelty": self.novelty,
            "rhythms": self.rhythms,
        }

    def _habit(self, actor: str, kind: str, lessons: Lessons, guarded: Callable[[str], bool]) -> Habit:
        """Return the memory of an identity; what it has adopted moves along if it is of another kind now."""
        habit, adoptions = self.habits.touch(actor, lessons), lessons.by_name["backoff"]
        if habit.kind != kind:
            _adopt(adoptions, habit, habit.actions, guarded, -1)
            habit.kind = kind
            _adopt(adoptions, habit, habit.actions, guarded, 1)
        return habit

    def _credit(self, habit: Habit, day: int, late: bool) -> float:
        """Return what a bucket of that day counts; a busy day is worth little more than a short one."""
        if day > habit.day:
            habit.day, habit.today, habit.worst = day, 0, -1.0
            habit.days += 1
        habit.today += not late
        return min(1.0, BUCKETS_A_DAY / max(1, habit.today))

    def _hold(self, habit: Habit, action: str, day: int) -> bool:
        """Return whether an action told as unusual has to wait for another day before it teaches."""
        if habit.held is None:
            habit.held = {}
        if habit.held.setdefault(action, day) >= day:
            if len(habit.held) > MOST_HELD:
                del habit.held[min(habit.held, key=habit.held.__getitem__)]
            return True
        del habit.held[action]
        if not habit.held:
            habit.held = None
        return False

    @staticmethod
    def _visit(habit: Habit, places: tuple[Collection[str], Collection[str]]) -> tuple[bool, bool]:
        """Remember where an identity was, and say whether network and scope were new to it."""
        networks, scopes = habit.networks, habit.scopes
        habit.networks, habit.scopes = networks.visited(places[0]), scopes.visited(places[1])
        return habit.networks.moves > networks.moves, habit.scopes.moves > scopes.moves

    def _make_room(self, habit: Habit, adoptions: ByName, guarded: Callable[[str], bool]) -> None:
        lightest = habit.actions.lightest(max(1, self.max_actions // 4))
        habit.actions.remove(lightest)
        _adopt(adoptions, habit, lightest, guarded, -1)
        self.habits.evicted_values += len(lightest)


def _is_established(habit: Habit | None) -> bool:
    return habit is not None and habit.days >= SETTLED_AFTER


def _settle(adoptions: ByName, habit: Habit, days: int, guarded: Callable[[str], bool]) -> None:
    """Count what an identity that had `days` active days before has adopted among newcomers no more, if it is none."""
    if days < SETTLED_AFTER <= habit.days:
        of_newcomers = adoptions[newcomers(habit.kind)]
        for action in filter(guarded, habit.actions):
            of_newcomers[action] -= 1


def _adopt(
    adoptions: ByName, habit: Habit, actions: Iterable[str], guarded: Callable[[str], bool], number: int
) -> None:
    """Count one identity's adoptions of these actions, or take them back; a newcomer's of guarded ones once more."""
    of_kind, is_new = adoptions[habit.kind], habit.days < SETTLED_AFTER
    for action in actions:
        of_kind[action] += number
        if is_new and guarded(action):
            adoptions[newcomers(habit.kind)][action] += number


def _shared(action: str, crowd: Crowd | None) -> bool:
    return crowd is not None and crowd.tally(action).actors > 1
