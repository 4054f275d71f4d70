"""Learns again what a state had learnt since an older one, without some of it: how anything is unlearnt.

What was learnt is part of sums, and cannot be taken out of them; so an older state learns everything after it again.
Where older states and what was seen since are kept is left to others.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from models.stream import ActorBucket, Crowd, Exclusions, Json, fields, finish
from service.core.engine.judging import BucketJudge
from service.core.engine.rulings import Rulings


class SeenBucket(NamedTuple):
    """What one identity did in a bucket that was closed, and what of it each detector had to pass over then."""

    seen: ActorBucket
    exclusions: Exclusions


class Forgotten(NamedTuple):
    """What is to be as if it had never been seen: an identity's cells that begin in ``[begins, until)``.

    Without an `actor` it is what anybody did then.
    """

    actor: str
    begins: datetime
    until: datetime

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {"actor": self.actor, "begins": self.begins.isoformat(), "until": self.until.isoformat()}

    @classmethod
    def from_row(cls, row: Any) -> "Forgotten":
        """Restore what `row` gave."""
        actor, begins, until = fields("forgotten", row, *cls._fields)
        return cls(str(actor), datetime.fromisoformat(begins), datetime.fromisoformat(until))

    def without(self, bucket: Sequence[SeenBucket]) -> list[SeenBucket]:
        """Return what all identities did in a bucket, less what is to be forgotten; who is left with nothing is gone.

        Whoever did something else in the bucket has its cells in it all the same.
        """
        left = []
        for one in bucket:
            if self.actor in {"", one.seen.actor.id}:
                cells = tuple(cell for cell in one.seen.cells if not self.begins <= cell.first_time < self.until)
                if not cells:
                    continue
                one = one._replace(seen=one.seen._replace(cells=cells))  # noqa: PLW2901 - the rest of it
            left.append(one)
        return left


def learn_again(bucket: Sequence[SeenBucket], judge: BucketJudge, rulings: Rulings) -> None:
    """Judge what all identities did in a bucket, and then learn it, as when it was closed.

    Verdicts are applied where they are due; who is known by name, and what a budget reckons from, stays as it is.
    """
    if not bucket:
        return
    for follows in rulings.apply_until(bucket[0].seen.bucket.start):
        judge.follow(follows)
    crowd = Crowd.of([one.seen for one in bucket])
    judgements = [judge.judge(one.seen, crowd, one.exclusions) for one in bucket]
    for _ in judge.teach(finish(judge.learn_steps(judgements, crowd))):
        pass


_LEARNT = ("population ", "identities ")


def with_learnt_of(
    now: Iterable[tuple[str, Any]], other: Iterable[tuple[str, Any]], forgotten: Iterable[Forgotten] = ()
) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a snapshot with what another one had learnt, and had applied, in the place of its own.

    Positions, open buckets, and what was told stay those of `now`. What has been forgotten goes with what was learnt,
    and `forgotten` is added to that: whoever learns again leaves it out, too.

    >>> now = [("engine", 1), ("identities a", 2), ("verdict", 3)]
    >>> list(with_learnt_of(now, [("engine", 4), ("identities a", 5)]))
    [('engine', 1), ('identities a', 5)]
    """

    def is_learnt(section: str) -> bool:
        return section == "verdict" or section.startswith(_LEARNT)

    yield from ((section, row) for section, row in now if section != "forgotten" and not is_learnt(section))
    left_out: list[Any] = []
    for section, row in other:
        if section == "forgotten":
            left_out.append(row)
        elif is_learnt(section):
            yield section, row
    left_out += [row for row in (one.row() for one in forgotten) if row not in left_out]
    yield from (("forgotten", row) for row in left_out)
