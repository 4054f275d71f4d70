"""How seldom the garbage collector looks at objects, in every process that holds a whole state."""

import gc


def collect_seldom() -> None:
    """Let the garbage collector look at young objects mostly.

    What the models remember is freed by counting references; a full collection would find nothing in it, and hold
    everything up for a second where there are very many identities.
    """
    gc.set_threshold(20_000, 10, 1_000)
