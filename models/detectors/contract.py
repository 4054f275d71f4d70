"""The contract between a detector and whatever drives it, with its laws; each law has a test of the same name.

A detector judges one identity's bucket at a time and remembers, a key at a time, what it needs for that. It never
sees a single record, a clock or a file: the engine joins records into cells, closes buckets and keeps snapshots.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from models.detectors.anomalies import Anomaly
from models.detectors.examples import Example
from models.statistics import Lessons
from models.stream import ActorBucket, Crowd, Json


class Card(NamedTuple):
    """What a person at 3 a.m. needs to know of a detector, in our own words.

    Attributes
    ----------
    name
        Stable snake_case name: in ids, metrics and configuration.
    title
        Headline of an alert.
    what, why
        What it finds; why that matters.
    false_positives
        What makes it speak although nothing is wrong.
    response
        What to check, first things first.
    mitre
        ATT&CK ids as ``tactic/technique`` (``TA0003/T1098``).
    """

    name: str
    title: str
    what: str
    why: str
    false_positives: tuple[str, ...]
    response: tuple[str, ...]
    mitre: tuple[str, ...]


class Declaration(NamedTuple):
    """What everybody else may know of a detector; nobody knows one by its name.

    Its options are no part of this: they are the parameters of its constructor (`options`).

    Attributes
    ----------
    card
        Its words for people.
    threshold
        Score from which it alerts as it comes.
    terms
        Names of the surprises whose sum is that of an anomaly; one that says nothing may be left out of it.
    evidence
        Keys of the evidence beside `EVIDENCE`, which all have.
    speaks, silent
        Examples of what it finds, and of what resembles that and is left alone.
    places
        What it has to know of an address; without that it has nothing to say.
    failures
        Whether all that it finds are failures, which are told together where an operation fails for many.
    always
        Whether what it finds is asked for, and told every time: it learns nothing, repetition does not silence it, and
        no budget moves its threshold.
    """

    card: Card
    threshold: float
    terms: tuple[str, ...]
    evidence: tuple[str, ...]
    speaks: Example
    silent: Example
    places: Literal["", "country", "city"] = ""
    failures: bool = False
    always: bool = False

    @property
    def name(self) -> str:
        """Stable snake_case name."""
        return self.card.name


EVIDENCE = ("surprise", "terms", "user_day", "changes")
"""Keys of every detector's evidence: the sum, its terms, how it became a score, and what would have changed that."""


class Memory(NamedTuple):
    """What a detector holds: `keys` identities here, about `entries` remembered values, `evicted` so far.

    `warmth` is 0 when nothing is known and 1 when scores are fully trusted.
    """

    keys: int
    entries: int
    evicted: int
    warmth: float


class Detector(Protocol):
    """Judges one identity's bucket, then learns from it.

    What it knows is of two sorts. A state belongs to one identity, and is read and changed for it alone; what the
    population knows belongs to all, and is changed only by `teach`, once all of a bucket are learnt. So identities may
    be shared out among several processes that hand each other their lessons.

    Laws
    ----
    1. ``order_does_not_matter``: identities of one bucket of time may be learnt in any order, and into any number of
       lessons, which may be merged in any order.
    2. ``score_changes_nothing``: scoring any number of times leaves the dump as it was.
    3. ``resumes_where_it_stopped``: dump, load, continue equals continue.
    4. ``repetition_ends_in_silence``: what is done every day ends below any alerting threshold; except for one that
       declares `always`, which is there to say the same thing every time.
    5. ``memory_is_bounded``: memory grows with distinct values in the retention, up to a bound; not with events.
    6. ``more_surprise_never_scores_lower``, and every score is within 0 and 100.
    7. ``asks_no_clock``: equal input gives equal output, whenever and wherever it runs.
    8. ``ids_depend_on_what_not_on_when_found``.
    9. ``shards_find_the_same``: detectors that have each some of the identities, are told the whole crowd, and are
       taught the merged lessons of all, find together what one finds, and know of the population what it knows.
    10. ``acquittal_never_raises_a_score``, of anybody.
    """

    @property
    def declaration(self) -> Declaration:
        """Who this detector is, the same whatever its options."""
        ...

    @classmethod
    def counterfactual(cls, changes: Mapping[str, Any], threshold: float) -> str:
        """Say in a sentence what would have been ordinary: which of the evidence's ``changes`` leads below a threshold.

        The threshold is the one in force when somebody is told; a detector knows of none.
        """
        ...

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell that is this detector's business, most recent knowledge, learning nothing.

        Called for open buckets at every tick (a preview) and once more when the bucket has closed; the engine
        scores all identities of a bucket before any of them is learnt, so peers do not excuse each other. What it
        asks the crowd is remembered: while the answers stay the same, it is not called again.
        """
        ...

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Make this closed bucket part of the identity's state; `scored` is what `score` said of it.

        What it teaches the population is added to `lessons`, those of its bucket of time, and changes nothing yet.
        Called once a closed bucket of an identity, in order of time; once more for cells that came late
        (``cell.late``), with those alone.
        """
        ...

    def teach(self, lessons: Lessons) -> None:
        """Make what all identities of one bucket teach part of what the population knows.

        Called once a bucket, after all of its identities have been learnt, with the sum of their lessons.
        """
        ...

    def acquit(self, actor: str, actions: Collection[str], anomalies: Collection[str]) -> None:
        """Take back what is held against an identity for having done `actions`, which somebody found to be in order.

        `anomalies` are the ids of what was said of them. What it does from now on is judged as if they had not been
        odd; they become no habit by that.
        """
        ...

    def dump_population(self) -> Iterator[Json]:
        """Yield plain rows of what the population knows, in a stable order."""
        ...

    def dump_identities(self) -> Iterator[Json]:
        """Yield plain rows of the identities' states, in a stable order: counts of evictions, then one an identity."""
        ...

    def load(self, population: Iterable[Json], identities: Iterable[Json]) -> None:
        """Replace everything known by what the two dumps gave.

        Where rows have an `id` and a `state` and nothing else, a `RowsLater` may stand for many. `Keyed` reads them so.

        Raises
        ------
        UnexpectedRow
            If a row has other fields than those that are dumped.
        """
        ...

    def memory(self) -> Memory:
        """Say how much is held; cheap enough for every scrape."""
        ...


class DetectorKind(Protocol):
    """A class of detectors: what it declares, and its constructor."""

    @property
    def declaration(self) -> Declaration:
        """Who its detectors are."""
        ...

    def __call__(self, *args: Any, **options: Any) -> Detector:
        """Make one."""
        ...
