"""Opens the file of owners that the settings name: to be watched beside a service, or to be read once."""

from collections.abc import Callable

from service.core.owners import NO_OWNERS, Owners
from service.core.ports import Clock
from service.owners import OwnersFile, OwnersLooked, OwnersWatch, UnusableOwners, read_owners
from service.settings import Settings


def open_owners(settings: Settings, clock: Clock, observer: Callable[[OwnersLooked], None]) -> OwnersWatch | None:
    """Return what watches the file; None if none is named."""
    path, every = settings.owners.file, settings.owners.look_every.total_seconds()
    return None if path is None else OwnersWatch(path, every, clock, observer)


def owners_file(settings: Settings) -> OwnersFile:
    """Return what the file says now; nothing if none is named.

    Raises
    ------
    UnusableOwners
        It cannot be read, or used.
    """
    path = settings.owners.file
    if path is None:
        return OwnersFile(NO_OWNERS)
    try:
        return read_owners(path.read_bytes())
    except OSError as error:
        raise UnusableOwners(f"cannot be read: {error.strerror or error}") from None


def owners_configured(settings: Settings) -> Owners:
    """Return who is known to answer for whom; nobody if the file cannot be used, of which `check-config` says why."""
    try:
        return owners_file(settings).owners
    except UnusableOwners:
        return NO_OWNERS
