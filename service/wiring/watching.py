"""What is on the watch list: the configured entries, and what this very service lives on.

Whether something fits an entry is the detector's to say.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from models.detectors import Watched
from service.settings import Settings

_NAMESPACE = re.compile(r"([a-z0-9][a-z0-9-]*)\.servicebus\.", re.IGNORECASE)
_ACCOUNT = re.compile(r"([a-z0-9]+)\.blob\.", re.IGNORECASE)
_SUBSCRIPTION = "/subscriptions/????????-????-????-????-????????????"
_MANAGEMENT_GROUP = "/providers/microsoft.management/managementgroups/*"
_EXPORT = "/providers/microsoft.insights/diagnosticsettings/*"
_LOCKS = "microsoft.authorization/locks/delete"


def watched(settings: Settings) -> tuple[Watched, ...]:
    """Return every entry, those that were written first.

    What the service lives on is known by its names: a namespace's and an account's are unique in the whole of Azure.
    """
    listed = [Watched(one.reason, one.identities, one.operations, one.resources) for one in settings.watch.entries]
    return (*listed, *(_own(settings) if settings.watch.own else ()))


def _own(settings: Settings) -> Iterator[Watched]:
    namespace, hub = _hub(settings)
    if namespace:
        yield from _hub_entries(f"*/providers/microsoft.eventhub/namespaces/{namespace}", hub)
    if account := _account(settings):
        place = f"*/providers/microsoft.storage/storageaccounts/{account}"
        container = f"{place}/blobservices/default/containers/{settings.snapshots.container}"
        yield Watched(
            "this service keeps what it has learnt in that storage account",
            operations=(
                "microsoft.storage/storageaccounts/delete",
                "microsoft.storage/storageaccounts/blobservices/containers/delete",
                _LOCKS,
            ),
            resources=(place, container, f"{place}/providers/microsoft.authorization/locks/*"),
        )


def _hub_entries(namespace: str, hub: str) -> Iterator[Watched]:
    within = "microsoft.eventhub/namespaces/"
    yield Watched(
        "this service reads from that Event Hubs namespace; without it, it sees nothing",
        operations=(
            f"{within}delete",
            f"{within}authorizationrules/*",
            f"{within}networkrulesets/*",
            f"{within}eventhubs/delete",
            f"{within}eventhubs/*/delete",
            f"{within}eventhubs/authorizationrules/write",
            f"{within}eventhubs/authorizationrules/regeneratekeys/action",
            _LOCKS,
        ),
        resources=(
            namespace,
            f"{namespace}/authorizationrules/*",
            f"{namespace}/networkrulesets/*",
            f"{namespace}/providers/microsoft.authorization/locks/*",
            f"{namespace}/eventhubs/{hub or '*'}",
            f"{namespace}/eventhubs/{hub or '*'}/*",
        ),
    )
    yield Watched(
        "the activity log comes to this service by such a diagnostic setting; without it, it sees nothing",
        operations=("microsoft.insights/diagnosticsettings/delete", "microsoft.insights/diagnosticsettings/write"),
        resources=(f"{_SUBSCRIPTION}{_EXPORT}", f"{_MANAGEMENT_GROUP}{_EXPORT}"),
    )


def _hub(settings: Settings) -> tuple[str, str]:
    """Return the names of namespace and hub, as far as they are known; an emulator has no namespace in Azure."""
    source = settings.event_hub
    address, hub = source.namespace or "", source.hub or ""
    with suppress(OSError, ValueError):  # a file that cannot be used is told of where it is used
        if secret := source.connection():
            parts = _parts(secret.get_secret_value())
            address, hub = parts.get("endpoint", ""), hub or parts.get("entitypath", "")
    found = _NAMESPACE.match(address.rpartition("://")[2])
    return (found[1].lower(), hub.lower()) if found else ("", "")


def _account(settings: Settings) -> str:
    """Return the name of the storage account of the state; empty if that is in files, or in an emulator."""
    place = settings.snapshots
    if place.kind != "blob":
        return ""
    if place.connection_string is not None:
        return _parts(place.connection_string.get_secret_value()).get("accountname", "").lower()
    found = _ACCOUNT.match(urlsplit(place.account_url or "").hostname or "")
    return found[1] if found else ""


def _parts(connection_string: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in connection_string.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs}
