"""What the detectors of unusual countries and cities share: all but their names, and what they take for a place.

A place is unusual when the identity has not been seen there; how much, is learnt from how often its kind moves, and
from where others do the same.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, ClassVar

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Declaration, Memory
from models.detectors.counterfactual import imagined, least_below, more_of
from models.detectors.stateful import StatefulDetector
from models.statistics import (
    NOWHERE,
    Headcount,
    Keyed,
    Lessons,
    Locate,
    LocationRarity,
    Place,
    Places,
    UserDays,
    UserDayState,
    kilometres,
    nowhere,
    odds,
    surprise,
)
from models.stream import ActorBucket, Cell, Crowd, Json, Part, fields

_TRUST = 0.4  # that an identity has moved says more than how seldom others are where it is now
_CACHED = 65_536  # addresses: more than a tenant has in weeks
_SHORT = 24.0  # hours within which the way from the last place is told


TERMS = ("move", "place")
LOCATION_EVIDENCE = ("move", "place", "identities", "travel")


class LocationState(UserDayState):
    """Where an identity has been.

    Attributes
    ----------
    kind
        Sort of identity, as last seen.
    buckets
        Active buckets with a known place.
    places
        Places known of it.
    at, at_hours
        Where it was last, and in which bucket.
    """

    __slots__ = ("at", "at_hours", "buckets", "kind", "places")

    def __init__(self) -> None:
        super().__init__()
        self.kind = ""
        self.buckets = 0
        self.places: Places = NOWHERE
        self.at: Place | None = None
        self.at_hours = 0.0

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {
            "user_day": super().row(),
            "kind": self.kind,
            "buckets": self.buckets,
            "places": self.places.row(),
            "at": None if self.at is None else self.at._asdict(),
            "at_hours": self.at_hours,
        }

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        names = ("user_day", "kind", "buckets", "places", "at", "at_hours")
        user_day, kind, buckets, places, at, at_hours = fields("state", row, *names)
        super().restore(user_day)
        self.kind = intern(str(kind))
        self.buckets, self.at_hours = int(buckets), float(at_hours)
        self.places = Places.from_row(places)
        self.at = None if at is None else Place(*fields("place", at, *Place._fields))


class UnusualLocation(StatefulDetector[LocationState]):
    """Scores each cell with an attempt from a place where its identity has not been seen.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    max_identities
        Identities remembered.
    half_life_days
        Days after which a move counts half.
    locate
        From an address to its place; asked about each address once in a while, so it may take some microseconds.
    looks
        How many detectors look at every user-day like this one (`UserDays`).
    """

    declaration: ClassVar[Declaration]

    def __init__(
        self,
        explain_from: float = 40.0,
        max_identities: int = 200_000,
        half_life_days: float = 60.0,
        locate: Locate = nowhere,
        looks: float = 1.0,
    ) -> None:
        self.explain_from = explain_from
        self.locate = locate
        self._placed = lru_cache(maxsize=_CACHED)(self._place)
        self.locations = LocationRarity(half_life=half_life_days * 24.0)
        self.user_days = UserDays(floor=1.5, prior=0.02, location=2.0, slope=0.5, looks=looks)
        self.headcount = Headcount()
        self._states = Keyed(max_identities, LocationState)

    @abstractmethod
    def key(self, place: Place) -> str:
        """Return what tells places of this sort apart; empty if it is not known of this one."""

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell with an attempt from a place that is new to its identity."""
        state = self._states.get(seen.actor.id)
        known: Collection[str] = state.places.names if state is not None else ()
        anomalies = []
        for cell in seen.cells:
            if not cell.attempts or not cell.addresses:
                continue
            found = filter(None, map(self._placed, cell.addresses))
            new = {key: place for key, place in found if key not in known}
            if not new:
                continue
            someone = state or LocationState()
            judged = [(self._terms(someone, key, cell, seen.actor.kind), key) for key in sorted(new)]
            terms, key = max(judged, key=lambda one: sum(one[0].values()))
            total = sum(terms.values())
            score, why, facts = self.user_days.score(total), "", NO_EVIDENCE
            if score >= self.explain_from:
                facts = self._facts(someone, key, new[key], seen, cell, terms, total)
                why = self._sentence(facts)
            anomalies.append(
                Anomaly(
                    self.declaration.name, seen.actor, seen.bucket, cell, round(score, 2), round(total, 4), why, facts
                )
            )
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Remember where the identity was, and what it did there."""
        actor = seen.actor.id
        for _, evicted in self._states.make_room(actor, lessons):
            for key in evicted.places.names:
                lessons.by_name["backoff"][evicted.kind][key] -= 1
        state, worst = self._states.touch(actor, lessons), max(one.surprise for one in scored) if scored else 0.0
        self.user_days.learn(state, seen.bucket.hours, lessons.by_number["user_days"], worst)
        visited: dict[str, Place] = {}
        for cell in seen.cells:
            if cell.attempts and cell.addresses:
                for key, place in filter(None, map(self._placed, cell.addresses)):
                    visited[key] = place
                    self.locations.note(actor, cell.action, key, lessons.marks["places"])
        if visited:
            self._visit(state, seen, visited, lessons)

    def _visit(self, state: LocationState, seen: ActorBucket, visited: Mapping[str, Place], lessons: Lessons) -> None:
        kind, hours, adoptions = seen.actor.kind, seen.bucket.hours, lessons.by_name["backoff"]
        before = state.places
        after = state.places = before.visited(visited)
        if state.kind != kind or after is not before:
            for key in before.names:
                adoptions[state.kind][key] -= 1
            for key in after.names:
                adoptions[kind][key] += 1
            state.kind = intern(str(kind))
        if not seen.cells[0].late:
            moved = (after.moves > before.moves,)
            self.locations.novelty.learn(kind, state.buckets, moved, lessons.by_number["novelty"])
            state.buckets += 1
        if hours >= state.at_hours:
            state.at, state.at_hours = visited[max(visited)], hours

    def teach(self, lessons: Lessons) -> None:
        """Apply moves, places and user-days."""
        self.headcount.teach(lessons)
        self.user_days.teach(lessons.by_number["user_days"])
        self.locations.backoff.teach(lessons.by_name["backoff"])
        self.locations.novelty.teach(lessons.by_number["novelty"], lessons.hours)
        self.locations.teach(lessons.marks["places"])

    def _parts(self) -> dict[str, Part]:
        return {"identities": self.headcount, "user_days": self.user_days, **self.locations.parts()}

    def memory(self) -> Memory:
        """Say how much is held."""
        return Memory(
            keys=len(self._states),
            entries=len(self._states) + self.locations.entries(),
            evicted=self._states.evicted + self.locations.evicted + self.locations.backoff.evicted,
            warmth=self.user_days.warmth,
        )

    def _place(self, address: str) -> tuple[str, Place] | None:
        place = self.locate(address)
        key = self.key(place) if place is not None else ""
        return (intern(key), place) if place is not None and key else None

    def _terms(self, state: LocationState, key: str, cell: Cell, kind: str, peers: int = 0) -> dict[str, float]:
        """Return the named surprises of a place; `peers` more identities are imagined to have done this there."""
        known = self.locations
        return {
            "move": surprise(known.novelty.rate(kind, state.buckets, state.places.moves)),
            "place": _TRUST * surprise(known.chance(key, cell.action, kind, peers).probability),
        }

    def _facts(
        self,
        state: LocationState,
        key: str,
        place: Place,
        seen: ActorBucket,
        cell: Cell,
        terms: Mapping[str, float],
        total: float,
    ) -> dict[str, Json]:
        """Return every number that the surprise came from."""
        known, kind = self.locations, seen.actor.kind
        chance = known.chance(key, cell.action, kind)
        return {
            "surprise": total,
            "terms": dict[str, Json](terms),
            "move": {
                "probability": known.novelty.rate(kind, state.buckets, state.places.moves),
                "known": list[Json](state.places.names),
                "moves": state.places.moves,
                "active_buckets": state.buckets,
            },
            "place": {
                "name": place.label if self.declaration.places == "city" else place.country_name or place.country,
                "key": key,
                **chance._asdict(),
                "trust": _TRUST,
                "discount": known.discount,
                "concentration": known.concentration,
                "identities_seen_there": known.backoff.adopters(key),
            },
            "identities": self.headcount.known,
            "travel": self._travel(state, place, seen.bucket.hours),
            "user_day": self.user_days.facts(total),
            "changes": self._changes(state, key, cell, kind),
        }

    @staticmethod
    def _travel(state: LocationState, place: Place, hours: float) -> Json:
        """Return from where and how fast it would have come, if it was elsewhere within a day."""
        if state.at is None or not 0.0 <= hours - state.at_hours <= _SHORT:
            return None
        distance = kilometres(state.at, place)
        rounded = None if distance is None else round(distance)
        return {"from": state.at.label, "hours": hours - state.at_hours, "kilometres": rounded}

    def _changes(self, state: LocationState, key: str, cell: Cell, kind: str) -> dict[str, Json]:
        """Imagine that so many more of its kind have done it there."""

        def score(peers: int) -> float:
            return self.user_days.score(sum(self._terms(state, key, cell, kind, peers).values()))

        return {"identities": imagined((1, 2, 3, 5, 10), score)}

    @classmethod
    def counterfactual(cls, changes: Mapping[str, Any], threshold: float) -> str:
        """Say what would have kept it silent; from a known place nothing is judged at all."""
        said = f"Would be ordinary once it has acted from this {cls.declaration.places} in an earlier hour"
        if peers := least_below(changes["identities"], threshold):
            said += f", or if {more_of(peers, 'identity')} of its kind had done this there"
        return f"{said}."

    def _sentence(self, facts: Mapping[str, Any]) -> str:
        """Say in one sentence why a place is unusual."""
        move, place, travel = facts["move"], facts["place"], facts["travel"]
        others = ", ".join(name.partition("/")[2] or name for name in reversed(move["known"][-3:]))
        usual = f"it is known from {others}" if others else "it has not been seen anywhere yet"
        sort = self.declaration.places
        expected = f"a new {sort} is expected in {odds(move['probability'])} of its active hours"
        there = place["identities_seen_there"] or "none"
        parts = [
            f"It acted from {place['name']}, a {sort} new to it ({usual}; {expected})",
            f"{there} of {facts['identities']} known identities have been seen there",
        ]
        if (everywhere := round(place["everywhere"])) > 1:
            here = round(place["here"])
            parts.append(f"{here or 'none'} of about {everywhere} that do this {'does' if here < 2 else 'do'} it there")
        if travel is not None and travel["hours"] > 0.0 and travel["kilometres"] is not None:
            ago = f"{travel['hours']:.0f} h" if travel["hours"] >= 1.0 else "less than an hour"
            parts.append(f"{ago} before it was in {travel['from']}, {travel['kilometres']:,} km away")
        return "; ".join(parts) + "."
