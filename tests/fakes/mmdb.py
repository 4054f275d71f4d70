"""Writes a database in MaxMind's format, version 2.0 of its public specification, small enough to read in a test."""

import struct
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

Value = str | float | int | Mapping[str, "Value"] | list["Value"]

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = 16
TEXT, DOUBLE, UINT32, MAP, UINT64, ARRAY = 2, 3, 6, 7, 9, 11
BITS = {4: 32, 6: 128}


def encoded(value: Value) -> bytes:
    """Encode one value: a control byte with type and size, then the size's rest, then the value."""
    match value:
        case str():
            data = value.encode()
            return _control(TEXT, len(data)) + data
        case float():
            return _control(DOUBLE, 8) + struct.pack(">d", value)
        case int():
            data = value.to_bytes((value.bit_length() + 7) // 8)
            return _control(UINT32 if value < 1 << 32 else UINT64, len(data)) + data
        case list():
            return _control(ARRAY, len(value)) + b"".join(map(encoded, value))
        case _:
            return _control(MAP, len(value)) + b"".join(encoded(k) + encoded(v) for k, v in value.items())


def _control(sort: int, size: int) -> bytes:
    first, rest = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return (bytes([sort << 5 | first]) if sort <= 7 else bytes([first, sort - 7])) + rest


def write(path: Path, networks: Mapping[str, Value], *, database_type: str = "GeoLite2-City", version: int = 6) -> Path:
    """Write a database that holds a record for each network; those of IPv4 stand below ::/96, as they should."""
    tree: list[list[int | None]] = [[None, None]]
    leaves: dict[tuple[int, int], int] = {}
    data = b""
    for text, record in networks.items():
        network = ip_network(text)
        skipped = BITS[version] - BITS[network.version]
        bits = f"{int(network.network_address):0{BITS[version]}b}"[: skipped + network.prefixlen]
        node = 0
        for bit in map(int, bits[:-1]):
            if tree[node][bit] is None:
                tree.append([None, None])
                tree[node][bit] = len(tree) - 1
            node = tree[node][bit] or 0
        leaves[node, int(bits[-1])] = len(data)
        data += encoded(record)
    count = len(tree)
    search = b""
    for number, node_pair in enumerate(tree):
        for side, child in enumerate(node_pair):
            leaf = leaves.get((number, side))
            pointer = count + SEPARATOR + leaf if leaf is not None else count if child is None else child
            search += pointer.to_bytes(4)
    metadata: Mapping[str, Value] = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_767_225_600,
        "database_type": database_type,
        "description": {"en": "made by a test"},
        "ip_version": version,
        "languages": ["en"],
        "node_count": count,
        "record_size": 32,
    }
    path.write_bytes(search + bytes(SEPARATOR) + data + MARKER + encoded(metadata))
    return path


def city(code: str, country: str, name: str, latitude: float, longitude: float) -> Value:
    """Return a record as GeoLite2 City has it."""
    return {
        "city": {"names": {"en": name}},
        "country": {"iso_code": code, "names": {"de": "anders", "en": country}},
        "location": {"latitude": latitude, "longitude": longitude},
    }


EARTH: Mapping[str, Value] = {
    "81.2.69.0/24": city("GB", "United Kingdom", "London", 51.51, -0.13),
    "89.160.20.0/24": city("SE", "Sweden", "Linköping", 58.42, 15.62),
    "2a02:cf40::/29": city("NO", "Norway", "Oslo", 59.91, 10.75),
    "175.16.199.0/24": {"country": {"iso_code": "CN", "names": {"en": "China"}}},
    "214.0.0.0/8": {"registered_country": {"iso_code": "US", "names": {"en": "United States"}}},
}
