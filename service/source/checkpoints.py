"""The SDK's checkpoint store, backed by the positions that the engine has right now.

Positions are kept in the engine's snapshot and nowhere else. If the SDK itself restarts a partition, it must go on
where the engine is, neither at a stored checkpoint of some seconds ago nor at the partition's beginning.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from azure.eventhub.aio import CheckpointStore

from service.core.messages import Position


class LivePositions(CheckpointStore):
    """Checkpoints from a mapping that is kept elsewhere; ownership is left to the hub's epochs."""

    def __init__(self, positions: Callable[[], Mapping[str, Position]]) -> None:
        self._positions = positions

    async def list_checkpoints(
        self,
        fully_qualified_namespace: str,
        eventhub_name: str,
        consumer_group: str,
        **kwargs: Any,
    ) -> Iterable[dict[str, Any]]:
        """Return the present position of every partition, as the SDK wants it."""
        return [
            {
                "fully_qualified_namespace": fully_qualified_namespace,
                "eventhub_name": eventhub_name,
                "consumer_group": consumer_group,
                "partition_id": partition,
                "sequence_number": position.sequence_number,
                # A position that was skipped to has no offset; the SDK takes a whole number for a sequence number.
                "offset": position.offset or position.sequence_number,
            }
            for partition, position in self._positions().items()
        ]

    async def update_checkpoint(self, checkpoint: Mapping[str, Any], **kwargs: Any) -> None:
        """Raise: only the engine moves a position, when it has applied a message."""
        raise TypeError("positions are the engine's; nobody else moves them")

    async def list_ownership(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str, **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        """Return nothing: other processes are not known here."""
        return []

    async def claim_ownership(
        self, ownership_list: Iterable[dict[str, Any]], **kwargs: Any
    ) -> Iterable[dict[str, Any]]:
        """Grant everything: the hub decides by epoch who may read."""
        return ownership_list
