"""Which addresses a webhook may lead to, whatever they are written as and whatever they are carried in."""

import ipaddress

import pytest

from service.sinks.posting.guard import Guard

STRICT = Guard(allow_private=False, allow_loopback=False)

INSIDE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "168.63.129.16", "169.254.169.254",  # noqa: S104 - no server listens here, the addresses are ones to refuse
    "172.16.0.1", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
]  # fmt: skip

CARRIERS = {
    "IPv4-mapped": lambda inner: (0xFFFF << 32) | inner,
    "IPv4-compatible (RFC 4291)": lambda inner: inner,
    "IPv4-translated (RFC 2765)": lambda inner: (0xFFFF << 48) | inner,
    "NAT64 (RFC 6052)": lambda inner: (0x64FF9B << 96) | inner,
    "NAT64, local use (RFC 8215)": lambda inner: (0x64FF9B0001 << 80) | inner,
    "6to4 (RFC 3056)": lambda inner: (0x2002 << 112) | (inner << 80) | 1,
    "Teredo (RFC 4380), its client": lambda inner: (0x20010000 << 96) | (0x08080808 << 64) | (inner ^ 0xFFFFFFFF),
    "Teredo, its server": lambda inner: (0x20010000 << 96) | (inner << 64) | (0x08080808 ^ 0xFFFFFFFF),
}


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_of_the_internet_are_refused(address: str) -> None:
    assert not STRICT.permits(address)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("inner", INSIDE)
def test_nor_may_they_travel_inside_another_address(inner: str, carrier: str) -> None:
    address = ipaddress.IPv6Address(CARRIERS[carrier](int(ipaddress.IPv4Address(inner))))
    assert not STRICT.permits(str(address))
    assert not STRICT.permits(f"{address}%eth0")


@pytest.mark.parametrize(
    "address",
    [
        "::", "::1", "::2", "64:ff9b:1::", "64:ff9b:1:fffe::8.8.8.8", "100::1", "2001:2::1", "2001:10::1",
        "2001:db8::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
        "fe80::1%eth0", "fe80::1%1", "fec0::1", "feff::1%2", "ff02::1", "ff0e::1", "ffff::1", "::8.8.8.8",
        "::ffff:0:8.8.8.8",
    ],
)  # fmt: skip
def test_what_is_no_global_unicast_address_is_refused(address: str) -> None:
    assert not STRICT.permits(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8", "20.50.2.1", "::ffff:8.8.8.8", "2603:1020:1::1", "2a01:111:f100::1", "2002:808:808::1",
        "64:ff9b::808:808", "3ffe::1",
    ],
)  # fmt: skip
def test_addresses_of_the_internet_are_allowed(address: str) -> None:
    assert STRICT.permits(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_be_allowed_alone(address: str) -> None:
    alone = Guard(allow_private=False, allow_loopback=True)
    assert alone.permits(address)
    assert not alone.permits("10.0.0.1")
    assert not alone.permits("::127.0.0.1")


@pytest.mark.parametrize("address", ["10.0.0.1", "fd00::1", "fe80::1%eth0", "64:ff9b:1::808:808", "::1"])
def test_who_allows_a_private_network_allows_all_of_it(address: str) -> None:
    assert Guard(allow_private=True, allow_loopback=False).permits(address)
