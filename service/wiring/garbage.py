"""How seldom the garbage collector looks at objects, in every process that holds a whole state or begins."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def collect_seldom() -> None:
    """Let the garbage collector look at young objects mostly.

    What the models remember is freed by counting references; a full collection would find nothing in it, and hold
    everything up for a second where there are very many identities.
    """
    gc.set_threshold(20_000, 10, 1_000)


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
