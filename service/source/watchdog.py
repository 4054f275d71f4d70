"""Decides when a partition has been silent for too long; pure: times and callbacks are passed in.

A healthy receiver calls back at least every `max_wait` seconds, with an empty batch if nothing came. The SDK
(azure-eventhub 5.15.1) neither calls back nor reports an error while a link that it once claimed cannot be opened; with
other known faults it keeps calling back with empty batches although the hub holds messages. So a partition is silent
if there is no callback at all, and if messages that are known to be in the hub do not arrive.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Silence(NamedTuple):
    """One partition that is silent now: for how long, and whether it was not before."""

    partition: str
    seconds: float
    news: bool


@dataclass(slots=True)
class _PartitionState:
    last_callback: float
    renewed: float
    owed_since: float | None = None
    busy: bool = False
    silent: bool = False

    def silence(self, at: float) -> float:
        since = self.last_callback if self.owed_since is None else min(self.last_callback, self.owed_since)
        return 0.0 if self.busy else at - since


class Watchdog:
    """Silence of each partition, in seconds of a clock that never goes back.

    Parameters
    ----------
    silent_after
        Seconds without a sign of life until a partition counts as silent, > 0.

    Examples
    --------
    >>> dog = Watchdog(silent_after=60.0)
    >>> dog.watch("0", at=0.0)
    >>> dog.due(at=59.0)
    []
    >>> dog.due(at=60.0)
    [Silence(partition='0', seconds=60.0, news=True)]
    >>> dog.note_callback("0", messages=0, at=61.0)
    True
    """

    def __init__(self, silent_after: float) -> None:
        self._silent_after = silent_after
        self._partitions: dict[str, _PartitionState] = {}

    def watch(self, partition: str, at: float) -> None:
        """Begin with a partition, as if it had just called back; no effect on one already watched."""
        self._partitions.setdefault(partition, _PartitionState(last_callback=at, renewed=at))

    def note_callback(self, partition: str, messages: int, at: float) -> bool:
        """Note a callback with so many messages; returns whether this ended a silence."""
        state = self._partitions[partition]
        state.last_callback = at
        if messages:
            state.owed_since = None
        return self._recovered(state, at)

    def note_busy(self, partition: str) -> None:
        """Note that a batch is being handled: until it is done, missing callbacks are not the hub's fault."""
        self._partitions[partition].busy = True

    def note_done(self, partition: str, at: float) -> None:
        """Note that the batch is done; what the hub holds by now is known after the next probe."""
        state = self._partitions[partition]
        state.busy, state.last_callback, state.owed_since = False, at, None

    def note_end_offset(self, partition: str, behind: bool, at: float) -> bool:
        """Note whether the hub holds messages that we have not had; returns whether this ended a silence."""
        state = self._partitions[partition]
        if not behind:
            state.owed_since = None
        elif state.owed_since is None:
            state.owed_since = at
        return self._recovered(state, at)

    def _recovered(self, state: _PartitionState, at: float) -> bool:
        recovered = state.silent and state.silence(at) < self._silent_after
        state.silent = state.silent and not recovered
        return recovered

    def due(self, at: float) -> list[Silence]:
        """Return the silent partitions whose connection should be renewed now.

        Each is returned once every `silent_after` seconds, so that a new connection gets time to prove itself.
        """
        due = []
        for partition, state in self._partitions.items():
            silence = state.silence(at)
            if silence >= self._silent_after and at - state.renewed >= self._silent_after:
                due.append(Silence(partition, silence, news=not state.silent))
                state.silent, state.renewed = True, at
        return due

    @property
    def silent(self) -> frozenset[str]:
        """The partitions that are silent."""
        return frozenset(partition for partition, state in self._partitions.items() if state.silent)
