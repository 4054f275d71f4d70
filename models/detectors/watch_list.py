"""Watch list: what somebody wants to be told of every time, however usual it is.

Why it matters: of some things one wants to know whether or not they are unusual: a break-glass account at work, access
elevated over all subscriptions, the end of what this very service lives on. Nothing is learnt here, and nothing is
worked out: who decides is whoever wrote the list.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Card, Declaration, Memory
from models.detectors.examples import TEAM, Activity, Example, daily
from models.detectors.watched import Watched
from models.statistics import Lessons
from models.stream import ActorBucket, Crowd, Json, UnexpectedRow

NAME = "watch_list"
_SCORE = 100.0
_SURPRISE = 100.0  # what is asked for comes before everything that is merely unusual
_ELEVATE = "microsoft.authorization/elevateaccess/action"

CARD = Card(
    name=NAME,
    title="On the watch list of what is told every time",
    what="Something happened of which you asked to be told every time, by an entry of your watch list or by the "
    "service's own, about what it lives on.",
    why="Some things are to be known whether or not they are usual: an emergency account at work, access elevated over "
    "all subscriptions, the end of the hub from which this service reads.",
    false_positives=(
        "A drill, or planned work, that nobody has told you of: a suppression for that time keeps it quiet.",
        "An entry that says more than was meant, such as a pattern that fits everyday operations.",
    ),
    response=(
        "Read the reason: it is the one that stands in the list.",
        "Ask whoever answers for the identity or the resource whether this was meant to happen, and by whom.",
        "If it concerns what this service reads from or writes to: is it still fed? From here on it may see nothing.",
        "If nobody knows of it: treat it as an intruder's, whatever the other detectors say.",
    ),
    mitre=("TA0001/T1078.004", "TA0004/T1548.005", "TA0005/T1562.008"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=100.0,
    terms=("watched",),
    evidence=("watched",),
    speaks=Example(
        "People work in their office; one of them elevates access every day, which is on the watch list.",
        before=[*daily(range(30), *TEAM), *daily(range(30), "ann", what=_ELEVATE)],
        then=[Activity("ann", _ELEVATE, 30)],
        says="On the watch list: access is elevated",
        watched=(Watched("access is elevated", operations=("Microsoft.Authorization/elevateAccess/action",)),),
    ),
    silent=Example(
        "People work in their office; one of them elevates access, and only another's doing so is on the watch list.",
        before=daily(range(30), *TEAM),
        then=[Activity("ann", _ELEVATE, 30)],
        watched=(Watched("ben elevates access", ("ben",), (_ELEVATE,)),),
    ),
    always=True,
)


class WatchList:
    """Finds each cell with an attempt that an entry is about.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    watched
        The entries.
    """

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, explain_from: float = 40.0, watched: Sequence[Watched] = ()) -> None:
        self.explain_from = explain_from
        self.watched = tuple(watched)

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Tell of each cell that an entry is about."""
        anomalies = []
        for cell in seen.cells if self.watched else ():
            fitting = [one for one in self.watched if cell.attempts and one.fits(seen.actor, cell)]
            if not fitting:
                continue
            why, facts = "", NO_EVIDENCE
            if self.explain_from <= _SCORE:
                why, facts = _sentence(fitting), _facts(fitting)
            anomalies.append(Anomaly(NAME, seen.actor, seen.bucket, cell, _SCORE, _SURPRISE, why, facts))
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Learn nothing."""

    def teach(self, lessons: Lessons) -> None:
        """Learn nothing."""

    def acquit(self, actor: str, actions: Collection[str], anomalies: Collection[str]) -> None:
        """Take nothing back: nothing is remembered."""

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say that it is told whatever is usual."""
        return "Is told every time, as long as it is on the watch list."

    def dump_population(self) -> Iterator[Json]:
        """Yield nothing: it knows nothing."""
        return iter(())

    def dump_identities(self) -> Iterator[Json]:
        """Yield nothing: it knows nothing."""
        return iter(())

    def load(self, population: Iterable[Json], identities: Iterable[Json]) -> None:
        """Take what the dumps gave, which is nothing."""
        if any(True for rows in (population, identities) for _ in rows):
            raise UnexpectedRow("the watch list knows nothing, and so has no rows")

    def memory(self) -> Memory:
        """Say that nothing is held; its score never needs time to be right."""
        return Memory(keys=0, entries=0, evicted=0, warmth=1.0)


def _sentence(fitting: Sequence[Watched]) -> str:
    """Say the reasons, each once.

    >>> _sentence([Watched("break-glass account."), Watched("our own hub"), Watched("our own hub")])
    'On the watch list: break-glass account; our own hub.'
    """
    reasons = dict.fromkeys(one.reason.rstrip(".") for one in fitting)
    return f"On the watch list: {'; '.join(reasons)}."


def _facts(fitting: Sequence[Watched]) -> dict[str, Json]:
    """Return which entries were about it, with what they name."""
    entries: list[Json] = [
        {
            name: list[Json](value) if isinstance(value, tuple) else value
            for name, value in one._asdict().items()
            if value
        }
        for one in fitting
    ]
    return {
        "surprise": _SURPRISE,
        "terms": {"watched": _SURPRISE},
        "watched": entries,
        "user_day": {},
        "changes": {},
    }
