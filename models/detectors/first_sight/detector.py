"""First sight: an identity that nobody has seen before does at once what intruders need.

Every other detector compares an identity with its own past, and so must wait until it has one. Here it is compared
with how identities of its kind begin: how often, from where, when, and with what. It is judged on its first day and
the next; from then on it has habits, and is the others'.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Declaration, Memory
from models.detectors.counterfactual import imagined, least_below, more_of
from models.detectors.first_sight.declaration import DECLARATION, NAME, why_unusual
from models.detectors.sensitivity import SENSITIVE, tactic, weighing
from models.detectors.stateful import StatefulDetector
from models.statistics import (
    Arrivals,
    Beginnings,
    Keyed,
    LastUsed,
    Lessons,
    Rhythms,
    UserDays,
    UserDayState,
    network,
    off_hours,
    surprise,
)
from models.stream import ActorBucket, Cell, Crowd, Json, Part, fields

_FROM = 0.6  # least sensitivity that is judged
_OFF = 0.5  # of how odd the hour is for its kind: nothing is known of its own hours
_MORE = 0.5  # of what the other tactics of the hour come to
_ONLY = 1.5  # honest beginners look around and work; who came for one thing does that alone
_LATER = -1.0  # powers of ten: after the first hour, work that came with the identity mixes in
_LOOKS = 6.0  # those that `looks` counts, and itself; were it counted there, the scores of all others would fall
_MOST_NEWCOMERS = 0.5  # of active days: while most are somebody's first, as in a new tenant, that says nothing
_MOST_NETWORKS = 50_000
_MOST_DONE = 32  # actions remembered of an identity's first days, so that each is counted once


class FirstSightState(UserDayState):
    """When an identity was seen first, and what sensitive it did on its first two days.

    Attributes
    ----------
    begun
        Its first day from the epoch, -1 before that.
    done
        Sensitive actions of that day and the next; none later.
    """

    __slots__ = ("begun", "done")

    def __init__(self) -> None:
        super().__init__()
        self.begun = -1
        self.done: tuple[str, ...] = ()

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {"user_day": super().row(), "begun": self.begun, "done": list[Json](self.done)}

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        user_day, begun, done = fields("state", row, "user_day", "begun", "done")
        super().restore(user_day)
        self.begun, self.done = int(begun), tuple(str(action) for action in done)


class _Hour(NamedTuple):
    """What an identity did in an hour of its first days, as far as all of its cells have it in common."""

    sensitive: Sequence[tuple[Cell, str, float]]  # with tactic and sensitivity
    operations: int
    networks: tuple[str, ...]
    unknown: bool
    rhythm: bytes
    hour: int
    later: bool


class FirstSight(StatefulDetector[FirstSightState]):
    """Scores each sensitive cell of an identity on the day on which it is seen first, and on the next.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    max_identities
        Identities remembered: one that is forgotten counts as never seen.
    half_life_days
        Days after which somebody's beginning counts half.
    sensitive
        Additional surprise, in powers of ten, by operation (`sensitivity`); from 0.6 on it is judged.
    """

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(
        self,
        explain_from: float = 40.0,
        max_identities: int = 200_000,
        half_life_days: float = 10.0,
        sensitive: Mapping[str, float] = SENSITIVE,
    ) -> None:
        self.explain_from = explain_from
        self.weigh = weighing(sensitive)
        self.arrivals = Arrivals(half_life=half_life_days * 24.0)
        self.rhythms = Rhythms()
        self.networks = LastUsed(_MOST_NETWORKS)
        self.user_days = UserDays(floor=1.5, prior=0.005, location=1.5, slope=0.5, looks=_LOOKS)
        self._states = Keyed(max_identities, FirstSightState)

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each sensitive cell with an attempt, on the first day of an identity and on the next."""
        found = self._judged(seen)
        # Asked last: nearly all that is seen is of identities that are known, of which nothing is found.
        if found and self.arrivals.newcomers(seen.actor.kind, seen.bucket.hours) > _MOST_NEWCOMERS:
            return []
        return found

    def _judged(self, seen: ActorBucket) -> list[Anomaly]:
        state = self._states.get(seen.actor.id)
        if state is not None and _day(seen) > state.begun + 1:
            return []
        sensitive = self._sensitive(seen)
        if not sensitive:
            return []
        networks = _networks(seen)
        hour = _Hour(
            sensitive=sensitive,
            operations=sum(cell.attempts > 0 for cell in seen.cells),
            networks=networks,
            unknown=state is None and self._unknown(networks),
            rhythm=self.rhythms.of(seen.actor.kind),
            hour=int(seen.bucket.hours % 24.0),
            later=state is not None,
        )
        known = [
            self.arrivals.known(seen.actor.kind, sort, cell.action, seen.bucket.hours) for cell, sort, _ in sensitive
        ]
        anomalies = []
        for place, (cell, _, weight) in enumerate(sensitive):
            terms = _terms(hour, known, place)
            total = max(0.0, sum(terms.values()))
            score, why, facts = self.user_days.score(total), "", NO_EVIDENCE
            if score >= self.explain_from:
                facts = self._facts(hour, known, place, terms, total)
                why = why_unusual(facts)
            anomaly = Anomaly(NAME, seen.actor, seen.bucket, cell, round(score, 2), round(total, 4), why, facts)
            anomalies.append(anomaly._replace(sensitivity=weight))
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Count a beginning with what was done then, an active day, the hour, and the networks used."""
        kind, day, networks = seen.actor.kind, _day(seen), _networks(seen)
        # What newcomers come to where they are many is told to nobody, and still shows how far such surprises go.
        worst = max((anomaly.surprise for anomaly in scored or self._judged(seen)), default=0.0)
        first = self._states.get(seen.actor.id) is None
        state = self._states.touch(seen.actor.id)
        if first:
            state.begun = day
        days, activities = lessons.by_name["days"], lessons.by_name["activities"]
        if day > state.day:
            self.arrivals.learn_day(kind, days, first=first, unknown=first and self._unknown(networks))
        if day > state.begun + 1:
            state.done = ()
        else:
            for cell, sort, _ in self._sensitive(seen):
                if cell.action not in state.done and len(state.done) < _MOST_DONE:
                    another = any(tactic(action) == sort for action in state.done)
                    self.arrivals.learn_activity(kind, sort, cell.action, days, activities, another=another)
                    state.done = (*state.done, cell.action)
        self.user_days.learn(state, seen.bucket.hours, lessons.by_number["user_days"], worst)
        if not seen.cells[0].late:
            lessons.by_number["rhythms"][kind][int(seen.bucket.hours % 24.0)] += 1
        for name in networks:
            lessons.by_name["networks"][""][name] = 1

    def teach(self, lessons: Lessons) -> None:
        """Apply beginnings, active hours, networks and user-days."""
        self.arrivals.teach(lessons.by_name["days"], lessons.by_name["activities"], lessons.hours)
        self.rhythms.teach(lessons.by_number["rhythms"])
        self.networks.teach(lessons.by_name["networks"][""], lessons.hours)
        self.user_days.teach(lessons.by_number["user_days"])

    def _parts(self) -> dict[str, Part]:
        return {
            "user_days": self.user_days,
            "arrivals": self.arrivals,
            "rhythms": self.rhythms,
            "networks": self.networks,
        }

    def memory(self) -> Memory:
        """Say how much is held."""
        return Memory(
            keys=len(self._states),
            entries=len(self._states) + self.arrivals.actions() + len(self.networks),
            evicted=self._states.evicted + self.arrivals.evicted + self.networks.evicted,
            warmth=self.user_days.warmth,
        )

    def _sensitive(self, seen: ActorBucket) -> list[tuple[Cell, str, float]]:
        """Return the cells that are judged and counted, with tactic and sensitivity."""
        weighed = ((cell, self.weigh(cell.action)) for cell in seen.cells if cell.attempts)
        return [(cell, str(tactic(cell.action)), weight) for cell, weight in weighed if weight >= _FROM]

    def _unknown(self, networks: Sequence[str]) -> bool:
        return bool(networks) and all(name not in self.networks for name in networks)

    def _facts(
        self, hour: _Hour, known: Sequence[Beginnings], place: int, terms: Mapping[str, float], total: float
    ) -> dict[str, Json]:
        """Return every number that the surprise came from, and how many more such beginnings lead where."""
        of_this = known[place]

        def score(more: int) -> float:
            others = [one.and_more(more) for one in known]
            return self.user_days.score(max(0.0, sum(_terms(hour, others, place).values())))

        activities: list[Json] = [
            {"action": cell.action, "tactic": sort, "sensitivity": weight, "probability": one.activity}
            for (cell, sort, weight), one in zip(hour.sensitive, known, strict=True)
        ]
        return {
            "surprise": total,
            "terms": dict[str, Json](terms),
            "arrivals": {
                **of_this._asdict(),
                "first": of_this.first,
                "from_unknown": of_this.from_unknown,
                "activity": of_this.activity,
            },
            "network": {"of": list[Json](hour.networks), "unknown": hour.unknown},
            "hour": {"of_day": hour.hour, "its_kind": list[Json](hour.rhythm), "share": _OFF},
            "activities": {
                "this": hour.sensitive[place][0].action,
                "judged": activities,
                "sensitive": len(hour.sensitive),
                "all": hour.operations,
                "later": hour.later,
                "more": _MORE,
                "only": _ONLY,
            },
            "user_day": self.user_days.facts(total),
            "changes": {"identities": imagined((1, 2, 3, 5, 10, 20, 50), score)},
        }

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say how many like it would have made it ordinary; from the third day on it is not judged."""
        said = "Would be ordinary of somebody seen two days before"
        if identities := least_below(changes["identities"], threshold):
            said += f", or if {more_of(identities, 'identity')} of its kind had begun like this"
        return f"{said}."


