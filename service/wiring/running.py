"""What the running service says of itself in the console, and does when it is asked there."""

from collections.abc import Callable, Mapping

from service.console import Live, PartitionState, SampleSent, SinkState
from service.core.alerting import InForce
from service.core.engine import Engine, Explanation, Imagined, imagine
from service.core.messages import EndOffset
from service.core.outbox import Outbox
from service.core.owners import NO_OWNERS
from service.core.ports import Clock
from service.owners import OwnersWatch
from service.settings import Settings
from service.storage import GenerationStore
from service.wiring.sample import send_sample


class Running:
    """The service, as the console sees it.

    Parameters
    ----------
    end_offsets
        Returns what the hub has said to be the newest of each partition.
    generations
        What keeps a snapshot a day, if anything does.
    owners
        What knows who answers for whom, if a file says so.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        outbox: Outbox,
        clock: Clock,
        end_offsets: Callable[[], Mapping[str, EndOffset]],
        generations: GenerationStore | None,
        owners: OwnersWatch | None = None,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._outbox = outbox
        self._clock = clock
        self._end_offsets = end_offsets
        self._generations = generations
        self._owners = owners

    def live(self) -> Live:
        """Return what there is to say now."""
        engine = self._engine
        return Live(
            in_force=InForce(dict(sorted(engine.budget.thresholds().items())), engine.budget.alerts_per_day),
            partitions=self._partitions(),
            sinks=[self._sink(name) for name, one in sorted(self._settings.sinks.items()) if one.enabled],
            suppressions=engine.suppressions.entries,
            counts=dict(engine.suppressed.counts),
            send_sample=self._send_sample,
            what_if=self._what_if,
            kept_now=self._generations.names if self._generations is not None else None,
            owners=NO_OWNERS if self._owners is None else self._owners.owners,
        )

    def _partitions(self) -> list[PartitionState]:
        newest, positions = self._end_offsets(), self._engine.positions
        found = []
        for partition in sorted({*newest, *positions}, key=lambda one: (len(one), one)):
            end, position = newest.get(partition), positions.get(partition)
            read = position.sequence_number if position else -1
            behind = None if end is None else max(0, end.sequence_number - read)
            found.append(PartitionState(partition, behind, position.enqueued_time if position else None))
        return found

    def _sink(self, name: str) -> SinkState:
        broken = self._outbox.broken(name)
        kind, waiting = self._settings.sinks[name].kind, self._outbox.waiting(name)
        return SinkState(name, kind, waiting, *(broken or (None, "")))

    def _what_if(self, identity: str, operation: Imagined) -> Explanation | None:
        actor = self._engine.people.get(identity)
        return None if actor is None else imagine(self._engine, actor, operation)

    async def _send_sample(self, name: str) -> SampleSent:
        return await send_sample(name, self._settings.sinks[name], self._clock)
