"""Which of the hub's partitions are known, read and silent, as the source's events say."""

from typing import assert_never

from service.source import Closed, EndOffsets, Expired, Opened, Recovered, Silent, SourceEvent, SourceTrouble


class PartitionTally:
    """The partitions so far.

    Attributes
    ----------
    silent
        Those that give no sign of life.

    Examples
    --------
    >>> tally = PartitionTally()
    >>> tally.update(Opened("0", None))
    >>> tally.update(Opened("1", None))
    >>> tally.update(Silent("1", 61.0, "no answer"))
    >>> tally.owned, tally.known, tally.silent
    (1, 2, {'1'})
    """

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self._known: set[str] = set()
        self._open: set[str] = set()

    @property
    def owned(self) -> int:
        """How many are read, and not silent."""
        return len(self._open - self.silent)

    @property
    def known(self) -> int:
        """How many the hub has."""
        return len(self._known)

    def update(self, event: SourceEvent) -> None:
        """Take account of one event; some say nothing of partitions."""
        match event:
            case Opened(partition):
                self._known.add(partition)
                self._open.add(partition)
            case Closed(partition):
                self._open.discard(partition)
            case Silent(partition):
                self.silent.add(partition)
            case Recovered(partition):
                self.silent.discard(partition)
            case EndOffsets(end_offsets):
                self._known.update(end_offset.partition for end_offset in end_offsets)
            case SourceTrouble() | Expired():
                pass  # of the connection as a whole, and of messages
            case _:
                assert_never(event)