def _terms(hour: _Hour, known: Sequence[Beginnings], place: int) -> dict[str, float]:
    """Return the named surprises of the sensitive cell at `place`; what is known is of each of them."""
    _, own, weight = hour.sensitive[place]
    beginning = known[place]
    strongest: dict[str, float] = {}
    for (_, sort, of_other), one in zip(hour.sensitive, known, strict=True):
        strongest[sort] = max(strongest.get(sort, 0.0), surprise(one.activity) + of_other)
    terms = {"first": surprise(beginning.first), "activity": surprise(beginning.activity), "sensitivity": weight}
    if hour.unknown:
        terms["network"] = surprise(beginning.from_unknown)
    if odd := off_hours(hour.rhythm, hour.rhythm, hour.hour):
        terms["hour"] = _OFF * odd
    if others := sum(strongest[sort] for sort in sorted(strongest) if sort != own):
        terms["tactics"] = _MORE * others
    if hour.later:
        terms["later"] = _LATER
    else:
        terms["only"] = _ONLY * (len(hour.sensitive) / hour.operations) ** 2
    return terms


def _networks(seen: ActorBucket) -> tuple[str, ...]:
    return tuple(sorted({network(address) for cell in seen.cells for address in cell.addresses}))


def _day(seen: ActorBucket) -> int:
    return int(seen.bucket.hours // 24.0)
