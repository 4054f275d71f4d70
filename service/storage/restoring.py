"""Finds the newest snapshot that can be used: each is tried in order, and one that cannot be loaded is passed over.

Whatever is in a snapshot may be wrong, also behind a checksum that fits. None of it ends the process while an older one
is left, and nothing of it is repeated: it holds names of people, and what is said of it goes to the log.
"""

from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from models.stream import UnexpectedRow
from service.core.engine import OtherBuckets
from service.core.ports import Clock, Generation, SnapshotStore
from service.core.snapshot import SnapshotRows, UnreadableSnapshot
from service.waiting import within

GENERATION_WITHIN: Final = 60.0
"""Seconds that the store may take for one generation."""


class Loaded(NamedTuple):
    """The generation that could be used, and what was in it, which is read again whenever it is iterated over."""

    generation: Generation
    rows: SnapshotRows


async def load_newest(
    store: SnapshotStore,
    load: Callable[[SnapshotRows], None],
    refuse: Callable[[Generation, ValueError], None],
    clock: Clock | None = None,
    seconds: float = GENERATION_WITHIN,
) -> Loaded | None:
    """Load the newest generation that can be, and return it; None when there is none at all.

    Parameters
    ----------
    store
        Told which one that is, so that the next save keeps it.
    load
        Replaces everything by rows; may raise whatever rows that are not as they should be lead to.
    refuse
        Told of each newer one, and of why it cannot be used, before the next is tried.
    clock, seconds
        How long the store may take for each, and whose time; the event loop's, if there is no clock.

    Raises
    ------
    OtherBuckets
        The newest was made with another bucket length, and no older one can be used.
    UnreadableSnapshot
        There are snapshots, and none can be used: to begin with an empty state is left to the operator.
    OSError
        The store cannot be reached, or does not answer.
    """
    refused: list[ValueError] = []
    generations = store.load()
    while (generation := await _next(generations, clock, seconds)) is not None:
        try:
            rows = _loaded(generation.data, load)
        except (UnreadableSnapshot, OtherBuckets) as error:
            refuse(generation, error)
            refused.append(error)
        else:
            store.accept()
            return Loaded(generation, rows)
    if not refused:
        return None
    if isinstance(refused[0], OtherBuckets):
        raise refused[0]
    raise UnreadableSnapshot(
        f"none of the {len(refused)} snapshots can be read; move them away to start with an empty state"
    )


async def _next(generations: AsyncIterator[Generation], clock: Clock | None, seconds: float) -> Generation | None:
    async def read() -> Generation | None:
        return await anext(generations, None)

    try:
        return await within(clock, seconds, read())
    except TimeoutError as error:
        raise OSError(f"the snapshot cannot be read: {error}") from error


def _loaded(data: bytes, load: Callable[[SnapshotRows], None]) -> SnapshotRows:
    try:
        rows = SnapshotRows(data)
        load(rows)
    except (UnreadableSnapshot, OtherBuckets):
        raise
    except UnexpectedRow as error:
        # What is quoted in the text may come out of the snapshot.
        raise UnreadableSnapshot(f"its rows cannot be loaded ({_before_quotes(str(error))})") from None
    except Exception as error:  # noqa: BLE001 - rows may be wrong in any way; an older generation may be right
        raise UnreadableSnapshot(f"its rows cannot be loaded ({type(error).__name__})") from None
    return rows


def _before_quotes(text: str) -> str:
    """Return the beginning of `text` up to the first quotation.

    >>> _before_quotes("section position: position: unknown field 'ann@contoso.com'")
    'section position: position: unknown field'
    """
    return text.partition("'")[0].partition('"')[0].rstrip()
