"""What the SDK is told of positions and of other readers, should it restart a partition by itself."""

from datetime import UTC, datetime

import pytest

from service.core.messages import Position
from service.source.checkpoints import LivePositions

TAKEN = datetime(2026, 3, 1, tzinfo=UTC)
WHERE = ("acme.servicebus.windows.net", "logs", "unwonted")


async def test_a_checkpoint_is_where_the_engine_is_at_that_moment() -> None:
    positions = {"0": Position(7, "1024", TAKEN)}
    store = LivePositions(lambda: positions)
    before = await store.list_checkpoints(*WHERE)
    positions["0"] = Position(8, "2048", TAKEN)
    positions["1"] = Position(3, "", TAKEN)
    after = await store.list_checkpoints(*WHERE)

    assert [(one["partition_id"], one["sequence_number"], one["offset"]) for one in before] == [("0", 7, "1024")]
    # One that was skipped to has no offset: the SDK is given the sequence number, as a number.
    assert [(one["partition_id"], one["offset"]) for one in after] == [("0", "2048"), ("1", 3)]
    assert {(one["fully_qualified_namespace"], one["eventhub_name"], one["consumer_group"]) for one in after} == {WHERE}


async def test_the_sdk_cannot_move_a_position_past_what_the_engine_has() -> None:
    with pytest.raises(TypeError, match="engine"):
        await LivePositions(dict).update_checkpoint({"partition_id": "0", "sequence_number": 9})


async def test_who_may_read_is_left_to_the_hub() -> None:
    store, mine = LivePositions(dict), [{"partition_id": "0", "owner_id": "me"}]

    assert await store.list_ownership(*WHERE) == []
    assert await store.claim_ownership(mine) == mine
