"""Whether an identity has ever tried an action: a sketch of a fixed size, for those who need no counts.

It may say yes wrongly, the more often the more different actions it holds; it never says no wrongly.
"""

from functools import lru_cache
from zlib import crc32

BITS = 1024  # an identity of twenty actions is wrong about a new one in 1 of 600 cases, one of a hundred in 1 of 30


@lru_cache(maxsize=16_384)
def mask(action: str) -> int:
    """Return the two bits of an action [1]_, the same in every process.

    References
    ----------
    .. [1] Bloom (1970). Space/time trade-offs in hash coding with allowable errors. Communications of the ACM.

    Examples
    --------
    >>> sketch = mask("web/read") | mask("web/write")
    >>> tried(sketch, "web/read"), tried(sketch, "vault/purge")
    (True, False)
    """
    digest = crc32(action.encode("utf-8", "surrogatepass"))
    return (1 << digest % BITS) | (1 << (digest >> 16) % BITS)


@lru_cache(maxsize=1_024)
def added(mask_of_tried: int, action: str) -> int:
    """Return `mask_of_tried` with the bits of `action`.

    Remembered, so that several who learn the same of an identity, one after another, keep the very same number.

    >>> added(mask("web/read"), "web/write") == mask("web/read") | mask("web/write")
    True
    """
    return mask_of_tried | mask(action)


def tried(mask_of_tried: int, action: str) -> bool:
    """Return whether `action` was added to `mask_of_tried`, possibly wrongly true."""
    bits = mask(action)
    return mask_of_tried & bits == bits
