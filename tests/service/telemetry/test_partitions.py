"""How many partitions are known, read and silent."""

from service.core.messages import EndOffset
from service.source import Closed, EndOffsets, Expired, Opened, Recovered, Silent, SourceTrouble
from service.telemetry.partitions import PartitionTally
from tests.fakes.clock import MONDAY_MORNING


def test_partitions_are_counted_as_they_come_fall_silent_recover_and_go() -> None:
    tally = PartitionTally()
    tally.update(EndOffsets(tuple(EndOffset(name, 4, MONDAY_MORNING, MONDAY_MORNING) for name in "012")))
    for name in "01":
        tally.update(Opened(name, None))
    tally.update(Silent("1", 61.0, "no answer"))
    assert (tally.known, tally.owned, tally.silent) == (3, 1, {"1"})
    tally.update(Recovered("1"))
    tally.update(Closed("0", "recycle"))
    assert (tally.known, tally.owned, tally.silent) == (3, 1, set())


def test_what_says_nothing_of_partitions_changes_nothing() -> None:
    tally = PartitionTally()
    tally.update(Opened("0", None))
    tally.update(SourceTrouble(None, "unreachable", "refused"))
    tally.update(Expired("0", 12))
    assert (tally.known, tally.owned, tally.silent) == (1, 1, set())
