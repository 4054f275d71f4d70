"""Where on earth an address is, from a database in MaxMind's format that the operator supplies.

Opens and asks it; what a place says of an identity is the detectors' business. Without such a database they are off.
"""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import maxminddb

from models.statistics import Place


class UnusableDatabase(ValueError):  # noqa: N818 - it says what it is
    """The file is no geographic database; the text says what it is instead, without its path."""


class Geography:
    """An open database.

    It is read as a whole, some ten to seventy megabytes, rather than mapped: a file that is overwritten while it is
    mapped would end the process. What is written to it later counts from the next start on.

    Parameters
    ----------
    path
        A database of countries or cities: GeoLite2, GeoIP2, or another of the same layout [1]_.

    Attributes
    ----------
    type
        What the database calls itself, for example ``GeoLite2-City``.
    cities
        Whether it knows cities, and not only countries.

    Raises
    ------
    OSError
        If it cannot be read.
    UnusableDatabase
        If it is no such database.

    References
    ----------
    .. [1] https://maxmind.github.io/MaxMind-DB/
    """

    def __init__(self, path: Path) -> None:
        try:
            self._reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        except maxminddb.InvalidDatabaseError:
            raise UnusableDatabase("is not a database in MaxMind's format") from None
        metadata = self._reader.metadata()
        self.type = metadata.database_type
        self.cities = any(word in self.type for word in ("City", "Enterprise"))
        if not self.cities and "Country" not in self.type:
            raise UnusableDatabase(f"is a database of type {self.type[:60]}, which tells neither countries nor cities")

    def locate(self, address: str) -> Place | None:
        """Return the place of an address; None for private ones, unknown ones, and what is no address."""
        try:
            parsed = ip_address(address)
            if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
                parsed = parsed.ipv4_mapped
            record = self._reader.get(parsed)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return None  # no address, one of version 6 in a database of version 4, or a damaged entry
        country, location = _part(record, "country"), _part(record, "location")
        code = country.get("iso_code")
        if not isinstance(code, str) or not code:
            return None
        latitude, longitude = location.get("latitude"), location.get("longitude")
        return Place(
            country=code,
            country_name=_name(country),
            city=_name(_part(record, "city")),
            latitude=latitude if isinstance(latitude, float) else None,
            longitude=longitude if isinstance(longitude, float) else None,
        )


def _part(record: object, name: str) -> Mapping[str, Any]:
    part = record.get(name) if isinstance(record, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _name(part: Mapping[str, Any]) -> str:
    name = _part(part, "names").get("en")
    return name if isinstance(name, str) else ""
