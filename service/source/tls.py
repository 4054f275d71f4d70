"""What vouches for the hub's certificate, read once for all connections, and again when its file has changed.

The SDK would read all public authorities again for every connection: two thirds of a megabyte that stay until the
garbage collector finds the closed connection. With a look at the hub every minute, memory grew by little else.
"""

import ssl
from functools import lru_cache
from pathlib import Path

import certifi


def shared_context(ca_file: str | None) -> ssl.SSLContext | None:
    """Return a client's context that trusts the authorities of `ca_file`, or the public ones.

    None if the file cannot be used: left to the SDK, it says so at each connection, and a file that is put right heals.
    """
    path = ca_file or certifi.where()
    try:
        return _context(path, Path(path).stat().st_mtime_ns)
    except (OSError, ValueError):  # an SSLError is an OSError
        return None


@lru_cache(maxsize=4)
def _context(path: str, _changed: int) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    return context
