"""Lets one process at a time change a file that is replaced as a whole, so that no change is lost to another one.

The lock is a file beside it, held through the kernel: it ends with its holder, however that ends. What is changed, and
how it is written, is left to others; whoever only reads needs no lock.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.05
_ATTEMPTS = 200
"""Ten seconds: a change takes milliseconds."""


@contextmanager
def locked(target: Path, wait: Callable[[float], None]) -> Iterator[None]:
    """Keep every other process that asks for the lock of `target` out until the end of the block.

    Parameters
    ----------
    target
        The file to be changed; need not exist.
    wait
        Lets so many seconds pass.

    Raises
    ------
    OSError
        The lock cannot be had: another process has kept it for ten seconds, or the folder cannot be written to.
    """
    lock = target.with_name(f".{target.name}.lock")
    attempts = iter(range(_ATTEMPTS))
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            if _is_ours(handle, lock, wait, attempts):
                try:
                    yield
                finally:
                    lock.unlink(missing_ok=True)
                return
        finally:
            os.close(handle)


def _is_ours(handle: int, lock: Path, wait: Callable[[float], None], attempts: Iterator[int]) -> bool:
    """Wait for the lock; whether it is still the one that others ask for, which its last holder may have removed."""
    for _ in attempts:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.path.samestat(os.fstat(handle), lock.stat())
        except FileNotFoundError:
            return False
        except BlockingIOError:
            wait(_PAUSE)
    raise OSError(errno.EBUSY, "another process is changing it", str(lock))
