"""Which addresses may be connected to, so that a webhook's host name cannot lead a request into a private network."""

import ipaddress
from typing import NamedTuple

# Azure's platform address (DHCP, DNS, health, the host's agent): public by number, private by nature.
_PLATFORM = ipaddress.ip_address("168.63.129.16")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefusedError(OSError):
    """The host resolved to an address that this sink may not connect to."""


class Guard(NamedTuple):
    """Which addresses may be connected to; asked for each socket, so that changing a DNS record does not get around it.

    Attributes
    ----------
    allow_private
        Addresses that are not globally routable, too.
    allow_loopback
        This machine, too.
    """

    allow_private: bool = True
    allow_loopback: bool = True

    def permits(self, address: str) -> bool:
        """Whether a socket to `address` may be opened.

        >>> Guard(allow_private=False, allow_loopback=False).permits("::ffff:169.254.169.254")
        False
        """
        ip = _innermost(ipaddress.ip_address(address.partition("%")[0]))
        if ip.is_loopback:
            return self.allow_loopback or self.allow_private
        return self.allow_private or (ip.is_global and not ip.is_multicast and ip != _PLATFORM)


def _innermost(ip: Address) -> Address:
    # An IPv4 address can travel inside an IPv6 one; what counts is where the packet ends up.
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return inner or ip
    return ip
