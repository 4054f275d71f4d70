"""What detectors knew in format 1, parted into what is the population's and what is each identity's.

Frozen, as `format_1` is.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_Row = dict[str, Any]
_Split = tuple[list[_Row], list[_Row]]

_HABIT = (
    "weight", "buckets", "day", "days", "today", "novel", "inventions", "last_hours", "worst",
)  # fmt: skip
_USER_DAY = ("last_hours", "day", "worst")
_PLACE = ("country", "country_name", "city", "latitude", "longitude")
_DAY = ("day", "today", "known")


def _named(names: Sequence[str], row: Sequence[Any]) -> _Row:
    return dict(zip(names, row, strict=True))


def _tagged(part: str, rows: Sequence[_Row]) -> list[_Row]:
    return [{"part": part, "row": row} for row in rows]


def _parts(rows: Sequence[Any], *names: str) -> dict[str, list[Any]]:
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for part, *values in rows:
        parts[part].append(values)
    return parts


def _only(values: Sequence[Any]) -> list[Any]:
    return [value for (value,) in values]


def _evicted(rows: Sequence[Any]) -> int:
    return sum(int(count) for count in _only(rows))


def _states(evicted: int, states: Mapping[str, _Row]) -> list[_Row]:
    header: _Row = {"evicted": evicted, "evicted_values": 0}
    return [header, *({"id": key, "state": state} for key, state in states.items())]


def _places(row: Any) -> _Row:
    return _named(("names", "moves"), row)


def _evidence(row: Any) -> _Row:
    return _named(("value", "hours", "anomalies"), row)


def _days(rows: Sequence[Any]) -> list[_Row]:
    return [_named(_DAY, row) for row in rows]


def _survival(rows: Sequence[Any]) -> list[_Row]:
    return [_named(("group", "reached"), row) for row in rows]


def _backoff(rows: Sequence[Any]) -> list[_Row]:
    evicted, *actions = rows
    return [{"evicted": evicted}, *(_named(("action", "adopters"), row) for row in actions)]


def _novelty(rows: Sequence[Any]) -> list[_Row]:
    head, *kinds = rows
    return [_named(("hours", "learnt", "used"), head), *(_named(("kind", "counts", "hazards"), row) for row in kinds)]


def _failures(rows: Sequence[Any]) -> tuple[list[_Row], int, dict[str, _Row]]:
    """Return what the population knows, how many identities were evicted, and what is known of each."""
    population: list[_Row] = []
    gone, identities = 0, {}
    for level, name, *values in rows:
        if level == "tenant":
            attempts, failures, evicted, gone = name
            population.append({"evicted": evicted})
            population.append({"level": level, "name": "", "attempts": attempts, "failures": failures})
        elif level == "identity":
            identities[name] = _named(("attempts", "failures", "last_hours", "pairs"), values)
        else:
            population.append({"level": level, "name": name, **_named(("attempts", "failures"), values)})
    return population, gone, identities


def _habit(row: Sequence[Any]) -> _Row:
    kind, counts, actions, held, networks, scopes, evidence, rhythm = row
    return {
        "kind": kind,
        **_named(_HABIT, counts),
        "actions": actions,
        "held": held,
        "networks": _places(networks),
        "scopes": _places(scopes),
        "evidence": _evidence(evidence),
        "rhythm": rhythm,
    }


def _rare_action(rows: Sequence[Any]) -> _Split:
    parts = _parts(rows, "calibration", "failures", "rarity")
    failures, gone, attempts = _failures(_only(parts["failures"]))
    rarity = _parts(_only(parts["rarity"]), "evicted", "backoff", "novelty", "rhythms", "identity")
    [(actions, identities)] = rarity["evicted"]
    [(rhythms,)] = rarity["rhythms"]
    habits = {key: _habit(row) for key, *row in rarity["identity"]}
    population = [
        *_tagged("calibration", _days(_only(parts["calibration"]))),
        *_tagged("failures", failures),
        *_tagged("identities", [{"known": len(habits)}]),
        *_tagged("backoff", _backoff(_only(rarity["backoff"]))),
        *_tagged("novelty", _novelty(_only(rarity["novelty"]))),
        *_tagged("rhythms", [{"kind": kind, "counts": counts} for kind, counts in rhythms.items()]),
    ]
    known = _states(identities, habits)
    known[0]["evicted_values"] = actions
    return population, [*_tagged("habits", known), *_tagged("failures", _states(gone, attempts))]


def _rare_failure(rows: Sequence[Any]) -> _Split:
    parts = _parts(rows, "calibration", "failures", "identity", "evicted")
    failures, _, rates = _failures(_only(parts["failures"]))
    states = {
        key: {
            "rates": {**rates[key], "last_hours": last_hours},
            "day": day,
            "worst": worst,
            "evidence": _evidence(evidence),
            "mask_of_tried": tried,
        }
        for key, day, worst, last_hours, evidence, tried in _only(parts["identity"])
    }
    population = [
        *_tagged("calibration", _days(_only(parts["calibration"]))),
        *_tagged("failures", failures),
    ]
    return population, _states(_evicted(parts["evicted"]), states)


def _failure_spike(rows: Sequence[Any]) -> _Split:
    parts = _parts(rows, "user_days", "ladder", "identity", "evicted")
    states = {
        key: {"user_day": _named(_USER_DAY, user_day), "rungs": rungs}
        for key, *user_day, rungs in _only(parts["identity"])
    }
    population = [
        *_tagged("user_days", _days(_only(parts["user_days"]))),
        *_tagged("survival", _survival(_only(parts["ladder"]))),
    ]
    return population, _states(_evicted(parts["evicted"]), states)


def _new_network(rows: Sequence[Any]) -> _Split:
    parts = _parts(rows, "user_days", "novelty", "backoff", "identity", "evicted")
    states = {
        key: {
            "user_day": _named(_USER_DAY, user_day),
            "buckets": buckets,
            "novel": novel,
            "networks": _places(networks),
            "mask_of_tried": tried,
        }
        for key, user_day, buckets, novel, networks, tried in _only(parts["identity"])
    }
    population = [
        *_tagged("identities", [{"known": len(states)}]),
        *_tagged("user_days", _days(_only(parts["user_days"]))),
        *_tagged("novelty", _novelty(_only(parts["novelty"]))),
        *_tagged("backoff", _backoff(_only(parts["backoff"]))),
    ]
    return population, _states(_evicted(parts["evicted"]), states)


def _dormant(rows: Sequence[Any]) -> _Split:
    parts = _parts(rows, "user_days", "ladder", "backoff", "identity", "evicted")
    states = {
        key: {"user_day": _named(_USER_DAY, user_day), "gap": gap, "gaps": gaps, "mask_of_tried": tried}
        for key, user_day, gap, gaps, tried in _only(parts["identity"])
    }
    population = [
        *_tagged("identities", [{"known": len(states)}]),
        *_tagged("user_days", _days(_only(parts["user_days"]))),
        *_tagged("survival", _survival(_only(parts["ladder"]))),
        *_tagged("backoff", _backoff(_only(parts["backoff"]))),
    ]
    return population, _states(_evicted(parts["evicted"]), states)


def _unusual_place(rows: Sequence[Any]) -> _Split:
    parts = _parts(rows, "user_days", "whereabouts", "identity", "evicted")
    known = _parts(_only(parts["whereabouts"]), "evicted", "backoff", "novelty", "action")
    states = {
        key: {
            "user_day": _named(_USER_DAY, user_day),
            "kind": kind,
            "buckets": buckets,
            "places": _places(places),
            "at": None if at is None else _named(_PLACE, at),
            "at_hours": at_hours,
        }
        for key, user_day, kind, buckets, places, at, at_hours in _only(parts["identity"])
    }
    places = [_named(("action", "places"), row) for row in _only(known["action"])]
    population = [
        *_tagged("identities", [{"known": len(states)}]),
        *_tagged("user_days", _days(_only(parts["user_days"]))),
        *_tagged("backoff", _backoff(_only(known["backoff"]))),
        *_tagged("novelty", _novelty(_only(known["novelty"]))),
        *_tagged("places", [{"evicted": _evicted(known["evicted"])}, *places]),
    ]
    return population, _states(_evicted(parts["evicted"]), states)


SPLITS: Mapping[str, Callable[[Sequence[Any]], _Split]] = {
    "rare_action": _rare_action,
    "rare_failure": _rare_failure,
    "failure_spike": _failure_spike,
    "new_network": _new_network,
    "dormant": _dormant,
    "unusual_country": _unusual_place,
    "unusual_city": _unusual_place,
}
