"""``python -m demo.hub`` as a process of its own."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from azure.eventhub.aio import EventHubConsumerClient

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "demo.hub", "--port", "0", *arguments]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)


async def test_it_prints_the_connection_string_serves_the_seed_and_stops_when_told(tmp_path: Path) -> None:
    seed = tmp_path / "seed.ndjson"
    seed.write_text('{"a":1}\n{"a":2}\n{"records":[]}\n')
    process = await start("--seed", str(seed), "--partitions", "2", "--per-message", "2", "--hub", "seeded")
    assert process.stdout is not None
    connection_string = (await process.stdout.readline()).decode().strip()
    assert connection_string.endswith("EntityPath=seeded")
    client = EventHubConsumerClient.from_connection_string(connection_string, "unwonted")
    async with client:
        end_offsets = [await client.get_partition_properties(partition) for partition in "01"]
    assert [end_offset["last_enqueued_sequence_number"] for end_offset in end_offsets] == [0, 0]
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"2 messages appended\n")


async def test_a_seed_that_is_not_there_is_said_in_one_line() -> None:
    process = await start("--seed", "/nowhere/seed.ndjson")
    output, errors = await process.communicate()
    assert (process.returncode, output) == (2, b"")
    assert errors.decode().splitlines()[-1].endswith("there is no such file")
