"""Opens the suppressions file that the settings name."""

from collections.abc import Callable
from datetime import datetime

from service.core.alerting import Suppressions, UnusableSuppressions
from service.core.ports import Clock
from service.settings import Settings, SettingsError
from service.suppressions import Looked, SuppressionWatch, read_suppressions


def open_suppressions(
    settings: Settings, clock: Clock, observer: Callable[[Looked], None] = lambda looked: None
) -> SuppressionWatch | None:
    """Open the suppressions file that the settings name, and read it; None if they name none.

    Raises
    ------
    SettingsError
        It cannot be read, or anything in it is wrong.
    """
    path = settings.suppressions.file
    every = settings.suppressions.look_every.total_seconds()
    if path is None:
        return None

    def read(data: bytes, now: datetime) -> Suppressions:
        return Suppressions(read_suppressions(data, path.name, now))

    try:
        return SuppressionWatch(path, every, clock, read, observer)
    except UnusableSuppressions as error:
        raise SettingsError([f"suppressions.file: {line}" for line in error.lines]) from None
