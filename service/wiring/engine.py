"""Builds the engine with the detectors that are enabled and that have what they need."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from models.detectors import DETECTORS, Detector, Watched, build, takes
from models.statistics import Place
from models.stream import Limits
from service.core.engine import Engine, Options
from service.geography import Geography, UnusableDatabase
from service.settings import Settings, SettingsError, WatchEntry, arguments
from service.shards import Driver, Shard
from service.wiring.watching import watched


class Atlas(Protocol):
    """Knows the countries of addresses, or their cities as well."""

    @property
    def cities(self) -> bool:
        """Whether it knows cities, and not only countries."""
        ...

    def locate(self, address: str) -> Place | None:
        """Return the place of an address; None for one that it does not know."""
        ...


class InventedPlaces:
    """Places of addresses that an example invents, countries and cities, before those of an atlas, if there is one."""

    def __init__(self, places: Mapping[str, Place], beyond: Atlas | None) -> None:
        self.cities = True
        self._places = places
        self._beyond = beyond

    def locate(self, address: str) -> Place | None:
        """Return the place of an address; None for one that nobody knows."""
        invented = self._places.get(address)
        return invented if invented or self._beyond is None else self._beyond.locate(address)


def open_geography(settings: Settings) -> Geography | None:
    """Open the geographic database that the settings name; None if they name none.

    Raises
    ------
    SettingsError
        It cannot be read, or is no such database.
    """
    path = settings.geography.database
    if path is None:
        return None
    try:
        return Geography(path)
    except OSError as error:
        raise SettingsError([f"geography.database: {path}: {error.strerror or error}"]) from None
    except UnusableDatabase as error:
        raise SettingsError([f"geography.database: {path} {error}"]) from None


def detectors_off(settings: Settings, geography: Atlas | None) -> list[str]:
    """Return the detectors that are enabled, and off all the same because they have no geographic data to judge by."""
    places = {""}
    if geography is not None:
        places |= {"country", "city"} if geography.cities else {"country"}
    return sorted(
        name
        for name, kind in DETECTORS.items()
        if kind.declaration.places not in places and settings.detectors[name].enabled
    )


def _detector_options(settings: Settings, name: str, geography: Atlas | None = None) -> dict[str, Any]:
    """Return the constructor arguments of the detector `name`: the shared ones that it takes, and its own options."""
    shared: dict[str, Any] = {
        "max_identities": settings.limits.max_identities,
        "max_actions": settings.limits.max_actions_per_identity,
        "watched": watched(settings),
    }
    if geography is not None:
        shared["locate"] = geography.locate
    taken = {key: value for key, value in shared.items() if takes(DETECTORS[name], key)}
    return taken | arguments(name, settings.detectors[name])


def build_engine(settings: Settings, **overrides: Any) -> Engine:
    """Build an engine with the enabled detectors; `overrides` are detector options that win over the settings.

    Raises
    ------
    SettingsError
        The geographic database cannot be used.
    """
    return build_engine_with(open_geography(settings), settings, **overrides)


def build_engine_for_example(
    settings: Settings, places: Mapping[str, Place], also_watched: Iterable[Watched]
) -> Engine:
    """Build an engine that knows, besides what is configured, what an example brings: places, and a watch list.

    Raises
    ------
    SettingsError
        The geographic database cannot be used.
    """
    geography = open_geography(settings)
    entries = tuple(WatchEntry(**one._asdict()) for one in also_watched)
    watch = settings.watch.model_copy(update={"entries": (*settings.watch.entries, *entries)})
    known = InventedPlaces(places, geography) if places else geography
    return build_engine_with(known, settings.model_copy(update={"watch": watch}))


def build_engine_with(geography: Atlas | None, settings: Settings, **overrides: Any) -> Engine:
    """Build an engine with a geographic database that is open already, or with none."""
    return Engine(engine_options(settings, geography), build_detectors(settings, geography, **overrides))


def build_shard(settings: Settings, number: int, of: int) -> Shard:
    """Build one of several shards; what is held of all identities together is shared out.

    Raises
    ------
    SettingsError
        The geographic database cannot be used.
    """
    geography = open_geography(settings)
    share = -(-settings.limits.max_identities // of)
    limits = settings.limits.model_copy(update={"max_identities": share})
    detectors = build_detectors(settings.model_copy(update={"limits": limits}), geography)
    return Shard(engine_options(settings, geography), detectors, number, of)


def build_driver(settings: Settings, shards: int) -> Driver:
    """Build what decides what is told of what so many shards find.

    Raises
    ------
    SettingsError
        The geographic database cannot be used.
    """
    geography = open_geography(settings)
    return Driver(engine_options(settings, geography), build_detectors(settings, geography), shards)


def engine_options(settings: Settings, geography: Atlas | None) -> Options:
    """Return the options of an engine, or of its parts."""
    return Options(
        bucket=settings.windows.bucket,
        lateness=settings.windows.lateness,
        horizon=settings.windows.late_horizon,
        window=settings.schedule.window,
        thresholds={name: settings.detectors[name].threshold for name in _enabled(settings, geography)},
        alerts_per_day=settings.alerting.alerts_per_day,
        group_failures_from=settings.alerting.group_failures_from,
        group_rollouts_from=settings.alerting.group_rollouts_from,
        limits=Limits(
            actions=settings.limits.max_open_actions,
            operations=settings.limits.max_operations_per_cell,
            unfinished=settings.limits.max_open_operations,
        ),
    )


def build_detectors(settings: Settings, geography: Atlas | None, **overrides: Any) -> list[Detector]:
    """Build the enabled detectors; `overrides` are options that win over the settings."""
    return [
        build(name, **{**_detector_options(settings, name, geography), **overrides})
        for name in _enabled(settings, geography)
    ]


def _enabled(settings: Settings, geography: Atlas | None) -> list[str]:
    off = detectors_off(settings, geography)
    return [name for name, one in sorted(settings.detectors.items()) if one.enabled and name not in off]
