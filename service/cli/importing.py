"""Lets a command be imported without the garbage collector, which finds nothing in what stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collect_nothing() -> Iterator[None]:
    """Leave the garbage collector out meanwhile: modules that are imported make very many objects, and all stay.

    >>> with collect_nothing():
    ...     gc.isenabled()
    False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
