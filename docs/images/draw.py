"""Draws what the formulas on the page for detection engineers mean, with the statistics themselves: nothing is made up.

Each picture asks a statistic of `models` what it would say, after it has learnt a small made-up history. So a picture
is out of date when the statistic has changed; a test says so, and `make generated` draws it again.
"""

from collections.abc import Callable, Hashable
from typing import Any

from benchmarks.detection.pictures import Axis, Points, chart
from models.statistics import FailureRate, LocationRarity, NoveltyRate, Rarity, SurvivalFunction, reached

Features = dict[Hashable, Any]
HOURS = 200
SURPRISE = Axis("surprise, in powers of ten", {float(n): str(n) for n in range(8)})


def rare_action() -> str:
    """Three identities of one kind, and an action that few know: each time makes the next less surprising."""
    lines: dict[str, Points] = {}
    for name, every in (("new things every 5th hour", 5), ("every 40th hour", 40), ("never anything new", HOURS)):
        points = []
        for times in range(7):
            model = Rarity()
            for hour in range(HOURS):
                model.learn_one({"actor": "first", "action": f"known/{hour}", "time": float(hour)})
                for other in range(5):
                    model.learn_one(
                        {"actor": f"o{other}", "action": f"usual/{(hour + other) % 4}", "time": float(hour)}
                    )
                new = f"known/{hour}" if hour % every == every - 1 else "usual/0"
                action = "roles/write" if hour < 20 * times and hour % 20 == 0 else new
                model.learn_one({"actor": "u", "action": action, "time": float(hour)})
            points.append(
                (float(times), model.score_one({"actor": "u", "action": "roles/write", "time": float(HOURS)}))
            )
        lines[name] = points
    x = Axis(f"in how many of its last {HOURS} active hours it has done this", {float(n): str(n) for n in range(7)})
    y = Axis(SURPRISE.title, {float(n): str(n) for n in range(0, 9, 2)})
    return chart("rare_action: the chance of an action, by who does it", x, y, lines)


def rare_failure() -> str:
    """One action that seldom fails for others and one that often does; each failure makes the next less surprising."""
    lines: dict[str, Points] = {}
    for name, often in (("hardly ever fails for others", 0), ("every 20th of others fails", 20), ("every 3rd", 3)):
        points = []
        for failures in range(7):
            model = FailureRate()
            for hour in range(HOURS):
                for other in range(5):
                    failed = bool(often) and (hour + other) % often == 0
                    model.learn_one(
                        {"actor": f"o{other}", "action": "web/write", "failed": failed, "time": float(hour)}
                    )
                mine = hour >= HOURS - failures
                model.learn_one({"actor": "u", "action": "web/write", "failed": mine, "time": float(hour)})
            seen: Features = {"actor": "u", "action": "web/write", "failed": True, "time": float(HOURS)}
            points.append((float(failures), model.score_one(seen)))
        lines[name] = points
    x = Axis("failures of the same before, by this identity", {float(n): str(n) for n in range(7)})
    y = Axis("surprise, in powers of ten", {n / 2: f"{n / 2:g}" for n in range(7)})
    return chart("rare_failure: the chance that an attempt fails", x, y, lines)


def failure_spike() -> str:
    """How many operations fail together: to one of its kind, and to a pipeline that often fails as a whole."""
    model = SurvivalFunction(rungs=16, strength=100.0, own_strength=5.0, half_life=720.0)
    for hour in range(HOURS):
        for other in range(20):
            model.learn_one({"kind": "service_principal", "rung": int((hour + other) % 15 == 0), "time": float(hour)})
    lines: dict[str, Points] = {}
    for name, nights in (("not seen before", 0), ("all 10 failed in one night before", 1), ("in three nights", 3)):
        own = b""
        for night in range(nights):
            own = reached(own, 10 if night < nights else 0)
        seen: Features = {"kind": "service_principal", "time": float(HOURS), "own": own}
        lines[name] = [(float(count), model.score_one({**seen, "rung": count})) for count in range(1, 11)]
    x = Axis("different operations that fail within a quarter of an hour", {float(n): str(n) for n in range(1, 11)})
    return chart("failure_spike: the chance of so many", x, SURPRISE, lines)


