"""A small earth: each /16 of 10.0.0.0/8, and each /24 of the documentation ranges, is a city of some country."""

from models.statistics.location_rarity import Place

BERLIN = Place("DE", "Germany", "Berlin", 52.52, 13.40)
MUNICH = Place("DE", "Germany", "Munich", 48.14, 11.58)
DUBLIN = Place("IE", "Ireland", "Dublin", 53.35, -6.26)
SYDNEY = Place("AU", "Australia", "Sydney", -33.87, 151.21)
COUNTRY_ALONE = Place("FR", "France")
EARTH = {
    "10.0.": BERLIN,
    "10.1.": MUNICH,
    "10.2.": DUBLIN,
    "198.51.100.": SYDNEY,
    "2001:db8:77:": SYDNEY,
    "203.0.113.": COUNTRY_ALONE,
}


def locate(address: str) -> Place | None:
    """Return the city of an address of ours, None for all others."""
    return next((place for prefix, place in EARTH.items() if address.startswith(prefix)), None)


def somewhere(address: str) -> Place | None:
    """Return a country for each third byte of an IPv4 address, so that any of them is somewhere."""
    third = address.rsplit(".", 2)[-2] if address.count(".") == 3 else ""
    return Place(f"C{third}", f"Country {third}", f"City {third}") if third else None
