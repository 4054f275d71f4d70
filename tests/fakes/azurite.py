"""Azurite, Microsoft's own emulator of Blob storage, in a process of its own and with nothing on the disk."""

import base64
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ACCOUNT = "unwonted"


class Account(NamedTuple):
    """A storage account: how to connect, and the key in it, which is nobody's to see."""

    connection_string: str
    key: str


def find_azurite() -> Path | None:
    """Return the script that starts the blob service, from node_modules or from NODE_PATH."""
    command = ["node", "-p", "require.resolve('azurite/package.json')"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()).parent / "dist/src/blob/main.js" if found.returncode == 0 else None


@contextmanager
def azurite(script: Path) -> Iterator[Account]:
    """Run it until the end of the block."""
    key = base64.b64encode(os.urandom(48)).decode()
    command = ["node", str(script), "--inMemoryPersistence", "--loose", "--skipApiVersionCheck", "--disableTelemetry"]
    process = subprocess.Popen(
        [*command, "--silent", "--blobHost", "127.0.0.1", "--blobPort", "0"],
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://127\S+:[1-9]\d*", line)))
        yield Account(
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={address}/{ACCOUNT};",
            key,
        )
    finally:
        process.terminate()
        process.communicate(timeout=60)
