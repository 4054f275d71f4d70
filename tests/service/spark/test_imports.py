"""What a worker of an executor imports: each process pays for it, before its first batch."""

import subprocess
import sys

import pytest


@pytest.mark.integration
def test_a_worker_needs_neither_an_sdk_nor_what_speaks_to_people() -> None:
    code = "import sys, service.spark.worker; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "service.shards.shard" in found
    assert not {"aiohttp", "azure.eventhub", "azure.identity", "service.delivery", "service.telemetry"} & set(found)