def new_network() -> str:
    """A kind that never moves and one that often does: what one more new network says of each."""
    model = NoveltyRate()
    for hour in range(HOURS):
        for _ in range(20):
            model.learn_one({"kind": "managed_identity", "buckets": hour, "novel": hour == 0, "time": float(hour)})
            model.learn_one({"kind": "human", "buckets": hour, "novel": hour % 12 == 0, "time": float(hour)})
    lines: dict[str, Points] = {}
    for name, kind in (("managed identity: its kind stays", "managed_identity"), ("person: people move", "human")):
        seen: Features = {"kind": kind, "buckets": HOURS, "novel": True}
        lines[name] = [(float(moves), model.score_one({**seen, "seen": moves})) for moves in range(21)]
    x = Axis(f"new networks in its {HOURS} active hours so far", {float(n): str(n) for n in range(0, 21, 2)})
    return chart("new_network: how often this identity moves at all", x, SURPRISE, lines)


def dormant() -> str:
    """A silence, after which somebody wakes who is there every day, or once a month, or has hardly been seen."""
    model = SurvivalFunction()
    for day in range(HOURS):
        for other in range(10):
            model.learn_one({"kind": "human", "rung": 1 if (day + other) % 5 == 0 else 0, "time": 24.0 * day})
    daily = monthly = b""
    for gap in range(200):
        daily = reached(daily, 1 if gap % 5 == 0 else 0)
    for _ in range(6):
        monthly = reached(monthly, 4)
    lines: dict[str, Points] = {}
    for name, own in (("every working day", daily), ("hardly known", reached(b"", 0)), ("once a month", monthly)):
        seen: Features = {"kind": "human", "time": 24.0 * HOURS, "own": own}
        steps = [(2.0**rung, model.score_one({**seen, "rung": rung})) for rung in range(1, 9)]
        lines[name] = [point for (days, value) in steps for point in ((days, value), (min(256.0, 2 * days), value))]
    x = Axis("days of silence", {2.0**n: str(2**n) for n in range(1, 9)}, True)
    return chart(
        "dormant: the chance of so long a silence", x, Axis(SURPRISE.title, {float(n): str(n) for n in range(9)}), lines
    )


def unusual_country() -> str:
    """An action that is done from two countries, and one from eight: a third country says less than a ninth."""
    lines: dict[str, Points] = {}
    for name, places in (("done from 2 countries", ("DE", "IE")), ("done from 8", tuple("ABCDEFGH"))):
        points = []
        for here in range(7):
            model = LocationRarity()
            for person in range(40):
                place = "SE" if person < here else places[person % len(places)]
                model.learn_one({"actor": f"p{person}", "action": "web/write", "place": place, "kind": "human"})
            points.append((float(here), model.score_one({"action": "web/write", "place": "SE", "kind": "human"})))
        lines[name] = points
    x = Axis("how many of 40 identities have done it from this country", {float(n): str(n) for n in range(7)})
    return chart("unusual_country: the chance of a country, given the action", x, SURPRISE, lines)


def volume_spike() -> str:
    """How many deletions within an hour: to a person, and to a job that clears up so many every night."""
    model = SurvivalFunction(rungs=14, prior=0.35, strength=20.0, own_strength=2.0, half_life=720.0, whole_strength=3.0)
    for hour in range(HOURS):
        for other in range(20):
            model.learn_one({"kind": "human", "rung": int((hour + other) % 9 == 0), "time": float(hour)})
    lines: dict[str, Points] = {}
    for name, nights in (("a person", 0), ("a job that did 60, one night", 1), ("the same, five nights", 5)):
        own = b""
        for _ in range(nights):
            own = reached(own, 4)
        seen: Features = {"kind": "human", "time": float(HOURS), "own": own}
        steps = [(float(4 << rung), model.score_one({**seen, "rung": rung + 1})) for rung in range(9)]
        lines[name] = [point for (count, value) in steps for point in ((count, value), (2 * count, value))]
    x = Axis("deletions within an hour", {float(4 << n): f"{4 << n:,}" for n in range(10)}, True)
    return chart("volume_spike: the chance of so many", x, SURPRISE, lines)


PICTURES: dict[str, Callable[[], str]] = {
    "rare_action.svg": rare_action,
    "rare_failure.svg": rare_failure,
    "failure_spike.svg": failure_spike,
    "new_network.svg": new_network,
    "dormant.svg": dormant,
    "unusual_country.svg": unusual_country,
    "volume_spike.svg": volume_spike,
}
